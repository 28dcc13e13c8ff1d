#!/usr/bin/env python3
"""Builds the wheel of the package eml, library included, with nothing but the standard library.

    build_wheel.py [--lib DIR] [--out DIR]

DIR defaults to build/lib and build/wheels of the checkout. The same inputs give the same bytes. This file is also the
PEP 517 backend that pyproject.toml names, so `pip install bindings/python` works after `make build`.
"""
from __future__ import annotations

import argparse
import ast
import base64
import hashlib
import sys
import zipfile
from pathlib import Path
from typing import Dict, List, Optional, Tuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import elf  # noqa: E402  (beside this file, which pip runs from elsewhere)

REPOSITORY = HERE.parents[1]
SONAME = "libeml.so.1"
TWINS = ("x86-64-v3", "x86-64-v4")

# Every Linux that manylinux tags stand for has these (PEP 600).
EVERYWHERE = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libgcc_s.so.1",
              "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
OLDEST_GLIBC = (2, 28)  # what the project promises to run on; needing less does not make the tag lower

SUMMARY = "Learned functions built from eml(x, y) = exp(x) - ln(y), with the same bits on every machine"


def version() -> str:
    """EML_VERSION_STRING of the package, without importing it (that would load the library)."""
    for line in (HERE / "eml" / "abi.py").read_text(encoding="utf-8").splitlines():
        if line.startswith("EML_VERSION_STRING = "):
            return str(ast.literal_eval(line.partition("=")[2].strip()))
    raise ValueError("eml/abi.py does not say EML_VERSION_STRING")


def libraries(folder: Path) -> Dict[str, Path]:
    """The library and its twins: path inside the package -> file."""
    found: Dict[str, Path] = {}
    for place in ("",) + tuple("glibc-hwcaps/%s/" % twin for twin in TWINS):
        for name in (SONAME, "libeml.so"):
            if (folder / place / name).is_file():
                found["eml/_lib/" + place + SONAME] = folder / place / name
                break
    if "eml/_lib/" + SONAME not in found:
        raise FileNotFoundError("no libeml.so in %s; build it first (make build)" % folder)
    return found


def platform_tag(files: List[Path]) -> str:
    """The manylinux tag that is true of all the files."""
    read = [elf.read(file) for file in files]
    for file, each in zip(files, read):
        outside = set(each.needed) - EVERYWHERE
        if outside:
            raise ValueError("%s needs %s, which not every Linux has" % (file, ", ".join(sorted(outside))))
        if each.soname != SONAME:
            raise ValueError("%s has the soname %r, not %s" % (file, each.soname, SONAME))
    (machine,) = {each.machine for each in read}
    glibc = max([OLDEST_GLIBC] + [each.glibc()[:2] for each in read])
    return "manylinux_%d_%d_%s" % (glibc[0], glibc[1], machine)


def metadata() -> bytes:
    """The METADATA file: the core metadata, then the README."""
    fields = [("Metadata-Version", "2.1"), ("Name", "eml"), ("Version", version()), ("Summary", SUMMARY),
              ("License", "MIT OR Apache-2.0"), ("Requires-Python", ">=3.9"),
              ("Classifier", "Operating System :: POSIX :: Linux"),
              ("Classifier", "Programming Language :: Python :: 3"), ("Classifier", "Typing :: Typed"),
              ("Description-Content-Type", "text/markdown")]
    head = "".join("%s: %s\n" % field for field in fields)
    return (head + "\n" + (HERE / "README.md").read_text(encoding="utf-8")).encode("utf-8")


def contents(lib: Path) -> Tuple[str, Dict[str, bytes]]:
    """The wheel's tag and its files but RECORD."""
    found = libraries(lib)
    tag = "py3-none-" + platform_tag(list(found.values()))
    info = "eml-%s.dist-info/" % version()
    files = {"eml/" + path.name: path.read_bytes()
             for path in (HERE / "eml").iterdir() if path.suffix == ".py" or path.name == "py.typed"}
    files.update((name, path.read_bytes()) for name, path in found.items())
    files[info + "METADATA"] = metadata()
    files[info + "WHEEL"] = ("Wheel-Version: 1.0\nGenerator: eml-build-wheel\nRoot-Is-Purelib: false\nTag: %s\n"
                             % tag).encode("ascii")
    for licence in sorted(REPOSITORY.glob("LICENSE*")):
        files[info + licence.name] = licence.read_bytes()
    return tag, files


def record(name: str, files: Dict[str, bytes]) -> bytes:
    """RECORD: every file's hash and size, its own left empty."""
    lines = []
    for path in sorted(files):
        digest = base64.urlsafe_b64encode(hashlib.sha256(files[path]).digest()).rstrip(b"=").decode("ascii")
        lines.append("%s,sha256=%s,%d\n" % (path, digest, len(files[path])))
    return "".join(lines + [name + ",,\n"]).encode("utf-8")


def write_wheel(lib: Path, out: Path) -> Path:
    """Builds the wheel into the folder `out`."""
    tag, files = contents(lib)
    name = "eml-%s.dist-info/RECORD" % version()
    files = {path: files[path] for path in sorted(files, key=lambda path: (".dist-info/" in path, path))}
    files[name] = record(name, files)  # last in the archive, as the format recommends
    out.mkdir(parents=True, exist_ok=True)
    wheel = out / ("eml-%s-%s.whl" % (version(), tag))
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, wherever this runs
            entry.external_attr = (0o100755 if "/_lib/" in path else 0o100644) << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED, 9)
    return wheel


def build_wheel(wheel_directory: str, config_settings: Optional[dict] = None,
                metadata_directory: Optional[str] = None) -> str:
    """PEP 517's hook."""
    return write_wheel(REPOSITORY / "build" / "lib", Path(wheel_directory)).name


def main() -> int:
    parser = argparse.ArgumentParser(description="Builds the wheel of the Python package eml.")
    parser.add_argument("--lib", type=Path, default=REPOSITORY / "build" / "lib", help="folder of libeml.so")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "wheels", help="where the wheel goes")
    options = parser.parse_args()
    try:
        print(write_wheel(options.lib, options.out))
    except (OSError, ValueError) as error:
        print("build_wheel.py: %s" % error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
