"""Names, metadata, scaling, events, copies and files of models."""
import copy
import os
import pickle
import tempfile
import unittest
from pathlib import Path

import eml
from eml import abi
from support import Case, golden, numbers, square_model

FORMATS = ("json", "safetensors", "protobuf")


def a_model():
    model = eml.EmlModel(4, 3, 2, profile="default")
    model.params = [((i * 7) % 11 - 5) / 3 for i in range(model.param_count)]
    model.metadata["unit"] = "µm"
    model.scaling = ([(1.0, 2.0), (0.5, 4.0), (0.0, 1.0)], [(10.0, 0.5), (-3.0, 8.0)])
    return model


class TestState(Case):
    def test_profiles(self):
        self.assertEqual(eml.EmlModel(2, 1, 1).profile, "eml-core-0.1")
        self.assertEqual(eml.EmlModel(2, 1, 1, profile="default").profile, "default")
        self.assertEqual(eml.EmlModel(2, 1, 1, "default").profile, "default")

    def test_name(self):
        model = eml.EmlModel(2, 1, 1)
        self.assertEqual(model.name, "")
        for name in ("model", 'quoted "name" модель', "x" * 5000, ""):
            model.name = name
            self.assertEqual(model.name, name)

    def test_trained(self):
        model = eml.EmlModel(2, 1, 1)
        self.assertFalse(model.is_trained)
        model.mark_trained()
        self.assertTrue(model.is_trained)
        model.mark_trained(False)
        self.assertFalse(model.is_trained)

    def test_metadata(self):
        model = eml.EmlModel(2, 1, 1)
        self.assertNotIn("key", model.metadata)
        self.assertIsNone(model.metadata.get("key"))
        self.assertEqual(model.metadata.get("key", "default"), "default")
        with self.assertRaises(KeyError):
            model.metadata["key"]
        with self.assertRaises(KeyError):
            del model.metadata["key"]
        self.assertEqual((len(model.metadata), list(model.metadata)), (0, []))
        model.metadata["key"] = "größer " * 500
        model.metadata["other"] = ""
        self.assertEqual(model.metadata["key"], "größer " * 500)
        self.assertIn("other", model.metadata)
        self.assertEqual(model.metadata["other"], "")
        del model.metadata["key"]
        self.assertNotIn("key", model.metadata)
        model.metadata.update({"ü": "1", "a": "2", "B": "3"})
        self.assertEqual(list(model.metadata.items()), [("B", "3"), ("a", "2"), ("other", ""), ("ü", "1")])
        self.assertEqual((len(model.metadata), model.metadata.pop("a")), (4, "2"))
        for key in model.metadata:  # over the keys that there were
            del model.metadata[key]
        self.assertEqual(dict(model.metadata), {})

    def test_scaling(self):
        model = eml.EmlModel(2, 2, 1)
        self.assertIsNone(model.scaling)
        model.params = [i / 30 for i in range(26)]
        plain = model.predict([0.5, 0.25])
        model.scaling = ([(10.0, 0.25), (-1.0, 2.0)], [(100.0, 0.5)])
        self.assertEqual(model.scaling, eml.Scaling([(10.0, 0.25), (-1.0, 2.0)], [(100.0, 0.5)]))
        self.assertEqual(model.predict([12.0, -0.875]), [100.0 + plain[0] / 0.5])
        model.scaling = None
        self.assertIsNone(model.scaling)
        self.assertEqual(model.predict([0.5, 0.25]), plain)
        model.record([[1.0, -4.0], [3.0, 4.0]], [5.0, 7.0])
        model.fit_scaling()
        self.assertEqual(model.scaling, ([(1.0, 0.5), (-4.0, 0.125)], [(5.0, 0.5)]))
        with self.assertRaises(eml.EmlShapeError):
            model.scaling = ([(0.0, 1.0)], [(0.0, 1.0)])

    def test_repr(self):
        model = eml.EmlModel(3, 2, 1)
        self.assertEqual(repr(model), "<eml.EmlModel depth=3 inputs=2 heads=1 profile='eml-core-0.1' trained=False>")
        self.assertEqual(repr(eml.SafeTree(1, 2, 3)), "<eml.SafeTree depth=1 inputs=2 heads=3>")
        self.assertEqual(repr(eml.EmlTree(2, 4)), "eml.EmlTree(depth=2, inputs=4)")
        model.close()
        self.assertEqual(repr(model), "<eml.EmlModel closed>")

    def test_reset(self):
        model = square_model(60)
        model.params = [0.5] * model.param_count
        model.mark_trained()
        model.reset("because")
        self.assertEqual((model.is_trained, model.training_sample_count), (False, 60))
        self.assertEqual(model.params, [0.0] * model.param_count)
        self.assertEqual(model.drain_events(), [{"Reset": {"model_name": "eml_d4x2x1", "reason": "because"}}])

    def test_clear_samples(self):
        model = square_model(60)
        model.clear_samples()
        self.assertEqual(model.training_sample_count, 0)


