"""Compact machines: programs, refusals, texts, folders, runs in pieces, exceptions and signals, files, layers."""
import json
import os
import pathlib
import signal
import tempfile
import threading
import unittest

import eml
from eml import Op
from support import Case, needs_numpy, numpy

ADD = [(0x00, 3), (0x00, 5), (0x01,), (0xF0,), (0xFF,)]

# 250 to 255 and 0
COUNT = [(Op.CONST, 250), (Op.LOCAL_SET, 0), (Op.LOOP,), (Op.LOCAL_GET, 0), (Op.OUTPUT,), (Op.LOCAL_GET, 0), (Op.CONST, 1),
         (Op.ADD,), (Op.LOCAL_TEE, 0), (Op.CONST, 1), (Op.NE,), (Op.BR_IF, 0), (Op.END_LOOP,), (Op.HALT,)]


def long_work():
    """Loops inside loops: far more work than any test waits for."""
    program = []
    for local in range(4):
        program += [(Op.CONST, 255), (Op.LOCAL_SET, local), (Op.LOOP,)]
    for local in reversed(range(4)):
        program += [(Op.LOCAL_GET, local), (Op.CONST, 1), (Op.SUB,), (Op.LOCAL_TEE, local), (Op.BR_IF,), (Op.END_LOOP,)]
    return program + [(Op.HALT,)]


