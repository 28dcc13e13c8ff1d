"""Tokenizers and language models: golden data, files, sessions, generation, evaluation, batches, threads, exceptions, refusals."""
import array
import json
import math
import os
import tempfile
import threading
import time
import unittest

import eml
from support import REPOSITORY, Case, needs_numpy, numpy

DATA = REPOSITORY / "tests" / "data" / "lm"
GOLDEN = json.loads((DATA / "tiny-b.json").read_text(encoding="utf-8"))
CONFIG, PROMPT = GOLDEN["config"], GOLDEN["tokens"]
GREEDY = GOLDEN["variants"]["f32"]["greedy"]
DOCUMENTS = ["the cat sat on the mat, the dog lay on the log, and the hen ran to the den. then they all went there again",
             "stop and go, stop and start, this and that: a thing that thinks, another thing that sinks"]


def large_tokenizer():
    return eml.Tokenizer.load(DATA / "tokenizer.tiktoken")


def small_tokenizer():
    """As many tokens as tiny-b has."""
    return eml.Tokenizer.train(DOCUMENTS, 40, ["<|bos|>", "<|a|>", "<|b|>", "<|c|>"])


def tiny(variant="f32", **options):
    # Its file says nothing about windows and the length of sequences.
    return eml.LanguageModel.load(DATA / ("tiny-b.%s.safetensors" % variant), config=shape(), **options)


def shape():
    return {name: value for name, value in CONFIG.items() if name != "window_sizes"}


def largest(logits):
    return max(range(len(logits)), key=logits.__getitem__)


class TestTokenizer(Case):
    def test_golden_pairs(self):
        tokenizer = large_tokenizer()
        parity = json.loads((DATA / "bpe_parity.json").read_text(encoding="utf-8"))
        pairs = parity["pairs"]
        self.assertGreater(len(pairs), 20)
        for pair in pairs:
            self.assertEqual(tokenizer.encode(pair["text"]), pair["ids"])
            self.assertEqual(tokenizer.decode(pair["ids"]), pair["text"])
            stream = tokenizer.stream()
            self.assertEqual("".join(map(stream.push, pair["ids"])) + stream.flush(), pair["text"])

    def test_vocabulary(self):
        tokenizer = large_tokenizer()
        self.assertEqual((tokenizer.vocab_size, tokenizer.rank_count, tokenizer.bos_id), (8192, 8188, 8188))
        self.assertEqual(tokenizer.special("<|reserved_1|>"), 8189)
        self.assertIsNone(tokenizer.special("<|nothing|>"))
        self.assertEqual(tokenizer.encode("a<|reserved_0|>", special=True), [97, 8188])
        self.assertGreater(len(tokenizer.encode("<|reserved_0|>")), 1)
        self.assertEqual((tokenizer.token(97), tokenizer.token(0xe2), tokenizer.token(8188)), (b"a", b"\xe2", b"<|reserved_0|>"))
        golden = json.loads((DATA / "token_bytes.json").read_text(encoding="utf-8"))
        self.assertEqual(tokenizer.byte_lengths(), golden["raw"])
        self.assertEqual(tokenizer.byte_lengths(reference=True), golden["reference"])

    def test_broken_characters(self):
        tokenizer = large_tokenizer()
        ids = [0xe2, 0x82, 97, 0xf0, 0x9f]
        self.assertEqual(tokenizer.decode_bytes(ids), b"\xe2\x82a\xf0\x9f")
        self.assertEqual(tokenizer.decode(ids), "\ufffda\ufffd")
        with tokenizer.stream() as stream:
            tokenizer.close()
            self.assertEqual([stream.push(id) for id in ids], ["", "", "\ufffda", "", ""])
            self.assertEqual((stream.flush(), stream.flush()), ("\ufffd", ""))

    def test_files(self):
        tokenizer = small_tokenizer()
        same = eml.Tokenizer.from_bytes(tokenizer.to_bytes())
        self.assertEqual(same.to_bytes(), tokenizer.to_bytes())
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "tokenizer.json")
            tokenizer.save(path)
            self.assertEqual(eml.Tokenizer.load(path).encode(DOCUMENTS[1]), tokenizer.encode(DOCUMENTS[1]))
            self.assertRaises(eml.EmlArgumentError, tokenizer.save, os.path.join(folder, "tokenizer.txt"))
        self.assertEqual(same.bos_id, 296)
        self.assertRaises(eml.EmlFormatError, eml.Tokenizer.from_bytes, b'{"a":')
        self.assertRaises(eml.EmlIoError, eml.Tokenizer.load, "/nonexistent/a.json")
        self.assertRaises(eml.EmlArgumentError, tokenizer.to_bytes, "npz")

    def test_refusals(self):
        tokenizer = small_tokenizer()
        self.assertRaises(eml.EmlArgumentError, tokenizer.encode, "\ud800")
        self.assertRaises(eml.EmlTypeError, tokenizer.encode, b"a")
        self.assertRaises(eml.EmlArgumentError, tokenizer.decode, [1, 300])
        self.assertRaises(eml.EmlArgumentError, tokenizer.decode, [2**40])
        self.assertRaises(eml.EmlTypeError, tokenizer.decode, "a")
        self.assertRaises(eml.EmlTypeError, tokenizer.decode, [1.5])
        self.assertRaises(eml.EmlTypeError, eml.Tokenizer.train, "one text", 3)
        self.assertRaises(eml.EmlArgumentError, eml.Tokenizer.train, DOCUMENTS, 3, ["<x>", "<x>"])
        tokenizer.close()
        self.assertRaises(eml.EmlHandleError, tokenizer.encode, "a")


