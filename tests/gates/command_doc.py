#!/usr/bin/env python3
"""docs/command.md is what scripts/command_doc.py makes of the command's own help. command_doc.py ROOT BUILD-FOLDER"""
import subprocess
import sys

from source import ROOT, finish

made = subprocess.run([sys.executable, ROOT / "scripts/command_doc.py", f"{sys.argv[2]}/graft"], check=True,
                      capture_output=True, text=True).stdout
page = ROOT / "docs/command.md"
current = page.exists() and page.read_text() == made
finish([] if current else ["docs/command.md is not current: scripts/command_doc.py build/graft > docs/command.md"],
       made.count("\n  --"), "options")
