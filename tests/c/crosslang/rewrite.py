"""rewrite.py IN OUT: reads every model and SafeTree of the folder IN with the Python package and writes it to OUT again,
with OUT/FILE.predictions as write.c makes them."""
import pathlib
import struct
import sys

import eml

ROWS = 25


def format_of(name):
    if name.endswith(".browser.json"):
        return "browser"
    return {"json": "json", "safetensors": "safetensors", "pb": "protobuf"}[name.rsplit(".", 1)[1]]


def flat(values):
    for value in values:
        if isinstance(value, float):
            yield value
        else:
            yield from flat(value)


def rewrite(source, target):
    """Once through a file, and once through bytes; both must agree."""
    kind = eml.EmlModel if source.name.startswith("model-") else eml.SafeTree
    with kind.load(source) as model, kind.from_bytes(source.read_bytes(), format_of(source.name)) as copy:
        model.save(target)
        if copy.to_bytes(format_of(source.name)) != target.read_bytes():
            raise SystemExit("%s: save and to_bytes differ" % source.name)
        n = model.input_count
        x = [[((r * n + i) * 37 % 101) / 50.0 - 1.0 for i in range(n)] for r in range(ROWS)]
        y = list(flat(model.predict(x)))
        if y != list(flat(copy.predict(x))):
            raise SystemExit("%s: load and from_bytes differ" % source.name)
    with open(str(target) + ".predictions", "w", encoding="ascii") as out:
        out.writelines("%s\n" % struct.pack(">d", value).hex() for value in y)


def rewrite_log(source, target):
    """The log of the training that write.c did, made once more; the one of C must hold."""
    x = [[i / 60] for i in range(60)]
    y = [row[0] * row[0] + 1 for row in x]
    if not eml.verify_audit(source, x, y).ok or not eml.verify_audit(source.read_bytes(), x, y).ok:
        raise SystemExit("%s does not hold" % source.name)
    with eml.EmlModel(3, 1, 1, "default") as model:
        model.record(x, y)
        model.train(max_sweeps=3, seed=5, audit=target)


def main(source, target):
    for path in sorted(pathlib.Path(source).iterdir()):
        if path.name == "audit.log":
            rewrite_log(path, pathlib.Path(target) / path.name)
        elif path.suffix != ".predictions":
            rewrite(path, pathlib.Path(target) / path.name)


main(*sys.argv[1:])
