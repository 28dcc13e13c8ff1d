"""The operators and the elementary functions, with the same bits on every machine; over numbers or arrays of them."""
from __future__ import annotations

from array import array
from ctypes import byref, c_double, c_uint64
from typing import Any, List, Tuple

from ._arrays import Doubles, cells, fill, pointer, read
from ._native import check, lib, unsigned
from .errors import EmlShapeError


def exp(x: Any, out: Any = None) -> Any:
    """e to the power x."""
    return _map("eml_math_exp", x, out)


def ln(x: Any, out: Any = None) -> Any:
    """The natural logarithm of x."""
    return _map("eml_math_ln", x, out)


def pow(x: Any, y: Any, out: Any = None) -> Any:
    """x to the power y; a single number stands for an array of it."""
    if isinstance(x, (int, float)) and isinstance(y, (int, float)):
        return lib.eml_math_pow(x, y)
    a, b = _together(x, y)
    return fill(a.shape, a.numpy, out, lambda view: check(
        lib.eml_math_pow_batch(a.pointer, b.pointer, a.count, pointer(view))))


def eml(x: Any, y: Any, out: Any = None) -> Any:
    """exp(x) - ln(y)."""
    return _operator("eml_operator_eml", x, y, out)


def eml_safe(x: Any, y: Any, out: Any = None) -> Any:
    """exp(clamp(x, -20, 20)) - ln(y > 0 ? y : the smallest normal number)."""
    return _operator("eml_operator_eml_safe", x, y, out)


def softmax3(a: Any, b: Any, c: Any) -> Tuple[Any, Any, Any]:
    """The softmax of three numbers (or of three arrays, element by element): (alpha, beta, gamma)."""
    result = (c_double * 3)()
    if all(isinstance(value, (int, float)) for value in (a, b, c)):
        check(lib.eml_operator_softmax3(a, b, c, result))
        return tuple(result)  # type: ignore[return-value]
    numbers = _together(a, b, c)
    rows = []
    for values in zip(*(cells(each.view) for each in numbers)):
        check(lib.eml_operator_softmax3(*values, result))
        rows.append(tuple(result))
    return tuple(_give([row[i] for row in rows], numbers[0], None) for i in range(3))  # type: ignore[return-value]


def random_restart(state: int, n: int) -> Tuple[List[float], int]:
    """n restart values of eml-core's 64-bit generator, and the state after them."""
    cell = c_uint64(unsigned(state, 64, "state"))
    count = unsigned(n, 32, "n")
    values = fill((count,), False, None, lambda view: check(
        lib.eml_random_restart(byref(cell), pointer(view), count)))
    return values, cell.value


def _map(name: str, x: Any, out: Any) -> Any:
    if isinstance(x, (int, float)):
        return getattr(lib, name)(x)
    numbers = read(x, "x")
    return fill(numbers.shape, numbers.numpy, out, lambda view: check(
        getattr(lib, name + "_batch")(numbers.pointer, numbers.count, pointer(view))))


def _operator(name: str, x: Any, y: Any, out: Any) -> Any:
    function = getattr(lib, name)
    if isinstance(x, (int, float)) and isinstance(y, (int, float)):
        return function(x, y)
    a, b = _together(x, y)
    return _give([function(p, q) for p, q in zip(cells(a.view), cells(b.view))], a, out)


def _together(*arguments: Any) -> List[Doubles]:
    """The arguments as arrays of one shape and kind; a single number is repeated to that shape."""
    numbers = [read(value, "argument %d" % (index + 1)) for index, value in enumerate(arguments)]
    widest = max(numbers, key=lambda each: len(each.shape))
    numpy = any(each.numpy for each in numbers)
    together = []
    for each in numbers:
        view = each.view
        if each.shape == () != widest.shape:
            view = memoryview(array("d", cells(view)) * widest.count)
        elif each.shape != widest.shape:
            raise EmlShapeError("arguments of the shapes %s and %s do not go together" % (widest.shape, each.shape))
        together.append(Doubles(view, widest.shape, numpy, None))
    return together


def _give(values: List[float], like: Doubles, out: Any) -> Any:
    """Values that are there already, in the shape and kind of `like`."""

    def copy(view: memoryview) -> None:
        cells(view)[:] = values

    return fill(like.shape, like.numpy, out, copy)
