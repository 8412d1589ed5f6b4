"""What every row of tools/check_cases.py uses: the register of rows, and a Case with which a row runs graft."""
import importlib
import json
import os
import pathlib
import pkgutil
import subprocess

ROWS = []


class Wrong(Exception):
    """The answer was not the right one; the text says what came and what should have come."""


def row(number, title):
    """Registers a function of a Case as the check of row NUMBER."""

    def register(function):
        if any(number == n for n, _, _ in ROWS):
            raise ValueError(f"row {number} is there twice")
        ROWS.append((number, title, function))
        return function

    return register


def load():
    """Every row of every file of this folder, by number."""
    for module in pkgutil.iter_modules([str(pathlib.Path(__file__).parent)]):
        if module.name != "frame":
            importlib.import_module(f"cases.{module.name}")
    return sorted(ROWS, key=lambda r: r[0])


class Answer:
    """What a run of graft printed: .code, .out, .err, .text (both), and .json (standard output read as JSON)."""

    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.text = self.out + self.err

    @property
    def json(self):
        try:
            return json.loads(self.out)
        except ValueError as e:
            raise Wrong(f"not JSON ({e}): {self.out[:200]!r} {self.err[:300]!r}") from e

    def must(self, condition, wanted):
        """Raises Wrong unless CONDITION holds; WANTED says in words what should have come."""
        if not condition:
            raise Wrong(f"wanted: {wanted}; exit code {self.code}, {self.text.strip()[-500:]!r}")
        return self


class Case:
    """.folder(NAME) of the cases, a .work folder that is empty and goes away, and graft(...)."""

    def __init__(self, cases, binary, work):
        self.cases, self.binary, self.work = cases, binary, work

    def folder(self, name):
        path = self.cases / name
        if not path.exists():
            raise Wrong(f"{path} is not there: the input of this row is missing")
        return path

    def graft(self, *arguments, timeout=300, **environment):
        """Runs graft with these arguments; keyword arguments go into its environment."""
        env = {**os.environ, "XDG_CACHE_HOME": str(self.work / "cache"), **environment}
        done = subprocess.run([str(self.binary), *map(str, arguments)], capture_output=True, text=True, errors="replace",
                              timeout=timeout, env=env, check=False)
        if done.returncode < 0:
            raise Wrong(f"graft {' '.join(map(str, arguments))} died of signal {-done.returncode}")
        return Answer(done)
