"""Numbers in and out: lists, buffers, numpy arrays."""
import ctypes
import unittest
from array import array
from fractions import Fraction

import eml
from support import Case, needs_numpy, numpy

X = [[0.125, 0.25], [0.5, 0.75], [0.3125, 0.875]]
FLAT = [value for row in X for value in row]


def a_model(heads=2):
    """A model whose answers tell its inputs apart."""
    model = eml.EmlModel(3, 2, heads)
    model.params = [((i * 7) % 11 - 5) / 4 for i in range(model.param_count)]
    return model


def as_matrix(values, rows, columns):
    return memoryview(array("d", values)).cast("B").cast("d", shape=[rows, columns])


class TestLists(Case):
    def test_rows(self):
        model = a_model()
        many = model.predict(X)
        self.assertEqual([len(row) for row in many], [2, 2, 2])
        self.assertBits([model.predict(row) for row in X], many)
        self.assertBits(model.predict(tuple(map(tuple, X))), many)
        self.assertBits(model.predict([tuple(X[0]), array("d", X[1]), X[2]]), many)
        self.assertBits(model.predict_primary(X), [row[0] for row in many])
        self.assertBits(model.predict_primary(X[0]), many[0][0])
        self.assertEqual(len({value for row in many for value in row}), 6)

    def test_anything_with_a_float_value(self):
        model = a_model()
        self.assertBits(model.predict([Fraction(1, 2), True]), model.predict([0.5, 1.0]))
        self.assertBits(model.predict(range(2)), model.predict([0.0, 1.0]))

    def test_targets(self):
        one, two = a_model(1), a_model(2)
        one.record(X[0], 1.0)
        one.record(X[0], [2.0])
        one.record(X[0], None)
        one.record(X, [1.0, None, 2.0])
        one.record(X, [[1.0], [None], [2.0]])
        one.record(X, array("d", [1, 2, 3]))
        self.assertEqual(one.training_sample_count, 12)
        two.record(X[0], [1.0, None])
        two.record(X, [[None, None], [1.0, 2.0], [3, None]])
        two.record(X, as_matrix(FLAT, 3, 2))
        self.assertEqual(two.training_sample_count, 7)

    def test_absent_targets_do_not_count(self):
        with_absent, without = a_model(), a_model()
        with_absent.record(X, [[None, None], [1.0, None], [None, 2.0]])
        without.record(X[1:], [[1.0, None], [None, 2.0]])
        self.assertBits(with_absent.loss(), without.loss())
        without.clear_samples()
        without.record(X[1:], [[1.0, 0.0], [0.0, 2.0]])
        self.assertNotEqual(with_absent.loss(), without.loss())


class TestBuffers(Case):
    def test_input(self):
        model = a_model()
        expected = model.predict(X)
        for matrix in (as_matrix(FLAT, 3, 2), as_matrix(FLAT, 3, 2).toreadonly(),
                       ((ctypes.c_double * 2) * 3)(*map(tuple, X))):
            self.assertBits(model.predict(matrix), expected)
        for row in (array("d", X[0]), memoryview(array("d", X[0])).toreadonly(), (ctypes.c_double * 2)(*X[0]),
                    array("f", X[0]), memoryview(array("d", [0.125, 9, 0.25, 9]))[::2]):
            self.assertBits(model.predict(row), expected[0])

    def test_float64_memory_is_not_copied(self):
        from eml import _arrays

        memory = array("d", FLAT)
        address, _ = memory.buffer_info()
        for view in (memory, memoryview(memory).toreadonly(), as_matrix(FLAT, 3, 2)):
            numbers = _arrays.read(view, "x")
            self.assertEqual(_arrays.address_of(numbers.view), _arrays.address_of(memoryview(view)))
        self.assertEqual(_arrays.address_of(_arrays.read(memory, "x").view), address)

    def test_output(self):
        model = a_model()
        expected = [value for row in model.predict(X) for value in row]
        for out in (array("d", [0] * 6), as_matrix([0] * 6, 3, 2), (ctypes.c_double * 6)()):
            self.assertIs(model.predict(X, out=out), out)
            self.assertBits(list((ctypes.c_double * 6).from_buffer(out)), expected)
        tree = eml.EmlTree(2, 2)
        out = array("d", [0])
        self.assertIs(tree.evaluate([0.25] * tree.param_count, X[0], out=out), out)
        self.assertBits(out[0], tree.evaluate([0.25] * tree.param_count, X[0]))

    def test_output_refusals(self):
        model = a_model()
        for out in ([0.0] * 6, array("f", [0] * 6), bytes(48), bytearray(48), array("d", [0] * 12)[::2].tobytes(),
                    memoryview(array("d", [0] * 6)).toreadonly(), memoryview(array("d", [0] * 12))[::2]):
            with self.assertRaises(eml.EmlTypeError):
                model.predict(X, out=out)
        for count in (0, 5, 7):
            with self.assertRaises(eml.EmlShapeError):
                model.predict(X, out=array("d", [0] * count))

    def test_params(self):
        model, tree = a_model(), eml.SafeTree(2, 2, 2)
        values = [i / 8 for i in range(model.param_count)]
        for given in (values, tuple(values), array("d", values), memoryview(array("d", values)).toreadonly()):
            model.params = [0.0] * model.param_count
            model.params = given
            self.assertEqual(model.params, values)
        tree.params = array("d", range(tree.param_count))
        self.assertEqual(tree.params, list(range(tree.param_count)))

    def test_memory_is_released(self):
        memory = array("d", X[0])
        a_model().predict(memory)
        memory.append(1.0)  # BufferError if a view were left over


