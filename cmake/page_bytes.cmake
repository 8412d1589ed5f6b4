# graft_bytes(TARGET FILE NAME): the file's bytes in the program, as `const unsigned char NAME[]` and `const size_t NAME_n`.
function(graft_bytes target file name)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  set(out ${CMAKE_BINARY_DIR}/bytes/${name}.c)
  file(CONFIGURE OUTPUT ${out} CONTENT "#include <stddef.h>\nextern const unsigned char ${name}[];\nextern const size_t ${name}_n;\nconst unsigned char ${name}[] = {${bytes}};\nconst size_t ${name}_n = sizeof ${name};\n")
  target_sources(${target} PRIVATE ${out})
endfunction()
