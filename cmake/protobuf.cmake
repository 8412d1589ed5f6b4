# C from src/formats/onnx.proto, by protoc-c, when the library is built. It belongs to the room formats alone, which includes
# it as "formats/onnx.pb-c.h"; warnings in it are protoc-c's business.
find_program(PROTOC_C protoc-c REQUIRED)
set(proto ${CMAKE_SOURCE_DIR}/src/formats/onnx.proto)
set(generated ${CMAKE_BINARY_DIR}/generated)
set(sources ${generated}/formats/onnx.pb-c.c ${generated}/formats/onnx.pb-c.h)
file(MAKE_DIRECTORY ${generated}/formats)
add_custom_command(OUTPUT ${sources} DEPENDS ${proto} VERBATIM
                   COMMAND ${PROTOC_C} --c_out=${generated}/formats --proto_path=${CMAKE_SOURCE_DIR}/src/formats ${proto})
set_source_files_properties(${sources} PROPERTIES GENERATED TRUE COMPILE_OPTIONS -w)
target_sources(gf_formats PRIVATE ${sources})
target_include_directories(gf_formats SYSTEM PRIVATE ${generated})
