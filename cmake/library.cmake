# libgraft, shared and static, of the objects of all rooms. Only what include/graft declares with GRAFT_API is visible
# (the rest is compiled with hidden visibility; tests/gates/exports.py checks it). Exists as soon as src/api does.
get_property(rooms GLOBAL PROPERTY GRAFT_ROOM_LIBS)
get_property(third_party GLOBAL PROPERTY GRAFT_THIRD_PARTY)
if(NOT "gf_api" IN_LIST rooms)
  return()
endif()

set(objects "")
foreach(room ${rooms})
  list(APPEND objects $<TARGET_OBJECTS:${room}>)
endforeach()

# The Python wheel's has libarchive in it (scripts/wheel.py): the shared one brings along an XML library and 30 MB of tables
# of that one's, for a kind of archive that graft does not read.
set(wheel_third_party ${third_party})
list(TRANSFORM wheel_third_party REPLACE "PkgConfig::LIBARCHIVE" "-l:libarchive.a;-lbz2;-llzma;-lzstd")

add_library(graft_lib SHARED ${objects})
add_library(graft_wheel_lib SHARED EXCLUDE_FROM_ALL ${objects})
add_library(graft_static STATIC ${objects})
foreach(library graft_lib graft_wheel_lib graft_static)
  set_target_properties(${library} PROPERTIES OUTPUT_NAME graft LINKER_LANGUAGE C)
  target_include_directories(${library} INTERFACE ${CMAKE_SOURCE_DIR}/include)
endforeach()
target_link_libraries(graft_lib PRIVATE ${third_party} m)
target_link_libraries(graft_static PRIVATE ${third_party} m)
target_link_libraries(graft_wheel_lib PRIVATE ${wheel_third_party} m)
set_target_properties(graft_wheel_lib PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/wheel)
foreach(library graft_lib graft_wheel_lib)
  set_target_properties(${library} PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
  # gcc forgets hidden visibility where it makes several versions of a function (target_clones): hence the list.
  target_link_options(${library} PRIVATE -Wl,--no-undefined -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/exports.map)
  set_target_properties(${library} PROPERTIES LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/exports.map)
endforeach()
if(GRAFT_SANITIZE OR GRAFT_FUZZ)
  target_link_options(graft_lib PRIVATE -Wl,-z,undefs) # clang leaves the sanitizer's symbols to the program
endif()
