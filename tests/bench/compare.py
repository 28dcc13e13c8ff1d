"""Sets eml-core's figures beside libeml's in bench.json, adds those of `eml compact bench` and `eml wasm bench`, and writes the table
between the markers of README.md.

Usage: compare.py bench.json README.md compact.json wasm.json [eml-core.json]. Without the last, eml-core's own recorded figures are used.
"""

import json
import re
import sys

# Minima of eml-core 0.1.0 on one core of an EPYC (Zen 5): predict with 7 inputs and 1 head; attention blocks of the shapes
# (d_model, d_k, seq_len, depth), a trial of theirs being one of the joint training on 16 samples. It was not asked how long
# the other trainings take.
RECORDED = {
    "predict": [{"depth": d, "ns": ns} for d, ns in ((2, 141), (3, 177), (4, 323), (5, 452))],
    "train": [],
    "attention": [
        {"d_model": d, "d_k": k, "seq": s, "depth": depth, "forward_ns": forward, "affine_forward_ns": affine, **trials}
        for (d, k, s, depth), forward, affine, trials in (
            ((4, 2, 2, 3), 879, 202, {"trial_ns": 15300, "affine_trial_ns": 3484}),
            ((8, 4, 4, 3), 3990, 1110, {"trial_ns": 70200, "affine_trial_ns": 17889}),
            ((16, 8, 8, 3), 29300, 14300, {}),
            ((32, 16, 8, 5), 117000, 63400, {}))
    ],
}

bench_path, readme_path, compact_path, wasm_path, *measured = sys.argv[1:]
with open(bench_path, encoding="utf-8") as file:
    b = json.load(file)
with open(compact_path, encoding="utf-8") as file:
    b["compact"] = json.load(file)
with open(wasm_path, encoding="utf-8") as file:
    b["wasm"] = json.load(file)
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
core_attention = {(a["d_model"], a["d_k"], a["seq"], a["depth"]): a for a in core.get("attention", [])}
for a in b["attention"]:
    them = core_attention.get((a["d_model"], a["d_k"], a["seq"], a["depth"]), {})
    for kind, prefix in (("toy", ""), ("baseline", "affine_")):
        for ours, theirs, unit in (("forward_ns", "forward_ns", 1), ("trial_us", "trial_ns", 1000)):
            if prefix + theirs in them:
                a[kind]["core_" + theirs] = them[prefix + theirs]
                a[kind][ours.split("_")[0] + "_ratio"] = round(them[prefix + theirs] / unit / a[kind][ours], 1)
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
for a in b["attention"]:
    shape = f"({a['d_model']}, {a['d_k']}, {a['seq']}, {a['depth']})"
    for kind, name in (("toy", "attention block"), ("baseline", "affine attention block")):
        m = a[kind]
        them, ratio = (f"{m['core_forward_ns']:.0f} ns", f"{m['forward_ratio']:.1f}") if "core_forward_ns" in m else ("", "")
        lines.append(f"| {name} {shape}: one sequence, minimum / 99th percentile | {m['forward_ns']:.0f} / "
                     f"{m['forward_p99_ns']:.0f} ns | {them} | {ratio} |")
        them, ratio = (f"{m['core_trial_ns'] / 1000:.1f} µs", f"{m['trial_ratio']:.1f}") if "core_trial_ns" in m else ("", "")
        lines.append(f"| {name} {shape}: a trial of training on 16 samples | {m['trial_us']:.2f} µs | {them} | {ratio} |")
c = b["compact"]
lines.append(f"| `eml compact bench`: compile the weights, once / a machine of them | {1e3 * c['compile_seconds']:.1f} / "
             f"{1e3 * c['create_seconds']:.2f} ms | | |")
for r in c["rows"]:
    rate = r["dense_tokens_per_second"]
    dense = f", dense {1e6 / rate:.0f} µs" if rate else ""
    lines.append(f"| `eml compact bench`, {r['tokens']:,} tokens of a {r['program'].split()[0]} program: one, which touches "
                 f"{r['touched_weights_per_token']:.0f} of {c['nonzero_weights']:,} nonzero weights | "
                 f"{1e6 / r['fast_tokens_per_second']:.2f} µs{dense} | | |")
w = b["wasm"]
lines.append(f"| `eml wasm bench`: compile the {w['weights']:,} weights, once | {1e3 * w['compile_seconds']:.0f} ms | | |")
core_rate = w["core"]
lines.append(f"| `eml wasm bench`: a multiply-add of this core, in vectors / one at a time by index | {1e9 / core_rate['vector_multiply_adds_per_second']:.2f} / "
             f"{1e9 / core_rate['indexed_multiply_adds_per_second']:.2f} ns | | |")
for r in w["rows"]:
    lines.append(f"| `eml wasm bench`, {r['program']}: one of {r['instructions']:,} instructions, {r['tokens_per_instruction']:.3f} tokens and "
                 f"{r['nonzeros_per_instruction']:.0f} nonzeros each (multiply-adds alone: {1e9 / r['indexed_limit_instructions_per_second']:.0f} ns by index, "
                 f"{1e9 / r['limit_instructions_per_second']:.0f} ns in vectors), in {r['state_bytes'] / 1e6:.1f} MB | {1e9 / r['instructions_per_second']:.0f} ns | | |")
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
