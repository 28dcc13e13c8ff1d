"""Trains the language model in PyTorch on the CPU, on a folder that `eml lm prepare` wrote: the rows, the rates and the schedule of `eml lm train`, so
that losses, bits per byte, speed and memory can be laid side by side.

Usage: lm_train_torch.py FOLDER [--depth 4] [--steps 12] [--batch-tokens 1024] [--seq 256] [--group-tokens 1024] [--threads 1] [--warmdown 0.2]
[--rate 1] [--seed 1] [--eval-tokens 65536] [--start MODEL.safetensors] | --check. Prints one JSON object, as `eml lm train --json`; tokens_per_second is
that of the fastest step. --check compares with the golden run of tests/data/lm instead. Weights begin as Initialization.cs says, with another generator; --start takes a model of F32.
"""

import argparse
import json
import pathlib
import resource
import struct
import time

import numpy
import torch

GATE, FLOOR = 32, 9.999999974752427e-07


def norm(x):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5)


def above(x):
    """max(x, floor), whose gradient is 0 on the floor too."""
    return torch.where(x > FLOOR, x, torch.tensor(FLOOR))


def act(z, k):
    e = torch.exp(torch.where(z < 20.0, z, torch.tensor(20.0)))
    return e - torch.log(above(e - torch.log(above(k))))


