"""Numbers in and out: lists, anything with the buffer protocol, numpy arrays.

float64 memory in C order is handed to the library as it is; everything else is converted once. numpy is never imported
here: an argument can only be one of its arrays if the caller has imported it.
"""
from __future__ import annotations

import sys
from array import array
from ctypes import (POINTER, Structure, byref, c_char_p, c_double, c_int, c_ssize_t, c_uint8, c_void_p, py_object,
                    pythonapi)
from itertools import chain
from typing import Any, Callable, List, NamedTuple, Optional, Tuple

from .errors import EmlShapeError, EmlTypeError


class _PyBuffer(Structure):
    """CPython's Py_buffer; ctypes.from_buffer would refuse read-only memory."""

    _fields_ = [
        ("buf", c_void_p),
        ("obj", c_void_p),
        ("len", c_ssize_t),
        ("itemsize", c_ssize_t),
        ("readonly", c_int),
        ("ndim", c_int),
        ("format", c_char_p),
        ("shape", POINTER(c_ssize_t)),
        ("strides", POINTER(c_ssize_t)),
        ("suboffsets", POINTER(c_ssize_t)),
        ("internal", c_void_p),
    ]


_get_buffer = pythonapi.PyObject_GetBuffer
_get_buffer.argtypes = (py_object, POINTER(_PyBuffer), c_int)
_get_buffer.restype = c_int
_release_buffer = pythonapi.PyBuffer_Release
_release_buffer.argtypes = (POINTER(_PyBuffer),)
_release_buffer.restype = None

_FLOAT64_FORMATS = ("d", "@d", "=d", "<d" if sys.byteorder == "little" else ">d")


def address_of(view: memoryview) -> Optional[int]:
    """Where a contiguous view's memory begins. The view itself keeps the memory in place."""
    raw = _PyBuffer()
    _get_buffer(view, byref(raw), 0)
    address: Optional[int] = raw.buf
    _release_buffer(byref(raw))
    return address


def pointer(view: memoryview) -> Any:
    """The memory of a float64 view as a `double *` argument; None (NULL) for no elements."""
    if not view.nbytes:
        return None
    # The first is several times faster, but takes writable memory only.
    return byref(c_double.from_address(address_of(view)) if view.readonly else c_double.from_buffer(view))


def cells(view: memoryview) -> Any:
    """The elements of a float64 view, of whatever shape, as one flat ctypes array over the same memory."""
    count = view.nbytes // 8
    return (c_double * count).from_address(address_of(view)) if count else (c_double * 0)()


def _is_float64(view: memoryview) -> bool:
    return view.format in _FLOAT64_FORMATS and view.c_contiguous


def _numpy_array(values: Any) -> Any:
    """`values` as a numpy array if it is one or offers to become one (a data frame, say); else None."""
    numpy = sys.modules.get("numpy")
    return numpy.asarray(values) if numpy is not None and hasattr(values, "__array__") else None


def _is_scalar(value: Any) -> bool:
    if value is None or isinstance(value, (int, float)) or getattr(value, "ndim", None) == 0:
        return True
    return hasattr(value, "__float__") and not hasattr(value, "__len__")


class Doubles(NamedTuple):
    """float64 values in C order, with their shape."""

    view: memoryview
    shape: Tuple[int, ...]
    numpy: bool  # given as a numpy array: answer with one
    present: Optional[bytes]  # 0 where the value was None; NULL if there was no None

    @property
    def count(self) -> int:
        return self.view.nbytes // 8

    @property
    def pointer(self) -> Any:
        return pointer(self.view)

    @property
    def present_pointer(self) -> Any:
        return None if self.present is None else (c_uint8 * len(self.present)).from_buffer_copy(self.present)


def read(values: Any, what: str, absent: bool = False, dimensions: int = 2) -> Doubles:
    """Numbers of any kind, lists of up to so many dimensions. With `absent`, None stands for an unknown value."""
    if isinstance(values, (str, bytes, bytearray)):
        raise EmlTypeError("%s must be numbers, not %s" % (what, type(values).__name__))
    given = _numpy_array(values)
    if given is not None and given.dtype.kind in "bfiu":
        numpy = sys.modules["numpy"]
        # ascontiguousarray would turn a scalar into an array of one.
        numbers = numpy.asarray(given, dtype=numpy.float64, order="C")
        return Doubles(memoryview(numbers), numbers.shape, True, None)
    if given is not None:
        values = given.tolist()  # objects (None among them), or what cannot become numbers
    elif not isinstance(values, (list, tuple)) and not _is_scalar(values):
        try:
            view = memoryview(values)
        except TypeError:
            pass
        else:
            if _is_float64(view):
                return Doubles(view, tuple(view.shape), False, None)
            if view.ndim > 1:
                values = view.tolist()
    return _read_objects(values, what, absent, given is not None, dimensions)