class TestFunctions(Case):
    def test_scalars_and_arrays_agree(self):
        xs, ys = [0.5, 1.0, 2.0, 30.0], [1.5, 0.25, 3.0, -1.0]
        self.assertBits(eml.exp(xs), [eml.exp(x) for x in xs])
        self.assertBits(eml.ln(xs), [eml.ln(x) for x in xs])
        self.assertBits(eml.pow(xs, ys), [eml.pow(x, y) for x, y in zip(xs, ys)])
        self.assertBits(eml.pow(xs, 2), [x * x for x in xs])
        self.assertBits(eml.eml(xs, 1.0), [eml.exp(x) for x in xs])
        self.assertBits(eml.eml_safe(xs, ys), [eml.eml_safe(x, y) for x, y in zip(xs, ys)])
        self.assertBits(eml.exp(as_matrix(FLAT, 3, 2)), [eml.exp(row) for row in X])
        self.assertEqual(eml.exp(1), 2.718281828459045)
        self.assertEqual(eml.ln(Fraction(1)), 0.0)
        self.assertEqual(eml.exp([]), [])

    def test_softmax3(self):
        self.assertEqual(eml.softmax3(0, 0.0, 0), (1 / 3, 1 / 3, 1 / 3))
        columns = eml.softmax3([0.0, 1.0], [0.0, 2.0], 0.0)
        self.assertBits(list(zip(*columns)), [eml.softmax3(0.0, 0.0, 0.0), eml.softmax3(1.0, 2.0, 0.0)])

    def test_out(self):
        for function, arguments in ((eml.exp, ([1.0, 2.0],)), (eml.eml, ([1.0, 2.0], [3.0, 4.0]))):
            out = array("d", [0, 0])
            self.assertIs(function(*arguments, out=out), out)
            self.assertBits(out.tolist(), function(*arguments))

    def test_refusals(self):
        with self.assertRaises(eml.EmlShapeError):
            eml.pow([1.0, 2.0], [1.0])
        with self.assertRaises(eml.EmlTypeError):
            eml.exp("1")
        with self.assertRaises(eml.EmlTypeError):
            eml.exp(None)

    def test_generator(self):
        state = 0xDEADBEEFCAFE1234
        values, after = eml.random_restart(state, 3)
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        self.assertEqual(values[0], (state >> 33) / (4294967295 / 2) - 1)
        first, middle = eml.random_restart(0xDEADBEEFCAFE1234, 1)
        self.assertEqual(middle, state)
        rest, end = eml.random_restart(middle, 2)
        self.assertEqual((first + rest, end), (values, after))


