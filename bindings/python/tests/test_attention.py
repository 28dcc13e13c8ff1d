"""Attention blocks: eml-core's recorded results bit for bit, and the default profile's block."""
import copy
import hashlib
import pickle
import signal
import tempfile
import threading
import unittest
from array import array
from pathlib import Path

import eml
from eml import abi
from support import Case, golden, needs_numpy, numbers

SETTINGS = ("trials", "step_init", "step_final", "max_samples", "eval_subset", "convergence_mse", "seed")


def toy(case, name=None):
    return eml.ToyEmlAttention(case["name"] if name is None else name, case["d_model"], case["d_k"], case["seq_len"],
                               case["depth"])


def baseline(case):
    return eml.BaselineAttention(case["name"], case["d_model"], case["d_k"], case["seq_len"])


def all_kinds():
    return [eml.ToyEmlAttention("toy", 4, 2, 2, 3), eml.BaselineAttention("baseline", 4, 2, 2),
            eml.EmlAttention(4, 2, d_k=2, heads=2, nodes=3, positional=True)]


def means(rows):
    x = [[(7 * i + 3 * k) % 17 / 17 - 0.4 for k in range(8)] for i in range(rows)]
    return x, [[sum(each[:4]) / 4] * 4 + [sum(each[4:]) / 4] * 4 for each in x]


class TestGolden(Case):
    def expect_json(self, text, recorded):
        data = text.encode("utf-8")
        self.assertEqual((len(data), hashlib.sha256(data).hexdigest()), (recorded["len"], recorded["sha256"]))

    def expect_answers(self, block, case):
        for x, y in zip(case["inputs"], case["outputs"]):
            self.assertBits(block.forward(numbers(x), allow_nonfinite=True), numbers(y))

    def test_new_blocks(self):
        for file, make in (("attention", toy), ("baseline_attention", baseline)):
            for case in golden(file)["init"]:
                with self.subTest(case["name"]):
                    block = make(case)
                    self.assertEqual(block.param_count, case["param_count"])
                    self.expect_json(block.to_json(), case["json"])
                    self.expect_answers(block, case)

    def test_read_blocks(self):
        for case in golden("attention")["loaded"]:
            block = eml.ToyEmlAttention.from_json(case["json"])
            self.assertEqual((block.to_json(), block.is_trained), (case["json"], case["trained"]))
            self.expect_answers(block, case)

    def test_training(self):
        for file, make in (("attention", toy), ("baseline_attention", baseline)):
            for case in golden(file)["training"]:
                with self.subTest("%s %s" % (file, case["name"])):
                    block = make(case)
                    if case["record_inputs"]:
                        block.record(numbers(case["record_inputs"]), numbers(case["record_targets"]))
                    for number, wanted in enumerate(case["rounds"], 1):
                        mse = block.train_end_to_end(**{name: case["config"][name] for name in SETTINGS})
                        self.assertBits(mse, float(wanted["mse"]))
                        self.assertEqual((block.last_accepts, block.buffer_len, block.is_trained, block.training_rounds),
                                         (wanted["accepts"], wanted["buffer_len"], wanted["is_trained"], number))
                        self.expect_json(block.to_json(), wanted["json"])
                        self.assertEqual(block.drain_events(), wanted.get("events", []))
                    self.expect_answers(block, case)

    def test_reports(self):
        for case in golden("attention")["benchmark"]:
            found = eml.run_attention_benchmark(case["d_model"], case["d_k"], case["seq_len"], case["depth"], case["trials"])
            self.assertEqual(list(found), case["serialized_field_order"])
            for key in ("param_count", "phase2_baseline_mse", "phase2_final_mse", "phase2_converged"):
                self.assertEqual(found[key], case[key])
        for case in golden("baseline_attention")["compare"]:
            found = eml.compare_eml_vs_baseline(*case["shape"], rounds=case["rounds"], **case["config"])
            self.assertEqual(list(found), case["serialized_field_order"])
            for key in ("eml_baseline_mse", "eml_final_mse", "baseline_final_mse", "baseline_mse_reduction"):
                self.assertEqual(found[key], case[key])

    def test_refusals(self):
        errors = golden("errors")
        for key, make in (("toy_attention_new", toy), ("baseline_attention_new", baseline)):
            for case in errors[key]:
                case = dict(case, name="t")
                if case["error"] is None:
                    make(case).close()
                else:
                    with self.assertRaises(eml.EmlArgumentError) as caught:
                        make(case)
                    self.assertIn(case["error"], str(caught.exception))


