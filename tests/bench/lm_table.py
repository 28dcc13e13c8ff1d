"""Prints what `make bench` measured of language models: lm_table.py FOLDER reads lm.json, lm-tokenizer.json, lm-train-N.json and, if PyTorch was
there, lm-torch.json."""
import json
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])


def read(name):
    path = folder / name
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def rate(value):
    return "-" if value is None else f"{value:,.0f}"


inference, torch = read("lm.json"), read("lm-torch.json")
other = {(row["model"], row["threads"], row["context"]): row for row in torch["rows"]} if torch else {}
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
for threads in (1, 2):
    training = read(f"lm-train-{threads}.json")
    print(f"training depth 4, batch 4 x 256, {threads} thread{'s' if threads > 1 else ''}: {rate(training['tokens_per_second'])} tokens/s, {training['bytes'] / 1e6:.0f} MB")
