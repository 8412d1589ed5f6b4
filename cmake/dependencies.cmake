# Every third-party library, found once. oneDNN 3.x: the system's, or the one that scripts/deps.sh put into .deps/onednn.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(GIF REQUIRED)
pkg_check_modules(NETTLE REQUIRED IMPORTED_TARGET nettle)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.13)
pkg_check_modules(JPEG REQUIRED IMPORTED_TARGET libjpeg)
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)
pkg_check_modules(WEBP REQUIRED IMPORTED_TARGET libwebp libwebpdemux)
pkg_check_modules(TIFF REQUIRED IMPORTED_TARGET libtiff-4>=4.5)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(CAIRO REQUIRED IMPORTED_TARGET cairo)
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)

pkg_check_modules(HDF5 IMPORTED_TARGET hdf5-serial)
if(NOT HDF5_FOUND)
  pkg_check_modules(HDF5 REQUIRED IMPORTED_TARGET hdf5)
endif()
add_library(graft_hdf5 INTERFACE)
target_link_libraries(graft_hdf5 INTERFACE PkgConfig::HDF5)

find_library(ONEDNN_LIBRARY NAMES dnnl libdnnl.so.3 PATHS ${CMAKE_SOURCE_DIR}/.deps/onednn/lib NO_DEFAULT_PATH)
find_path(ONEDNN_INCLUDE oneapi/dnnl/dnnl.h PATHS ${CMAKE_SOURCE_DIR}/.deps/onednn/include NO_DEFAULT_PATH)
if(NOT ONEDNN_LIBRARY)
  find_library(ONEDNN_LIBRARY NAMES dnnl REQUIRED)
  find_path(ONEDNN_INCLUDE oneapi/dnnl/dnnl.h REQUIRED)
endif()

# One OpenMP runtime in the process, the GNU one: oneDNN was built with it. graft starts no OpenMP teams of its own, it
# only tells oneDNN how many threads to use, so that a compiler other than gcc needs these prototypes and no runtime.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  find_package(OpenMP REQUIRED COMPONENTS C)
  set(openmp OpenMP::OpenMP_C)
else()
  execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libgomp.so OUTPUT_VARIABLE openmp
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/openmp/omp.h CONTENT
       "void omp_set_num_threads(int);\nint omp_get_max_threads(void);\nvoid omp_set_dynamic(int);\n")
endif()

add_library(graft_onednn INTERFACE)
target_include_directories(graft_onednn SYSTEM INTERFACE ${ONEDNN_INCLUDE})
if(NOT CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_include_directories(graft_onednn SYSTEM INTERFACE ${CMAKE_BINARY_DIR}/openmp)
endif()
target_link_libraries(graft_onednn INTERFACE ${ONEDNN_LIBRARY} ${openmp})
