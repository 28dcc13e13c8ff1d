"""Sets eml-core's figures beside libeml's in bench.json, and writes the table between the markers of README.md.

Usage: compare.py bench.json README.md [eml-core.json]. Without the third, eml-core's own recorded figures are used.
"""

import json
import re
import sys

# Minima of eml-core 0.1.0 on one core of an EPYC (Zen 5): predict with 7 inputs and 1 head. It was not asked how long these
# trainings take.
RECORDED = {"predict": [{"depth": d, "ns": ns} for d, ns in ((2, 141), (3, 177), (4, 323), (5, 452))], "train": []}

bench_path, readme_path, *measured = sys.argv[1:]
with open(bench_path, encoding="utf-8") as file:
    b = json.load(file)
core = RECORDED
if measured:
    with open(measured[0], encoding="utf-8") as file:
        core = json.load(file)
b["eml_core"] = core | {"measured_in_this_run": bool(measured)}

predict_ns = {p["depth"]: p["ns"] for p in core["predict"]}
train_ms = {t["depth"]: t["ms"] for t in core["train"]}
for p in b["predict"]:
    p["row_ratio"] = round(predict_ns[p["depth"]] / p["row_ns"], 2)
    p["batch_ratio"] = round(predict_ns[p["depth"]] / p["batch_row_ns"], 2)
for t in b["train"]:
    if t["depth"] in train_ms:
        t["ratio"] = round(train_ms[t["depth"]] / t["ms"], 1)
with open(bench_path, "w", encoding="utf-8") as file:
    json.dump(b, file, indent=1)
    file.write("\n")

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
    them = f"{predict_ns[p['depth']]:.0f} ns"
    lines.append(f"| depth {p['depth']}: one row through the C ABI | {p['row_ns']:.0f} ns | {them} | {p['row_ratio']:.1f} |")
    lines.append(f"| depth {p['depth']}: batch, a row | {p['batch_row_ns']:.1f} ns | {them} | {p['batch_ratio']:.1f} |")
for t in b["train"]:
    them, ratio = (f"{train_ms[t['depth']]:.1f} ms", f"{t['ratio']:.1f}") if "ratio" in t else ("", "")
    lines.append(f"| depth {t['depth']}: train on {t['samples']} samples, {t['evaluations']} evaluations | {t['ms']:.2f} ms "
                 f"| {them} | {ratio} |")
lines += [
    "",
    "eml-core was built and measured in the same run (`make bench EML_CORE=DIR`, its source)." if measured else
    "eml-core's times are recorded ones of another machine of this class; `make bench EML_CORE=DIR` measures it beside libeml.",
]
text = "\n".join(lines)
with open(readme_path, encoding="utf-8") as file:
    page = file.read()
page = re.sub(r"(<!-- bench:begin -->\n).*?(<!-- bench:end -->)", lambda m: m[1] + text + "\n" + m[2], page, flags=re.S)
with open(readme_path, "w", encoding="utf-8") as file:
    file.write(page)
print(text)
