"""Every failure is an EmlError of the right class, with its code, and of the Python type that fits."""
import errno
import os
import pickle
import tempfile
import unittest

import eml
from eml import abi, errors


class TestClasses(unittest.TestCase):
    def test_every_status_has_a_class(self):
        codes = {value for name, value in vars(abi).items() if name.startswith("EML_E_")}
        self.assertEqual(set(errors.BY_CODE), codes)
        for code, kind in errors.BY_CODE.items():
            self.assertEqual(kind("x").code, code)

    def test_python_types(self):
        natural = {
            eml.EmlArgumentError: ValueError, eml.EmlTypeError: TypeError, eml.EmlHandleError: ValueError,
            eml.EmlBusyError: RuntimeError, eml.EmlShapeError: ValueError, eml.EmlNonFiniteError: ValueError,
            eml.EmlBufferError: BufferError, eml.EmlStateError: RuntimeError, eml.EmlFormatError: ValueError,
            eml.EmlIoError: OSError, eml.EmlLimitError: ValueError, eml.EmlMemoryError: MemoryError,
            eml.EmlVersionError: ValueError, eml.EmlUnsupportedError: NotImplementedError,
            eml.EmlInternalError: RuntimeError, eml.EmlLoadError: ImportError, eml.EmlTrapError: RuntimeError,
        }
        self.assertEqual(set(natural), {kind for kind in vars(errors).values() if isinstance(kind, type)
                                        and issubclass(kind, eml.EmlError) and kind is not eml.EmlError})
        for kind, python in natural.items():
            error = kind("what happened", sub_code=7, offset=3)
            self.assertIsInstance(error, python)
            self.assertIsInstance(error, eml.EmlError)
            self.assertEqual((str(error), error.message, error.sub_code, error.offset),
                             ("what happened", "what happened", 7, 3))
            again = pickle.loads(pickle.dumps(error))
            self.assertEqual((type(again), str(again), again.sub_code, again.offset), (kind, "what happened", 7, 3))


