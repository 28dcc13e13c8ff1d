"""Training: progress, cancelling, exceptions and signals."""
import os
import signal
import tempfile
import threading
import unittest

import eml
from support import Case, square_model


class TestResult(Case):
    def test_too_few_samples(self):
        model = square_model(49)
        self.assertIs(model.train(), False)
        self.assertIsNone(model.last_training)
        self.assertEqual(model.pending_event_count, 0)
        model.record([0.5, 0.5], 0.25)
        model.train()
        self.assertEqual(model.last_training.samples_used, 50)

    def test_details(self):
        model = square_model()
        before = model.loss()
        converged = model.train()
        result = model.last_training
        self.assertBits([result.loss_before, result.loss_after], [before, model.loss()])
        self.assertEqual((result.converged, result.cancelled, result.samples_used), (converged, False, 100))
        self.assertEqual(converged, model.is_trained)
        self.assertLess(result.loss_after, result.loss_before)
        self.assertGreater(result.evaluations, result.accepted)
        self.assertGreater(result.sweeps, 0)
        self.assertEqual(model.drain_events()[0]["Trained"]["mse_after"], result.loss_after)

    def test_options(self):
        model = square_model()
        model.train(max_sweeps=1)
        self.assertEqual(model.last_training.sweeps, 1)
        with self.assertRaises(eml.EmlArgumentError):
            model.train(max_sweeps=-1)
        with self.assertRaises(eml.EmlArgumentError):
            model.train(target_loss=0.5)  # not in profile eml-core-0.1
        with self.assertRaises(eml.EmlTypeError):
            model.train(cancel=threading.Event())
        with self.assertRaises(TypeError):
            model.train(nonesuch=1)

    def test_default_profile(self):
        one, same, other = (square_model(profile="default") for _ in range(3))
        one.train(seed=1, max_sweeps=20)
        same.train(seed=1, max_sweeps=20)
        other.train(seed=2, max_sweeps=20)
        self.assertBits(one.params, same.params)
        self.assertNotEqual(one.params, other.params)
        goal = square_model(profile="default")
        goal.train(target_loss=1e6)
        self.assertLess(goal.last_training.loss_after, 1e6)

    def test_distill(self):
        teacher = square_model()
        teacher.train(max_sweeps=2)
        student = teacher.distill(2, 60)
        self.assertEqual((student.depth, student.input_count, student.head_count, student.training_sample_count),
                         (2, 2, 1, 60))
        seen = []
        teacher.distill(2, 60, seen.append)
        self.assertTrue(seen)


class TestProgress(Case):
    def test_progress(self):
        model = square_model()
        seen = []
        model.train(seen.append)
        self.assertEqual({each.phase for each in seen}, {"restart", "descent"})
        self.assertEqual([each.evaluations for each in seen], sorted(each.evaluations for each in seen))
        self.assertBits(min(each.loss for each in seen), model.last_training.loss_after)
        self.assertEqual(seen[-1].evaluations, model.last_training.evaluations)
        for each in seen:
            self.assertLessEqual(each.step, each.total)

    def test_progress_changes_nothing(self):
        silent, watched = square_model(), square_model()
        silent.train()
        watched.train(lambda progress: None)
        self.assertEqual(silent.to_json(), watched.to_json())

    def test_what_it_returns_is_ignored(self):
        model = square_model()
        model.train(lambda progress: True)
        self.assertFalse(model.last_training.cancelled)

    def test_exceptions_come_out(self):
        class Odd(BaseException):
            pass

        for kind in (ValueError, KeyboardInterrupt, SystemExit, StopIteration, GeneratorExit, Odd):
            model = square_model()
            calls = []

            def fail(progress):
                calls.append(progress)
                raise kind("from the callback")

            with self.assertRaises(kind) as caught:
                model.train(fail)
            self.assertEqual(caught.exception.args, ("from the callback",))
            self.assertEqual(len(calls), 1)
            # The model is usable and can be trained on.
            self.assertLessEqual(model.loss(), calls[0].loss)
            self.assertIsNone(model.last_training)
            model.train(max_sweeps=1)
            with self.assertRaises(kind):
                model.distill(2, 60, fail)

    def test_other_models_may_be_used(self):
        model, other = square_model(), square_model()
        answers = []
        model.train(lambda progress: answers.append(other.predict([0.5, 0.5])))
        self.assertTrue(answers)


