"""eml-core's recorded results, through Python, bit for bit."""
import json
import struct
import unittest

import eml
from eml import abi
from support import Case, golden, numbers


class TestOperators(Case):
    def test_operators(self):
        for case in golden("operators")["cases"]:
            with self.subTest(case["op"]):
                function = getattr(eml, case["op"])
                names = ("a", "b", "c") if case["op"] == "softmax3" else ("x", "y")
                columns = [numbers(case[name]) for name in names]
                results = ("alpha", "beta", "gamma") if case["op"] == "softmax3" else ("out",)
                expected = [numbers(case[name]) for name in results]
                if len(results) == 1:
                    self.assertBits(function(*columns), expected[0])
                    self.assertBits([function(*row) for row in zip(*columns)], expected[0])
                else:
                    self.assertBits(function(*columns), expected)
                    self.assertBits([function(*row) for row in zip(*columns)], list(zip(*expected)))


class TestEmlTree(Case):
    def test_tree(self):
        for case in golden("tree")["cases"]:
            tree = eml.EmlTree(case["depth"], case["input_count"])
            self.assertEqual(tree.param_count, case["param_count"])
            params, inputs, outputs = (numbers(case[key]) for key in ("params", "inputs", "outputs"))
            self.assertBits(tree.evaluate(params, inputs, allow_nonfinite=True), outputs)
            self.assertBits(tree.evaluate(params, inputs[0]), outputs[0])


class TestEmlModel(Case):
    def check_model(self, case):
        model = eml.EmlModel(case["depth"], case["input_count"], case["head_count"])
        self.assertEqual((model.depth, model.input_count, model.head_count),
                         (case["depth"], case["input_count"], case["head_count"]))
        params, inputs, outputs = (numbers(case[key]) for key in ("params", "inputs", "outputs"))
        model.set_params(params, allow_nonfinite=True)
        model.mark_trained(case.get("trained", False))
        self.assertBits(model.params, params)
        self.assertBits(model.predict(inputs, allow_nonfinite=True), outputs)
        self.assertBits([model.predict(row, allow_nonfinite=True) for row in inputs], outputs)
        self.assertBits(model.predict_primary(inputs, allow_nonfinite=True), [row[0] for row in outputs])
        self.assertBits(model.predict_primary(inputs[0], allow_nonfinite=True), outputs[0][0])
        self.assertEqual(model.to_json(), case["json"])
        return model

    def test_models(self):
        for case in golden("model")["cases"]:
            model = self.check_model(case)
            self.assertEqual(model.param_count, case["param_count"])
            again = eml.EmlModel.from_json(case["json"])
            self.assertEqual(again.to_json(), case["json"])
            self.assertEqual(again.is_trained, case["trained"])
            self.assertBits(again.params, numbers(case["params"]))

    def test_special_parameters(self):
        for case in golden("model")["special"]:
            with self.subTest(case["name"]):
                self.check_model(case)
                if case.get("from_json_ok", True):
                    self.assertEqual(eml.EmlModel.from_json(case["json"]).to_json(), case["json"])
                else:
                    with self.assertRaises(eml.EmlNonFiniteError):
                        eml.EmlModel.from_json(case["json"])

    def test_trainings(self):
        for case in golden("model_training")["cases"]:
            with self.subTest(case["name"]):
                model = eml.EmlModel(case["depth"], case["input_count"], case["head_count"])
                if case["init_params"] is not None:
                    model.params = numbers(case["init_params"])
                if case["model_name"] is not None:
                    model.name = case["model_name"]
                for step in case["steps"]:
                    self.check_step(model, step)
                self.assertBits(model.predict(numbers(case["inputs"])), numbers(case["outputs"]))

    def check_step(self, model, step):
        for x, y in zip(step["record_inputs"], step["record_targets"]):
            known = [None if each is None else float(each) for each in y]
            model.record(numbers(x), known, allow_nonfinite=True)
        self.assertEqual(model.train(), step["converged"])
        self.assertEqual(model.training_sample_count, step["sample_count_after"])
        self.assertEqual(model.is_trained, step["is_trained"])
        self.assertEqual(model.to_json(), step["json"])
        if step["mse_before"] is None:
            self.assertIsNone(model.last_training)
        else:
            self.assertBits([model.last_training.loss_before, model.last_training.loss_after],
                            [float(step["mse_before"]), float(step["mse_after"])])
        events = model.copy().drain_events()
        self.assertEqual([eml.event_type(event) for event in events], step["event_types"])
        self.assertEqual(events, json.loads(step["events_json"]))
        self.assertEqual(model.drain_events_bytes().decode("utf-8"), step["events_json"])
        self.assertEqual(model.pending_event_count, 0)

    def test_distillations(self):
        for number, case in enumerate(golden("distill")["cases"]):
            with self.subTest(number):
                teacher = eml.EmlModel.from_json(case["teacher_json"])
                self.assertBits(teacher.params, numbers(case["teacher_params"]))
                student = teacher.distill(case["target_depth"], case["num_samples"])
                self.assertEqual(student.to_json(), case["student_json"])
                self.assertEqual(student.training_sample_count, case["student_sample_count"])
                self.assertEqual(student.is_trained, case["student_is_trained"])
                self.assertEqual(student.name, case["student_model_name"])
                self.assertEqual(student.drain_events(), case["student_events"])
                self.assertBits(teacher.predict(case["inputs"]), case["teacher_outputs"])
                self.assertBits(student.predict(case["inputs"]), case["student_outputs"])