def shape_of(depth, vocabulary, sequence):
    width = 64 * depth
    heads = next(h for h in range(max(1, width // 128), 0, -1) if width % h == 0)
    return {"vocab_size": vocabulary, "n_layer": depth, "n_embd": width, "n_head": heads, "n_kv_head": heads, "head_dim": width // heads,
            "hidden_dim": 4 * width, "sequence_len": sequence, "window_pattern": "SSSL"}


def start_weights(c, seed):
    """Initialization.cs."""
    random = numpy.random.default_rng(seed)
    width, layers, vocabulary = c["n_embd"], c["n_layer"], c["vocab_size"]
    key = c["n_kv_head"] * c["head_dim"]
    uniform = lambda *shape: (random.random(shape) * 2 - 1) * 3**0.5 / width**0.5
    w = {"wte.weight": random.standard_normal((vocabulary, width)), "lm_head.weight": 0.001 * random.standard_normal((vocabulary, width)),
         "resid_lambdas": numpy.ones(layers), "x0_lambdas": numpy.full(layers, 0.1)}
    for i in range(layers):
        b = f"blocks.{i}."
        w[b + "attn.c_q.weight"] = uniform(c["n_head"] * c["head_dim"], width)
        w[b + "attn.c_k.weight"], w[b + "attn.c_v.weight"] = uniform(key, width), uniform(key, width)
        w[b + "attn.c_proj.weight"] = numpy.zeros((width, c["n_head"] * c["head_dim"]))
        w[b + "mlp.c_fc.weight"], w[b + "mlp.c_proj.weight"] = uniform(c["hidden_dim"], width), numpy.zeros((width, c["hidden_dim"]))
        w[b + "mlp.eml_k"] = numpy.ones(1)
        if i % 2 == (layers - 1) % 2:
            w[b + "attn.ve_gate.weight"], w[f"value_embeds.{i}.weight"] = numpy.zeros((c["n_kv_head"], GATE)), uniform(vocabulary, key)
    return w


def read_safetensors(path):
    data = pathlib.Path(path).read_bytes()
    size = struct.unpack_from("<Q", data)[0]
    return {name: numpy.frombuffer(data, "<f4", offset=8 + size + t["data_offsets"][0], count=(t["data_offsets"][1] - t["data_offsets"][0]) // 4).reshape(t["shape"])
            for name, t in json.loads(data[8:8 + size]).items() if name != "__metadata__"}


class Model:
    def __init__(self, config, weights):
        self.c = config
        self.w = {name: torch.tensor(numpy.asarray(value), dtype=torch.float32, requires_grad=True) for name, value in weights.items()}

    def losses(self, ids, targets):
        """Loss of each token (rows, length), 0 where the target is -1."""
        c, w = self.c, self.w
        rows, length = ids.shape
        d, heads, kv = c["head_dim"], c["n_head"], c["n_kv_head"]
        angles = torch.outer(torch.arange(length, dtype=torch.float64), 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d))
        cos, sin = angles.cos().float(), angles.sin().float()

        def rope(x):
            even, odd = x[..., 0::2], x[..., 1::2]
            return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)

        def split(x, n):
            return x.view(rows, length, n, d).transpose(1, 2)

        position = torch.arange(length)
        x = start = norm(w["wte.weight"][ids])
        for i in range(c["n_layer"]):
            b = f"blocks.{i}."
            x = w["resid_lambdas"][i] * x + w["x0_lambdas"][i] * start
            h = norm(x)
            q, k = split(h @ w[b + "attn.c_q.weight"].T, heads), split(h @ w[b + "attn.c_k.weight"].T, kv)
            v = split(h @ w[b + "attn.c_v.weight"].T, kv)
            if b + "attn.ve_gate.weight" in w:
                gate = 2 * torch.sigmoid(h[..., :GATE] @ w[b + "attn.ve_gate.weight"].T)
                v = v + gate.transpose(1, 2)[..., None] * split(w[f"value_embeds.{i}.weight"][ids], kv)
            q, k = norm(rope(q)), norm(rope(k))
            k, v = (t.repeat_interleave(heads // kv, 1) for t in (k, v))
            pattern = c["window_pattern"]
            long = i == c["n_layer"] - 1 or pattern[i % len(pattern)] == "L"
            window = c["sequence_len"] if long else c["sequence_len"] // 2
            hidden = (position[None] > position[:, None]) | (position[None] <= position[:, None] - window)
            scores = (q @ k.transpose(2, 3) * d ** -0.5).masked_fill(hidden, float("-inf"))
            mixed = (torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(rows, length, heads * d)
            x = x + mixed @ w[b + "attn.c_proj.weight"].T
            x = x + act(norm(x) @ w[b + "mlp.c_fc.weight"].T, w[b + "mlp.eml_k"]) @ w[b + "mlp.c_proj.weight"].T
        logits = 15 * torch.tanh(norm(x) @ w["lm_head.weight"].T / 15)
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten().long(), ignore_index=-1, reduction="none").view(rows, length)


class AdamW:
    """The groups of adamw.json."""

    def __init__(self, model):
        s = (model.c["n_embd"] / 768) ** -0.5
        self.model, self.steps, self.groups = model, 0, {}
        for name, p in model.w.items():
            if name.startswith("blocks.") and p.dim() == 2:
                group = 0.04, 0.8, 0.2
            elif name == "wte.weight" or name.startswith("value_embeds."):
                group = 0.6 * s, 0.8, 0.0
            else:
                group = {"resid_lambdas": (0.005, 0.8, 0.0), "x0_lambdas": (0.5, 0.96, 0.0)}.get(name, (0.004 * s, 0.8, 0.0))
            self.groups[name] = *group, torch.zeros_like(p), torch.zeros_like(p)

    @torch.no_grad()
    def step(self, multiplier):
        self.steps += 1
        for name, (rate, beta, decay, mean, square) in self.groups.items():
            p = self.model.w[name]
            rate *= multiplier
            mean.mul_(beta).add_(p.grad, alpha=1 - beta)
            square.mul_(0.95).addcmul_(p.grad, p.grad, value=0.05)
            p.mul_(1 - rate * decay).addcdiv_(mean, (square / (1 - 0.95**self.steps)).sqrt_().add_(1e-10), value=-rate / (1 - beta**self.steps))
            if name.endswith("eml_k"):
                p.clamp_(min=FLOOR)
            p.grad = None


def step(model, optimizer, inputs, targets, group_rows, multiplier):
    counted, total = max(1, int((targets != -1).sum())), 0.0
    for at in range(0, len(inputs), group_rows):
        loss = model.losses(inputs[at:at + group_rows], targets[at:at + group_rows]).sum() / counted
        loss.backward()
        total += loss.item()
    optimizer.step(multiplier)
    return total


def documents(folder, part):
    found = []
    for path in sorted(folder.glob("train-*.tok")) if part == "train" else [folder / "val.tok"]:
        data = path.read_bytes()
        size = struct.unpack_from("<I", data, 16)[0]
        count, tokens = struct.unpack_from("<QQ", data, 24)
        ids = numpy.frombuffer(data, f"<u{size}", offset=40, count=tokens).astype(numpy.int64)
        starts = numpy.frombuffer(data, "<u8", offset=40 + (tokens * size + 7) // 8 * 8, count=count + 1).astype(numpy.int64)
        found += [ids[a:b] for a, b in zip(starts[:-1], starts[1:])]
    return found


def packed(found, bos, length):
    """Rows as BestFitPacker makes them."""
    following, buffer = 0, []
    while True:
        row = []
        while len(row) < length + 1:
            while len(buffer) < 1000:
                following %= len(found)
                buffer += found[following:following + 128]
                following = min(len(found), following + 128)
            room = length + 1 - len(row)
            fitting = [i for i, document in enumerate(buffer) if len(document) + 1 <= room]
            chosen = max(fitting, key=lambda i: (len(buffer[i]), -i)) if fitting else min(range(len(buffer)), key=lambda i: (len(buffer[i]), i))
            row += [bos, *buffer.pop(chosen)[:room - 1].tolist()]
        yield row


def batch(rows, count):
    taken = torch.tensor([next(rows) for _ in range(count)])
    return taken[:, :-1], taken[:, 1:]


def check():
    data = pathlib.Path(__file__).resolve().parents[1] / "data" / "lm"
    golden = json.loads((data / "tiny-b.json").read_text("utf-8"))
    config, train = golden["config"], golden["train"]
    inputs, targets = torch.tensor(train["inputs"]), torch.tensor(train["targets"])
    for run in train["adamw"]:
        model = Model(config, read_safetensors(data / "tiny-b.f32.safetensors"))
        optimizer = AdamW(model)
        for i, wanted in enumerate(run["loss_before_each_step"] + [run["loss_after_last"]]):
            loss = step(model, optimizer, inputs, targets, len(inputs), run["lr_multiplier"])
            assert abs(loss - wanted) <= 2e-4, f"step {i}: {loss}, not {wanted}"
    print("the golden losses")


def sgemm():
    """Operations a second of one large product, the fastest of some."""
    a, b, fastest = torch.rand(1024, 1024), torch.rand(1024, 1024), float("inf")
    for _ in range(8):
        begin = time.perf_counter()
        a @ b
        fastest = min(fastest, time.perf_counter() - begin)
    return 2 * 1024**3 / fastest


def main():
    parser = argparse.ArgumentParser(description="Train the language model in PyTorch")
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    for name, value in (("depth", 4), ("steps", 12), ("batch-tokens", 1024), ("seq", 256), ("group-tokens", 1024), ("threads", 1), ("seed", 1), ("eval-tokens", 65536)):
        parser.add_argument("--" + name, type=int, default=value)
    parser.add_argument("--warmdown", type=float, default=0.2)
    parser.add_argument("--rate", type=float, default=1.0)
    parser.add_argument("--start", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.check:
        return check()
    facts = json.loads((given.folder / "data.json").read_text("utf-8"))["tokenizer"]
    config = shape_of(given.depth, facts["vocabulary"], given.seq)
    model = Model(config, read_safetensors(given.start) if given.start else start_weights(config, given.seed))
    optimizer = AdamW(model)
    rows = packed(documents(given.folder, "train"), facts["bos"], given.seq)
    count, group = given.batch_tokens // given.seq, max(1, given.group_tokens // given.seq)
    losses, fastest, seconds = [], float("inf"), 0.0
    for i in range(given.steps):
        inputs, targets = batch(rows, count)
        begin = time.perf_counter()
        progress = i / given.steps
        multiplier = given.rate * (1.0 if progress < 1 - given.warmdown else (1 - progress) / given.warmdown)
        losses.append(step(model, optimizer, inputs, targets, group, multiplier))
        took = time.perf_counter() - begin
        fastest, seconds = min(fastest, took), seconds + took
    sizes = torch.tensor(json.loads((given.folder / "token_bytes.json").read_text("utf-8"))["reference"])
    held_out, nats, size = documents(given.folder, "val"), 0.0, 0
    rows = packed(held_out, facts["bos"], given.seq)
    with torch.no_grad():
        for _ in range(max(1, -(-given.eval_tokens // (group * given.seq))) if held_out else 0):
            inputs, targets = batch(rows, group)
            counts = sizes[targets]
            nats += float((model.losses(inputs, targets).double() * (counts > 0)).sum())
            size += int(counts.sum())
    recent = losses[-50:]
    print(json.dumps({"torch": torch.__version__, "val_bpb": nats / size / numpy.log(2) if size else None, "train_loss": sum(recent) / len(recent), "steps": given.steps,
                      "tokens": given.steps * count * given.seq, "tokens_per_second": count * given.seq / fastest, "seconds": seconds, "sgemm": sgemm(),
                      "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


main()
