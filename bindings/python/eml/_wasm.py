"""WebAssembly machines: modules that run by forward passes of a transformer."""
from __future__ import annotations

import operator
from ctypes import byref, c_char, c_uint64, cast, create_string_buffer, memmove, pointer, sizeof, string_at, POINTER
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from . import abi
from ._arrays import address_of
from ._callback import Callback
from ._cancel import Cancel
from ._handles import Handle
from ._native import bytes_at, check, lib, path_bytes, two_calls, unsigned, utf8
from .errors import EmlArgumentError, EmlError, EmlTrapError, EmlTypeError

# Python gets a word in after so many tokens: Ctrl-C is noticed after a few milliseconds.
_SLICE = 10000
_DENSE_SLICE = 10

_TYPES = {abi.EML_WASM_I32: "i32", abi.EML_WASM_I64: "i64"}
_BITS = {"i32": 32, "i64": 64}

Result = Union[int, Tuple[int, ...]]
Import = Union[int, Callable[..., Any]]


class WasmFunction(NamedTuple):
    """An exported function."""

    name: str
    params: Tuple[str, ...]  # "i32" or "i64"
    results: Tuple[str, ...]


class WasmMachine(Handle):
    """A transformer whose weights were compiled, not trained, and which executes a WebAssembly module: one forward pass per
    instruction. The module may use all integer instructions of WebAssembly 1.0, sign extension and multiple results.

    wasm: the binary module. imports: what it imports, by its two names: a function, or the integer value of a global:

        WasmMachine(wasm, imports={("env", "output"): print, ("env", "base"): 5})

    wasi: gives the module WASI preview 1: args (the program's name first), env, stdin (bytes, or a file whose read(n) gives bytes), seed of
    its random numbers, and clock (nanoseconds since 1970 at which it stands still; None is the system's). What the program puts out
    is in stdout and stderr, or goes to output(stream, bytes), with stream 1 or 2; exit_code is what it ended itself with:

        machine = WasmMachine(wasm, wasi=True, args=["wc", "-l"], stdin=b"...")
        machine.invoke("_start")
        print(machine.stdout, machine.exit_code)

    A function is called with integers and returns an integer, a tuple of several, or None if it has no result. It may use
    read_memory and write_memory; what it raises, Ctrl-C included, ends the call and comes out of invoke. dense: run on the dense
    reference, the same tokens at a much higher price.

    Integers that come out of the machine are signed, -2^31..2^31-1 for an i32 and -2^63..2^63-1 for an i64; into it go signed and
    unsigned ones, up to 2^32-1 and 2^64-1. ValueError (EmlArgumentError) for others.
    """

    _kind = "wasm"

    def __init__(self, wasm: Any, imports: Optional[Mapping[Tuple[str, str], Import]] = None, dense: bool = False, *, wasi: bool = False,
                 args: Sequence[str] = (), env: Optional[Mapping[str, str]] = None, stdin: Any = b"", seed: int = 0,
                 clock: Optional[int] = None, output: Optional[Callable[[int, bytes], Any]] = None):
        view = memoryview(wasm)
        if not view.c_contiguous:
            raise EmlTypeError("wasm must be contiguous bytes")
        self._callbacks: List[Callback] = []
        self._keep: List[Any] = []
        options = abi.eml_wasm_options()
        check(lib.eml_wasm_options_init(byref(options), sizeof(options)))
        options.dense = bool(dense)
        entries = [self._import(names, what) for names, what in (imports or {}).items()]
        options.imports = (abi.eml_wasm_import * len(entries))(*entries)
        options.import_count = len(entries)
        if wasi:
            options.wasi = pointer(self._wasi(args, env or {}, stdin, seed, clock, output))
        elif args or env or stdin != b"" or seed or clock is not None or output is not None:
            raise EmlArgumentError("args, env, stdin, seed, clock and output are WASI's: give wasi=True")
        handle = self._new_handle()
        check(lib.eml_wasm_load(address_of(view), view.nbytes, byref(options), byref(handle)))
        self._adopt(handle)
        self._slice = _DENSE_SLICE if dense else _SLICE
        self._functions = {each.name: each for each in map(self._function, range(self._info().functions))}
        self._called: Optional[WasmFunction] = None

    # -------------------------------------------------------------------------------------------- calls

    def invoke(self, name: str, *args: int, fuel: Optional[int] = None, cancel: Optional[Cancel] = None) -> Optional[Result]:
        """Calls an exported function; before the first call the module's start function runs.

        The result is an int, or a tuple if there are several or none. None if fuel or cancel ended it first: then `suspended` is
        True and resume() goes on; None, too, if the program ended itself by WASI's proc_exit: then `exit_code` is its code.
        EmlTrapError if it traps: the message is the specification's.

        fuel: the most tokens to generate; a token is one executed instruction, but for a few that take several.
        cancel: an eml.Cancel that stops it from any thread.
        """
        function = self._functions.get(name)
        bits = self._bits(function, args)
        text = utf8(name, "name")
        left, token = self._budget(fuel, cancel)
        first = self._slice if left is None else min(left, self._slice)
        room, count = self._room(function)
        before, self._called = self._called, function  # already now: Ctrl-C is noticed as soon as the library returns
        try:
            status = self._finish(lib.eml_wasm_invoke(self._handle, text, len(text), bits, len(args), first, token, room, len(room),
                                                      byref(count)))
        except EmlError:
            self._called = before
            raise
        return self._go_on(status, None if left is None else left - first, token, room, count)

    def resume(self, fuel: Optional[int] = None, cancel: Optional[Cancel] = None) -> Optional[Result]:
        """Goes on with a call that fuel or cancel ended. EmlStateError if there is none."""
        left, token = self._budget(fuel, cancel)
        room, count = self._room(self._called)
        return self._go_on(self._resume(left, token, room, count), None if left is None else left - min(left, self._slice), token, room, count)

    def _resume(self, left: Optional[int], token: Any, room: Any, count: Any) -> int:
        fuel = self._slice if left is None else min(left, self._slice)
        return self._finish(lib.eml_wasm_resume(self._handle, fuel, token, room, len(room), byref(count)))

    def _go_on(self, status: int, left: Optional[int], token: Any, room: Any, count: Any) -> Optional[Result]:
        while status == abi.EML_OUT_OF_FUEL and left != 0:
            status = self._resume(left, token, room, count)
            left = None if left is None else left - min(left, self._slice)
        if status == abi.EML_TRAPPED:
            raise EmlTrapError(self.trap, abi.EML_TRAPPED)
        if status != abi.EML_OK or self._called is None:
            return None
        values = tuple(_from_bits(value, kind) for value, kind in zip(room, self._called.results))
        return values[0] if len(values) == 1 else values

    def _finish(self, status: int) -> int:
        for callback in self._callbacks:
            callback.finish(0)  # raises what the function raised
        return check(status)

    @staticmethod
    def _bits(function: Optional[WasmFunction], args: Tuple[int, ...]) -> Any:
        types = () if function is None else function.params
        if function is not None and len(args) != len(types):
            raise EmlArgumentError("%s takes %d arguments (%s); %d are given" % (function.name, len(types), ", ".join(types), len(args)))
        return (c_uint64 * len(args))(*(_to_bits(value, kind, "argument %d" % i) for i, (value, kind) in enumerate(zip(args, types))))

    @staticmethod
    def _budget(fuel: Optional[int], cancel: Optional[Cancel]) -> Tuple[Optional[int], Any]:
        if cancel is not None and not isinstance(cancel, Cancel):
            raise EmlTypeError("cancel must be an eml.Cancel, not %s" % type(cancel).__name__)
        if fuel == 0:
            raise EmlArgumentError("fuel must be at least 1")  # 0 means no limit in C
        return None if fuel is None else unsigned(fuel, 63, "fuel"), None if cancel is None else cancel._handle

    @staticmethod
    def _room(function: Optional[WasmFunction]) -> Tuple[Any, Any]:
        return (c_uint64 * (0 if function is None else len(function.results)))(), c_uint64()

    # -------------------------------------------------------------------------------------------- memory

    def read_memory(self, address: int, size: int) -> bytes:
        """Bytes of the linear memory. EmlArgumentError beyond its end."""
        place, count = unsigned(address, 32, "address"), unsigned(size, 31, "size")
        if place + count > 65536 * 65536:
            raise EmlArgumentError("%d bytes at %d are beyond any memory" % (count, place))
        buffer = create_string_buffer(max(count, 1))
        check(lib.eml_wasm_read_memory(self._handle, place, buffer, count))
        return buffer.raw[:count]

    def write_memory(self, address: int, data: Any) -> None:
        """Writes bytes to the linear memory. EmlArgumentError beyond its end."""
        view = memoryview(bytes(data))
        check(lib.eml_wasm_write_memory(self._handle, unsigned(address, 32, "address"), address_of(view), view.nbytes))

    # -------------------------------------------------------------------------------------------- what it is and did

    @property
    def functions(self) -> Dict[str, WasmFunction]:
        """The exported functions by name."""
        return dict(self._functions)

    @property
    def suspended(self) -> bool:
        """Whether resume() goes on with a call."""
        return bool(self._info().state == abi.EML_WASM_SUSPENDED)

    @property
    def trap(self) -> str:
        """Why the last call trapped, in the specification's words; empty if it did not."""
        text = two_calls(lambda buf, cap, need: lib.eml_wasm_trap(self._handle, buf, cap, need))
        return text[:-1].decode("utf-8")

    @property
    def stdout(self) -> bytes:
        """What the program has put out so far. EmlStateError without wasi."""
        return self._output(1)

    @property
    def stderr(self) -> bytes:
        """What it has put out on standard error."""
        return self._output(2)

    def _output(self, stream: int) -> bytes:
        return two_calls(lambda buf, cap, need: lib.eml_wasm_output(self._handle, stream, buf, cap, need))

    @property
    def exit_code(self) -> Optional[int]:
        """What the program gave to WASI's proc_exit if that ended the last call, 0..2^32-1; else None."""
        info = self._info()
        return int(info.exit_code) if info.has_exited else None

    def export(self, folder: Any, name: str, *args: int) -> None:
        """Writes the transformer into a folder, made if it is not there, from which any program can run it, with a prompt: the module at
        its start and the call of an exported function. EmlUnsupportedError for modules with a start function."""
        path, text = path_bytes(folder), utf8(name, "name")
        bits = self._bits(self._functions.get(name), args)
        check(lib.eml_wasm_export(self._handle, text, len(text), bits, len(args), path, len(path)))

    @property
    def instructions(self) -> int:
        """WebAssembly instructions executed so far."""
        return int(self._info().instructions)

    @property
    def tokens(self) -> int:
        """Tokens generated so far, which is the number of forward passes for them."""
        return int(self._info().tokens)

    @property
    def prompt_tokens(self) -> int:
        """Tokens given so far: the module, arguments, results of imported functions, what was written to memory."""
        return int(self._info().prompt_tokens)

    @property
    def pages(self) -> int:
        """Size of the memory in pages of 65,536 bytes."""
        return int(self._info().pages)

    @property
    def state_bytes(self) -> int:
        """Memory that the sequence takes: what the heads can still read."""
        return int(self._info().state_bytes)

    @property
    def shape(self) -> Tuple[int, int, int]:
        """Of the transformer: parameters, layers, d_model."""
        info = self._info()
        return int(info.parameters), int(info.layers), int(info.d_model)

    def _info(self) -> abi.eml_wasm_info:
        info = abi.eml_wasm_info(struct_size=sizeof(abi.eml_wasm_info))
        check(lib.eml_wasm_get_info(self._handle, byref(info)))
        return info

    def _function(self, index: int) -> WasmFunction:
        raw = abi.eml_wasm_function(struct_size=sizeof(abi.eml_wasm_function))
        check(lib.eml_wasm_get_function(self._handle, index, byref(raw)))
        return WasmFunction(string_at(raw.name, raw.name_len).decode("utf-8"), _types(raw.params, raw.nparams), _types(raw.results, raw.nresults))

    def _import(self, names: Any, what: Any) -> abi.eml_wasm_import:
        try:
            module, name = (utf8(each, "an import's name") for each in names)
        except (TypeError, ValueError):
            raise EmlTypeError("an import is named by two strings, (module, name), not %r" % (names,)) from None
        entry = abi.eml_wasm_import(module_len=len(module), name_len=len(name))
        for field, text in (("module", module), ("name", name)):
            buffer = create_string_buffer(text)
            self._keep.append(buffer)
            setattr(entry, field, cast(buffer, POINTER(c_char)))
        if callable(what):
            callback = Callback(abi.eml_wasm_import_fn, lambda pointer: _host(what, pointer.contents))
            self._callbacks.append(callback)
            entry.function = callback.function
        else:
            entry.value = _to_bits(what, "i64", "import %s.%s" % tuple(names))
        return entry

    def _wasi(self, args: Sequence[str], env: Mapping[str, str], stdin: Any, seed: int, clock: Optional[int],
              output: Optional[Callable[[int, bytes], Any]]) -> abi.eml_wasm_wasi:
        wasi = abi.eml_wasm_wasi()
        check(lib.eml_wasm_wasi_init(byref(wasi), sizeof(wasi)))
        if isinstance(args, (str, bytes)):
            raise EmlTypeError("args must be a sequence of strings, not one")
        wasi.args, wasi.arg_count = self._texts([utf8(each, "an argument") for each in args])
        pairs = [(utf8(name, "a variable's name"), utf8(value, "a variable's value")) for name, value in env.items()]
        wasi.env, wasi.env_count = self._texts([name + b"=" + value for name, value in pairs])
        wasi.seed = unsigned(seed, 64, "seed")
        if clock is not None:
            wasi.fixed_clock, wasi.clock_ns = 1, unsigned(clock, 64, "clock")
        if callable(getattr(stdin, "read", None)):
            wasi.read = self._transfer(lambda pointer: _give(stdin, pointer.contents))
        else:
            data = bytes(memoryview(stdin))
            self._keep.append(data)
            wasi.input, wasi.input_size = address_of(memoryview(data)), len(data)
        if output is not None:
            take = output
            if not callable(take):
                raise EmlTypeError("output must be callable with (stream, bytes), not %s" % type(take).__name__)
            wasi.write = self._transfer(
                lambda pointer: take(pointer.contents.stream, bytes_at(pointer.contents.bytes, pointer.contents.size)))
        return wasi

    def _transfer(self, call: Callable[[Any], Any]) -> Any:
        callback = Callback(abi.eml_wasm_transfer_fn, call)
        self._callbacks.append(callback)
        return callback.function

    def _texts(self, texts: List[bytes]) -> Tuple[Any, int]:
        entries = (abi.eml_wasm_text * len(texts))()
        for entry, text in zip(entries, texts):
            buffer = create_string_buffer(text)
            self._keep.append(buffer)
            entry.text, entry.len = cast(buffer, POINTER(c_char)), len(text)
        return entries, len(texts)

    def __repr__(self) -> str:
        if self.closed:
            return "<eml.WasmMachine closed>"
        return "<eml.WasmMachine functions=%s tokens=%d>" % (",".join(self._functions), self.tokens)


