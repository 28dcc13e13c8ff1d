"""Compact machines: programs that run by forward passes of a transformer."""
from __future__ import annotations

import json
import operator
from ctypes import addressof, byref, c_int32, sizeof
from enum import IntEnum
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from . import abi
from ._arrays import address_of
from ._bytes import Path
from ._callback import Callback
from ._cancel import Cancel
from ._handles import Handle
from ._native import bytes_at, check, lib, path_bytes, two_calls, unsigned, utf8
from .errors import EmlArgumentError, EmlTypeError

_STATES = {abi.EML_MACHINE_EMPTY: "empty", abi.EML_MACHINE_READY: "ready", abi.EML_MACHINE_HALTED: "halted",
           abi.EML_MACHINE_FAILED: "failed"}

# Without a function to call, Python gets a word in so often: Ctrl-C is noticed after a few milliseconds.
_SLICE = 1000

_FILES = 4


class Op(IntEnum):
    """The instructions; their operands are in include/eml.h and in CompactMachine.describe()["instructions"]."""

    CONST = abi.EML_OP_CONST
    ADD = abi.EML_OP_ADD
    LOOP = abi.EML_OP_LOOP
    END_LOOP = abi.EML_OP_END_LOOP
    BR_IF = abi.EML_OP_BR_IF
    LOCAL_GET = abi.EML_OP_LOCAL_GET
    LOCAL_SET = abi.EML_OP_LOCAL_SET
    LOCAL_TEE = abi.EML_OP_LOCAL_TEE
    LOAD = abi.EML_OP_LOAD
    STORE = abi.EML_OP_STORE
    EQ = abi.EML_OP_EQ
    NE = abi.EML_OP_NE
    LT_S = abi.EML_OP_LT_S
    GT_S = abi.EML_OP_GT_S
    LE_S = abi.EML_OP_LE_S
    GE_S = abi.EML_OP_GE_S
    SUB = abi.EML_OP_SUB
    MUL = abi.EML_OP_MUL
    AND = abi.EML_OP_AND
    OR = abi.EML_OP_OR
    OUTPUT = abi.EML_OP_OUTPUT
    FD_OPEN = abi.EML_OP_FD_OPEN
    FD_READ = abi.EML_OP_FD_READ
    FD_WRITE = abi.EML_OP_FD_WRITE
    FD_CLOSE = abi.EML_OP_FD_CLOSE
    HALT = abi.EML_OP_HALT


Instruction = Union[int, Sequence[Optional[int]]]
Program = Union[str, Iterable[Instruction]]


class Layers(NamedTuple):
    """What one forward pass computed; CompactMachine.describe() says what the parts are for."""

    stream: memoryview  # (2 layers + 1, d_model) float64: after the embedding, after the heads of layer 0, after its units, ...
    units: memoryview  # (layers, d_ffn) float64
    winners: memoryview  # (heads,) int64: the position that each head read; -1 for a head that sums and for an empty file
    values: memoryview  # (heads, 2) float64: what it read


class Step(NamedTuple):
    """One executed instruction."""

    step: int  # instructions executed before this one
    row: int  # index of the instruction in the program
    op: Op
    operand: Optional[int]  # 0 where it was left out, None where the instruction takes none
    token: int  # what was generated: a value of 0 to 255; 256 if the instruction has none, 257 for halt
    is_output: bool  # the value was appended to the output
    layers: Optional[Layers]  # where it was asked for


StepFunction = Callable[[Step], Any]


