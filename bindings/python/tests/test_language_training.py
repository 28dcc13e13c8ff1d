"""Training of language models: golden losses, folders of tokens, stopping and going on, exceptions, refusals."""
import json
import tempfile
import unittest
from pathlib import Path

import eml
from support import REPOSITORY, Case, needs_numpy, numpy

DATA = REPOSITORY / "tests" / "data" / "lm"
GOLDEN = json.loads((DATA / "tiny-b.json").read_text(encoding="utf-8"))
TRAIN = GOLDEN["train"]
CONFIG = {"vocab_size": 300, "n_layer": 2, "n_embd": 32, "n_head": 1, "n_kv_head": 1, "head_dim": 32, "hidden_dim": 64, "sequence_len": 16,
          "window_pattern": "SL", "activation": "eml"}
PLAN = {"batch_tokens": 64, "validation_every": 4, "validation_tokens": 64}


def tiny(variant="f32"):
    config = {name: value for name, value in GOLDEN["config"].items() if name != "window_sizes"}
    return eml.LanguageModel.load(DATA / ("tiny-b.%s.safetensors" % variant), config=config)


def trainer(seed=3, **options):
    return eml.LanguageTrainer(eml.LanguageModel.create(CONFIG, seed), **options)


class TestLanguageTrainer(Case):
    def test_golden_losses(self):
        for golden in TRAIN["adamw"]:
            wanted = golden["loss_before_each_step"] + [golden["loss_after_last"]]
            with eml.LanguageTrainer(tiny(), threads=2) as one:
                for step, expected in enumerate(wanted):
                    each = one.losses(TRAIN["inputs"], TRAIN["targets"])
                    loss = one.step(TRAIN["inputs"], TRAIN["targets"], golden["lr_multiplier"])
                    self.assertLessEqual(abs(loss - expected), 2e-4, "step %d" % step)
                    self.assertAlmostEqual(sum(map(sum, each)) / 30, loss, 6)
                self.assertEqual((one.steps, one.sequence_len, one.seconds), (6, 16, 0.0))
                self.assertGreater(one.nbytes, 16 * one.parameters)
                self.assertEqual(len(one.k), 3)

    @needs_numpy
    def test_numpy_rows(self):
        inputs, targets = numpy.array(TRAIN["inputs"]), numpy.array(TRAIN["targets"])
        with eml.LanguageTrainer(tiny()) as one, eml.LanguageTrainer(tiny()) as two:
            losses = one.losses(inputs, targets)
            self.assertEqual(losses.shape, (2, 16))
            self.assertEqual(losses.tolist(), two.losses(TRAIN["inputs"], TRAIN["targets"]))
            self.assertEqual(one.step(inputs, targets), two.step(TRAIN["inputs"], TRAIN["targets"]))

    def test_stop_and_go_on(self):
        for optimizer in ("adamw", "muon"):
            with tempfile.TemporaryDirectory() as folder:
                steps = []
                with trainer(optimizer=optimizer) as whole:
                    result = whole.run(DATA / "tokens", steps=10, on_step=steps.append, **PLAN)
                    expected = whole.model.to_bytes()
                self.assertEqual((result.done, result.steps, len(steps)), (True, 10, 10))
                self.assertLess(steps[-1].loss, steps[0].loss)
                self.assertEqual([step.step for step in steps if step.bits_per_byte is not None], [4, 8, 10])
                self.assertEqual(steps[-1].bits_per_byte, result.bits_per_byte)
                with trainer(optimizer=optimizer, threads=2) as first:
                    stopped = first.run(DATA / "tokens", steps=10, on_step=lambda step: step.step < 6, **PLAN)
                    self.assertEqual((stopped.done, stopped.steps), (False, 6))
                    first.save(Path(folder) / "state.safetensors")
                with trainer(seed=9, optimizer=optimizer) as second:
                    second.load(Path(folder) / "state.safetensors")
                    self.assertEqual(second.steps, 6)
                    self.assertTrue(second.run(DATA / "tokens", steps=10, **PLAN).done)
                    self.assertEqual(second.model.to_bytes(), expected)

    def test_the_model_speaks(self):
        tokenizer = eml.Tokenizer.load(DATA / "tokens" / "tokenizer.json")
        start = eml.LanguageModel.create(json.dumps(CONFIG), 3, tokenizer)
        before = start.to_bytes()
        with eml.LanguageTrainer(start, weights="bf16", softplus_k=True, largest_k=0.9, rate=0.5) as one:
            one.run(DATA / "tokens", seconds=0.2, **PLAN)
            self.assertGreater(one.steps, 0)
            self.assertTrue(all(k <= 0.9 for k in one.k))
            model = one.model
        self.assertEqual(start.to_bytes(), before)
        self.assertEqual(model.quantize("bf16").quantize("f32").to_bytes(), model.to_bytes())
        self.assertTrue(model.generate("the", max_tokens=8, seed=1).tokens)

    def test_exceptions_of_the_callback(self):
        class Told(Exception):
            pass

        def tell(step):
            raise Told

        with trainer() as one:
            with self.assertRaises(Told):
                one.run(DATA / "tokens", steps=5, on_step=tell, **PLAN)
            self.assertEqual(one.steps, 1)
            cancel = eml.Cancel()
            cancel.set()
            self.assertFalse(one.run(DATA / "tokens", steps=5, cancel=cancel, **PLAN).done)
            self.assertIsNone(one.step(TRAIN["inputs"], TRAIN["targets"], cancel=cancel))
            self.assertEqual(one.steps, 1)

    def test_refusals(self):
        with self.assertRaisesRegex(eml.EmlUnsupportedError, "convert the model to F32"):
            eml.LanguageTrainer(tiny("int8"))
        with self.assertRaisesRegex(eml.EmlArgumentError, "adamw, muon"):
            trainer(optimizer="sgd")
        with self.assertRaisesRegex(eml.EmlTypeError, "must be an eml.LanguageModel"):
            eml.LanguageTrainer("model")
        with self.assertRaisesRegex(eml.EmlFormatError, "window_pattern"):
            eml.LanguageModel.create({name: value for name, value in CONFIG.items() if name != "window_pattern"})
        with trainer() as one:
            with self.assertRaisesRegex(eml.EmlShapeError, "whole rows of 16"):
                one.step([1, 2, 3], [1, 2, 3])
            with self.assertRaisesRegex(eml.EmlArgumentError, "steps or seconds"):
                one.run(DATA / "tokens")
            with self.assertRaises(eml.EmlIoError):
                one.run(DATA / "nowhere", steps=1)
            with self.assertRaises(eml.EmlArgumentError):
                one.step([[300] * 16], [[1] * 16])
            self.assertEqual(one.steps, 0)
        self.assertTrue(one.closed)


if __name__ == "__main__":
    unittest.main()
