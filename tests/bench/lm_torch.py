"""Measures the language model in PyTorch on the CPU, for the sizes that `eml lm bench` measures: cached decode and a prefill of 512 tokens.

Usage: lm_torch.py [--depth 4,6] [--threads 1,2] [--context 16,512] [--seconds 1] [--check]. Prints one JSON object. The weights are random; --check
compares the cached decode with the forward pass of the whole sequence first. The best of several runs counts, as in `eml lm bench`.
"""

import argparse
import json
import time

import torch
import torch.nn.functional as F

VOCABULARY, HEAD, SEQUENCE, GATE, PROMPT = 8192, 128, 2048, 32, 512
FLOOR = 9.999999974752427e-07


def norm(x):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5)


def act(z, k):
    e = torch.exp(z.clamp(max=20.0))
    return e - torch.log((e - torch.log(k.clamp(min=FLOOR))).clamp(min=FLOOR))


class Model:
    """The forward pass of shared weights; a cache holds keys and values of each layer, (heads, positions, HEAD)."""

    def __init__(self, depth):
        self.depth, self.heads = depth, (64 * depth + HEAD - 1) // HEAD
        width = self.width = HEAD * self.heads
        torch.manual_seed(1)
        matrix = lambda rows, columns: (torch.rand(rows, columns) * 2 - 1) * (3.0 / columns) ** 0.5
        self.wte, self.head = matrix(VOCABULARY, width), matrix(VOCABULARY, width)
        self.blocks = [{"qkv": [matrix(width, width) for _ in range(3)], "proj": matrix(width, width), "fc": matrix(4 * width, width),
                        "down": matrix(width, 4 * width), "k": torch.tensor(0.5), "window": SEQUENCE if i == depth - 1 or i % 4 == 3 else SEQUENCE // 2,
                        "gate": matrix(self.heads, GATE) if i % 2 == (depth - 1) % 2 else None,
                        "values": matrix(VOCABULARY, width) if i % 2 == (depth - 1) % 2 else None} for i in range(depth)]
        angles = torch.outer(torch.arange(2 * SEQUENCE, dtype=torch.float64), 10000.0 ** (-torch.arange(0, HEAD, 2, dtype=torch.float64) / HEAD))
        self.cos, self.sin = angles.cos().float(), angles.sin().float()

    def cache(self):
        return [tuple(torch.zeros(self.heads, 2 * SEQUENCE, HEAD) for _ in range(2)) for _ in self.blocks]

    def rope(self, x, at):
        cos, sin = self.cos[at:at + x.shape[1]], self.sin[at:at + x.shape[1]]
        even, odd = x[..., 0::2], x[..., 1::2]
        return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)

    def forward(self, ids, at, cache):
        """Logits of the last of the tokens, which stand at the positions from `at` on."""
        count = len(ids)
        x = start = norm(self.wte[ids])
        for block, (keys, values) in zip(self.blocks, cache):
            x = x + 0.1 * start
            h = norm(x)
            q, k, v = ((h @ w.T).view(count, self.heads, HEAD).transpose(0, 1) for w in block["qkv"])
            if block["gate"] is not None:
                gate = 2 * torch.sigmoid(h[:, :GATE] @ block["gate"].T)
                v = v + gate.T[..., None] * block["values"][ids].view(count, self.heads, HEAD).transpose(0, 1)
            q, keys[:, at:at + count], values[:, at:at + count] = norm(self.rope(q, at)), norm(self.rope(k, at)), v
            first = max(0, at - block["window"] + 1)
            scores = q @ keys[:, first:at + count].transpose(1, 2) * HEAD ** -0.5
            if count > 1:
                query, key = torch.arange(at, at + count)[:, None], torch.arange(first, at + count)[None]
                scores = scores.masked_fill((key > query) | (key <= query - block["window"]), float("-inf"))
            mixed = torch.softmax(scores, -1) @ values[:, first:at + count]
            x = x + mixed.transpose(0, 1).reshape(count, self.width) @ block["proj"].T
            x = x + act(norm(x) @ block["fc"].T, block["k"]) @ block["down"].T
        return 15 * torch.tanh(F.linear(norm(x[-1:]), self.head) / 15)


def best(work, seconds):
    """Seconds of the fastest run."""
    end, fastest = time.perf_counter() + seconds, float("inf")
    while True:
        start = time.perf_counter()
        work()
        now = time.perf_counter()
        fastest = min(fastest, now - start)
        if now > end:
            return fastest


def check(model, ids):
    whole, cache = model.forward(ids, 0, model.cache()), model.cache()
    for i in range(len(ids)):
        last = model.forward(ids[i:i + 1], i, cache)
    difference = (whole - last).abs().max().item()
    assert difference < 1e-3, f"cached and whole differ by {difference}"


def measure(model, depth, threads, contexts, seconds):
    torch.set_num_threads(threads)
    ids, cache = torch.randint(VOCABULARY, (4 * SEQUENCE,)), model.cache()
    prefill = best(lambda: model.forward(ids[:PROMPT], 0, cache), seconds)
    for context in contexts:
        model.forward(ids[:context], 0, cache)
        # Eight tokens at a time, always after the same ones: the cache behind them is written over.
        decode = best(lambda: [model.forward(ids[context + i:context + i + 1], context + i, cache) for i in range(8)], seconds)
        yield {"model": f"depth {depth}", "type": "f32", "threads": threads, "context": context,
               "prefill_tokens_per_second": PROMPT / prefill, "decode_tokens_per_second": 8 / decode}


def main():
    numbers = lambda text: [int(word) for word in text.split(",")]
    parser = argparse.ArgumentParser(description="Measure the language model in PyTorch")
    parser.add_argument("--depth", type=numbers, default=[4, 6])
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--context", type=numbers, default=[16, 512])
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    rows = []
    with torch.inference_mode():
        for depth in given.depth:
            model = Model(depth)
            if given.check:
                check(model, torch.randint(VOCABULARY, (40,)))
            for threads in given.threads:
                rows += measure(model, depth, threads, given.context, given.seconds)
    print(json.dumps({"torch": torch.__version__, "prompt_tokens": PROMPT, "rows": rows}))


main()