class CompactMachine(Handle):
    """A transformer whose weights were compiled, not trained: each forward pass executes one instruction of a program.

    A program is a list of (opcode, operand) or (opcode,), where opcodes are those of eml.Op, or text as eml compact run takes it:

    >>> import eml
    >>> eml.CompactMachine().run([(0x00, 3), (0x00, 5), (0x01,), (0xF0,), (0xFF,)])
    [8]
    >>> eml.CompactMachine().run("i32.const 3  i32.const 5  i32.add  output  halt")
    [8]

    dense: run on the dense reference, the same tokens at a higher price. keep_trace: keep every generated token in `trace`.
    probe: the functions that are given as on_step also see what the layers computed.
    """

    _kind = "machine"

    def __init__(self, dense: bool = False, keep_trace: bool = False, probe: bool = False):
        options = abi.eml_machine_options()
        check(lib.eml_machine_options_init(byref(options), sizeof(options)))
        options.dense, options.keep_trace, options.probe = bool(dense), bool(keep_trace), bool(probe)
        handle = self._new_handle()
        check(lib.eml_machine_create(byref(options), byref(handle)))
        self._adopt(handle)

    # -------------------------------------------------------------------------------------------- programs

    def load(self, program: Program, files: Any = None) -> None:
        """Checks a program and puts it at its start. EmlArgumentError or EmlLimitError if it is refused: the message says which
        instruction and why, sub_code is its index, and what was loaded before stays. EmlFormatError if a text is no program.

        files: what the files 0 to 3 hold, at most 32 bytes each: a list of bytes, or a dict from the file's number.
        """
        contents = _contents(files)  # wrong ones are refused before the program takes the old one's place
        if isinstance(program, str):
            text = utf8(program, "program")
            check(lib.eml_machine_load_text(self._handle, text, len(text)))
        else:
            instructions = [_instruction(i, each) for i, each in enumerate(program)]
            array = (abi.eml_instruction * len(instructions))(*instructions)
            check(lib.eml_machine_load(self._handle, array, len(instructions)))
        for descriptor, data in contents:
            view = memoryview(data)
            check(lib.eml_machine_set_file(self._handle, descriptor, address_of(view), view.nbytes))

    def run(self, program: Program, files: Any = None, fuel: Optional[int] = None,
            on_step: Optional[StepFunction] = None, cancel: Optional[Cancel] = None) -> List[int]:
        """Loads a program, runs it, and hands back what it put out; as far as it came, if fuel or cancel ended it first.

        See load and resume; `state` says whether it halted.
        """
        self.load(program, files)
        self.resume(fuel, on_step, cancel)
        return self.output

    def resume(self, fuel: Optional[int] = None, on_step: Optional[StepFunction] = None,
               cancel: Optional[Cancel] = None) -> bool:
        """Goes on: True if the program has halted. EmlLimitError if a loop's body runs more than 256 times or a file is full.

        fuel: the most instructions to execute. on_step: called with a Step after each of them; what it raises, Ctrl-C included,
        stops the run and comes out of here, and the run can be resumed. cancel: an eml.Cancel that stops it from any thread.
        """
        left = None if fuel is None else unsigned(fuel, 63, "fuel")
        if cancel is not None and not isinstance(cancel, Cancel):
            raise EmlTypeError("cancel must be an eml.Cancel, not %s" % type(cancel).__name__)
        if on_step is not None and not callable(on_step):
            raise EmlTypeError("on_step must be callable, not %s" % type(on_step).__name__)
        token = None if cancel is None else cancel._handle
        if left == 0:
            return self.state == "halted"
        if on_step is not None:
            return self._watch(on_step, left or 0, token)
        while True:
            fuel = _SLICE if left is None else min(left, _SLICE)
            status = check(lib.eml_machine_run(self._handle, fuel, abi.eml_machine_event_fn(), None, token))
            if left is not None:
                left -= fuel
            if status != abi.EML_OUT_OF_FUEL or left == 0:
                return status in (abi.EML_OK, abi.EML_DONE)

    def _watch(self, on_step: StepFunction, fuel: int, token: Any) -> bool:
        callback = Callback(abi.eml_machine_event_fn, lambda pointer: on_step(_step(pointer.contents)))
        status = callback.finish(lib.eml_machine_run(self._handle, fuel, callback.function, None, token))
        return status in (abi.EML_OK, abi.EML_DONE)

    def step(self) -> Optional[Step]:
        """Executes one instruction and tells all about it, the layers included; None if the program has halted."""
        event = abi.eml_machine_event(struct_size=sizeof(abi.eml_machine_event))
        status = check(lib.eml_machine_step(self._handle, byref(event)))
        return None if status == abi.EML_DONE else _step(event)

    # -------------------------------------------------------------------------------------------- what it did

    @property
    def output(self) -> List[int]:
        """What the program put out so far."""
        return list(two_calls(lambda buf, cap, need: lib.eml_machine_output(self._handle, buf, cap, need)))

    @property
    def files(self) -> List[bytes]:
        """What the files 0 to 3 hold."""
        return [two_calls(lambda buf, cap, need: lib.eml_machine_file(self._handle, descriptor, buf, cap, need))
                for descriptor in range(_FILES)]

    @property
    def trace(self) -> List[int]:
        """All generated tokens so far. EmlUnsupportedError without keep_trace."""
        data = two_calls(lambda buf, cap, need: self._trace(buf, cap, need))
        return memoryview(data).cast("i").tolist()

    def _trace(self, buf: Any, cap: int, need: Any) -> int:
        """eml_machine_trace, with sizes in bytes."""
        size = sizeof(c_int32)
        status: int = lib.eml_machine_trace(self._handle, 0, c_int32.from_buffer(buf) if cap >= size else None, cap // size, need)
        need._obj.value *= size
        return status

    @property
    def steps(self) -> int:
        """Instructions executed so far, which is the number of generated tokens."""
        return int(self._info().steps)

    @property
    def state(self) -> str:
        """"empty" (no program), "ready" (can begin or go on), "halted" or "failed" (a limit ended it)."""
        return _STATES[self._info().state]

    @property
    def state_bytes(self) -> int:
        """Memory that the sequence takes: what the heads can still read."""
        return int(self._info().state_bytes)

    def describe(self) -> Dict[str, Any]:
        """The transformer: its number of parameters, its instructions, and its config (shape, rules, names of heads, units, channels)."""
        text = two_calls(lambda buf, cap, need: lib.eml_machine_describe(self._handle, buf, cap, need))
        description: Dict[str, Any] = json.loads(text[:-1])
        return description

    def export(self, folder: Path) -> None:
        """Writes the transformer into a folder, made if it is not there, from which any program can run it; with a prompt for the
        loaded program, if there is one."""
        name = path_bytes(folder)
        check(lib.eml_machine_export(self._handle, name, len(name)))

    def _info(self) -> abi.eml_machine_info:
        info = abi.eml_machine_info(struct_size=sizeof(abi.eml_machine_info))
        check(lib.eml_machine_get_info(self._handle, byref(info)))
        return info

    def __repr__(self) -> str:
        if self.closed:
            return "<eml.CompactMachine closed>"
        return "<eml.CompactMachine state=%s steps=%d>" % (self.state, self.steps)


def _instruction(i: int, given: Instruction) -> Tuple[int, int]:
    parts = (given,) if isinstance(given, int) else given
    try:
        opcode, operand = parts if len(parts) == 2 else (*parts, None)
        return _int32(opcode), abi.EML_NO_OPERAND if operand is None else _operand(operand)
    except (TypeError, ValueError):
        raise EmlTypeError("instruction %d must be (opcode,) or (opcode, operand), both integers, not %r" % (i, given)) from None


def _int32(value: Any) -> int:
    """The number; one that does not fit becomes one that is no opcode and no operand, for the library to refuse."""
    number = operator.index(value)
    return number if -2**31 <= number < 2**31 else -2**31


def _operand(value: Any) -> int:
    number = _int32(value)
    return -2**31 if number == abi.EML_NO_OPERAND else number  # -1 is not "none" in Python


def _contents(files: Any) -> List[Tuple[int, bytes]]:
    if files is None:
        return []
    pairs = list(files.items() if isinstance(files, Mapping) else enumerate(files))
    result = []
    for descriptor, data in pairs:
        if isinstance(data, (int, str)):
            raise EmlTypeError("file %r must be bytes, not %s" % (descriptor, type(data).__name__))
        try:
            number, contents = operator.index(descriptor), bytes(data)
        except (TypeError, ValueError) as error:
            raise EmlTypeError("file %r: %s" % (descriptor, error)) from None
        if not 0 <= number < _FILES:
            raise EmlArgumentError("file %d does not exist; files are 0 to %d" % (number, _FILES - 1))
        result.append((number, contents))
    return result


def _step(event: abi.eml_machine_event) -> Step:
    operand = None if event.operand == abi.EML_NO_OPERAND else event.operand
    layers = None
    if event.stream:
        layers = Layers(_table(event.stream, "d", 2 * event.layers + 1, event.d_model),
                        _table(event.units, "d", event.layers, event.d_ffn),
                        _table(event.winners, "q", event.heads), _table(event.values, "d", event.heads, 2))
    return Step(event.step, event.row, Op(event.opcode), operand, event.token, event.is_output != 0, layers)


def _table(pointer: Any, format: str, *shape: int) -> memoryview:
    """A copy of the library's numbers."""
    count = 1
    for extent in shape:
        count *= extent
    return memoryview(bytes_at(addressof(pointer.contents), 8 * count)).cast(format, shape)
