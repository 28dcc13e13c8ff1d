"""Runs a transformer that `eml compact export`, `eml wasm export` (a folder) or `eml wasm specialize` (one file) wrote. It knows nothing of
the program or of what the tokens mean: it multiplies the matrices of model.safetensors as config.json says, in the order of prompt.json.

run_exported.py PATH [--json | --tokens FILE] prints the output and all generated tokens, or writes these to a file, one a line."""
import argparse
import functools
import json
import pathlib

import numpy as np


def read_safetensors(path):
    """An 8-byte length, a JSON header that says where each tensor lies, and the numbers; gives the tensors and the metadata."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header, tensors = json.loads(data[8:start]), {}
    metadata = header.pop("__metadata__")
    for name, entry in header.items():
        assert entry["dtype"] == "F64", name
        tensors[name] = np.frombuffer(data, "<f8", np.prod(entry["shape"]), start + entry["data_offsets"][0]).reshape(entry["shape"])
    return tensors, metadata


class Memory:
    """Keys and values of the heads of one layer, of one external store, or of one table: rows (heads, d_head)."""

    def __init__(self, heads, width):
        self.keys, self.values, self.count = np.zeros((16, heads, width)), np.zeros((16, heads, width)), 0

    def add(self, key, value):
        if self.count == len(self.keys):
            self.keys, self.values = (np.concatenate([a, np.zeros_like(a)]) for a in (self.keys, self.values))
        self.keys[self.count], self.values[self.count] = key, value
        self.count += 1

    def hard_max(self, head, query):
        scores = np.append(-np.inf, self.keys[:self.count, head] @ query)
        best = self.count - np.argmax(scores[::-1])  # of equals, the last
        return scores[best], self.values[best - 1, head] if best > 0 else np.zeros_like(query)


class Transformer:
    def __init__(self, config, tensors):
        self.config, self.t = config, tensors
        self.layers = [[(head["mode"], head["store"], head["sink"]) for head in layer["heads"]] for layer in config["layers"]]
        self.own = [Memory(len(heads), config["d_head"]) for heads in self.layers]
        self.stores = [[Memory(len(heads), config["d_head"]) for heads in self.layers] for _ in range(config["stores"])]

    def embed(self, token, encoding):
        x = self.t["embedding"][token].copy()
        np.add.at(x, self.config["position_channels"][:len(encoding)], encoding)
        return x

    def append(self, store, token, encoding):
        """One more entry of an external store: its keys and values come from the embedding alone."""
        x = self.embed(token, encoding)
        for layer in (i for i, heads in enumerate(self.layers) if heads):
            self.stores[store][layer].add(self.t[f"layers.{layer}.key"] @ x, self.t[f"layers.{layer}.value"] @ x)

    @functools.cache
    def table(self, layer, head, mode, number):
        """The rows of a table as a head reads them: through its matrices, or, before the sequence, as keys and values."""
        rows, width = self.t[f"tables.{number}"], self.config["d_head"]
        memory, matrices = Memory(1, width), (self.t[f"layers.{layer}.{name}"][head][:, :rows.shape[1]] for name in ("key", "value"))
        parts = (rows @ matrix.T for matrix in matrices) if mode == "table" else (rows[:, :width], rows[:, width:])
        memory.keys, memory.values, memory.count = *(part[:, None] for part in parts), len(rows)
        return memory

    def read(self, layer, head, query):
        mode, store, sink = self.layers[layer][head]
        memory = self.stores[store][layer] if mode == "cross" else self.own[layer]
        if mode == "sum":
            return memory.values[:memory.count, head].sum(axis=0)
        found = [memory.hard_max(head, query)] if mode != "table" else []
        found += [self.table(layer, head, mode, store).hard_max(0, query)] if mode != "cross" and store is not None else []
        score, value = max(found, key=lambda pair: pair[0])  # of equals, the sequence's
        return value if sink is None or score >= sink else np.zeros_like(query)

    def forward(self, token, encoding):
        """One forward pass: the stream after the last layer."""
        x = self.embed(token, encoding)
        for layer, heads in enumerate(self.layers):
            matrix = lambda name: self.t[f"layers.{layer}.{name}"]
            if heads:
                queries = matrix("query") @ x
                self.own[layer].add(matrix("key") @ x, matrix("value") @ x)
                x += sum(matrix("output")[h] @ self.read(layer, h, queries[h]) for h in range(len(heads)))
            x += matrix("down") @ (np.maximum(0, matrix("gate") @ x) * (matrix("up") @ x))
        return x


def generate_tuples(transformer, prompt):
    """Follows a prompt of tuples; gives each generated tuple, and its value if it hands one over."""
    (low, high), numbers, status = prompt["value_fields"], prompt["start"], 0
    for given in prompt["tokens"]:
        transformer.forward(0, given)
    while status in (0, prompt["value_status"]):
        x = transformer.forward(0, numbers)  # the others are 0
        numbers = [round(x[channel]) for channel in transformer.config["result_channels"]]
        status = numbers[prompt["status_field"]]
        yield numbers, numbers[low] + (numbers[high] << 32) if status == prompt["value_status"] else None


def generate(transformer, prompt):
    """Follows the schedule; gives each generated token, and again if it is part of the output."""
    entries, channels = prompt["store_encodings"], prompt["counter_channels"]
    for store, tokens in enumerate(prompt["stores"]):
        for entry, token in enumerate(tokens):
            transformer.append(store, token, entries[entry])
    for token, encoding in zip(prompt["tokens"], prompt["encodings"]):
        transformer.forward(token, encoding)
    counters, token, row = [0] * len(channels), prompt["tokens"][-1], 0
    while row is not None:
        r = prompt["rows"][row]
        encoding = list(r["encoding"])
        for counter, channel in ((n, c) for n, c in zip(counters, channels) if c is not None):
            encoding[channel] += counter
        token = int(np.argmax(transformer.t["unembedding"] @ transformer.forward(token, encoding)))  # of equals, the first
        yield token, token if r["is_output"] else None
        if r["reset"] is not None:
            counters[r["reset"]] = 0
        if r["store"] is not None:
            transformer.append(r["store"], token, entries[counters[r["advance"]]])  # an IndexError: the store is full
        if r["advance"] is not None:
            counters[r["advance"]] += 1
        if r["taken"] is not None and token != 0:
            assert counters[r["taken_counter"]] < r["taken_limit"], f"row {row}: taken more than {r['taken_limit']} times"
            counters[r["taken_counter"]] += 1
        row = r["taken"] if r["taken"] is not None and token != 0 else r["next"]


def main():
    parser = argparse.ArgumentParser(description="Run a transformer written by eml compact export, eml wasm export or eml wasm specialize")
    parser.add_argument("path", type=pathlib.Path, help="the folder or file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--tokens", metavar="FILE", help="write the generated tokens to a file")
    args = parser.parse_args()
    tensors, texts = read_safetensors(args.path / "model.safetensors" if args.path.is_dir() else args.path)
    config, prompt = (json.loads(texts.get(name) or (args.path / f"{name}.json").read_text("utf-8")) for name in ("config", "prompt"))
    transformer = Transformer(config, tensors)
    generated = list((generate_tuples if prompt["model_type"] == "eml-machine-tuples" else generate)(transformer, prompt))
    result = {"outputs": [value for _, value in generated if value is not None], "tokens": [token for token, _ in generated]}
    if args.tokens:
        pathlib.Path(args.tokens).write_text("".join(f"{token}\n" for token in result.pop("tokens")), "ascii")
    print(json.dumps(result) if args.json else "\n".join(" ".join(map(str, [name, *values])) for name, values in result.items()))


if __name__ == "__main__":
    main()
