"""The exceptions of libeml: one class per status code, each also of the Python type that fits."""
from __future__ import annotations

from typing import Dict, Optional, Type

from . import abi


class EmlError(Exception):
    """A failure in libeml.

    code      the status, one of eml.abi.EML_E_...
    sub_code  EML_F_... for EmlFormatError, errno for EmlIoError, the index of the instruction for a machine's program, else 0
    offset    where in the input, in bytes; None if that has no meaning
    message   what, where, the limit and the remedy
    """

    code: int = abi.EML_E_INTERNAL

    def __init__(self, message: str, code: Optional[int] = None, sub_code: int = 0, offset: Optional[int] = None):
        super().__init__(message)
        if code is not None:
            self.code = code
        self.message = message
        self.sub_code = sub_code
        self.offset = offset

    def __str__(self) -> str:
        return self.message


class EmlArgumentError(EmlError, ValueError):
    """A value outside its range."""

    code = abi.EML_E_ARGUMENT


class EmlTypeError(EmlError, TypeError):
    """A Python object of a type that cannot be used here."""

    code = abi.EML_E_ARGUMENT


class EmlHandleError(EmlError, ValueError):
    """The object has been closed."""

    code = abi.EML_E_HANDLE


class EmlBusyError(EmlError, RuntimeError):
    """The object is at work on another thread or in a callback."""

    code = abi.EML_E_BUSY


class EmlShapeError(EmlError, ValueError):
    """An array whose shape does not fit the object."""

    code = abi.EML_E_SHAPE


class EmlNonFiniteError(EmlError, ValueError):
    """NaN or an infinity where a finite number is needed (see allow_nonfinite)."""

    code = abi.EML_E_NONFINITE


class EmlBufferError(EmlError, BufferError):
    """A buffer that is too small."""

    code = abi.EML_E_BUFFER


class EmlStateError(EmlError, RuntimeError):
    """The object is not in a state that allows this (too few samples, say)."""

    code = abi.EML_E_STATE


class EmlFormatError(EmlError, ValueError):
    """Bytes that are not what they should be: sub_code says why (EML_F_...), offset where."""

    code = abi.EML_E_FORMAT


class EmlIoError(EmlError, OSError):
    """The operating system refused a file operation; errno is set where known."""

    code = abi.EML_E_IO

    def __init__(self, message: str, code: Optional[int] = None, sub_code: int = 0, offset: Optional[int] = None):
        super().__init__(message, code, sub_code, offset)
        self.errno = sub_code or None
        self.strerror = message


class EmlLimitError(EmlError, ValueError):
    """Larger than a documented limit."""

    code = abi.EML_E_LIMIT


class EmlMemoryError(EmlError, MemoryError):
    """Not enough memory."""

    code = abi.EML_E_MEMORY


class EmlVersionError(EmlError, ValueError):
    """Data from a version that this library does not know."""

    code = abi.EML_E_VERSION


class EmlUnsupportedError(EmlError, NotImplementedError):
    """Valid, but not offered by this object or build."""

    code = abi.EML_E_UNSUPPORTED


class EmlInternalError(EmlError, RuntimeError):
    """A defect in libeml; please report the message."""


class EmlTrapError(EmlError, RuntimeError):
    """A WebAssembly function trapped: the message is the specification's."""

    code = abi.EML_TRAPPED


class EmlLoadError(EmlError, ImportError):
    """libeml could not be loaded: the message lists every candidate and why it failed."""

    code = abi.EML_E_UNSUPPORTED


BY_CODE: Dict[int, Type[EmlError]] = {
    cls.code: cls
    for cls in (EmlArgumentError, EmlHandleError, EmlBusyError, EmlShapeError, EmlNonFiniteError, EmlBufferError,
                EmlStateError, EmlFormatError, EmlIoError, EmlLimitError, EmlMemoryError, EmlVersionError,
                EmlUnsupportedError, EmlInternalError)
}
