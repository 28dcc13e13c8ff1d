"""Prints what `make bench` measured of language models: lm_table.py FOLDER reads lm.json, lm-tokenizer.json, the folder lm-train and, if PyTorch was
there, lm-torch-N.json."""
import json
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])


def read(name):
    path = folder / name
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def rate(value):
    return "-" if value is None else f"{value:,.0f}"


inference = read("lm.json")
other = {(row["model"], row["threads"], row["context"]): row for threads in (1, 2) for row in (read(f"lm-torch-{threads}.json") or {"rows": []})["rows"]}
print("\nLanguage models, tokens a second (limit: reading the weights once a token at the rate that this machine reads such an amount)")
print(f"{'model':8}{'type':6}{'threads':>8}{'context':>8}{'prefill':>9}{'decode':>9}{'of limit':>9}{'batch 8':>9}{'PyTorch prefill':>17}{'decode':>8}")
for row in inference["rows"]:
    beside = other.get((row["model"], row["threads"], row["context"]), {}) if row["type"] == "f32" else {}
    print(f"{row['model']:8}{row['type']:6}{row['threads']:>8}{row['context']:>8}{rate(row['prefill_tokens_per_second']):>9}"
          f"{rate(row['decode_tokens_per_second']):>9}{row['share_of_limit']:>9.0%}{rate(row['batch_tokens_per_second']):>9}"
          f"{rate(beside.get('prefill_tokens_per_second')):>17}{rate(beside.get('decode_tokens_per_second')):>8}")
for load in inference["load"]:
    print(f"load of {load['model']} in {load['type']}, {load['bytes'] / 1e6:.1f} MB: {load['read_ms']:.1f} ms read, {load['mapped_ms']:.1f} ms mapped")
for row in read("lm-tokenizer.json")["rows"]:
    print(f"tokenizer on {row['file']}: {row['encode_mb_per_second']:.0f} MB/s encode, {row['decode_mb_per_second']:.0f} MB/s decode")
print("\nTraining, batch 4 x 256, tokens a second of the fastest step (of SGEMM: multiply-adds of all matrix products beside OpenBLAS's own rate in the same run)")
print(f"{'model':8}{'threads':>8}{'tokens/s':>9}{'peak MB':>9}{'of SGEMM':>9}{'PyTorch tokens/s':>18}{'peak MB':>9}{'of SGEMM':>9}")
for depth in (4, 6):
    width = 64 * depth
    # Forward and backward: three products with each matrix, 12 n_embd^2 a layer and the head, and six of attention with 256 / 2 positions.
    flops = 6 * (depth * 12 * width**2 + 8192 * width) + 12 * depth * width * 128
    for threads in (1, 2):
        name = f"lm-train/{depth}-{threads}"
        ours = max(json.loads(line).get("tokens_per_second", 0) for line in (folder / name / "log.jsonl").read_text("utf-8").splitlines())
        torch = read(f"{name}-torch.json")
        share = lambda tokens: f"{flops * tokens / torch['sgemm']:.0%}" if torch else "-"
        print(f"depth {depth:<2}{threads:>8}{rate(ours):>9}{int((folder / (name + '.peak')).read_text()) / 1e6:>9.0f}{share(ours):>9}", end="")
        print(f"{rate(torch['tokens_per_second']):>18}{torch['peak_bytes'] / 1e6:>9.0f}{share(torch['tokens_per_second']):>9}" if torch else f"{'-':>18}{'-':>9}{'-':>9}")