class TestModel(Case):
    def test_golden(self):
        for variant in ("f32", "bf16", "int8"):
            model = tiny(variant, mmap=variant == "bf16")
            self.assertEqual((model.vocab_size, model.parameters, model.weights), (300, 140809, variant))
            self.assertEqual(model.k, GOLDEN["eml_k"])
            made = model.generate(PROMPT, max_tokens=16, temperature=0)
            self.assertEqual((made.tokens, made.text, made.end), (GREEDY, "", "length"))
            loss = -sum(eml.log_probability(row, token) for row, token in zip(model.logits(PROMPT), PROMPT[1:])) / (len(PROMPT) - 1)
            self.assertAlmostEqual(loss, GOLDEN["variants"][variant]["loss_next_token"], delta=1e-5)

    def test_quantize_and_files(self):
        model = tiny()
        want = {variant: tiny(variant).logits(PROMPT) for variant in ("f32", "bf16", "int8")}
        with tempfile.TemporaryDirectory() as folder:
            for variant, logits in want.items():
                made = model.quantize(variant)
                self.assertEqual((made.weights, made.logits(PROMPT)), (variant, logits))
                for extension in ("safetensors", "json", "pb", "npz"):
                    path = os.path.join(folder, "model." + extension)
                    made.save(path)
                    for mmap in (False, True):
                        other = eml.LanguageModel.load(path, mmap=mmap)
                        if other.weights == variant:
                            self.assertEqual(other.logits(PROMPT), logits)
                        else:  # the format has made f32 of it, whose sums are rounded elsewhere
                            pairs = zip(sum(other.logits(PROMPT), []), sum(logits, []))
                            self.assertLess(max(abs(a - b) for a, b in pairs), 1e-3)
                        self.assertEqual(other.config["n_embd"], 48)
            self.assertRaises(eml.EmlArgumentError, model.save, os.path.join(folder, "model.txt"))
        self.assertEqual(eml.LanguageModel.from_bytes(model.to_bytes("protobuf")).logits(PROMPT), want["f32"])
        self.assertRaises(eml.EmlArgumentError, model.to_bytes, "xml")
        self.assertRaises(eml.EmlArgumentError, model.quantize, "int4")

    def test_tokenizer(self):
        tokenizer = small_tokenizer()
        self.assertIsNone(tiny().tokenizer)
        model = tiny(tokenizer=tokenizer)
        self.assertEqual(model.tokenizer.to_bytes(), tokenizer.to_bytes())
        kept = eml.LanguageModel.from_bytes(model.to_bytes())
        self.assertEqual(kept.tokenizer.to_bytes(), tokenizer.to_bytes())
        self.assertRaises(eml.EmlArgumentError, tiny, tokenizer=large_tokenizer())
        self.assertRaises(eml.EmlTypeError, tiny, tokenizer="tokenizer.json")
        self.assertRaises(eml.EmlStateError, tiny().generate, "a text")

    def test_parity(self):
        model = tiny()
        self.assertEqual(model.check_parity({"tokens": PROMPT, "greedy": GREEDY}), (True, 0.0, None, None))
        found = model.check_parity(json.dumps({"tokens": PROMPT, "greedy": [115, 44, 45]}))
        self.assertEqual((found.is_right, found.differing_index, found.differing_token), (False, 2, 44))
        logits = model.session().read(PROMPT)
        logits[7] += 0.25
        found = model.check_parity({"tokens": PROMPT, "logits": logits})
        self.assertEqual((found.is_right, found.largest_deviation), (False, 0.25))
        self.assertRaises(eml.EmlFormatError, model.check_parity, "{}")

    def test_refusals(self):
        self.assertRaises(eml.EmlIoError, eml.LanguageModel.load, "/nonexistent/a.safetensors")
        self.assertRaises(eml.EmlFormatError, eml.LanguageModel.from_bytes, b"rubbish")
        data = tiny().to_bytes()
        for size in range(0, len(data), 30011):
            self.assertRaises(eml.EmlError, eml.LanguageModel.from_bytes, data[:size])
        self.assertRaises(eml.EmlFormatError, eml.LanguageModel.load, DATA / "tiny-b.f32.safetensors", config="{")
        model = tiny()
        self.assertRaises(eml.EmlArgumentError, model.session, 0)
        self.assertRaises(eml.EmlArgumentError, model.batch, 65)
        self.assertRaises(eml.EmlArgumentError, model.logits, [])
        self.assertRaises(eml.EmlArgumentError, model.logits, [1, 300])
        self.assertRaises(eml.EmlArgumentError, model.generate, [300])
        self.assertRaises(eml.EmlArgumentError, model.generate, PROMPT, temperature=-1)
        self.assertRaises(eml.EmlArgumentError, model.generate, PROMPT, stop="a")
        self.assertRaises(eml.EmlArgumentError, eml.log_probability, [0.0], 1)
        model.close()
        self.assertRaises(eml.EmlHandleError, model.session)


