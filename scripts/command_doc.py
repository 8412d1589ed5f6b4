#!/usr/bin/env python3
"""Makes docs/command.md of the command's own help: scripts/command_doc.py build/graft > docs/command.md"""
import re
import subprocess
import sys


def told(*arguments):
    return subprocess.run([sys.argv[1], *arguments], check=True, capture_output=True, text=True).stdout.rstrip()


print("# The command\n\nThis page is made of `graft --help` and `graft VERB --help` by `scripts/command_doc.py`.\n")
command = told("--help")
print(f"```\n{command}\n```")
for verb in re.findall(r"^  (\S+) ", command.split("Verbs:\n")[1].split("\n\n")[0], re.MULTILINE):
    print(f"\n## graft {verb}\n\n```\n{told(verb, '--help')}\n```")