@needs_numpy
class TestNumpy(Case):
    def test_predict(self):
        model = a_model()
        expected = model.predict(X)
        x = numpy.array(X)
        answer = model.predict(x)
        self.assertIsInstance(answer, numpy.ndarray)
        self.assertEqual((answer.shape, answer.dtype), ((3, 2), numpy.float64))
        self.assertBits(answer.tolist(), expected)
        self.assertEqual(model.predict(x[0]).shape, (2,))
        self.assertBits(model.predict(x[0]).tolist(), expected[0])
        self.assertEqual(model.predict(x[:0]).shape, (0, 2))
        self.assertBits(model.predict_primary(x).tolist(), [row[0] for row in expected])
        self.assertIs(type(model.predict_primary(x[0])), float)

    def test_conversions(self):
        model = a_model()
        expected = model.predict(X)
        x = numpy.array(X)
        readonly = x.copy()
        readonly.flags.writeable = False
        for given in (readonly, numpy.asfortranarray(x), x.astype(numpy.float32), x.astype(">f8"), x[::-1][::-1],
                      numpy.concatenate([x, x], axis=1)[:, :2], x.astype(object)):
            self.assertBits(model.predict(given).tolist(), expected)
        integers = numpy.array([[0, 1]])
        self.assertBits(model.predict(integers).tolist(), model.predict([[0, 1]]))
        for wrong in (x.astype(complex), numpy.array([["a", "b"]]), x[0, 0], x.reshape(1, 3, 2)):
            with self.assertRaises((eml.EmlTypeError, eml.EmlShapeError)):
                model.predict(wrong)

    def test_no_copy(self):
        from eml import _arrays

        x = numpy.array(X)
        x.flags.writeable = False
        self.assertEqual(_arrays.address_of(_arrays.read(x, "x").view), x.ctypes.data)

    def test_out(self):
        model = a_model()
        out = numpy.zeros((3, 2))
        self.assertIs(model.predict(numpy.array(X), out=out), out)
        self.assertBits(out.tolist(), model.predict(X))
        for wrong in (numpy.zeros((3, 2), numpy.float32), numpy.zeros((2, 3)).T[:, :], numpy.zeros((3, 4))[:, ::2]):
            with self.assertRaises(eml.EmlTypeError):
                model.predict(X, out=wrong)

    def test_record(self):
        lists, arrays = a_model(), a_model()
        lists.record(X, [[1.0, None], [2.0, 3.0], [None, 0.5]])
        arrays.record(numpy.array(X), numpy.array([[1.0, None], [2.0, 3.0], [None, 0.5]], dtype=object))
        self.assertBits(arrays.loss(), lists.loss())
        one = a_model(1)
        one.record(numpy.array(X), numpy.array([1.0, 2.0, 3.0]))
        one.record(numpy.array(X[0]), numpy.float64(1.0))
        one.record(numpy.array(X[0]), numpy.float32(1.0))
        self.assertEqual(one.training_sample_count, 5)
        with self.assertRaises(eml.EmlNonFiniteError):
            one.record(numpy.array(X), numpy.array([1.0, numpy.nan, 3.0]))

    def test_other_objects(self):
        tree = eml.EmlTree(3, 2)
        params = numpy.linspace(-1, 1, tree.param_count)
        self.assertBits(tree.evaluate(params, numpy.array(X)).tolist(), tree.evaluate(params.tolist(), X))
        self.assertIs(type(tree.evaluate(params, numpy.array(X[0]))), float)
        safe = eml.SafeTree(1, 2, 2)
        safe.params = numpy.linspace(-1, 1, safe.param_count)
        self.assertBits(safe.predict(numpy.array(X)).tolist(), safe.predict(X))

    def test_functions(self):
        x = numpy.array(X)
        self.assertEqual(eml.exp(x).shape, (3, 2))
        self.assertBits(eml.exp(x).tolist(), [eml.exp(row) for row in X])
        self.assertBits(eml.pow(x, numpy.float64(2.0)).tolist(), eml.pow(x, x * 0 + 2).tolist())
        self.assertBits(eml.eml_safe(x, 0.5).tolist(), [eml.eml_safe(row, 0.5) for row in X])
        self.assertEqual([each.shape for each in eml.softmax3(x, x, x)], [(3, 2)] * 3)

    def test_works_without_numpy(self):
        """The package itself never imports numpy."""
        from support import run_python

        code, out, err = run_python("import sys, eml\n"
                                    "eml.EmlModel(2, 1, 1).predict([[0.5]])\n"
                                    "print('numpy' in sys.modules)")
        self.assertEqual((code, out.strip(), err), (0, "False", ""))


if __name__ == "__main__":
    unittest.main()