class TestSession(Case):
    def test_alone_and_together(self):
        model = tiny()
        tokens = [i * 7 % 300 for i in range(150)]  # more than one slice
        rows = model.logits(tokens, threads=2)
        session = model.session()
        model.close()  # the session goes on
        self.assertEqual([session.read([token]) for token in tokens], rows)
        self.assertEqual(session.position, 150)
        session.reset()
        self.assertEqual((session.position, session.read(tokens)), (0, rows[-1]))
        session.reset()
        seen = {}
        session.set_listener(lambda part, numbers: seen.setdefault(part, []).extend(numbers))
        self.assertEqual(session.embed(tokens), seen["final_norm"])
        self.assertEqual(len(seen), 2 + 2 * 3)
        self.assertEqual(len(seen["blocks.1.after_mlp"]), 150)

        def fail(_part, _numbers):
            raise KeyError("enough")

        session.set_listener(fail)
        self.assertRaises(KeyError, session.read, tokens)
        session.set_listener(None)
        session.reset()
        self.assertEqual(session.read(tokens), rows[-1])

    @needs_numpy
    def test_numpy(self):
        model = tiny()
        rows = model.logits(numpy.array(PROMPT))
        self.assertEqual((rows.dtype, rows.shape), (numpy.float32, (len(PROMPT), 300)))
        self.assertEqual(rows.tolist(), model.logits(PROMPT))
        self.assertEqual(model.session().read(numpy.array(PROMPT, dtype=numpy.int64)).tolist(), rows[-1].tolist())

    def test_generation(self):
        model = tiny(tokenizer=small_tokenizer())
        options = dict(max_tokens=40, temperature=1.3, top_k=200, top_p=0.98, min_p=1e-4, repetition_penalty=1.1)
        seen = []
        first = model.generate("the cat", seed=5, on_token=seen.append, **options)
        self.assertEqual(model.generate("the cat", seed=5, threads=2, **options), first)
        self.assertNotEqual(model.generate("the cat", seed=6, **options), first)
        self.assertEqual([token.id for token in seen], first.tokens)
        self.assertEqual(sum(token.log_probability for token in seen), first.log_probability)
        shown = "".join(token.text for token in seen)
        self.assertTrue(first.text.startswith(shown))
        self.assertEqual(model.tokenizer.decode(first.tokens), first.text)
        middle = first.text[len(first.text) // 2:][:3]
        stopped = model.generate("the cat", seed=5, stop=[middle, "nothing of the kind"], **options)
        self.assertEqual((stopped.end, stopped.text), ("stop_text", first.text[:first.text.index(middle)]))
        stopped = model.generate("the cat", seed=5, stop_tokens=first.tokens[7:8], **options)
        self.assertEqual((stopped.end, stopped.tokens), ("stop_token", first.tokens[:first.tokens.index(first.tokens[7])]))
        stopped = model.generate("the cat", seed=5, on_token=lambda token: token.id != first.tokens[0], **options)
        self.assertEqual((stopped.end, stopped.tokens), ("callback", first.tokens[:1]))

    def test_exceptions(self):
        session = tiny(tokenizer=small_tokenizer()).session()

        def fail(token):
            self.assertRaises(eml.EmlBusyError, session.reset)
            self.assertRaises(eml.EmlBusyError, session.close)
            raise KeyboardInterrupt

        self.assertRaises(KeyboardInterrupt, session.generate, "the", on_token=fail)
        self.assertGreater(len(session.generate("the", max_tokens=3).tokens), 0)

    def test_evaluation(self):
        model = tiny(tokenizer=small_tokenizer())
        text = "the cat sat on the mat " * 5
        score = model.evaluate(text, threads=2)
        self.assertEqual(score.bytes, len(text))
        self.assertAlmostEqual(score.bits_per_byte, score.nats / math.log(2) / len(text), places=12)
        tokens = model.tokenizer.encode(text)
        self.assertEqual(model.evaluate(tokens, bos=296, byte_lengths=model.tokenizer.byte_lengths()), score)
        self.assertEqual(model.evaluate(tokens, bos=296).bytes, len(tokens))
        self.assertRaises(eml.EmlArgumentError, model.evaluate, tokens)
        self.assertRaises(eml.EmlArgumentError, model.evaluate, tokens, bos=296, byte_lengths=[1])
        self.assertRaises(eml.EmlArgumentError, model.evaluate, text, bos=296)
        self.assertRaises(eml.EmlStateError, tiny().evaluate, text)

    def test_batch(self):
        model = tiny()
        with model.batch(3, threads=2) as batch:
            sessions = [model.session() for _ in range(3)]
            for i, session in enumerate(sessions):
                self.assertEqual(batch.read(i, PROMPT[:i + 1]), session.read(PROMPT[:i + 1]))
            for token in range(4):
                tokens = [token, token + 100, token + 200]
                self.assertEqual(batch.step(tokens), [session.read([each]) for session, each in zip(sessions, tokens)])
            self.assertEqual(batch.position(2), 7)
            batch.reset(2)
            self.assertEqual(batch.position(2), 0)
            self.assertRaises(eml.EmlShapeError, batch.step, [1, 2])
            self.assertRaises(eml.EmlArgumentError, batch.step, [1, 2, 300])
            self.assertRaises(eml.EmlArgumentError, batch.read, 3, [1])
            self.assertRaises(eml.EmlArgumentError, batch.reset, 3)

    def test_threads_share_a_model(self):
        model = tiny()
        results = {}

        def work(name):
            results[name] = model.generate(PROMPT, max_tokens=40, seed=3)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(results), 4)
        self.assertEqual(len({tuple(each.tokens) for each in results.values()}), 1)

    def test_cancel(self):
        session, cancel = tiny().session(), eml.Cancel()
        times = {}

        def later():
            time.sleep(0.2)
            times["set"] = time.perf_counter()
            cancel.set()

        thread = threading.Thread(target=later)
        thread.start()
        tokens = array.array("i", [5]) * 1000000
        self.assertIsNone(session.read(tokens, cancel=cancel))
        print("a prefill returned %.1f ms after it was cancelled" % (1000 * (time.perf_counter() - times["set"])))
        thread.join()
        self.assertTrue(0 < session.position < 1000000)
        self.assertEqual(session.generate([1], cancel=cancel), ([], "", 0.0, "cancelled"))
        self.assertEqual(session.evaluate([1, 2], bos=0, cancel=cancel).tokens, 0)
        self.assertIsNone(tiny().batch(1).step([1], cancel=cancel))


if __name__ == "__main__":
    unittest.main()