def _read_objects(values: Any, what: str, absent: bool, numpy: bool, dimensions: int) -> Doubles:
    """Numbers that are Python objects: a scalar, a sequence of scalars, a sequence of such sequences, and so on."""
    try:
        if _is_scalar(values):
            shape: Tuple[int, ...] = ()
            items = [values]
        else:
            items = list(values)
            shape = (len(items),)
            while items and len(shape) < dimensions and not _is_scalar(items[0]):
                items, columns = _flatten(items, what)
                shape += (columns,)
        present = None
        if absent and None in items:
            present = bytes(value is not None for value in items)
            items = [0.0 if value is None else value for value in items]
        return Doubles(memoryview(array("d", items)), shape, numpy, present)
    except TypeError as error:
        if isinstance(error, EmlTypeError):
            raise
        raise EmlTypeError("%s: %s" % (what, error)) from None


def _flatten(rows: List[Any], what: str) -> Tuple[List[Any], int]:
    rows = [list(row) for row in rows]
    columns = len(rows[0])
    for index, row in enumerate(rows):
        if len(row) != columns:
            raise EmlShapeError("%s: row %d has %d values, row 0 has %d" % (what, index, len(row), columns))
    return list(chain.from_iterable(rows)), columns


class Matrix(NamedTuple):
    """Rows for the library, as `read` found them."""

    numbers: Doubles
    rows: int
    single: bool  # one row was given, not a list of rows


def matrix(values: Any, columns: int, what: str = "x") -> Matrix:
    """One row (one dimension) or many rows (two dimensions) of `columns` values."""
    numbers = read(values, what)
    shape = numbers.shape
    if len(shape) not in (1, 2) or shape[-1] != columns:
        raise EmlShapeError("%s: expected %d values in a row, or rows of %d values; got the shape %s"
                            % (what, columns, columns, shape))
    return Matrix(numbers, 1 if len(shape) == 1 else shape[0], len(shape) == 1)


def sequences(values: Any, seq_len: int, d_model: int, what: str = "x") -> Matrix:
    """One sequence, flat or (seq_len, d_model), or a row of sequences of either shape."""
    numbers = read(values, what, dimensions=3)
    shape, width = numbers.shape, seq_len * d_model
    if shape in ((width,), (seq_len, d_model)):
        return Matrix(numbers, 1, True)
    if len(shape) in (2, 3) and shape[1:] in ((width,), (seq_len, d_model)):
        return Matrix(numbers, shape[0], False)
    raise EmlShapeError("%s: expected a sequence of the shape %s or %s, or several of them; got the shape %s"
                        % (what, (seq_len, d_model), (width,), shape))


def targets(values: Any, x: Matrix, heads: int) -> Doubles:
    """The targets of the rows x: a row of heads for each, or plain values where there is one head."""
    numbers = read(values, "y", absent=True)
    expected = (heads,) if x.single else (x.rows, heads)
    plain = expected[:-1] if heads == 1 else expected
    if numbers.shape not in (expected, plain):
        raise EmlShapeError("y: expected the shape %s, got %s" % (expected, numbers.shape))
    return numbers


def flat(values: Any, count: int, what: str) -> Doubles:
    """Exactly `count` values, their shape being of no matter."""
    numbers = read(values, what)
    if numbers.count != count:
        raise EmlShapeError("%s: expected %d values, got the shape %s" % (what, count, numbers.shape))
    return numbers


def fill(shape: Tuple[int, ...], numpy: bool, out: Any, write: Callable[[memoryview], Any]) -> Any:
    """Lets `write` fill memory for that shape, and returns it: `out` itself if given, else a numpy array, or lists."""
    count = 1
    for extent in shape:
        count *= extent
    if out is not None:
        write(_writable(out, count))
        return out
    if numpy and shape:
        result = sys.modules["numpy"].empty(shape)
        write(memoryview(result))
        return result
    memory = array("d", bytes(8 * count))
    write(memoryview(memory))
    return _nested(memory.tolist(), shape) if shape else memory[0]


def _nested(numbers: List[float], shape: Tuple[int, ...]) -> List[Any]:
    if len(shape) == 1:
        return numbers
    size = len(numbers) // shape[0] if shape[0] else 0
    return [_nested(numbers[row * size:(row + 1) * size], shape[1:]) for row in range(shape[0])]


def _writable(out: Any, count: int) -> memoryview:
    try:
        view = memoryview(out)
    except TypeError as error:
        raise EmlTypeError("out: %s" % error) from None
    if view.readonly or not _is_float64(view):
        raise EmlTypeError("out must be writable float64 memory in C order")
    if view.nbytes != 8 * count:
        raise EmlShapeError("out: expected room for %d values, it has %d" % (count, view.nbytes // 8))
    return view
