"""Reloads the models that the C program `fit` saved and compares predictions with its bits: check.py OUT_DIR."""
import struct
import sys
from pathlib import Path

import eml

NAMES = ("Misra1a", "DanWood", "Chwirut2", "Kirby2", "Thurber")
EXTENSIONS = ("json", "safetensors", "pb")


def from_bits(text):
    return struct.unpack(">d", bytes.fromhex(text))[0]


def to_bits(value):
    return struct.pack(">d", value).hex()


def compare(out, name, extension):
    """How many predictions there are, and how many differ."""
    lines = [line.split() for line in (out / (name + ".bits")).read_text("ascii").splitlines()]
    with eml.EmlModel.load(out / "models" / (name + "." + extension)) as model:
        predicted = model.predict_primary([[from_bits(x)] for x, _ in lines])
    return len(lines), sum(to_bits(value) != bits for value, (_, bits) in zip(predicted, lines))


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: check.py OUT_DIR")
    all_same = True
    for extension in EXTENSIONS:
        counts = [compare(Path(sys.argv[1]), name, extension) for name in NAMES]
        compared, differing = (sum(column) for column in zip(*counts))
        print("  Python  %-12s %d models, %d predictions, %d differ" % (extension, len(NAMES), compared, differing))
        all_same &= differing == 0 and compared > 0
    sys.exit(not all_same)


if __name__ == "__main__":
    main()
