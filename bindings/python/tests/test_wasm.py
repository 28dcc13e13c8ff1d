"""WebAssembly machines: calls, imports, memory, traps, runs in pieces, exceptions and signals, WASI, files, refusals."""
import io
import json
import os
import signal
import tempfile
import threading
import time
import unittest

import eml
from support import REPOSITORY, Case

# tests/data/wasm/abi.wat
WASM = (REPOSITORY / "tests" / "data" / "wasm" / "abi.wasm").read_bytes()
FLOAT = bytes.fromhex("0061736d0100000001050160" "00017f03020100070501016600000a0a010800430000803fa80b")
FUNCTIONS = ["add", "wide", "fib", "divide", "echo", "hello", "get", "set", "started", "base", "spin", "locals"]


class World:
    """What the module imports, and what it did with it."""

    def __init__(self, **options):
        self.outputs, self.texts, self.next_input = [], [], 41
        imports = {("env", "output"): self.outputs.append, ("env", "input"): lambda: self.next_input, ("env", "print"): self.print,
                   ("env", "base"): -5, ("other", "unused"): print}
        self.machine = eml.WasmMachine(WASM, imports=imports, **options)

    def print(self, address, size):
        self.texts.append(self.machine.read_memory(address, size))
        self.machine.write_memory(address + size, b"!")
        with_error(eml.EmlBusyError, self.machine.invoke, "started")


def with_error(kind, function, *arguments, **options):
    try:
        function(*arguments, **options)
    except kind as error:
        return error
    raise AssertionError("no %s" % kind.__name__)


class TestCalls(Case):
    def test_invoke(self):
        for dense in (False, True):
            with World(dense=dense).machine as machine:
                self.assertEqual(machine.invoke("add", 3, 5), 8)
                self.assertEqual(machine.invoke("add", 2**31 - 1, 1), -2**31)
                self.assertEqual(machine.invoke("add", 2**32 - 1, -1), -2)
                self.assertEqual(machine.invoke("wide", 2**40 + 3, -5), -5 * (2**40 + 3))
                self.assertEqual(machine.invoke("wide", 2**64 - 1, 2**64 - 1), 1)
                self.assertEqual(machine.invoke("divide", -7, 2), (-3, -1))
                self.assertEqual(machine.invoke("fib", 4), 3)
                self.assertEqual(machine.invoke("started"), 7)
                self.assertEqual(machine.invoke("base"), -5)
                self.assertEqual(machine.invoke("set", 8, 300), ())
                self.assertEqual(machine.invoke("get", 8), 44)
        machine = World().machine
        self.assertEqual(machine.invoke("fib", 15), 610)
        self.assertGreater(machine.instructions, 10000)
        self.assertGreaterEqual(machine.tokens, machine.instructions)
        self.assertGreater(machine.prompt_tokens, 50)
        self.assertGreater(machine.state_bytes, 0)
        self.assertEqual(machine.pages, 1)
        self.assertTrue(all(part > 0 for part in machine.shape))
        self.assertEqual(repr(machine), "<eml.WasmMachine functions=%s tokens=%d>" % (",".join(FUNCTIONS), machine.tokens))
        machine.close()
        self.assertEqual(repr(machine), "<eml.WasmMachine closed>")
        with self.assertRaises(eml.EmlHandleError):
            machine.invoke("add", 1, 2)

    def test_functions(self):
        functions = World().machine.functions
        self.assertEqual(list(functions), FUNCTIONS)
        self.assertEqual(functions["divide"], eml.WasmFunction("divide", ("i32", "i32"), ("i32", "i32")))
        self.assertEqual(functions["wide"], ("wide", ("i64", "i64"), ("i64",)))
        self.assertEqual(functions["spin"], ("spin", (), ()))

    def test_imports(self):
        world = World()
        world.machine.invoke("echo")
        world.next_input = -10
        world.machine.invoke("echo")
        self.assertEqual(world.outputs, [42, -9])
        world.machine.invoke("hello")
        self.assertEqual(world.texts, [b"hello, world"])
        self.assertEqual(world.machine.read_memory(14, 16), b"\0\0hello, world!\0")

    def test_what_an_import_raises(self):
        world = World()
        world.next_input = "x"
        for _ in range(2):
            with self.assertRaisesRegex(TypeError, "result 0 must be an integer"):
                world.machine.invoke("echo")
            self.assertFalse(world.machine.suspended)
        for wrong in ((1, 2), (), 2**32):
            world.next_input = wrong
            with self.assertRaises((TypeError, ValueError)):
                world.machine.invoke("echo")
        world.next_input = 1
        world.machine.invoke("echo")
        self.assertEqual(world.outputs, [2])

        def fail(_):
            raise KeyError("mine")

        machine = eml.WasmMachine(WASM, {("env", "output"): fail, ("env", "input"): lambda: 1, ("env", "print"): fail, ("env", "base"): 0})
        with self.assertRaisesRegex(KeyError, "mine"):
            machine.invoke("echo")
        self.assertEqual(machine.invoke("add", 1, 2), 3)

    def test_memory(self):
        machine = World().machine
        for data in (b"", b"a", bytes(range(100)), bytearray(b"xyz")):
            machine.write_memory(1003, data)
            self.assertEqual(machine.read_memory(1003, len(data)), data)
        for address, size in ((65536, 1), (65000, 600), (2**32 - 1, 1), (-1, 1), (2**32, 1), (0, -1)):
            with self.assertRaises(ValueError):
                machine.read_memory(address, size)
        with self.assertRaises(ValueError):
            machine.write_memory(65535, b"ab")

    def test_traps(self):
        machine = World().machine
        for name, arguments, text in (("divide", (1, 0), "integer divide by zero"), ("divide", (-2**31, -1), "integer overflow"),
                                      ("get", (65536,), "out of bounds memory access")):
            error = with_error(eml.EmlTrapError, machine.invoke, name, *arguments)
            self.assertEqual((str(error), error.code, machine.trap), (text, eml.abi.EML_TRAPPED, text))
        self.assertIsInstance(error, RuntimeError)
        self.assertEqual(machine.invoke("add", 1, 2), 3)
        self.assertEqual(machine.trap, "")


