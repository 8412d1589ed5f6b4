# make install: the command, libgraft, headers, pkg-config file, man pages and bash completion. Needs the whole program.
if(NOT TARGET graft_lib OR NOT TARGET graft)
  return()
endif()
include(GNUInstallDirs)

install(TARGETS graft graft_lib graft_static RUNTIME LIBRARY ARCHIVE)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/graft DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

# Programs find libgraft beside themselves, wherever the whole was moved to; libgraft finds a oneDNN that came by
# scripts/fetch.sh in lib/graft, where it does not get in the way of a system's own.
file(RELATIVE_PATH from_bin_to_lib ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
set_target_properties(graft PROPERTIES INSTALL_RPATH "$ORIGIN/${from_bin_to_lib}")
cmake_path(IS_PREFIX CMAKE_SOURCE_DIR ${ONEDNN_LIBRARY} NORMALIZE onednn_is_ours)
if(onednn_is_ours)
  set_target_properties(graft_lib PROPERTIES INSTALL_RPATH "$ORIGIN/graft")
  file(REAL_PATH ${ONEDNN_LIBRARY} onednn_file)
  install(PROGRAMS ${onednn_file} RENAME libdnnl.so.3 DESTINATION ${CMAKE_INSTALL_LIBDIR}/graft)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/.deps/onednn/share/doc/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/onednn)
endif()
install(FILES ${GRAFT_LLHTTP_LICENSE} DESTINATION ${CMAKE_INSTALL_DOCDIR}/llhttp)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE ${CMAKE_SOURCE_DIR}/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

# Relative to itself, since the prefix may be given as late as `cmake --install --prefix`.
set(pc_folder ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH from_pc_to_prefix /${pc_folder}/ /)
string(REGEX REPLACE "/$" "" from_pc_to_prefix ${from_pc_to_prefix})
string(JOIN " " HDF5_FLAGS ${HDF5_LDFLAGS})
configure_file(${CMAKE_SOURCE_DIR}/cmake/graft.pc.in ${CMAKE_BINARY_DIR}/graft.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/graft.pc DESTINATION ${pc_folder})

# The catalogue of weights; in the build folder it lies where the built libgraft looks for it, too.
install(FILES ${CMAKE_SOURCE_DIR}/share/graft/catalogue.json DESTINATION ${CMAKE_INSTALL_DATADIR}/graft)
configure_file(${CMAKE_SOURCE_DIR}/share/graft/catalogue.json ${CMAKE_BINARY_DIR}/share/graft/catalogue.json COPYONLY)

# The command's option tables make its man pages and its completion.
set(pages "")
function(graft_page arguments page)
  set(file ${CMAKE_BINARY_DIR}/share/${page})
  add_custom_command(OUTPUT ${file} DEPENDS graft ${CMAKE_SOURCE_DIR}/cmake/page.cmake VERBATIM
                     COMMAND ${CMAKE_COMMAND} -DGRAFT=$<TARGET_FILE:graft> "-DARGUMENTS=${arguments}" -DPAGE=${file}
                             -P ${CMAKE_SOURCE_DIR}/cmake/page.cmake)
  set(pages ${pages} ${file} PARENT_SCOPE)
  cmake_path(GET page PARENT_PATH folder)
  install(FILES ${file} DESTINATION ${CMAKE_INSTALL_DATADIR}/${folder})
endfunction()
graft_page("help --man" man/man1/graft.1)
foreach(verb train resume eval predict summary features inspect bench export convert models fetch augment compare labels serve)
  graft_page("help --man ${verb}" man/man1/graft-${verb}.1)
endforeach()
graft_page("help --completion" bash-completion/completions/graft)
add_custom_target(graft_pages ALL DEPENDS ${pages})
