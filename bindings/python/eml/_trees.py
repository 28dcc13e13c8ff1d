"""EmlTree, a function of given parameters, and SafeTree, a composable layer that owns its parameters."""
from __future__ import annotations

from ctypes import byref, c_uint64, sizeof
from typing import Any, List

from . import abi
from ._arrays import fill, flat, matrix, pointer
from ._bytes import Stored
from ._native import check, expression_code, lib, two_calls, unsigned


class EmlTree:
    """A tree of eml nodes of depth 2 to 5 with one output. The parameters are given at every call."""

    def __init__(self, depth: int, inputs: int):
        self._depth = unsigned(depth, 32, "depth")
        self._inputs = unsigned(inputs, 64, "inputs")
        count = c_uint64()
        check(lib.eml_tree_param_count(self._depth, self._inputs, byref(count)))
        self._param_count = count.value

    @property
    def depth(self) -> int:
        return self._depth

    @property
    def input_count(self) -> int:
        return self._inputs

    @property
    def param_count(self) -> int:
        return self._param_count

    def evaluate(self, params: Any, x: Any, out: Any = None, allow_nonfinite: bool = False) -> Any:
        """The value for one row of inputs, or a list (a numpy array, if x is one) of values for many rows."""
        numbers = flat(params, self._param_count, "params")
        rows = matrix(x, self._inputs)
        return fill(() if rows.single else (rows.rows,), rows.numbers.numpy, out, lambda view: check(
            lib.eml_tree_evaluate(self._depth, self._inputs, numbers.pointer, self._param_count, rows.numbers.pointer,
                                  rows.rows, pointer(view), int(allow_nonfinite))))

    def expression(self, params: Any, format: str = "text") -> str:
        """The tree with these parameters, written out: see EmlModel.expression."""
        numbers, code = flat(params, self._param_count, "params"), expression_code(format)
        text = two_calls(lambda buf, cap, need: lib.eml_tree_expression(
            self._depth, self._inputs, numbers.pointer, self._param_count, code, buf, cap, need))
        return text[:-1].decode("utf-8")

    def __repr__(self) -> str:
        return "eml.EmlTree(depth=%d, inputs=%d)" % (self._depth, self._inputs)


class SafeTree(Stored):
    """A saturation-safe layer: per head an affine map of the inputs, then `depth` times eml_safe with three constants.

    Parameters: weights (heads, inputs), biases (heads), constants (heads, depth, 3); all zero at first.
    """

    _kind = "safetree"

    def __init__(self, depth: int, inputs: int, heads: int):
        handle = self._new_handle()
        check(lib.eml_safetree_create(unsigned(depth, 32, "depth"), unsigned(inputs, 64, "inputs"),
                                      unsigned(heads, 64, "heads"), byref(handle)))
        self._adopt(handle)

    def _adopt(self, handle: Any) -> None:
        super()._adopt(handle)
        info = abi.eml_safetree_info(struct_size=sizeof(abi.eml_safetree_info))
        check(lib.eml_safetree_get_info(handle, byref(info)))
        self._depth, self._inputs, self._heads = info.depth, info.inputs, info.heads
        self._param_count = info.param_count

    @property
    def depth(self) -> int:
        return self._depth

    @property
    def input_count(self) -> int:
        return self._inputs

    @property
    def head_count(self) -> int:
        return self._heads

    @property
    def param_count(self) -> int:
        return self._param_count

    @property
    def params(self) -> List[float]:
        """All parameters. Assign a list, buffer or numpy array of param_count numbers to set them."""
        result: List[float] = fill((self._param_count,), False, None, lambda view: check(
            lib.eml_safetree_get_params(self._handle, pointer(view), self._param_count)))
        return result

    @params.setter
    def params(self, values: Any) -> None:
        self.set_params(values)

    def set_params(self, values: Any, allow_nonfinite: bool = False) -> None:
        numbers = flat(values, self._param_count, "params")
        check(lib.eml_safetree_set_params(self._handle, numbers.pointer, self._param_count, int(allow_nonfinite)))

    def predict(self, x: Any, out: Any = None, allow_nonfinite: bool = False) -> Any:
        """The heads for one row of inputs, or a list of such lists for many; numpy arrays for a numpy array.

        out: writable float64 memory that takes the answer in place of a new object.
        """
        rows = matrix(x, self._inputs)
        shape = (self._heads,) if rows.single else (rows.rows, self._heads)
        return fill(shape, rows.numbers.numpy, out, lambda view: check(
            lib.eml_safetree_forward(self._handle, rows.numbers.pointer, rows.rows, pointer(view),
                                     int(allow_nonfinite))))

    def expression(self, format: str = "text") -> str:
        """The function, written out: see EmlModel.expression."""
        code = expression_code(format)
        text = two_calls(lambda buf, cap, need: lib.eml_safetree_expression(self._handle, code, buf, cap, need))
        return text[:-1].decode("utf-8")

    def __repr__(self) -> str:
        if self.closed:
            return "<eml.SafeTree closed>"
        return "<eml.SafeTree depth=%d inputs=%d heads=%d>" % (self._depth, self._inputs, self._heads)
