"""What several tests share: golden data, comparison bit for bit, a model to train."""
import json
import struct
import subprocess
import sys
import unittest
from pathlib import Path

import eml

try:
    import numpy
except ImportError:
    numpy = None

PACKAGE = Path(eml.__file__).resolve().parent
REPOSITORY = Path(__file__).resolve().parents[3]
FULL = REPOSITORY.parent / "shared" / "golden" / "eml-core"
SMALL = REPOSITORY / "tests" / "data" / "eml-core"
GOLDEN = FULL if FULL.is_dir() else SMALL

needs_numpy = unittest.skipIf(numpy is None, "numpy is not installed")


def announce():
    """Says once what the machine lacks."""
    if GOLDEN is SMALL:
        print("skipped golden: ../shared/golden is missing; the tests use the small copies in tests/data")
    if numpy is None:
        print("numpy is not installed: its tests are skipped")


def golden(name):
    with open(GOLDEN / (name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def numbers(value):
    """The floats of golden data, where non-finite ones are strings."""
    return [numbers(each) for each in value] if isinstance(value, list) else float(value)


def bits(value):
    """A float's bits; every NaN counts as the same."""
    return "NaN" if value != value else struct.pack(">d", value).hex()


def run_python(code, *arguments, **environment):
    """Runs a program in a fresh interpreter; (exit code, stdout, stderr)."""
    import os

    env = {key: value for key, value in dict(os.environ, **environment).items() if value is not None}
    env["PYTHONPATH"] = str(PACKAGE.parent)
    done = subprocess.run([sys.executable, *arguments, "-c", code], env=env, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def square_model(rows=100, profile="eml-core-0.1"):
    """An untrained model with samples of y = x0 * x1 that take a while to fit."""
    model = eml.EmlModel(4, 2, 1, profile=profile)
    x = [[0.1 + 0.8 * ((i * 37) % 101) / 101, 0.1 + 0.8 * ((i * 53) % 97) / 97] for i in range(rows)]
    model.record(x, [[a * b] for a, b in x])
    return model


class Case(unittest.TestCase):
    def assertBits(self, actual, expected):
        """Equal to the last bit, shape included."""
        if isinstance(expected, (list, tuple)):
            self.assertEqual(len(actual), len(expected))
            for a, e in zip(actual, expected):
                self.assertBits(a, e)
        else:
            self.assertEqual(bits(actual), bits(expected), "%r is not %r" % (actual, expected))
