"""Runs a transformer that `eml compact export DIR --program P` or `eml wasm export FILE.wasm` wrote. It knows nothing of the program or of what the tokens mean:
it multiplies the matrices of model.safetensors as config.json says, and takes the positions in the order of prompt.json.

run_exported.py DIR [--json | --tokens FILE] prints the output and all generated tokens, or writes these to a file, one a line."""
import argparse
import json
import os

import numpy as np


def read_safetensors(path):
    """An 8-byte length, a JSON header that says where each tensor lies, and the numbers."""
    with open(path, "rb") as file:
        data = file.read()
    start = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8:start]).items():
        if name != "__metadata__":
            assert entry["dtype"] == "F64", name
            begin, end = entry["data_offsets"]
            tensors[name] = np.frombuffer(data[start + begin:start + end], "<f8").reshape(entry["shape"])
    return tensors


class Memory:
    """Keys and values of the heads of one layer, or of one external store: rows (heads, d_head)."""

    def __init__(self, heads, width):
        self.keys, self.values, self.count = np.zeros((16, heads, width)), np.zeros((16, heads, width)), 0

    def add(self, key, value):
        if self.count == len(self.keys):
            self.keys, self.values = (np.concatenate([a, np.zeros_like(a)]) for a in (self.keys, self.values))
        self.keys[self.count], self.values[self.count] = key, value
        self.count += 1

    def hard_max(self, head, query, sink):
        if self.count == 0:
            return np.zeros_like(query)
        scores = self.keys[:self.count, head] @ query
        if sink is not None and scores.max() < sink:
            return np.zeros_like(query)
        return self.values[self.count - 1 - np.argmax(scores[::-1]), head]  # of equals, the last

    def sum(self, head):
        return self.values[:self.count, head].sum(axis=0)


class Transformer:
    def __init__(self, config, tensors):
        self.config, self.t = config, tensors
        self.layers = [[(head["mode"], head["store"], head["sink"]) for head in layer["heads"]] for layer in config["layers"]]
        self.own = [Memory(len(heads), config["d_head"]) for heads in self.layers]
        self.tables = {}
        self.stores = [[Memory(len(heads), config["d_head"]) for heads in self.layers] for _ in range(config["stores"])]

    def embed(self, token, encoding):
        x = self.t["embedding"][token].copy()
        for channel, number in zip(self.config["position_channels"], encoding):
            x[channel] += number
        return x

    def append(self, store, token, encoding):
        """One more entry of an external store: its keys and values come from the embedding alone."""
        x = self.embed(token, encoding)
        for layer, heads in enumerate(self.layers):
            if heads:
                self.stores[store][layer].add(self.t[f"layers.{layer}.key"] @ x, self.t[f"layers.{layer}.value"] @ x)

    def table(self, layer, head, number):
        """Keys and values of a table's rows, as a head reads them."""
        if (layer, head) not in self.tables:
            rows = self.t[f"tables.{number}"]
            key, value = (self.t[f"layers.{layer}.{name}"][head][:, :rows.shape[1]] for name in ("key", "value"))
            memory = Memory(1, self.config["d_head"])
            memory.keys, memory.values, memory.count = (rows @ key.T)[:, None], (rows @ value.T)[:, None], len(rows)
            self.tables[layer, head] = memory
        return self.tables[layer, head]

    def step(self, token, encoding):
        """One forward pass: the next token."""
        return int(np.argmax(self.t["unembedding"] @ self.forward(token, encoding)))  # of equals, the first

    def next_tuple(self, numbers):
        """One forward pass of a transformer of tuples: the next one's numbers."""
        x = self.forward(0, numbers + [0] * (len(self.config["position_channels"]) - len(numbers)))
        return [int(round(x[channel])) for channel in self.config["result_channels"]]

    def forward(self, token, encoding):
        x = self.embed(token, encoding)
        for layer, heads in enumerate(self.layers):
            matrix = lambda name: self.t[f"layers.{layer}.{name}"]
            if heads:
                queries = matrix("query") @ x
                self.own[layer].add(matrix("key") @ x, matrix("value") @ x)
                update = 0
                for h, (mode, store, sink) in enumerate(heads):
                    if mode == "table":
                        read = self.table(layer, h, store).hard_max(0, queries[h], sink)
                    else:
                        memory = self.stores[store][layer] if mode == "cross" else self.own[layer]
                        read = memory.sum(h) if mode == "sum" else memory.hard_max(h, queries[h], sink)
                    update = update + matrix("output")[h] @ read
                x += update
            x += matrix("down") @ (np.maximum(0, matrix("gate") @ x) * (matrix("up") @ x))
        return x


