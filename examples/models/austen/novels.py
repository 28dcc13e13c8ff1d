"""Jane Austen's six novels out of the Debian package r-cran-janeaustenr, as JSON lines for `eml lm prepare`.

novels.py PACKAGE.deb OUT writes OUT/train.jsonl, OUT/val.jsonl (and val.txt, the same as one text): {"text": ...}, each some paragraphs of at most 1,800 characters, so that one
fits a sequence of 512 tokens, or fewer, so that others fill what it leaves. Northanger Abbey's first 200,000 characters are held out. Needs dpkg-deb, nothing else."""
import itertools
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

DATA = "usr/lib/R/site-library/janeaustenr/data/Rdata.rdb"
PIECES, HELD_OUT = (1800, 1200, 800, 500, 300), 200_000


def lines_of(serialized):
    """The strings of a character vector in R's serialization: big-endian, 16 is a vector of strings, 9 a string."""
    at = 2 + 12
    if struct.unpack_from(">i", serialized, 2)[0] == 3:
        at += 4 + struct.unpack_from(">i", serialized, at)[0]
    flags, count = struct.unpack_from(">ii", serialized, at)
    at += 8
    if flags & 255 != 16:
        return []
    lines = []
    for _ in range(count):
        kind, length = struct.unpack_from(">ii", serialized, at)
        assert kind & 255 == 9, "a string"
        at += 8
        lines.append(serialized[at:at + max(0, length)].decode("utf-8"))
        at += max(0, length)
    return lines


def novels(package):
    """Title and lines of each: objects stand one after another, each a length and a zlib stream."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
        data = pathlib.Path(folder, DATA).read_bytes()
    while data:
        unpacker = zlib.decompressobj()
        lines = lines_of(unpacker.decompress(data[4:]))
        data = unpacker.unused_data
        if lines:
            yield next(line for line in lines if line.strip()).strip(), lines


def pieces(lines):
    """Paragraphs, each on one line, put together up to each of PIECES in turn."""
    paragraphs = [" ".join(block.split()) for block in "\n".join(lines).split("\n\n")]
    piece, limits = "", itertools.cycle(PIECES)
    limit = next(limits)
    for paragraph in filter(None, paragraphs):
        if piece and len(piece) + len(paragraph) > limit:
            yield piece
            piece, limit = "", next(limits)
        piece += ("\n\n" if piece else "") + paragraph
    yield piece


def main():
    package, out = sys.argv[1], pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    train, held_out = [], []
    for title, lines in sorted(novels(package)):
        size = 0
        for piece in pieces(lines):
            is_held_out = "NORTHANGER" in title.upper() and size < HELD_OUT
            (held_out if is_held_out else train).append(piece)
            size += len(piece)
        print(f"{title}: {size:,} characters")
    for name, texts in (("train", train), ("val", held_out)):
        (out / f"{name}.jsonl").write_text("".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts), "utf-8")
    (out / "val.txt").write_text("\n\n".join(held_out), "utf-8")


if __name__ == "__main__":
    main()
