#!/usr/bin/env python3
"""docs/design/rooms.svg: the rooms of src and what each may include, drawn from the graft_room lines of CMakeLists.txt. An arrow
is left out where two others lead the same way. rooms_drawing.py [--check]"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
WIDTH, HEIGHT, GAP, ROW = 190, 52, 24, 100


def rooms():
    """name -> (rooms it may include, libraries that it has to itself)"""
    found = {}
    for name, uses, rest in re.findall(r'^graft_room\((\w+)\s+"([^"]*)"([^)]*)\)', (ROOT / "CMakeLists.txt").read_text(), re.M):
        libraries = [re.sub(r"^(PkgConfig::|graft_)|::.*", "", word).lower() for word in rest.split("#")[0].split()]
        found[name] = ([use for use in uses.split(";") if use], libraries)
    return found


def levels(found):
    level = {}
    while len(level) < len(found):
        for name, (uses, _) in found.items():
            if name not in level and all(use in level for use in uses):
                level[name] = 1 + max((level[use] for use in uses), default=-1)
    return level


def reach(found, name, seen):
    for use in found[name][0]:
        if use not in seen:
            seen.add(use)
            reach(found, use, seen)
    return seen


def arrows(found):
    for name, (uses, _) in found.items():
        for use in uses:
            if not any(use in reach(found, other, set()) for other in uses if other != use):
                yield name, use


def chains(found, level):
    """Each arrow as a list of what it goes through: the room, a place in each row between, the other room."""
    for name, use in sorted(arrows(found)):
        yield [name] + [(name, use, k) for k in range(level[name] - 1, level[use], -1)] + [use]


def order(found, level, lines):
    """The rows from the lowest, each in an order in which things stand near what they are connected with."""
    rows = [[name for name in found if level[name] == k] for k in range(max(level.values()) + 1)]
    for line in lines:
        for item in line[1:-1]:
            rows[item[2]].append(item)
    near = {}
    for line in lines:
        for upper, lower in zip(line, line[1:]):
            near.setdefault(upper, []).append(lower)
            near.setdefault(lower, []).append(upper)
    for _ in range(12):
        for row in rows + rows[::-1]:
            at = {item: (i + 0.5) / len(r) for r in rows for i, item in enumerate(r)}
            row.sort(key=lambda item: (sum(at[other] for other in near[item]) / len(near[item]), str(item)))
    return rows


def place(rows):
    """The middle of each thing in a row, and the drawing's size."""
    def wide(item):
        return WIDTH if isinstance(item, str) else GAP

    whole = max(sum(wide(item) + GAP for item in row) for row in rows) + GAP
    middle = {}
    for k, row in enumerate(rows):
        x = (whole - sum(wide(item) + GAP for item in row) + GAP) / 2
        for item in row:
            middle[item] = (x + wide(item) / 2, GAP + HEIGHT / 2 + (len(rows) - 1 - k) * ROW)
            x += wide(item) + GAP
    return middle, whole, GAP + len(rows) * ROW


def curve(points):
    """From box to box, upright in each row."""
    path = f"M{points[0][0]:.0f} {points[0][1] + HEIGHT / 2:.0f}"
    for i, ((x, y), (u, v)) in enumerate(zip(points, points[1:])):
        y += HEIGHT / 2
        v -= HEIGHT / 2
        if i:
            path += f"L{x:.0f} {y:.0f}"
        path += f"C{x:.0f} {(y + v) / 2:.0f} {u:.0f} {(y + v) / 2:.0f} {u:.0f} {v:.0f}"
    return path


def draw():
    found = rooms()
    level = levels(found)
    lines = list(chains(found, level))
    middle, width, height = place(order(found, level, lines))
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif">',
           '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
           '<path d="M0 0 8 4 0 8z" fill="#567"/></marker></defs>', '<rect width="100%" height="100%" fill="#fff"/>']
    for line in lines:
        out.append(f'<path d="{curve([middle[item] for item in line])}" fill="none" stroke="#567" stroke-width="1.3" '
                   'marker-end="url(#tip)"/>')
    for name in found:
        x, y = middle[name]
        libraries = ", ".join(found[name][1])
        out.append(f'<rect x="{x - WIDTH / 2:.0f}" y="{y - HEIGHT / 2:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="7" fill="#eef4fa" '
                   f'stroke="#345"/><text x="{x:.0f}" y="{y + (-4 if libraries else 6):.0f}" text-anchor="middle" font-size="17" '
                   f'fill="#123">{name}</text>')
        if libraries:
            out.append(f'<text x="{x:.0f}" y="{y + 15:.0f}" text-anchor="middle" font-size="10" fill="#456">{libraries}</text>')
    return "\n".join(out + ["</svg>", ""])


path = ROOT / "docs/design/rooms.svg"
if sys.argv[1:] == ["--check"]:
    sys.exit(0 if path.exists() and path.read_text() == draw() else "docs/design/rooms.svg is not what scripts/rooms_drawing.py draws")
path.write_text(draw())