class TestPieces(Case):
    def test_fuel(self):
        for fuel in (1, 7, 100):
            machine = World().machine
            result, pieces = machine.invoke("fib", 9, fuel=fuel), 1
            while result is None:
                self.assertTrue(machine.suspended)
                result, pieces = machine.resume(fuel=fuel), pieces + 1
            self.assertEqual(result, 34)
            self.assertEqual(pieces, -(-machine.tokens // fuel))
            self.assertFalse(machine.suspended)
            with self.assertRaises(eml.EmlStateError):
                machine.resume()
        self.assertIsNone(machine.invoke("spin", fuel=25000))
        tokens = machine.tokens
        self.assertIsNone(machine.resume(fuel=25001))
        self.assertEqual(machine.tokens, tokens + 25001)

    def test_cancel(self):
        for dense in (False, True):
            machine = World(dense=dense).machine
            cancel = eml.Cancel()
            timer = threading.Timer(0.05, cancel.set)
            timer.start()
            self.assertIsNone(machine.invoke("spin", cancel=cancel))
            timer.join()
            self.assertTrue(machine.suspended)
            self.assertIsNone(machine.resume(fuel=3))

    def test_interrupt(self):
        machine = World().machine

        def interrupt():
            os.kill(os.getpid(), signal.SIGINT)

        timer = threading.Timer(0.2, interrupt)
        timer.start()
        with self.assertRaises(KeyboardInterrupt):
            machine.invoke("spin")
        timer.join()
        self.assertTrue(machine.suspended)
        self.assertIsNone(machine.resume(fuel=10))
        self.assertEqual(machine.invoke("add", 1, 2), 3)


class TestWasi(Case):
    WASI = (REPOSITORY / "tests" / "data" / "wasm" / "wasi.wasm").read_bytes()

    def test_examples(self):
        folder = REPOSITORY / "examples" / "wasm"
        names = sorted(path.stem for path in folder.glob("*.expected"))
        self.assertIn("hello", names)
        for name in names:
            given = folder / (name + ".in")
            stdin = given.read_bytes() if given.exists() else b""
            machine = eml.WasmMachine((folder / (name + ".wasm")).read_bytes(), wasi=True, args=[name], stdin=stdin)
            result = machine.invoke("_start")
            self.assertIn((result, machine.exit_code), (((), None), (None, 0)), name)
            self.assertEqual(machine.stdout, (folder / (name + ".expected")).read_bytes(), name)
            self.assertEqual(machine.stderr, b"", name)

    def test_what_a_program_sees(self):
        machine = eml.WasmMachine(self.WASI, wasi=True, args=["name", "two words", "é"], env={"A": "b=c", "E": ""}, stdin=b"x" * 1000, seed=5,
                                  clock=2**63 + 1)
        self.assertEqual(machine.invoke("args"), 3)
        self.assertEqual(machine.stdout, "name\0two words\0é\0".encode())
        self.assertEqual(machine.invoke("env"), 2)
        self.assertTrue(machine.stdout.endswith(b"\0A=b=c\0E=\0"))
        before = len(machine.stdout)
        self.assertEqual(machine.invoke("copy"), 1000)
        self.assertEqual(machine.stdout[before:], b"x" * 1000)
        self.assertEqual(machine.invoke("clock"), -2**63 + 1)
        numbers = [machine.invoke("random") for _ in range(3)]
        self.assertEqual(len(set(numbers)), 3)
        again = eml.WasmMachine(self.WASI, wasi=True, seed=5)
        self.assertEqual([again.invoke("random") for _ in range(3)], numbers)
        self.assertLess(abs(again.invoke("clock") - time.time_ns()), 10**10)
        self.assertEqual(machine.invoke("complain"), ())
        self.assertEqual((machine.stderr, again.stderr), (b"oops\n", b""))
        self.assertEqual(machine.invoke("missing"), 52)

    def test_exit_code(self):
        machine = eml.WasmMachine(self.WASI, wasi=True)
        self.assertIsNone(machine.exit_code)
        for code in (0, 3, 2**32 - 1):
            self.assertIsNone(machine.invoke("exit", code))
            self.assertEqual((machine.exit_code, machine.suspended), (code, False))
        machine.invoke("missing")
        self.assertIsNone(machine.exit_code)

    def test_streams(self):
        seen = []
        machine = eml.WasmMachine(self.WASI, wasi=True, stdin=io.BytesIO(bytes(range(256))), output=lambda *what: seen.append(what))
        self.assertEqual(machine.invoke("copy"), 256)
        machine.invoke("complain")
        self.assertEqual(b"".join(data for stream, data in seen if stream == 1), bytes(range(256)))
        self.assertEqual(seen[-1], (2, b"oops\n"))
        self.assertEqual((machine.stdout, machine.stderr), (b"", b""))

        class Broken:
            def read(self, size):
                raise OSError("mine")

        machine = eml.WasmMachine(self.WASI, wasi=True, stdin=Broken())
        for _ in range(2):
            with self.assertRaisesRegex(OSError, "mine"):
                machine.invoke("copy")
        for wrong in ("text", b"x" * 100000, None):
            file = io.BytesIO()
            file.read = lambda _, wrong=wrong: wrong
            with_error(TypeError, eml.WasmMachine(self.WASI, wasi=True, stdin=file).invoke, "copy")
        machine = eml.WasmMachine(self.WASI, wasi=True, output=lambda stream, data: 1 // 0)
        with_error(ZeroDivisionError, machine.invoke, "complain")
        self.assertFalse(machine.suspended)

    def test_refusals(self):
        for options in ({"args": "name"}, {"args": [1]}, {"env": {"A": 1}}, {"stdin": "text"}, {"stdin": 5}, {"output": 1}, {"clock": "now"}):
            with_error(TypeError, eml.WasmMachine, self.WASI, wasi=True, **options)
        for options in ({"args": ["a\0b"]}, {"env": {"A": "\0"}}, {"seed": -1}, {"clock": 2**64}):
            with_error(ValueError, eml.WasmMachine, self.WASI, wasi=True, **options)
        self.assertIn("fd_write", str(with_error(eml.EmlArgumentError, eml.WasmMachine, self.WASI)))
        self.assertIn("wasi=True", str(with_error(eml.EmlArgumentError, eml.WasmMachine, self.WASI, args=["a"])))
        with_error(eml.EmlStateError, lambda: World().machine.stdout)

    def test_export(self):
        # (module (func (export "f") (param i32) (result i32) (local.get 0)))
        wasm = bytes.fromhex("0061736d0100000001060160017f017f03020100070501016600000a0601040020000b")
        machine = eml.WasmMachine(wasm)
        with tempfile.TemporaryDirectory() as folder:
            machine.export(os.path.join(folder, "machine"), "f", -7)
            files = sorted(os.listdir(os.path.join(folder, "machine")))
            self.assertEqual(files, ["config.json", "model.safetensors", "prompt.json", "tokens.json"])
            with open(os.path.join(folder, "machine", "prompt.json"), encoding="utf-8") as file:
                prompt = json.load(file)
            at = prompt["fields"].index("Low")
            self.assertTrue(any(token[at] == 2**32 - 7 for token in prompt["tokens"]))
            with_error(eml.EmlArgumentError, machine.export, folder, "g")
            with_error(eml.EmlArgumentError, machine.export, folder, "f")
            with_error(eml.EmlUnsupportedError, World().machine.export, folder, "spin")
        with_error(OSError, machine.export, "/dev/null/machine", "f", 1)


class TestRefusals(Case):
    def test_modules(self):
        error = with_error(eml.EmlUnsupportedError, eml.WasmMachine, FLOAT)
        self.assertIn("byte 31, function 0", str(error))
        self.assertEqual(error.offset, 31)
        self.assertIn("f32.const", str(error))
        error = with_error(eml.EmlFormatError, eml.WasmMachine, b"rubbish!")
        self.assertEqual(error.offset, 0)
        for size in (0, 4, 100, len(WASM) - 1):
            with_error(eml.EmlError, eml.WasmMachine, WASM[:size])
        self.assertIn("env.output", str(with_error(eml.EmlArgumentError, eml.WasmMachine, WASM)))
        for wrong in ("text", None, 7, memoryview(WASM)[::2]):
            with_error(TypeError, eml.WasmMachine, wrong)
        for wrong in ({"env": print}, {("a", "b", "c"): print}, {(1, 2): print}, {("a", "b"): "x"}, {("a", "b"): 1.5}):
            with_error(TypeError, eml.WasmMachine, WASM, wrong)
        with_error(ValueError, eml.WasmMachine, WASM, {("a", "b"): 2**64})

    def test_arguments(self):
        machine = World().machine
        self.assertIn("fib", str(with_error(eml.EmlArgumentError, machine.invoke, "nothing")))
        for arguments in ((), (1,), (1, 2, 3), (2**32, 1), (-2**31 - 1, 1)):
            with_error(eml.EmlArgumentError, machine.invoke, "add", *arguments)
        for arguments in (("1", 2), (1.0, 2), (None, 2)):
            with_error(TypeError, machine.invoke, "add", *arguments)
        with_error(ValueError, machine.invoke, "add", 1, 2, fuel=0)
        with_error(ValueError, machine.invoke, "add", 1, 2, fuel=-1)
        with_error(TypeError, machine.invoke, "add", 1, 2, cancel=1)
        with_error(TypeError, machine.invoke, 7)
        self.assertEqual(machine.tokens, 0)
        with_error(eml.EmlStateError, machine.resume)


if __name__ == "__main__":
    unittest.main()