class TestCancel(Case):
    def test_token(self):
        with eml.Cancel() as cancel:
            self.assertFalse(cancel.is_set())
            cancel.set()
            cancel.set()
            self.assertTrue(cancel.is_set())
            self.assertEqual(repr(cancel), "<eml.Cancel set=True>")
            cancel.reset()
            self.assertFalse(cancel.is_set())

    def test_set_before(self):
        model, cancel = square_model(), eml.Cancel()
        cancel.set()
        model.train(cancel=cancel)
        self.assertTrue(model.last_training.cancelled)
        (event,) = model.drain_events()
        self.assertEqual(event["Trained"]["mse_after"], model.loss())
        cancel.reset()
        model.train(cancel=cancel, max_sweeps=1)
        self.assertFalse(model.last_training.cancelled)

    def test_from_another_thread(self):
        """The token is set while the work is under way: its callback waits until that has happened."""
        model, cancel = square_model(), eml.Cancel()
        at_work, cancelled = threading.Event(), threading.Event()

        def stop():
            at_work.wait()
            cancel.set()
            cancelled.set()

        def progress(_state):
            at_work.set()
            cancelled.wait()

        other = threading.Thread(target=stop)
        other.start()
        model.train(progress, cancel)
        other.join()
        self.assertTrue(model.last_training.cancelled)
        self.assertEqual(model.last_training.loss_after, model.loss())
        self.assertLess(model.last_training.loss_after, model.last_training.loss_before)
        model.predict([0.5, 0.5])

    def test_distill(self):
        teacher, cancel = square_model(), eml.Cancel()
        cancel.set()
        student = teacher.distill(2, 60, cancel=cancel)
        self.assertEqual(student.depth, 2)


class TestSignals(Case):
    @unittest.skipUnless(hasattr(signal, "pthread_kill"), "no pthread_kill")
    def test_keyboard_interrupt(self):
        """Ctrl-C while the library computes: noticed at its next callback, though nobody asked for progress."""
        model = square_model(5000)  # far more work than the signal needs to arrive
        caught = []
        previous = signal.signal(signal.SIGINT, signal.default_int_handler)
        main = threading.get_ident()
        at_work = threading.Event()

        def interrupt():
            at_work.wait()
            signal.pthread_kill(main, signal.SIGINT)

        other = threading.Thread(target=interrupt)
        other.start()
        try:
            model.train(lambda progress: at_work.set() if progress.accepted else None)
        except KeyboardInterrupt as error:
            caught.append(error)
        finally:
            other.join()
            signal.signal(signal.SIGINT, previous)
        self.assertEqual(len(caught), 1)
        self.assertIsNone(model.last_training)
        (event,) = model.drain_events()  # stopped, not finished: the event says how far it came
        self.assertLess(event["Trained"]["mse_after"], event["Trained"]["mse_before"])
        model.predict([0.5, 0.5])


class TestAudit(Case):
    def test_a_log_is_written_and_holds(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.log")
            model, plain = square_model(), square_model()
            model.train(max_sweeps=2, audit=path)
            plain.train(max_sweeps=2)
            self.assertBits(model.params, plain.params)
            report = plain.verify_audit(path)
            self.assertEqual((report.ok, report.verdict, report.message), (True, "ok", ""))
            self.assertEqual((report.trials, report.cancelled), (model.last_training.evaluations, False))
            self.assertBits([report.loss], [model.last_training.loss_after])
            with open(path, "rb") as file:
                log = file.read()
            self.assertEqual(report.byte_offset, len(log))
            self.assertTrue(plain.verify_audit(log).ok)
            self.assertTrue(plain.verify_audit(bytearray(log)).ok)

            cut = plain.verify_audit(log[:-1])
            self.assertEqual((cut.ok, cut.verdict, cut.record), (False, "truncated", report.records - 1))
            self.assertIn("record", cut.message)
            for at in range(0, len(log), 997):
                changed = bytearray(log)
                changed[at] ^= 64
                found = plain.verify_audit(changed)
                self.assertIn(found.verdict, ("changed", "malformed", "truncated"))
                self.assertLessEqual(found.byte_offset, at)
            plain.record([0.5, 0.5], 0.25)
            self.assertEqual(plain.verify_audit(log).verdict, "other data")

    def test_data_without_a_model(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.log")
            x, y = [[float(i), i * 0.5] for i in range(20)], [[float(i), None if i % 3 else 1.0] for i in range(20)]
            with eml.EmlModel(2, 2, 2, "default") as model:
                model.record(x, y)
                model.train(max_sweeps=1, seed=4, audit=path)
            self.assertTrue(eml.verify_audit(path, x, y).ok)
            y[0][0] = 0.5
            self.assertEqual(eml.verify_audit(path, x, y).verdict, "other data")
            with self.assertRaises(eml.EmlArgumentError):
                eml.verify_audit(path, [1.0, 2.0], [1.0, 2.0])

    def test_refusals(self):
        model = square_model()
        before = model.params
        for path in ("/dev/full", "/nonexistent/a.log"):
            with self.assertRaises(eml.EmlIoError):
                model.train(audit=path)
        with self.assertRaises(eml.EmlTypeError):
            model.train(audit=5)
        self.assertBits(model.params, before)
        with self.assertRaises(eml.EmlIoError):
            model.verify_audit("/nonexistent/a.log")
        self.assertEqual(model.verify_audit(bytes(50)).verdict, "malformed")

    def test_what_progress_raises_leaves_a_log_that_holds(self):
        def stop(_progress):
            raise KeyError("stop")

        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.log")
            model = square_model()
            with self.assertRaises(KeyError):
                model.train(stop, audit=path)
            report = model.verify_audit(path)
            self.assertEqual((report.ok, report.cancelled), (True, True))
            square_model().train(max_sweeps=1, audit=path)
            with self.assertRaises(KeyError):
                model.verify_audit(path, stop)


if __name__ == "__main__":
    unittest.main()
