# One object library a room, gf_<room>, made of src/<room>/*.c. A room sees the public headers and all of src/
# as include path; which rooms it may include is checked by tests/gates. Rooms with no files yet are empty.
# cmake/library.cmake makes libgraft of the rooms listed in the properties GRAFT_ROOM_LIBS and GRAFT_THIRD_PARTY.

function(graft_room name uses)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.c)
  if(NOT sources)
    add_library(gf_${name} INTERFACE)
    target_link_libraries(gf_${name} INTERFACE ${ARGN})
    foreach(use ${uses})
      target_link_libraries(gf_${name} INTERFACE gf_${use})
    endforeach()
    return()
  endif()
  add_library(gf_${name} STATIC ${sources})
  target_include_directories(gf_${name} PUBLIC ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(gf_${name} PRIVATE ${ARGN})
  foreach(use ${uses})
    target_link_libraries(gf_${name} PUBLIC gf_${use})
  endforeach()
  target_link_libraries(gf_${name} PUBLIC m)
  set_property(GLOBAL APPEND PROPERTY GRAFT_ROOM_LIBS gf_${name})
  set_property(GLOBAL APPEND PROPERTY GRAFT_THIRD_PARTY ${ARGN})
endfunction()