class TestEvents(Case):
    EVENTS = [
        {"Trained": {"model_name": "m", "samples_used": 2**63, "mse_before": 1.5, "mse_after": 0.25, "converged": True,
                     "param_count": 26}},
        {"Prediction": {"model_name": "m", "inputs_hash": "ab12", "output": [0.5, 1e-7]}},
        {"Prediction": {"model_name": "m", "inputs_hash": "", "output": []}},
        {"Drift": {"model_name": "m", "predicted": 1.0, "actual": 1.5, "drift_pct": 50.0}},
        {"Saved": {"model_name": "m", "path": "päth", "param_count": 26}},
        {"Loaded": {"model_name": "m", "path": "path", "trained": False, "samples": 3}},
        {"Reset": {"model_name": "", "reason": 'said "no"'}},
    ]

    def test_round_trip(self):
        model = eml.EmlModel(2, 1, 1)
        for event in self.EVENTS:
            model.push_event(event)
        self.assertEqual(model.pending_event_count, len(self.EVENTS))
        self.assertEqual(model.drain_events(), self.EVENTS)
        self.assertEqual(model.drain_events(), [])
        self.assertEqual(model.drain_events_bytes(), b"[]")

    def test_default_name(self):
        model = eml.EmlModel(2, 1, 1)
        model.name = "its name"
        model.push_event({"Reset": {"reason": ""}})
        self.assertEqual(model.drain_events(), [{"Reset": {"model_name": "its name", "reason": ""}}])

    def test_many(self):
        model = eml.EmlModel(2, 1, 1)
        for number in range(1000):
            model.push_event({"Reset": {"reason": str(number)}})
        self.assertEqual([event["Reset"]["reason"] for event in model.drain_events()], [str(n) for n in range(1000)])

    def test_protobuf(self):
        model = eml.EmlModel(2, 1, 1)
        self.assertEqual(model.drain_events_bytes("protobuf"), b"")
        model.push_event(self.EVENTS[4])
        data = model.drain_events_bytes("protobuf")
        self.assertIn("päth".encode(), data)
        self.assertEqual(model.pending_event_count, 0)

    def test_refusals(self):
        model = eml.EmlModel(2, 1, 1)
        for wrong in ({}, [], {"Nonesuch": {}}, {"Reset": 1}, {"Reset": {}}, {"Reset": {"reason": "", "more": 1}},
                      {"Saved": {"path": "", "param_count": -1}}):
            with self.assertRaises(eml.EmlArgumentError):
                model.push_event(wrong)
        for wrong in ({"Reset": {"reason": 1}}, {"Saved": {"path": "", "param_count": "1"}},
                      {"Drift": {"predicted": "x", "actual": 1, "drift_pct": 1}},
                      {"Prediction": {"inputs_hash": "", "output": 3}}):
            with self.assertRaises(eml.EmlTypeError):
                model.push_event(wrong)
        self.assertEqual(model.pending_event_count, 0)

    def test_sink(self):
        model = eml.EmlModel(2, 1, 1)
        received = []
        model.set_event_sink(received.append)
        for event in self.EVENTS:
            model.push_event(event)
        self.assertEqual(received, self.EVENTS)
        self.assertEqual(model.pending_event_count, len(self.EVENTS))
        model.push_event({"Drift": {"model_name": "", "predicted": float("nan"), "actual": 1, "drift_pct": 1}})
        self.assertNotEqual(received[-1]["Drift"]["predicted"], received[-1]["Drift"]["predicted"])
        model.set_event_sink(None)
        model.push_event(self.EVENTS[0])
        self.assertEqual(len(received), len(self.EVENTS) + 1)

    def test_event_types(self):
        self.assertEqual([eml.event_type(event) for event in self.EVENTS],
                         ["eml.trained", "eml.prediction", "eml.prediction", "eml.drift", "eml.saved", "eml.loaded",
                          "eml.reset"])