class TestSafeTree(Case):
    def test_safetree(self):
        for case in golden("safetree")["cases"]:
            tree = eml.SafeTree(case["depth"], case["inputs"], case["heads"])
            self.assertEqual((tree.depth, tree.input_count, tree.head_count, tree.param_count),
                             (case["depth"], case["inputs"], case["heads"], case["param_count"]))
            params, xs, outputs = (numbers(case[key]) for key in ("params", "xs", "outputs"))
            tree.set_params(params, allow_nonfinite=True)
            self.assertBits(tree.params, params)
            self.assertBits(tree.predict(xs, allow_nonfinite=True), outputs)
            self.assertBits([tree.predict(row, allow_nonfinite=True) for row in xs], outputs)
            self.assertEqual(tree.to_json(), case["json"])
            self.assertEqual(eml.SafeTree.from_json(case["json"]).to_json(), case["json"])


class TestNumbers(Case):
    def test_number_formats(self):
        """Every number goes through params, as bits, into JSON text and back."""
        cases = golden("float_format")["cases"]
        tree = eml.SafeTree(0, len(cases) - 1, 1)  # its parameters: a weight for each input, and one bias
        tree.params = [struct.unpack(">d", bytes.fromhex(bits))[0] for bits, _ in cases]
        text = tree.to_json()
        self.assertEqual(text[text.index("[") + 1:text.index("]")].split(","), [each for _, each in cases])
        self.assertEqual([struct.pack(">d", value).hex() for value in eml.SafeTree.from_json(text).params],
                         [bits for bits, _ in cases])

    def test_number_reading_is_exact(self):
        cases = golden("float_format")["peer_parse"]
        text = '{"depth":0,"inputs":%d,"heads":1,"params":[%s]}' % (len(cases) - 1, ",".join(row[0] for row in cases))
        params = eml.SafeTree.from_json(text).params
        self.assertEqual([struct.pack(">d", value).hex() for value in params], [row[2] for row in cases])


class TestTexts(Case):
    def test_persistence(self):
        for case in golden("persistence")["cases"]:
            with self.subTest(case["file"]):
                compact = case["compact"][len('{"%s":' % case["key"]):-1]
                pretty = case["pretty"][case["pretty"].index(":") + 1:-1]
                for text in (compact, pretty):
                    model = eml.EmlModel.from_json(text)
                    self.assertEqual(model.to_json(), compact)
                    self.assertEqual(model.is_trained, case["trained"])
                    self.assertBits(model.params, case["params"])
                    self.assertBits(model.predict(case["inputs"]), case["outputs"])

    def test_events(self):
        cases = golden("events")["cases"]
        model = eml.EmlModel(2, 1, 1)
        for case in cases:
            event = json.loads(case["json"])
            (body,) = event.values()
            body.update((key, float("nan")) for key, value in body.items() if value is None)
            self.assertEqual(eml.event_type(event), case["event_type"])
            self.assertEqual(body["model_name"], case["model_name"])
            model.push_event(event)
        self.assertEqual(model.pending_event_count, len(cases))
        self.assertEqual(model.drain_events_bytes().decode("utf-8"), "[%s]" % ",".join(case["json"] for case in cases))

    # What eml-core takes unchecked and libeml refuses, because it could not mean anything.
    STRICTER = ("depth out of range is not validated", "depth u64 max", "too few params are not validated",
                "too many params are not validated", "inconsistent shape is not validated")

    def test_from_json(self):
        refused = 0
        for case in golden("errors")["from_json"]:
            if case["type"] not in ("EmlModel", "SafeTree"):
                continue
            with self.subTest(type=case["type"], what=case["what"]):
                kind = getattr(eml, case["type"])
                if case["accepted"] and case["what"] not in self.STRICTER:
                    self.assertEqual(kind.from_json(case["text"]).to_json(), case["reserialized"])
                else:
                    refused += 1
                    # null is how eml-core prints a parameter that is not finite.
                    expected = eml.EmlNonFiniteError if case["what"] == "null in params" else eml.EmlFormatError
                    with self.assertRaises(expected) as caught:
                        kind.from_json(case["text"])
                    if expected is eml.EmlFormatError:
                        self.assertNotEqual(caught.exception.sub_code, abi.EML_F_NONE)
        self.assertGreater(refused, 10)


if __name__ == "__main__":
    unittest.main()