def generate_tuples(transformer, prompt):
    """Follows a prompt of tuples; gives the numbers of each generated token, and its value if it hands one over."""
    for numbers in prompt["tokens"]:
        transformer.forward(0, numbers)
    numbers, status = prompt["start"], 0
    low, high = prompt["value_fields"]
    while status in (0, prompt["value_status"]):
        numbers = transformer.next_tuple(numbers)
        status = numbers[prompt["status_field"]]
        yield numbers, numbers[low] + (numbers[high] << 32) if status == prompt["value_status"] else None


def generate(transformer, prompt):
    """Follows the schedule; gives each generated token, and whether it is part of the output."""
    entries = prompt["store_encodings"]
    for store, tokens in enumerate(prompt["stores"]):
        for entry, token in enumerate(tokens):
            transformer.append(store, token, entries[entry])
    for token, encoding in zip(prompt["tokens"], prompt["encodings"]):
        transformer.step(token, encoding)

    channels = prompt["counter_channels"]
    counters = [0] * len(channels)
    token, row = prompt["tokens"][-1], 0
    while row is not None:
        r = prompt["rows"][row]
        encoding = list(r["encoding"])
        for counter, channel in zip(counters, channels):
            if channel is not None:
                encoding[channel] += counter
        token = transformer.step(token, encoding)
        yield token, r["is_output"]
        if r["reset"] is not None:
            counters[r["reset"]] = 0
        if r["store"] is not None:
            entry = counters[r["advance"]]
            if entry >= len(entries):
                raise SystemExit(f"row {row}: store {r['store']} is full")
            transformer.append(r["store"], token, entries[entry])
        if r["advance"] is not None:
            counters[r["advance"]] += 1
        if r["taken"] is not None and token != 0:
            if counters[r["taken_counter"]] >= r["taken_limit"]:
                raise SystemExit(f"row {row}: taken more than {r['taken_limit']} times")
            counters[r["taken_counter"]] += 1
            row = r["taken"]
        else:
            row = r["next"]


def main():
    parser = argparse.ArgumentParser(description="Run a transformer written by eml compact export")
    parser.add_argument("dir", help="the folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--tokens", metavar="FILE", help="write the generated tokens to a file")
    args = parser.parse_args()

    def load(name):
        with open(os.path.join(args.dir, name), encoding="utf-8") as file:
            return json.load(file)

    transformer = Transformer(load("config.json"), read_safetensors(os.path.join(args.dir, "model.safetensors")))
    prompt = load("prompt.json")
    if prompt["model_type"] == "eml-machine-tuples":
        generated = list(generate_tuples(transformer, prompt))
        result = {"outputs": [value for _, value in generated if value is not None], "tokens": [t for t, _ in generated]}
    else:
        generated = list(generate(transformer, prompt))
        result = {"outputs": [t for t, is_output in generated if is_output], "tokens": [t for t, _ in generated]}
    if args.tokens:
        with open(args.tokens, "w", encoding="ascii") as file:
            file.writelines(f"{token}\n" for token in result.pop("tokens"))
    if args.json:
        print(json.dumps(result))
    else:
        for name, tokens in result.items():
            print(name, *tokens)


if __name__ == "__main__":
    main()
