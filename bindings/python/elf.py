"""Reads from a shared library what a wheel's tag must promise: machine, needed libraries, needed symbol versions."""
from __future__ import annotations

import struct
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

_SHT_DYNAMIC = 6
_SHT_GNU_VERNEED = 0x6FFFFFFE
_DT_NEEDED = 1
_DT_SONAME = 14
_MACHINES = {62: "x86_64", 183: "aarch64"}


class Elf(NamedTuple):
    machine: str  # as in a platform tag
    soname: str
    needed: List[str]  # sonames
    versions: Dict[str, List[str]]  # soname: versions of its symbols that are needed, such as "GLIBC_2.17"

    def glibc(self) -> Tuple[int, ...]:
        """The oldest glibc that has all the versions needed."""
        found = [tuple(map(int, version[len("GLIBC_"):].split(".")))
                 for versions in self.versions.values() for version in versions if version.startswith("GLIBC_2")]
        return max(found)


def read(path: Path) -> Elf:
    """Reads a 64-bit little-endian ELF file. ValueError if it is something else."""
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError("%s is not a 64-bit little-endian ELF file" % path)
    machine = struct.unpack_from("<H", data, 18)[0]
    (table,) = struct.unpack_from("<Q", data, 0x28)
    entry_size, count = struct.unpack_from("<HH", data, 0x3A)
    # Of each section: type, file offset, size, link (the string table's index).
    sections = [struct.unpack_from("<4xI16xQQI", data, table + i * entry_size) for i in range(count)]

    def text(link: int, offset: int) -> str:
        start = sections[link][1] + offset
        return data[start:data.index(b"\0", start)].decode("ascii")

    soname, needed, versions = "", [], {}
    for kind, offset, size, link in sections:
        if kind == _SHT_DYNAMIC:
            for tag, value in struct.iter_unpack("<QQ", data[offset:offset + size]):
                if tag == _DT_NEEDED:
                    needed.append(text(link, value))
                elif tag == _DT_SONAME:
                    soname = text(link, value)
        elif kind == _SHT_GNU_VERNEED:
            while True:
                _, number, library, first, following = struct.unpack_from("<HHIII", data, offset)
                names, at = [], offset + first
                for _ in range(number):
                    _, _, _, name, step = struct.unpack_from("<IHHII", data, at)
                    names.append(text(link, name))
                    at += step
                versions[text(link, library)] = names
                if not following:
                    break
                offset += following
    return Elf(_MACHINES.get(machine, "machine %d" % machine), soname, needed, versions)
