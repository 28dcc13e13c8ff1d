"""Which library is loaded, and what is said when none can be."""
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import eml
from eml import _loader
from support import REPOSITORY, run_python

V3 = frozenset("avx avx2 bmi1 bmi2 f16c fma movbe sse2".split())
V4 = V3 | frozenset("avx512f avx512bw avx512cd avx512dq avx512vl".split())


class TestCandidates(unittest.TestCase):
    def usable(self, flags, machine="x86_64"):
        with mock.patch("platform.machine", return_value=machine):
            return [Path(place.path).parent.name for place in _loader.in_folder(Path("/folder"), flags)
                    if place.obstacle is None]

    def test_twins(self):
        self.assertEqual(self.usable(V4), ["x86-64-v4", "x86-64-v3", "folder"])
        self.assertEqual(self.usable(V3), ["x86-64-v3", "folder"])
        for missing in V3 - {"sse2"}:
            self.assertEqual(self.usable(V4 - {missing}), ["folder"])
        self.assertEqual(self.usable(frozenset()), ["folder"])
        self.assertEqual(self.usable(V4, "aarch64"), ["folder"])

    def test_obstacles_are_named(self):
        with mock.patch("platform.machine", return_value="x86_64"):
            first = next(_loader.in_folder(Path("/folder"), V3))
        self.assertIn("avx512bw", first.obstacle)

    def test_file_names(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            self.assertEqual(list(_loader.in_folder(folder, frozenset()))[-1].path, str(folder / "libeml.so"))
            (folder / "libeml.so.1").touch()
            self.assertEqual(list(_loader.in_folder(folder, frozenset()))[-1].path, str(folder / "libeml.so.1"))

    def test_order(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("EML_LIBRARY", None)
            places = [place.path for place in _loader.candidates()]
        package, build = str(Path(eml.__file__).parent / "_lib"), str(REPOSITORY / "build" / "lib")
        kinds = ["package" if path.startswith(package) else "build" if path.startswith(build) else path
                 for path in places]
        self.assertEqual(list(dict.fromkeys(kinds)), ["package", "build", "libeml.so.1"])

    def test_cpu_flags(self):
        flags = _loader.cpu_flags()
        if os.uname().machine == "x86_64":
            self.assertIn("sse2", flags)
        with mock.patch("builtins.open", side_effect=OSError):
            self.assertEqual(_loader.cpu_flags(), frozenset())


class TestFailures(unittest.TestCase):
    def failure(self, library):
        code, out, err = run_python(
            "try:\n"
            "    import eml\n"
            "except ImportError as error:\n"
            "    print(type(error).__mro__[1].__name__, error.code, error)\n", EML_LIBRARY=library)
        self.assertEqual((code, err), (0, ""))
        return out

    def test_every_candidate_is_listed(self):
        out = self.failure("/nonexistent/libeml.so")
        self.assertIn("EmlError -13 libeml could not be loaded", out)
        self.assertIn("/nonexistent/libeml.so: no such file\n", out)
        self.assertIn("libeml.so.1: not tried: EML_LIBRARY is set\n", out)
        self.assertIn("build/lib", out)

    def test_not_a_library(self):
        with tempfile.NamedTemporaryFile(suffix=".so") as file:
            file.write(b"text")
            file.flush()
            self.assertRegex(self.failure(file.name), r"\.so: .*(invalid|too short)")

    def test_another_library(self):
        self.assertRegex(self.failure("libc.so.6"), "libc.so.6: .*undefined symbol: eml_abi_version")

    def test_explicit_choice_wins(self):
        code, out, err = run_python("import eml; print(eml.library_path())", EML_LIBRARY=eml.library_path())
        self.assertEqual((code, out, err), (0, eml.library_path() + "\n", ""))

    def test_wrong_abi_version(self):
        class Library:
            class eml_abi_version:
                restype = None

                def __new__(cls):
                    return 999

        with mock.patch("ctypes.CDLL", return_value=Library()):
            with self.assertRaisesRegex(OSError, "ABI version 999, this package needs 1"):
                _loader.open_library("libeml.so.1")


if __name__ == "__main__":
    unittest.main()
