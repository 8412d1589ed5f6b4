#!/usr/bin/env python3
"""Makes docs/command.md of the command's own help: scripts/command_doc.py build/graft > docs/command.md"""
import subprocess
import sys


def told(*arguments):
    return subprocess.run([sys.argv[1], *arguments], check=True, capture_output=True, text=True).stdout.rstrip()


print("# The command\n\nThis page is made of `graft --help` and `graft VERB --help` by `scripts/command_doc.py`.\n")
print(f"```\n{told('--help')}\n```")
for verb in "train resume eval predict summary features inspect bench export convert models fetch augment serve".split():
    print(f"\n## graft {verb}\n\n```\n{told(verb, '--help')}\n```")