class TestPrograms(Case):
    def test_run(self):
        self.assertEqual(eml.CompactMachine().run([(0x00, 3), (0x00, 5), (0x01,), (0xF0,), (0xFF,)]), [8])
        for dense in (False, True):
            machine = eml.CompactMachine(dense=dense)
            self.assertEqual((machine.state, machine.steps, machine.output), ("empty", 0, []))
            self.assertEqual(machine.run(COUNT), [250, 251, 252, 253, 254, 255, 0])
            self.assertEqual(machine.state, "halted")
            self.assertGreater(machine.state_bytes, 0)
            self.assertEqual(machine.run(ADD), [8])
            self.assertEqual(machine.steps, 5)
            self.assertIs(machine.resume(), True)
            self.assertIsNone(machine.step())
            self.assertEqual(repr(machine), "<eml.CompactMachine state=halted steps=5>")
            machine.close()
            self.assertEqual(repr(machine), "<eml.CompactMachine closed>")
            with self.assertRaises(eml.EmlHandleError):
                machine.run(ADD)

    def test_ways_to_write_a_program(self):
        with eml.CompactMachine() as machine:
            for program in ([[0, 3], (0, 5), 1, Op.OUTPUT, [0xFF, None]], iter(ADD), tuple(ADD)):
                self.assertEqual(machine.run(program), [8])
            for wrong in ([()], [(1, 2, 3)], ["x"], [("a", 1)], [(0, 1.5)], [None], 7):
                with self.assertRaises(TypeError):
                    machine.load(wrong)

    def test_refusals(self):
        machine = eml.CompactMachine()
        machine.load(ADD)
        for program, at in (([(Op.CONST, 1), (Op.ADD,), (Op.HALT,)], 1), ([(Op.CONST, 256), (Op.HALT,)], 0),
                            ([(Op.CONST, -1), (Op.HALT,)], 0), ([(Op.CONST, 2**40), (Op.HALT,)], 0),
                            ([(Op.CONST, 0), (2**32 + 0xF0,), (Op.HALT,)], 1), ([(2,), (Op.HALT,)], 0), ([(Op.CONST, 1)], 0)):
            with self.assertRaises(eml.EmlArgumentError) as caught:
                machine.load(program)
            self.assertEqual(caught.exception.sub_code, at, program)
            self.assertIn("instruction %d " % at, str(caught.exception))
        with self.assertRaises(eml.EmlArgumentError):
            machine.load([])
        with self.assertRaises(eml.EmlLimitError):
            machine.load([(Op.HALT,)] * 4097)
        self.assertIs(machine.resume(), True)
        self.assertEqual(machine.output, [8])  # what was loaded before stayed
        with self.assertRaises(eml.EmlStateError):
            eml.CompactMachine().resume()
        with self.assertRaises(eml.EmlLimitError) as caught:
            machine.run([(Op.LOOP,), (Op.CONST, 1), (Op.BR_IF,), (Op.END_LOOP,), (Op.HALT,)])
        self.assertEqual((caught.exception.sub_code, machine.state), (2, "failed"))

    def test_files(self):
        # Reads two bytes of file 0 and writes their sum to file 3.
        program = [(Op.FD_OPEN, 3), (Op.FD_OPEN, 0), (Op.FD_READ,), (Op.CONST, 0), (Op.FD_READ,), (Op.ADD,), (Op.FD_WRITE,),
                   (Op.HALT,)]
        machine = eml.CompactMachine()
        for files in ([b"\x28\x02"], {0: bytearray(b"\x28\x02")}, [[40, 2], b"", b"", b"overwritten"[:0]]):
            self.assertEqual(machine.run(program, files), [])
            self.assertEqual(machine.files, [b"\x28\x02", b"", b"", b"\x2a"])
        machine.load(ADD)
        for wrong, error in (([b""] * 5, eml.EmlArgumentError), ({-1: b""}, eml.EmlArgumentError), ([bytes(33)], eml.EmlLimitError),
                             (["text"], eml.EmlTypeError), ([5], eml.EmlTypeError), ({"a": b""}, eml.EmlTypeError)):
            with self.assertRaises(error):
                machine.run(program, wrong)
        with self.assertRaises(eml.EmlStateError):
            eml.CompactMachine().files

    def test_opcodes(self):
        description = eml.CompactMachine().describe()
        self.assertEqual([each["opcode"] for each in description["instructions"]], [op.value for op in Op])
        for each, op in zip(description["instructions"], Op):
            self.assertEqual(each["name"].replace("i32.", "").replace(".", "_").upper(), op.name)
        config = description["config"]
        self.assertEqual((description["parameters"], config["d_model"]), (316000, 100))
        self.assertEqual([len(layer["heads"]) for layer in config["layers"]], [13, 1, 0, 8, 2, 1, 1, 4])
        self.assertEqual([head["store"] for head in config["layers"][7]["heads"]], [0, 1, 2, 3])
        self.assertTrue(any(layer["units"] for layer in config["layers"]))
        self.assertTrue(all(0 <= each["channel"] < 100 for each in config["channels"]))

    def test_text(self):
        machine = eml.CompactMachine()
        self.assertEqual(machine.run(";; sum\n(i32.add (i32.const 3) (i32.const 5))\n0xF0 halt"), [8])
        self.assertEqual(machine.run("fd_open 0 fd_read output halt", [b"x"]), [ord("x")])
        with self.assertRaises(eml.EmlFormatError) as caught:
            machine.load("halt\n  i32.ad")
        self.assertIn("line 2, column 3: 'i32.ad' is not an instruction", str(caught.exception))
        self.assertEqual(caught.exception.offset, 7)
        with self.assertRaises(eml.EmlArgumentError) as caught:
            machine.load("i32.const 1\n i32.add halt")
        self.assertIn("line 2, column 2: instruction 1 (i32.add)", str(caught.exception))
        self.assertEqual(caught.exception.sub_code, 1)
        for wrong in ("", "\udc80 halt"):
            with self.assertRaises(eml.EmlArgumentError):
                machine.load(wrong)
        with self.assertRaises(eml.EmlLimitError) as caught:
            machine.run("loop\ni32.const 1\nbr_if\nend\nhalt")
        self.assertIn("line 3, column 1: instruction 2", str(caught.exception))

    def test_export(self):
        machine = eml.CompactMachine()
        with tempfile.TemporaryDirectory() as parent:
            folder = pathlib.Path(parent, "new", "machine")
            machine.export(folder)
            self.assertEqual(sorted(os.listdir(folder)), ["config.json", "model.safetensors", "tokens.json"])
            self.assertEqual(json.loads(folder.joinpath("config.json").read_bytes()), machine.describe()["config"])
            self.assertEqual(len(json.loads(folder.joinpath("tokens.json").read_bytes())), 260)
            machine.run("fd_open 2 fd_read output halt", {2: b"ab"}, fuel=2)
            machine.export(str(folder))
            prompt = json.loads(folder.joinpath("prompt.json").read_bytes())
            self.assertEqual((prompt["tokens"], prompt["stores"]), ([259, 0xF1, 2, 0xF2, 256, 0xF0, 256, 0xFF, 256, 258],
                                                                    [[], [], [97, 98], []]))
            self.assertIs(machine.resume(), True)  # it goes on from where it was
            with self.assertRaises(eml.EmlIoError):
                machine.export(folder / "config.json")
            with self.assertRaises(eml.EmlArgumentError):
                machine.export("")
            with self.assertRaises(eml.EmlTypeError):
                machine.export(None)