class TestMapping(unittest.TestCase):
    def refused(self, kind, call, *arguments, **options):
        with self.assertRaises(kind) as caught:
            call(*arguments, **options)
        self.assertIs(type(caught.exception), kind)
        self.assertTrue(caught.exception.message)
        self.assertEqual(caught.exception.code, kind.code)
        return caught.exception

    def test_argument(self):
        for depth in (0, 1, 6, 100):
            self.refused(eml.EmlArgumentError, eml.EmlModel, depth, 3, 1)
            self.refused(eml.EmlArgumentError, eml.EmlTree, depth, 3)
        self.refused(eml.EmlArgumentError, eml.EmlModel, 3, 3, 0)
        self.refused(eml.EmlArgumentError, eml.EmlModel, 3, 3, 1, profile="nonesuch")
        self.refused(eml.EmlArgumentError, eml.EmlModel(2, 1, 1).to_bytes, "nonesuch")
        self.refused(eml.EmlArgumentError, eml.EmlModel(2, 1, 1).to_bytes, "auto")

    def test_integers_do_not_wrap_around(self):
        for wrong in (-1, 2**32 + 3, 2**64 + 3):
            self.refused(eml.EmlArgumentError, eml.EmlModel, wrong, 3, 1)
        for wrong in (-1, 2**64 + 3):
            self.refused(eml.EmlArgumentError, eml.EmlModel, 3, wrong, 1)
            self.refused(eml.EmlArgumentError, eml.SafeTree, 3, 3, wrong)
            self.refused(eml.EmlArgumentError, eml.EmlTree, 3, wrong)
            self.refused(eml.EmlArgumentError, eml.EmlModel(3, 1, 1).distill, 2, wrong)
        self.refused(eml.EmlTypeError, eml.EmlModel, 3.0, 3, 1)
        self.refused(eml.EmlTypeError, eml.EmlModel, "3", 3, 1)

    def test_distill_depth(self):
        for teacher, student in ((4, 4), (3, 5), (2, 2), (3, 1), (5, 0)):
            self.refused(eml.EmlArgumentError, eml.EmlModel(teacher, 2, 1).distill, student, 100)

    def test_handle(self):
        model, tree, cancel = eml.EmlModel(2, 1, 1), eml.SafeTree(1, 1, 1), eml.Cancel()
        for each in (model, tree, cancel):
            each.close()
        self.refused(eml.EmlHandleError, model.predict, [1.0])
        self.refused(eml.EmlHandleError, model.train)
        self.refused(eml.EmlHandleError, tree.to_json)
        self.refused(eml.EmlHandleError, cancel.set)

    def test_shape(self):
        model = eml.EmlModel(4, 3, 2)
        for x in ([], [1.0], [1.0] * 4, [[1.0] * 2] * 3):
            self.refused(eml.EmlShapeError, model.predict, x)
        for y in ([], [1.0], [1.0] * 3, 1.0, None, [[1.0] * 2]):
            self.refused(eml.EmlShapeError, model.record, [1.0] * 3, y)
        self.refused(eml.EmlShapeError, model.record, [[1.0] * 3] * 2, [[1.0] * 2])
        self.refused(eml.EmlShapeError, model.predict, [[1.0] * 3, [1.0] * 2])
        self.refused(eml.EmlShapeError, model.set_params, [0.0])
        self.refused(eml.EmlShapeError, eml.SafeTree(3, 2, 2).predict, [1.0] * 3)
        self.refused(eml.EmlShapeError, eml.EmlTree(3, 2).evaluate, [1.0], [1.0, 2.0])
        self.assertEqual(model.training_sample_count, 0)

    def test_types(self):
        model = eml.EmlModel(4, 3, 2)
        for x in ("abc", b"abc", ["a", "b", "c"], [None, 1.0, 2.0], [1j, 0, 0], 3.5j, object(), [[[1.0]]]):
            self.refused(eml.EmlTypeError, model.predict, x)
        self.refused(eml.EmlTypeError, setattr, model, "name", b"bytes")
        self.refused(eml.EmlTypeError, model.save, 5.0)
        self.refused(eml.EmlTypeError, eml.EmlModel.from_bytes, "text")
        self.refused(eml.EmlTypeError, eml.EmlModel.from_json, None)

    def test_nonfinite(self):
        model, tree = eml.EmlModel(2, 2, 1), eml.SafeTree(1, 2, 1)
        for bad in (float("nan"), float("inf"), float("-inf")):
            for call in (lambda **o: model.predict([0.5, bad], **o), lambda **o: model.record([0.5, bad], 1.0, **o),
                         lambda **o: model.record([0.5, 0.5], bad, **o), lambda **o: tree.predict([0.5, bad], **o),
                         lambda **o: model.predict_primary([0.5, bad], **o),
                         lambda **o: model.set_params([bad] * 26, **o), lambda **o: tree.set_params([bad] * 6, **o),
                         lambda **o: eml.EmlTree(2, 2).evaluate([0.0] * 8, [0.5, bad], **o)):
                self.refused(eml.EmlNonFiniteError, call)
                call(allow_nonfinite=True)
                model.clear_samples()
                model.params, tree.params = [0.0] * 26, [0.0] * 6

    def test_state(self):
        self.refused(eml.EmlStateError, eml.EmlModel(2, 1, 1).fit_scaling)
        self.refused(eml.EmlStateError, eml.EmlModel(2, 1, 1, profile="default").train)

    def test_busy(self):
        from support import square_model

        model = square_model()
        self.refused(eml.EmlBusyError, model.train, lambda progress: model.predict([0.5, 0.5]))
        self.refused(eml.EmlBusyError, model.train, lambda progress: model.close())
        self.assertFalse(model.closed)

    def test_format(self):
        error = self.refused(eml.EmlFormatError, eml.EmlModel.from_json, '{"depth":2,}')
        self.assertEqual((error.sub_code, error.offset), (abi.EML_F_JSON, 11))
        data = eml.EmlModel(2, 1, 1).to_bytes("safetensors")
        error = self.refused(eml.EmlFormatError, eml.EmlModel.from_bytes, data[:7], "safetensors")
        self.assertEqual(error.sub_code, abi.EML_F_TRUNCATED)
        error = self.refused(eml.EmlFormatError, eml.SafeTree.from_bytes, data)
        self.assertEqual(error.sub_code, abi.EML_F_KIND)
        error = self.refused(eml.EmlFormatError, eml.EmlModel.from_bytes, b"\xff\xfe")
        self.refused(eml.EmlFormatError, eml.EmlModel.from_json, "\ud800")

    def test_io(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "missing", "model.json")
            for call in (eml.EmlModel(2, 1, 1).save, eml.EmlModel.load):
                error = self.refused(eml.EmlIoError, call, path)
                self.assertEqual(error.errno, errno.ENOENT)
            self.refused(eml.EmlArgumentError, eml.EmlModel(2, 1, 1).save, os.path.join(folder, "model.xyz"))
            self.assertEqual(os.listdir(folder), [])

    def test_limit(self):
        self.refused(eml.EmlLimitError, eml.EmlModel, 2, 2**20 + 1, 1)
        self.refused(eml.EmlLimitError, eml.SafeTree, 1025, 1, 1)
        self.refused(eml.EmlLimitError, eml.SafeTree, 1, 2**40, 2**40)

    def test_unsupported(self):
        self.refused(eml.EmlUnsupportedError, eml.EmlModel(2, 1, 1).to_bytes, "browser")


if __name__ == "__main__":
    unittest.main()
