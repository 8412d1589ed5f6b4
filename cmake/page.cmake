# Writes what `graft ARGUMENTS` prints to PAGE.
cmake_path(GET PAGE PARENT_PATH folder)
file(MAKE_DIRECTORY ${folder})
separate_arguments(ARGUMENTS)
execute_process(COMMAND ${GRAFT} ${ARGUMENTS} OUTPUT_FILE ${PAGE} COMMAND_ERROR_IS_FATAL ANY)
