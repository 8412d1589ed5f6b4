#!/usr/bin/env python3
"""Calls that the library may not make: printing, ending the process, unbounded string functions, anything that depends on
the locale or on hidden state, and memory or files other than through base/sys.h."""
import re

from source import c_files, finish, name, numbered

EVERYWHERE = "strcpy strcat sprintf vsprintf gets atoi atol atoll atof strtok alloca rand srand random setlocale system popen"
LIBRARY = ("printf vprintf fprintf vfprintf puts fputs putchar putc perror exit _exit abort assert raise signal getenv "
           "localtime gmtime strtod strtof strtold")
SYSTEM = ("malloc calloc realloc reallocarray free posix_memalign aligned_alloc strdup strndup asprintf vasprintf fopen "
          "fdopen freopen fclose open openat creat close read pread write pwrite fsync fdatasync rename unlink mkdir "
          "rmdir stat lstat fstat opendir fdopendir mmap munmap posix_fallocate ftruncate mkstemp realpath getline")
ALLOWED = {  # file -> the calls it may make all the same
    "src/base/sys.c": SYSTEM,  # the door itself
    "src/base/io.c": "opendir ftruncate",  # lists a folder; empties the lock file that it holds open
    "src/data/paths.c": "realpath",  # into a buffer of its own: allocates nothing
    "src/api/context.c": "getenv",  # of the cache's place, as graft.h says
    "src/api/data.c": "getenv",
    "src/api/ranks.c": "getenv",  # what a process that is started as a rank inherits, as ranks.h says
    "src/comm/local.c": "mmap munmap",  # the page that ranks share
    "src/comm/local_start.c": "ftruncate _exit",  # its size; a process that cannot become the command
    "src/api/fetch.c": "getenv",
    "src/data/cache_file.c": "ftruncate",  # gives the file its size, by the descriptor that it holds locked
    "src/fetch/part.c": "ftruncate",  # begins the file again, by the descriptor that it holds locked
    "src/formats/cage_child.c": "close _exit",  # the child closes what it inherited, and ends
    "src/formats/h5_image.c": "malloc free",  # callbacks in that child, for HDF5's own bookkeeping
    "src/json/json.c": "free",  # of what jansson allocated
}


def pattern(calls):
    return re.compile(r"(?<![\w.>])(" + "|".join(calls.split()) + r")\s*\(")


violations, files = [], 0
library, program = pattern(f"{EVERYWHERE} {LIBRARY} {SYSTEM}"), pattern(EVERYWHERE)
for path in c_files("src", "cli", "examples"):
    files += 1
    allowed = ALLOWED.get(name(path), "").split()
    for number, line in numbered(path):
        for call in (library if name(path).startswith("src/") else program).findall(line):
            if call not in allowed:
                violations.append(f"{name(path)}:{number}: {call}() is not for here")
finish(violations, files, "files")