def _host(function: Callable[..., Any], call: abi.eml_wasm_call) -> None:
    """One call of an imported function."""
    params, types = _types(call.params, call.nargs), _types(call.result_types, call.nresults)
    answer = function(*(_from_bits(call.args[i], kind) for i, kind in enumerate(params)))
    if not types:
        return  # like print, a function may return what nobody wants
    values = answer if isinstance(answer, (tuple, list)) else (answer,)
    if len(values) != len(types):
        name = string_at(call.name, call.name_len).decode("utf-8")
        raise EmlTypeError("the imported function %s must return %d integers, not %r" % (name, len(types), answer))
    for i, (value, kind) in enumerate(zip(values, types)):
        call.results[i] = _to_bits(value, kind, "result %d" % i)


def _give(file: Any, transfer: abi.eml_wasm_transfer) -> None:
    """Bytes of a file for the program."""
    data = file.read(min(transfer.size, 65536))
    if not isinstance(data, (bytes, bytearray)) or len(data) > transfer.size:
        raise EmlTypeError("stdin.read must return at most as many bytes as it is asked for, not %r" % type(data).__name__)
    memmove(transfer.bytes, bytes(data), len(data))
    transfer.given = len(data)


def _types(pointer: Any, count: int) -> Tuple[str, ...]:
    return tuple(_TYPES[pointer[i]] for i in range(count))


def _to_bits(value: Any, kind: str, what: str) -> int:
    bits = _BITS[kind]
    try:
        number = operator.index(value)
    except TypeError:
        raise EmlTypeError("%s must be an integer, not %s" % (what, type(value).__name__)) from None
    if not -2**(bits - 1) <= number < 2**bits:
        raise EmlArgumentError("%s must be in -2^%d..2^%d-1, not %d" % (what, bits - 1, bits, number))
    return number % 2**bits


def _from_bits(value: int, kind: str) -> int:
    bits = _BITS[kind]
    return value - 2**bits if value >> (bits - 1) else value
