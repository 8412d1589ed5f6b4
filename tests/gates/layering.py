#!/usr/bin/env python3
"""A room includes only the rooms that its graft_room line in CMakeLists.txt allows; the command and the examples include
the public headers alone; a list (NAME.def) may end with extend/NAME.def, the extension tests' part; a third-party header is seen in its one room."""
import re

from source import ROOT, c_files, finish, name, numbered

THIRD_PARTY = {  # header -> the one room that may see it
    r"oneapi/dnnl/|dnnl|omp\.h": "ops",
    r"hdf5|H5|seccomp\.h|zip\.h|protobuf-c": "formats",
    r"curl/": "fetch",
    r"archive\.h|archive_entry\.h|zlib\.h": "archive",
    r"llhttp\.h": "http",
    r"expat\.h|yaml\.h": "markup",
    r"jpeglib\.h|jerror\.h|turbojpeg\.h|png\.h|webp/|gif_lib\.h|tiffio\.h": "image",
    r"cairo": "report",
    r"iconv\.h": "text",
    r"jansson\.h": "json",
    r"nettle/": "base",
}
SYSTEM = re.compile(
    r"(arpa/inet|assert|complex|cpuid|ctype|dirent|dlfcn|errno|fcntl|fenv|float|immintrin|inttypes|limits|locale|math|netinet/in|netinet/tcp|poll|pthread|"
    r"regex|sched|setjmp|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|time|unistd|"
    r"xlocale)\.h$|(sys|linux)/\w+\.h$")
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def rooms():
    """room -> the rooms it may include, itself among them."""
    text = (ROOT / "CMakeLists.txt").read_text()
    found = re.findall(r'^graft_room\(\s*(\w+)\s+"([^"]*)"', text, re.M)
    return {room: {room, *filter(None, uses.split(";"))} for room, uses in found}


def wrong_in_room(room, allowed, kind, header):
    if kind == '"':
        target = header.split("/")[0]
        return None if "/" in header and target in allowed else f'room {room} may not include "{header}"'
    if header.startswith("graft/"):
        return None
    for pattern, owner in THIRD_PARTY.items():
        if re.match(pattern, header):
            return None if owner == room else f"<{header}> belongs into room {owner} alone"
    return None if SYSTEM.match(header) else f"<{header}> is no header that the gate knows: is it a new dependency?"


def wrong_outside(folder, kind, header):
    if kind == "<" and (header.startswith("graft/") or SYSTEM.match(header)):
        return None
    if kind == '"' and folder == "cli" and (ROOT / "cli" / header).exists():
        return None
    return f"{folder} includes the public headers and its own alone, not {header}"


violations, files = [], 0
allowed = rooms()
for path in c_files("src", "include", "cli", "examples"):
    files += 1
    folder, room = path.relative_to(ROOT).parts[:2]
    if folder == "src" and room not in allowed:
        violations.append(f"{name(path)}:1: room {room} has no graft_room line in CMakeLists.txt")
        continue
    for number, line in numbered(path):
        include = INCLUDE.match(line)
        if include and path.suffix == ".def" and include[2] == f"extend/{path.name}":
            continue  # where the extension tests add their toys to a list
        if include:
            wrong = (wrong_in_room(room, allowed[room], *include.groups()) if folder == "src" else
                     wrong_outside(folder, *include.groups()))
            if wrong:
                violations.append(f"{name(path)}:{number}: {wrong}")
finish(violations, files, "files")
