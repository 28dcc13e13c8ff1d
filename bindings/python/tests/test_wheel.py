"""The wheel: its tag is true, its RECORD is right, it is reproducible, and pip installs it."""
import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

import eml
from support import REPOSITORY

HERE = REPOSITORY / "bindings" / "python"
LIB = REPOSITORY / "build" / "lib"
sys.path.append(str(HERE))
import build_wheel  # noqa: E402
import elf  # noqa: E402


def clean_environment():
    """Without what would change which package or library is found."""
    return {key: value for key, value in os.environ.items() if key not in ("EML_LIBRARY", "PYTHONPATH")}


class TestElf(unittest.TestCase):
    def test_own_interpreters_libc(self):
        """Compared with binutils' reading of the same files."""
        if shutil.which("readelf") is None:
            self.skipTest("readelf is not installed")
        for path in build_wheel.libraries(LIB).values():
            found = elf.read(path)
            text = subprocess.run(["readelf", "-V", "-d", "-W", str(path)], capture_output=True, text=True, check=True,
                                  env=dict(os.environ, LC_ALL="C")).stdout
            needed = [line.split("[")[1].split("]")[0] for line in text.splitlines() if "(NEEDED)" in line]
            names = [line.split("Name:")[1].split()[0] for line in text.splitlines() if "Name:" in line
                     and "Flags:" in line and "Rev:" not in line]
            self.assertEqual(found.needed, needed)
            self.assertEqual(found.soname, "libeml.so.1")
            self.assertEqual(sorted(sum(found.versions.values(), [])), sorted(names))

    def test_refusal(self):
        with self.assertRaises(ValueError):
            elf.read(Path(__file__))


class TestTag(unittest.TestCase):
    def tag(self, *needs, needed=("libc.so.6",), soname="libeml.so.1"):
        found = elf.Elf("x86_64", soname, list(needed), {"libc.so.6": list(needs)})
        original, elf.read = elf.read, lambda path: found
        try:
            return build_wheel.platform_tag([Path("libeml.so")])
        finally:
            elf.read = original

    def test_tag(self):
        self.assertEqual(self.tag("GLIBC_2.2.5", "GLIBC_2.14"), "manylinux_2_28_x86_64")
        self.assertEqual(self.tag("GLIBC_2.9", "GLIBC_2.34", "GLIBC_2.4"), "manylinux_2_34_x86_64")
        with self.assertRaisesRegex(ValueError, "libfoo"):
            self.tag("GLIBC_2.14", needed=("libc.so.6", "libfoo.so.1"))
        with self.assertRaisesRegex(ValueError, "soname"):
            self.tag("GLIBC_2.14", soname="other.so")


class TestWheel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.wheel = build_wheel.write_wheel(LIB, Path(cls.folder.name) / "first")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_contents(self):
        with zipfile.ZipFile(self.wheel) as archive:
            self.assertIsNone(archive.testzip())
            names = archive.namelist()
            sources = {"eml/" + path.name for path in (HERE / "eml").glob("*.py")} | {"eml/py.typed"}
            self.assertLessEqual(sources, set(names))
            self.assertEqual({name for name in names if "/_lib/" in name}, set(build_wheel.libraries(LIB)))
            self.assertFalse([name for name in names if "pycache" in name])
            self.assertTrue(any(name.endswith("LICENSE-MIT") or name.endswith("LICENSE") for name in names)
                            or not list(REPOSITORY.glob("LICENSE*")))
            tag = archive.read("eml-%s.dist-info/WHEEL" % eml.__version__).decode().split("Tag: ")[1].strip()
            self.assertEqual(self.wheel.name, "eml-%s-%s.whl" % (eml.__version__, tag))

    def test_record(self):
        with zipfile.ZipFile(self.wheel) as archive:
            record = "eml-%s.dist-info/RECORD" % eml.__version__
            self.assertEqual(archive.namelist()[-1], record)
            rows = dict(line.split(",", 1) for line in archive.read(record).decode().splitlines())
            self.assertEqual(set(rows), set(archive.namelist()))
            self.assertEqual(rows.pop(record), ",")
            for name, row in rows.items():
                data = archive.read(name)
                digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                self.assertEqual(row, "sha256=%s,%d" % (digest, len(data)))

    def test_reproducible(self):
        again = build_wheel.write_wheel(LIB, Path(self.folder.name) / "second")
        self.assertEqual(again.read_bytes(), self.wheel.read_bytes())

    def test_missing_library(self):
        with self.assertRaises(FileNotFoundError):
            build_wheel.write_wheel(Path(self.folder.name), Path(self.folder.name))

    def install(self, *what):
        """pip install into a fresh environment, without a network; the environment's interpreter."""
        folder = Path(tempfile.mkdtemp(dir=self.folder.name))
        made = subprocess.run([sys.executable, "-m", "venv", str(folder)], capture_output=True, text=True,
                              env=clean_environment())
        if made.returncode:
            self.skipTest("this interpreter cannot make a venv with pip: " + (made.stdout + made.stderr).strip()[:200])
        python = str(folder / "bin" / "python")
        done = subprocess.run([python, "-m", "pip", "install", "--no-index", "--no-deps",
                               "--disable-pip-version-check", *map(str, what)],
                              capture_output=True, text=True, env=clean_environment())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return python, folder

    def check_installed(self, python, folder):
        code = ("import eml; print(eml.library_path()); print(eml.version());"
                "print(eml.EmlModel(2, 1, 1).predict([0.5]))")
        done = subprocess.run([python, "-W", "error", "-c", code], capture_output=True, text=True, cwd=str(folder),
                              env=clean_environment())
        self.assertEqual(done.stderr, "")
        path, version, answer = done.stdout.splitlines()
        self.assertTrue(path.startswith(str(folder)), path)
        self.assertEqual((version, answer), (eml.version(), repr(eml.EmlModel(2, 1, 1).predict([0.5]))))

    def test_pip_installs_the_wheel(self):
        python, folder = self.install(self.wheel)
        self.check_installed(python, folder)
        done = subprocess.run([python, "-m", "pip", "uninstall", "-y", "eml"], capture_output=True, text=True,
                              env=clean_environment())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(list(folder.glob("lib/python*/site-packages/eml*")), [])

    def test_pip_installs_the_folder(self):
        """By way of pyproject.toml."""
        self.check_installed(*self.install(HERE))


if __name__ == "__main__":
    unittest.main()
