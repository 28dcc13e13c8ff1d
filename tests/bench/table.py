"""Writes the measurements of a bench.json between the markers of README.md and prints them."""

import json
import re
import sys

bench, readme = sys.argv[1:]
with open(bench, encoding="utf-8") as file:
    b = json.load(file)
lines = [
    f"Build {b['build']['isa']}, {b['build']['vector_bits']}-bit vectors; library {b['library_bytes'] / 1e6:.2f} MB, "
    f"load and first call {b['load_and_first_call_ms']:.1f} ms.",
    "",
    "| | time | eml-core 0.1.0 | ratio |",
    "|---|--:|--:|--:|",
]
for name in ("exp", "ln", "pow"):
    m = b["math_ns"]
    lines.append(f"| {name}: batch, a value / one call | {m[name + '_batch']:.2f} / {m[name + '_call']:.1f} ns | | |")
for p in b["predict"]:
    lines.append(f"| depth {p['depth']}: one row through the C ABI | {p['row_ns']:.0f} ns | {p['eml_core_ns']:.0f} ns | {p['row_ratio']:.1f} |")
    lines.append(f"| depth {p['depth']}: batch, a row | {p['batch_row_ns']:.1f} ns | {p['eml_core_ns']:.0f} ns | {p['batch_ratio']:.1f} |")
for t in b["train"]:
    lines.append(f"| depth {t['depth']}: train, one evaluation of {t['samples']} samples | {t['ns_per_evaluation']:.0f} ns "
                 f"| {t['eml_core_ns_per_evaluation']:.0f} ns | {t['ratio']:.1f} |")
lines += [
    "",
    "eml-core's predict times are figures measured on this class of machine and written in `tests/bench/bench.c`, not measured",
    "again; one of its evaluations in training counts as one predict a sample.",
]
text = "\n".join(lines)
with open(readme, encoding="utf-8") as file:
    page = file.read()
page = re.sub(r"(<!-- bench:begin -->\n).*?(<!-- bench:end -->)", lambda m: m[1] + text + "\n" + m[2], page, flags=re.S)
with open(readme, "w", encoding="utf-8") as file:
    file.write(page)
print(text)
