"""Freeing, threads and processes."""
import copy
import gc
import threading
import unittest
import weakref
from ctypes import byref, sizeof

import eml
from eml import abi
from eml._native import lib
from support import Case, run_python, square_model


class TestFreeing(Case):
    def freed(self, handle):
        """Whether the library has forgotten a model's handle."""
        info = abi.eml_model_info(struct_size=sizeof(abi.eml_model_info))
        return lib.eml_model_get_info(handle, byref(info)) == abi.EML_E_HANDLE

    def test_close(self):
        model = eml.EmlModel(2, 1, 1)
        self.assertFalse(model.closed)
        model.close()
        self.assertTrue(model.closed)
        model.close()
        self.assertTrue(self.freed(model._handle))

    def test_with(self):
        with eml.EmlModel(2, 1, 1) as model:
            model.predict([0.5])
        self.assertTrue(model.closed)
        with self.assertRaises(ZeroDivisionError):
            with eml.SafeTree(1, 1, 1) as tree:
                raise ZeroDivisionError
        self.assertTrue(tree.closed)

    def test_collected(self):
        model = eml.EmlModel(2, 1, 1)
        handle, gone = model._handle, weakref.ref(model)
        self.assertFalse(self.freed(handle))
        del model
        self.assertIsNone(gone())
        self.assertTrue(self.freed(handle))

    def test_collected_in_a_cycle(self):
        model = eml.EmlModel(2, 1, 1)
        model.set_event_sink(lambda event, model=model: None)  # refers back to the model
        handle = model._handle
        del model
        gc.collect()
        self.assertTrue(self.freed(handle))

    def test_a_failed_training_leaves_nothing_behind(self):
        model = square_model()

        class Marker(Exception):
            pass

        def fail(progress):
            raise Marker

        with self.assertRaises(Marker):
            model.train(fail)
        handle, gone = model._handle, weakref.ref(model)
        del model
        self.assertIsNone(gone())
        self.assertTrue(self.freed(handle))

    def test_a_view_outlives_nothing(self):
        model = eml.EmlModel(2, 1, 1)
        metadata = model.metadata
        metadata["key"] = "value"
        del model
        self.assertEqual(metadata["key"], "value")  # it keeps its model alive

    def test_many(self):
        """More objects than could be alive at once if they leaked."""
        model = square_model()
        for _ in range(20000):
            copy.copy(model).close()
            eml.Cancel()

    def test_exit_with_living_objects(self):
        code, out, err = run_python(
            "import eml\n"
            "model, tree, cancel = eml.EmlModel(2, 1, 1), eml.SafeTree(1, 1, 1), eml.Cancel()\n"
            "model.set_event_sink(print)\n"
            "eml.set_log(lambda level, text: None)\n"
            "print('end')", "-X", "dev", "-W", "error")
        self.assertEqual((code, out, err), (0, "end\n", ""))


class TestThreads(Case):
    def test_two_threads_predict(self):
        model = eml.EmlModel(3, 2, 1)
        model.params = [((i * 7) % 11 - 5) / 4 for i in range(model.param_count)]
        x = [[i / 300, 1 - i / 300] for i in range(300)]
        expected = model.predict(x)
        self.assertGreater(len({row[0] for row in expected}), 200)
        start = threading.Barrier(4)
        wrong = []

        def predict():
            start.wait()
            for _ in range(100):
                if model.predict(x) != expected:
                    wrong.append(1)

        threads = [threading.Thread(target=predict) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_python_runs_while_the_library_works(self):
        """The lock of the interpreter is released: this thread gets to see the other one at work, and it is told so."""
        model, cancel = square_model(5000), eml.Cancel()
        at_work = threading.Event()
        failures = []

        def train():
            try:
                model.train(lambda progress: at_work.set(), cancel)
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=train)
        thread.start()
        at_work.wait()
        with self.assertRaises(eml.EmlBusyError):
            model.predict([0.5, 0.5])
        cancel.set()
        thread.join()
        self.assertEqual(failures, [])
        self.assertTrue(model.last_training.cancelled)
        model.predict([0.5, 0.5])

    def test_errors_belong_to_their_thread(self):
        start = threading.Barrier(2)
        messages = {}

        def fail(depth):
            seen = set()
            start.wait()
            for _ in range(200):
                try:
                    eml.EmlModel(depth, 1, 1)
                except eml.EmlArgumentError as error:
                    seen.add(str(error))
            messages[depth] = seen

        threads = [threading.Thread(target=fail, args=(depth,)) for depth in (77, 88)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for depth in (77, 88):
            (message,) = messages[depth]
            self.assertIn(str(depth), message)


class TestFork(Case):
    def test_a_forked_child_is_told(self):
        """The runtime of the library does not live on in a forked child: an exception, not a standstill."""
        code, out, err = run_python(
            "import os, sys, eml\n"
            "model = eml.EmlModel(2, 1, 1)\n"
            "child = os.fork()\n"
            "if child == 0:\n"
            "    try:\n"
            "        model.predict([0.5])\n"
            "    except eml.EmlStateError as error:\n"
            "        del model  # frees nothing, in silence\n"
            "        os._exit(7 if 'spawn' in str(error) else 8)\n"
            "    os._exit(9)\n"
            "_, status = os.waitpid(child, 0)\n"
            "model.predict([0.5])\n"
            "print(os.WEXITSTATUS(status))", "-W", "ignore::DeprecationWarning")
        self.assertEqual((code, out, err), (0, "7\n", ""))

    def test_spawned_workers(self):
        code, out, err = run_python(
            "import multiprocessing, eml\n"
            "if __name__ == '__main__':\n"
            "    model = eml.EmlModel(2, 1, 1)\n"
            "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
            "        print(pool.apply(eml.EmlModel.predict, (model, [0.5])) == model.predict([0.5]))")
        self.assertEqual((code, out, err), (0, "True\n", ""))


if __name__ == "__main__":
    unittest.main()