class TestCopies(Case):
    def same(self, one, other, x):
        self.assertIs(type(one), type(other))
        self.assertBits(other.params, one.params)
        self.assertBits(other.predict(x), one.predict(x))

    def test_copy(self):
        model = square_model(60)
        model.name = "original"
        model.metadata["key"] = "value"
        model.push_event({"Reset": {"reason": "x"}})
        for other in (model.copy(), copy.copy(model), copy.deepcopy(model)):
            self.same(model, other, [0.5, 0.5])
            self.assertEqual((other.name, other.metadata["key"], other.training_sample_count,
                              other.pending_event_count), ("original", "value", 60, 1))
            other.params = [1.0] * other.param_count
            other.name = "copy"
        self.assertEqual(model.name, "original")
        self.assertEqual(model.params, [0.0] * model.param_count)

    def test_pickle(self):
        class_level = a_model()
        class_level.name = "pickled"
        again = pickle.loads(pickle.dumps(class_level))
        self.same(class_level, again, [0.5, 0.5, 0.5])
        self.assertEqual((again.name, again.profile, again.scaling, again.metadata["unit"]),
                         ("pickled", "default", class_level.scaling, "µm"))
        tree = eml.SafeTree(2, 2, 2)
        tree.params = [i / 7 for i in range(tree.param_count)]
        self.same(tree, pickle.loads(pickle.dumps(tree)), [0.5, 0.25])
        self.same(tree, copy.copy(tree), [0.5, 0.25])

    def test_formats(self):
        for case in golden("model")["cases"][::12]:
            model = eml.EmlModel.from_json(case["json"])
            for format in FORMATS:
                data = model.to_bytes(format)
                for given in (data, bytearray(data), memoryview(b"  " + data)[2:]):
                    again = eml.EmlModel.from_bytes(given)
                    self.assertEqual(again.to_json(), case["json"])
                    self.assertEqual(again.to_bytes(format), data)
                self.assertEqual(eml.EmlModel.from_bytes(data, format).to_json(), case["json"])

    def test_formats_keep_everything(self):
        model = a_model()
        for format in FORMATS:
            with self.subTest(format):
                again = eml.EmlModel.from_bytes(model.to_bytes(format), format)
                self.same(model, again, [0.5, 0.5, 0.5])
                self.assertEqual((again.profile, again.scaling, again.metadata["unit"]),
                                 ("default", model.scaling, "µm"))

    def test_safetree_formats(self):
        for case in golden("safetree")["cases"][::5]:
            tree = eml.SafeTree(case["depth"], case["inputs"], case["heads"])
            tree.params = [float(i) / 7 for i in range(tree.param_count)]
            for format in FORMATS + ("browser",):
                data = tree.to_bytes(format)
                again = eml.SafeTree.from_bytes(data)
                self.assertEqual(again.to_json(), tree.to_json())
                self.assertEqual(again.to_bytes(format), data)
            x = numbers(case["xs"])[0]
            self.assertBits(pickle.loads(pickle.dumps(tree)).predict(x, allow_nonfinite=True),
                            tree.predict(x, allow_nonfinite=True))

    def test_large_export(self):
        """Larger than the first buffer of the two-call form."""
        tree = eml.SafeTree(0, 999, 1)
        tree.params = [i / 7 for i in range(1000)]
        self.assertEqual(eml.SafeTree.from_json(tree.to_json()).params, tree.params)
        self.assertEqual(eml.SafeTree.from_bytes(tree.to_bytes("safetensors")).params, tree.params)

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            model, tree = a_model(), eml.SafeTree(2, 2, 2)
            tree.params = [i / 7 for i in range(tree.param_count)]
            for kind, thing, extensions in ((eml.EmlModel, model, (".json", ".safetensors", ".pb")),
                                            (eml.SafeTree, tree, (".json", ".safetensors", ".pb", ".browser.json"))):
                for extension in extensions:
                    path = Path(folder) / ("münze" + extension)
                    thing.save(path)
                    for given in (path, str(path), os.fsencode(path)):
                        self.assertEqual(kind.load(given).to_json(), thing.to_json())
            path = os.path.join(folder, "no extension")
            model.save(path, "safetensors")
            self.assertEqual(Path(path).read_bytes(), model.to_bytes("safetensors"))
            self.assertEqual(eml.EmlModel.load(path, "safetensors").to_json(), model.to_json())
            model.drain_events()
            model.save(path, "json")
            self.assertEqual(model.drain_events(),
                             [{"Saved": {"model_name": "eml_d4x3x2", "path": path, "param_count": model.param_count}}])
            (event,) = eml.EmlModel.load(path).drain_events()
            self.assertEqual((event["Loaded"]["path"], event["Loaded"]["samples"]), (path, 0))

    def test_subclass(self):
        class Named(eml.EmlModel):
            pass

        self.assertIs(type(Named(2, 1, 1).copy()), Named)
        self.assertIs(type(Named.from_json(Named(2, 1, 1).to_json())), Named)


class TestLibrary(Case):
    def test_version(self):
        self.assertEqual(eml.version(), abi.EML_VERSION_STRING)
        self.assertEqual(eml.__version__, eml.version())
        info = eml.build_info()
        self.assertEqual(info["version"], eml.version())
        self.assertLessEqual({"commit", "rid", "isa", "vector_bits", "runtime"}, set(info))
        self.assertTrue(eml.library_path())

    def test_log(self):
        lines = []
        eml.set_log(lambda level, text: lines.append((level, text)))
        try:
            with self.assertRaises(eml.EmlFormatError) as caught:
                eml.EmlModel.from_json("{")
        finally:
            eml.set_log(None)
        self.assertTrue(any(level == 1 and caught.exception.message in text for level, text in lines), lines)
        count = len(lines)
        with self.assertRaises(eml.EmlFormatError):
            eml.EmlModel.from_json("{")
        self.assertEqual(len(lines), count)

    def test_public_names(self):
        for name in eml.__all__:
            self.assertTrue(hasattr(eml, name), name)


if __name__ == "__main__":
    unittest.main()