class TestRuns(Case):
    def test_pieces(self):
        whole = eml.CompactMachine(keep_trace=True)
        whole.run(COUNT)
        self.assertEqual(len(whole.trace), whole.steps)
        self.assertEqual((whole.trace[0], whole.trace[-1]), (250, 257))
        for fuel in (1, 7, 1000):
            parts = eml.CompactMachine(keep_trace=True)
            self.assertEqual(parts.trace, [])
            self.assertEqual(parts.run(COUNT, fuel=0), [])
            while not parts.resume(fuel):
                self.assertEqual(parts.steps % fuel, 0)
            self.assertEqual(parts.trace, whole.trace)
        machine = eml.CompactMachine(keep_trace=True)
        machine.run(long_work(), fuel=2500)  # more than one slice, and more than the first buffer of two_calls
        self.assertEqual((machine.steps, machine.state, len(machine.trace)), (2500, "ready", 2500))
        with self.assertRaises(eml.EmlUnsupportedError):
            eml.CompactMachine().trace
        with self.assertRaises(eml.EmlArgumentError):
            machine.resume(-1)
        with self.assertRaises(eml.EmlTypeError):
            machine.resume(1.5)

    def test_on_step(self):
        machine = eml.CompactMachine(keep_trace=True)
        seen = []
        self.assertEqual(machine.run(COUNT, on_step=seen.append), [250, 251, 252, 253, 254, 255, 0])
        self.assertEqual([each.token for each in seen], machine.trace)
        self.assertEqual([each.step for each in seen], list(range(machine.steps)))
        self.assertEqual(seen[0], (0, 0, Op.CONST, 250, 250, False, None))
        self.assertEqual((seen[4].op, seen[4].operand, seen[4].is_output), (Op.OUTPUT, None, True))
        del seen[:]
        machine.run(COUNT, fuel=9, on_step=seen.append)
        self.assertEqual(len(seen), 9)
        with self.assertRaises(eml.EmlTypeError):
            machine.resume(on_step=3)

    def test_exceptions_come_out(self):
        class Odd(BaseException):
            pass

        for kind in (ValueError, KeyboardInterrupt, StopIteration, GeneratorExit, Odd):
            machine = eml.CompactMachine()

            def fail(step):
                if step.step == 3:
                    raise kind("from the callback")

            with self.assertRaises(kind) as caught:
                machine.run(COUNT, on_step=fail)
            self.assertEqual(caught.exception.args, ("from the callback",))
            self.assertEqual((machine.steps, machine.state), (4, "ready"))
            self.assertIs(machine.resume(), True)
            self.assertEqual(len(machine.output), 7)

    def test_busy(self):
        machine = eml.CompactMachine()
        with self.assertRaises(eml.EmlBusyError):
            machine.run(ADD, on_step=lambda step: machine.output)
        other = eml.CompactMachine()
        machine.run(ADD, on_step=lambda step: self.assertEqual(other.run(ADD), [8]))

    def test_cancel(self):
        machine, cancel = eml.CompactMachine(), eml.Cancel()
        threading.Timer(0.02, cancel.set).start()
        self.assertEqual(machine.run(long_work(), cancel=cancel), [])
        self.assertEqual(machine.state, "ready")
        self.assertIs(machine.resume(cancel=cancel), False)  # still set
        steps = machine.steps
        cancel.reset()
        self.assertIs(machine.resume(10, cancel=cancel), False)
        self.assertEqual(machine.steps, steps + 10)
        with self.assertRaises(eml.EmlTypeError):
            machine.resume(cancel=threading.Event())

    @unittest.skipUnless(hasattr(signal, "pthread_kill"), "no pthread_kill")
    def test_keyboard_interrupt(self):
        """Ctrl-C while the library computes, with and without a function that is called."""
        main = threading.get_ident()
        previous = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            for on_step in (None, lambda step: None):
                machine = eml.CompactMachine()
                machine.load(long_work())
                timer = threading.Timer(0.02, signal.pthread_kill, (main, signal.SIGINT))
                timer.start()
                with self.assertRaises(KeyboardInterrupt):
                    machine.resume(on_step=on_step)
                timer.join()
                self.assertEqual(machine.state, "ready")
                self.assertIs(machine.resume(10), False)
        finally:
            signal.signal(signal.SIGINT, previous)


class TestLayers(Case):
    def test_step(self):
        fast, dense = eml.CompactMachine(), eml.CompactMachine(dense=True)
        fast.load(COUNT)
        dense.load(COUNT)
        steps = 0
        while True:
            one, same = fast.step(), dense.step()
            if one is None:
                break
            self.assertEqual(one[:6], same[:6])
            self.assertEqual(one.op, COUNT[one.row][0])
            self.assertEqual([view.shape for view in one.layers], [(17, 100), (8, 100), (30,), (30, 2)])
            for mine, theirs in zip(one.layers, same.layers):
                self.assertEqual(mine.tolist(), theirs.tolist())
            self.assertEqual(one.layers.winners[0], 2 * one.row + 1)  # the first head finds the opcode
            steps += 1
        self.assertIsNone(same)
        self.assertEqual(steps, fast.steps)

    def test_probe(self):
        machine = eml.CompactMachine(probe=True)
        seen = []
        machine.run(ADD, on_step=seen.append)
        streams = [each.layers.stream.tolist() for each in seen]
        again = eml.CompactMachine()
        again.load(ADD)
        self.assertEqual(streams, [again.step().layers.stream.tolist() for _ in ADD])

    @needs_numpy
    def test_numpy(self):
        machine = eml.CompactMachine()
        machine.load(ADD)
        layers = machine.step().layers
        stream = numpy.asarray(layers.stream)
        self.assertEqual((stream.dtype, stream.shape), (numpy.float64, (17, 100)))
        self.assertEqual(numpy.asarray(layers.winners).dtype, numpy.int64)


if __name__ == "__main__":
    unittest.main()