class TestBlocks(Case):
    def test_properties(self):
        for block in all_kinds():
            self.assertEqual((block.d_model, block.d_k, block.seq_len), (4, 2, 2))
            self.assertEqual(len(block.params), block.param_count)
            self.assertFalse(block.is_trained)
            block.mark_trained()
            self.assertTrue(block.is_trained)
            self.assertIn("d_model=4 d_k=2 seq_len=2 trained=True", repr(block))
        self.assertEqual(eml.ToyEmlAttention("named", 4, 2, 2, 5).depth, 5)
        self.assertEqual(eml.ToyEmlAttention("named", 4, 2, 2, 5).name, "named")
        ours = eml.EmlAttention(6, 3, heads=3, nodes=0, residual=False, name="ours")
        self.assertEqual((ours.d_k, ours.heads, ours.nodes, ours.positional, ours.residual, ours.name),
                         (6, 3, 0, False, False, "ours"))

    def test_shapes_of_sequences(self):
        x, y = means(3)
        nested = [[each[:4], each[4:]] for each in x]
        for block in all_kinds():
            block.record(x[0], y[0])
            block.record(nested[0], y[0])
            block.record(nested, y)
            self.assertEqual(block.training_sample_count, 5)
            one, many = block.forward(x[0]), block.forward(x)
            self.assertEqual(block.forward(nested[0]), [one[:4], one[4:]])
            self.assertEqual(many[0], one)
            self.assertEqual(block.forward(nested), [[each[:4], each[4:]] for each in many])
            self.assertEqual(block.forward(array("d", x[0])), one)
            out = array("d", bytes(64))
            self.assertIs(block.forward(x[0], out=out), out)
            self.assertEqual(list(out), one)
            for wrong in ([1.0] * 7, [[1.0] * 4] * 3, 1.0, [[[1.0] * 4]]):
                with self.assertRaises(eml.EmlShapeError):
                    block.forward(wrong)
            with self.assertRaises(eml.EmlShapeError):
                block.record(x, y[0])
            with self.assertRaises(eml.EmlNonFiniteError):
                block.forward([float("nan")] * 8)
            block.clear_samples()
            self.assertEqual(block.training_sample_count, 0)

    @needs_numpy
    def test_numpy(self):
        import numpy

        for block in all_kinds():
            x = numpy.linspace(-1, 1, 24).reshape(3, 2, 4)
            block.record(x, x)
            answer = block.forward(x)
            self.assertEqual(answer.shape, (3, 2, 4))
            self.assertEqual(answer.ravel().tolist(), [n for row in block.forward(x.reshape(3, 8).tolist()) for n in row])

    def test_training_of_the_default_profile(self):
        block = eml.EmlAttention(4, 2, nodes=4)
        with self.assertRaises(eml.EmlStateError):
            block.train()
        block.record(*means(24))
        phases = set()
        self.assertTrue(block.train(progress=lambda now: phases.add(now.phase), max_evaluations=3000, seed=1))
        done = block.last_training
        self.assertTrue(done.converged and not done.cancelled and done.mse_after < done.mse_before)
        self.assertEqual(block.loss(), done.mse_after)
        self.assertLessEqual(phases, {"alignment", "refinement"})
        self.assertEqual([list(event) for event in block.drain_events()], [["Trained"]])

    def test_stopping(self):
        class Enough(Exception):
            pass

        def stop(_now):
            raise Enough

        token = eml.Cancel()
        token.set()
        for block in all_kinds():
            block.record(*means(24))
            train = getattr(block, "train_end_to_end", None) or block.train
            train(cancel=token)
            self.assertTrue(block.last_training.cancelled)
        block = all_kinds()[0]
        block.record(*means(24))
        with self.assertRaises(Enough):
            block.train_end_to_end(trials=2**62, progress=stop)
        other = eml.Cancel()
        timer = threading.Timer(0.05, other.set)
        timer.start()
        self.assertLess(block.train_end_to_end(trials=2**62, cancel=other), float("inf"))
        timer.join()
        self.assertTrue(block.last_training.cancelled)
        self.assertIsNone(eml.run_attention_benchmark(4, 2, 2, 3, cancel=token))
        self.assertIsNone(eml.compare_eml_vs_baseline(4, 2, 2, 3, cancel=token))
        with self.assertRaises(Enough):
            eml.compare_eml_vs_baseline(4, 2, 2, 3, progress=stop)
        with self.assertRaises(TypeError):
            eml.compare_eml_vs_baseline(4, 2, 2, 3, steps=1)
        with self.assertRaises(eml.EmlArgumentError):
            block.train_end_to_end(trials=-1)

    def test_keyboard_interrupt(self):
        """Ctrl-C while the library computes a report, with and without callbacks; a token of the caller's stays in use."""
        token = eml.Cancel()
        runs = [lambda: eml.run_attention_benchmark(8, 4, 4, 3, trials=2**62),
                lambda: eml.run_attention_benchmark(8, 4, 4, 3, trials=2**62, cancel=token),
                lambda: eml.compare_eml_vs_baseline(8, 4, 4, 3, trials=2**62)]
        main = threading.get_ident()
        for run in runs:
            previous = signal.signal(signal.SIGINT, signal.default_int_handler)
            timer = threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGINT))
            timer.start()
            caught = []
            try:
                run()
            except KeyboardInterrupt as error:
                caught.append(error)
            finally:
                timer.join()
                signal.signal(signal.SIGINT, previous)
            self.assertEqual(len(caught), 1)
        self.assertTrue(token.is_set())
        with self.assertRaises(eml.EmlArgumentError):
            eml.run_attention_benchmark(8, 9, 4, 3)

    def test_audit(self):
        with tempfile.TemporaryDirectory() as folder:
            for block in all_kinds():
                path = Path(folder) / (type(block).__name__ + ".log")
                block.record(*means(12))
                if isinstance(block, eml.EmlAttention):
                    block.train(max_evaluations=1000, audit=path)
                else:
                    block.train_end_to_end(trials=200, audit=path)
                report = block.verify_audit(path)
                self.assertTrue(report.ok, report)
                self.assertEqual((report.moves, report.loss), (block.last_training.accepted, block.last_training.mse_after))
                log = bytearray(path.read_bytes())
                log[len(log) // 2] ^= 1
                self.assertFalse(block.verify_audit(bytes(log)).ok)

    def test_files_and_copies(self):
        x = means(1)[0][0]
        with tempfile.TemporaryDirectory() as folder:
            for block in all_kinds():
                block.name = "kept"
                block.params = [((i * 7) % 11 - 5) / 30 for i in range(block.param_count)]
                for extension in (".json", ".safetensors", ".pb"):
                    path = Path(folder) / ("block" + extension)
                    block.save(path)
                    with type(block).load(path) as same:
                        self.assertEqual((same.forward(x), same.name), (block.forward(x), "kept"))
                        self.assertEqual(list(same.drain_events()[0]), ["Loaded"])
                for same in (block.copy(), copy.deepcopy(block), pickle.loads(pickle.dumps(block)),
                             type(block).from_json(block.to_json())):
                    self.assertEqual(same.forward(x), block.forward(x))
                    self.assertEqual(same.name, "kept")
        with self.assertRaises(eml.EmlFormatError) as caught:
            eml.BaselineAttention.from_json(all_kinds()[0].to_json())
        self.assertEqual(caught.exception.sub_code, abi.EML_F_KIND)

    def test_events(self):
        for block in all_kinds():
            seen = []
            block.set_event_sink(seen.append)
            block.push_event({"Reset": {"reason": "none"}})
            self.assertEqual(seen, [{"Reset": {"model_name": block.name, "reason": "none"}}])
            self.assertEqual(block.pending_event_count, 1)
            self.assertEqual(block.drain_events(), seen)
            block.set_event_sink(None)
            block.push_event({"Reset": {"reason": "none"}})
            self.assertEqual(len(seen), 1)

    def test_closing(self):
        with all_kinds()[0] as block:
            pass
        self.assertTrue(block.closed)
        self.assertEqual(repr(block), "<eml.ToyEmlAttention closed>")
        with self.assertRaises(eml.EmlHandleError):
            block.forward([0.0] * 8)


if __name__ == "__main__":
    unittest.main()
