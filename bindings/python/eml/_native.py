"""The loaded library, and the small helpers that every call goes through."""
from __future__ import annotations

import os
import operator
from ctypes import byref, c_char, c_uint64, create_string_buffer, sizeof
from typing import Any, Callable, Optional

from . import abi
from ._loader import load
from .errors import BY_CODE, EmlArgumentError, EmlError, EmlInternalError, EmlStateError, EmlTypeError

lib, library_path = load()

FORMATS = {
    "auto": abi.EML_FORMAT_AUTO,
    "json": abi.EML_FORMAT_JSON,
    "browser": abi.EML_FORMAT_BROWSER,
    "safetensors": abi.EML_FORMAT_SAFETENSORS,
    "protobuf": abi.EML_FORMAT_PROTOBUF,
}

EXPRESSIONS = {
    "text": abi.EML_EXPRESSION_TEXT,
    "latex": abi.EML_EXPRESSION_LATEX,
    "c": abi.EML_EXPRESSION_C,
    "rust": abi.EML_EXPRESSION_RUST,
    "python": abi.EML_EXPRESSION_PYTHON,
}


def last_error() -> EmlError:
    """The calling thread's last failure as an exception."""
    error = abi.eml_error(struct_size=sizeof(abi.eml_error))
    status = lib.eml_last_error(byref(error))
    if status != abi.EML_OK:
        return EmlInternalError("eml_last_error failed with status %d" % status)
    message = error.message[:error.message_len].decode("utf-8", "replace")
    offset = None if error.byte_offset == 2**64 - 1 else error.byte_offset
    return BY_CODE.get(error.code, EmlInternalError)(message, error.code, error.sub_code, offset)


def check(status: int) -> int:
    """Raises the last failure if the status is one; hands back a good status."""
    if status < 0:
        raise last_error()
    return status


def unsigned(value: Any, bits: int, what: str) -> int:
    """An integer that fits; ctypes itself would silently drop the upper bits."""
    try:
        number = operator.index(value)
    except TypeError:
        raise EmlTypeError("%s must be an integer, not %s" % (what, type(value).__name__)) from None
    if not 0 <= number < 2**bits:
        raise EmlArgumentError("%s must be in 0..2^%d-1, not %d" % (what, bits, number))
    return number


def utf8(text: Any, what: str) -> bytes:
    """A string's UTF-8. Lone surrogates are handed on, for the library to refuse."""
    if not isinstance(text, str):
        raise EmlTypeError("%s must be a str, not %s" % (what, type(text).__name__))
    return text.encode("utf-8", "surrogatepass")


def path_bytes(path: Any) -> bytes:
    """A path for the library, which takes UTF-8."""
    try:
        path = os.fspath(path)
    except TypeError as error:
        raise EmlTypeError("path: %s" % error) from None
    return path if isinstance(path, bytes) else path.encode("utf-8", "surrogateescape")


def format_code(name: str) -> int:
    """EML_FORMAT_... of a format's name."""
    try:
        return FORMATS[name]
    except (KeyError, TypeError):
        raise EmlArgumentError("unknown format %r; one of %s" % (name, ", ".join(FORMATS))) from None


def expression_code(name: str) -> int:
    """EML_EXPRESSION_... of a format's name."""
    try:
        return EXPRESSIONS[name]
    except (KeyError, TypeError):
        raise EmlArgumentError("unknown expression format %r; one of %s" % (name, ", ".join(EXPRESSIONS))) from None


def two_calls(call: Callable[[Any, int, Any], int]) -> bytes:
    """What call(buf, cap, &need) writes; for a text that includes the closing NUL."""
    need = c_uint64(1024)  # most answers fit at once
    while True:
        buffer = create_string_buffer(max(need.value, 1))
        status = call(buffer, len(buffer), byref(need))
        if status != abi.EML_E_BUFFER:
            check(status)
            return buffer[:need.value]


def bytes_at(address: Optional[int], size: int) -> bytes:
    """A copy of the library's memory. Unlike ctypes.string_at it takes more than 2 GiB."""
    return (c_char * size).from_address(address).raw if size and address else b""


def _after_fork_in_child() -> None:
    """The .NET runtime does not survive a fork: a clear error is better than a call that never returns."""

    def refuse(*_arguments: Any) -> int:
        raise EmlStateError("this process was forked after libeml had started; use the start method 'spawn' of "
                            "multiprocessing, or import eml only in the child")

    def ignore(*_arguments: Any) -> int:
        return abi.EML_OK

    for name in abi.FUNCTIONS:
        # Objects of the parent may still be collected in the child: that must stay quiet.
        setattr(lib, name, ignore if name.endswith("_free") else refuse)


os.register_at_fork(after_in_child=_after_fork_in_child)
