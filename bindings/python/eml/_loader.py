"""Finds and opens the library: EML_LIBRARY, else the package's own copy, a checkout's build, the system's."""
from __future__ import annotations

import ctypes
import os
import platform
from pathlib import Path
from typing import FrozenSet, Iterator, List, NamedTuple, Optional, Tuple

from . import abi
from .errors import EmlLoadError

SONAME = "libeml.so.%d" % abi.EML_ABI_VERSION
HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[2]

# What a processor must report for the faster twins, the best first. glibc's levels also ask for LZCNT ("abm"): every
# processor with AVX2 and BMI2 has it, but some virtual machines leave it out of /proc/cpuinfo.
_V3 = frozenset("avx avx2 bmi1 bmi2 f16c fma movbe".split())
_V4 = _V3 | frozenset("avx512f avx512bw avx512cd avx512dq avx512vl".split())
TWINS = (("x86-64-v4", _V4), ("x86-64-v3", _V3))


class Candidate(NamedTuple):
    path: str
    obstacle: Optional[str] = None  # why it must not even be opened


def cpu_flags() -> FrozenSet[str]:
    """The instruction-set extensions of this processor, by Linux's names; empty where unknown."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
            for line in lines:
                name, _, value = line.partition(":")
                if name.strip() == "flags":
                    return frozenset(value.split())
    except OSError:
        pass
    return frozenset()


def _library_in(folder: Path) -> str:
    """The run-time name if it is there, else the name that linkers use (a build may have only that one)."""
    versioned = folder / SONAME
    return str(versioned if versioned.exists() else folder / "libeml.so")


def in_folder(folder: Path, flags: FrozenSet[str]) -> Iterator[Candidate]:
    """The library of a folder, best twin first: glibc would choose by itself only for a name without a path."""
    if platform.machine() in ("x86_64", "AMD64"):
        for level, needed in TWINS:
            missing = sorted(needed - flags)
            obstacle = "this processor lacks " + ", ".join(missing) if missing else None
            yield Candidate(_library_in(folder / "glibc-hwcaps" / level), obstacle)
    yield Candidate(_library_in(folder))


def candidates() -> List[Candidate]:
    """Every place to look, in order."""
    flags = cpu_flags()
    places = list(in_folder(HERE / "_lib", flags))
    if (CHECKOUT / "include" / "eml.h").is_file():
        places += in_folder(CHECKOUT / "build" / "lib", flags)
    places.append(Candidate(SONAME))
    chosen = os.environ.get("EML_LIBRARY")
    if chosen:
        # An explicit choice that fails must not be replaced by another library without a word.
        return [Candidate(chosen)] + [Candidate(place.path, "not tried: EML_LIBRARY is set") for place in places]
    return places


def open_library(path: str) -> ctypes.CDLL:
    """Opens and declares one library. Raises OSError or AttributeError if it is not a libeml that fits."""
    if os.sep in path and not os.path.exists(path):
        raise OSError("no such file")
    library = ctypes.CDLL(path)
    # The ABI version decides first: with another one the declarations below would mean nothing.
    library.eml_abi_version.restype = ctypes.c_uint32
    found = library.eml_abi_version()
    if found != abi.EML_ABI_VERSION:
        raise OSError("ABI version %d, this package needs %d" % (found, abi.EML_ABI_VERSION))
    abi.declare(library)
    return library


def load() -> Tuple[ctypes.CDLL, str]:
    """The first library that works, and its path."""
    failures = []
    for place in candidates():
        if place.obstacle is None:
            try:
                return open_library(place.path), place.path
            except (OSError, AttributeError) as error:
                failures.append((place.path, str(error)))
        else:
            failures.append((place.path, place.obstacle))
    raise EmlLoadError(
        "libeml could not be loaded. Tried, in this order:\n"
        + "".join("  %s: %s\n" % failure for failure in failures)
        + "Install the wheel, run `make build` in the checkout, or set EML_LIBRARY to the path of " + SONAME + ".")
