#!/usr/bin/env python3
"""Runs graft on files and folders as people have them, each with the answer that is right, and prints a verdict per row.

    tools/check_cases.py CASES [--graft build/graft] [--only 4,14-17]

CASES is a folder of such inputs. What it does not hold (networks that a row makes with Keras, PyTorch or tf2onnx) the row
makes itself, so this wants .deps/venv (tools/venv.sh): a peer that is missing is a failure of its row, not a pass.
A row is a function with @row in a file of tools/cases/. Exit code 0: every row is right.
"""
import argparse
import pathlib
import shutil
import sys
import tempfile
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from cases import frame  # noqa: E402


def wanted_rows(text):
    """The numbers in a text such as "4,14-17"."""
    numbers = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return numbers


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=pathlib.Path)
    parser.add_argument("--graft", type=pathlib.Path, default=pathlib.Path("build/graft"))
    parser.add_argument("--only", type=wanted_rows)
    options = parser.parse_args()
    if not options.cases.is_dir():
        parser.error(f"{options.cases} is not a folder")

    right = wrong = 0
    for number, title, check in frame.load():
        if options.only and number not in options.only:
            continue
        work = pathlib.Path(tempfile.mkdtemp(prefix=f"case{number}."))
        try:
            check(frame.Case(options.cases.resolve(), options.graft.resolve(), work))
            verdict, why = "right", ""
            right += 1
        except frame.Wrong as e:
            verdict, why = "WRONG", str(e)
        except Exception as e:  # a peer that is missing, a file that is not there: no verdict is no pass
            verdict, why = "WRONG", f"{type(e).__name__}: {e}\n{traceback.format_exc(limit=-2)}"
        finally:
            shutil.rmtree(work, ignore_errors=True)
        wrong += verdict == "WRONG"
        print(f"{number:3}  {verdict}  {title}", *[f"\n       {line}" for line in why.splitlines()[:6]], flush=True)
    print(f"{right} right, {wrong} wrong")
    return 1 if wrong or not right else 0


if __name__ == "__main__":
    sys.exit(main())
