"""What models and attention blocks share: parameters, state, snapping, the function written out."""
from __future__ import annotations

from ctypes import byref, c_double, c_uint64, sizeof
from typing import Any, List, Optional

from . import abi
from ._arrays import fill, flat, pointer
from ._cancel import Cancel
from ._eventful import Eventful
from ._native import check, expression_code, lib, two_calls
from ._training import PHASES, ProgressFunction, Snapping, Watched


class Learned(Eventful):
    """A function with parameters that are learned from recorded samples."""

    _param_count = 0

    def _info(self) -> Any:
        raise NotImplementedError

    @property
    def param_count(self) -> int:
        return int(self._param_count)

    @property
    def is_trained(self) -> bool:
        return bool(self._info().trained != 0)

    def mark_trained(self, trained: bool = True) -> None:
        check(self._function("set_trained")(self._handle, int(trained)))

    @property
    def training_sample_count(self) -> int:
        """Recorded samples that are kept."""
        return int(self._info().sample_count)

    @property
    def pending_event_count(self) -> int:
        return int(self._info().event_count)

    @property
    def params(self) -> List[float]:
        """All parameters. Assign a list, buffer or numpy array of param_count numbers to set them."""
        get_params = self._function("get_params")
        result: List[float] = fill((self._param_count,), False, None, lambda view: check(
            get_params(self._handle, pointer(view), self._param_count)))
        return result

    @params.setter
    def params(self, values: Any) -> None:
        self.set_params(values)

    def set_params(self, values: Any, allow_nonfinite: bool = False) -> None:
        numbers = flat(values, self._param_count, "params")
        check(self._function("set_params")(self._handle, numbers.pointer, self._param_count, int(allow_nonfinite)))

    def clear_samples(self) -> None:
        check(self._function("clear_samples")(self._handle))

    def loss(self) -> float:
        """The loss (a mean squared error) of the current parameters on the recorded samples; a model's in its scaled units."""
        result = c_double()
        check(self._function("loss")(self._handle, byref(result)))
        return result.value

    def snap(self, tolerance: Optional[float] = None, max_loss_increase: Optional[float] = None, *,
             max_loss: Optional[float] = None, progress: Optional[ProgressFunction] = None,
             cancel: Optional[Cancel] = None) -> Snapping:
        """Replaces parameters by 0 or fractions p/q with p, q <= 12 (mixtures by simple ones) where the loss allows it.

        tolerance (0.05): how far a parameter may be from its constant; max_loss_increase (0.05): by what share of itself
        the loss on the recorded samples may grow altogether; max_loss: a loss that is always good enough (by default
        1e-9 of the targets' mean square). In models of the profile "default" a scaling becomes part of the parameters.
        """
        work = Watched(abi.eml_snap_options(), lib.eml_snap_options_init, PHASES, progress, cancel)
        for field, value in (("tolerance", tolerance), ("max_loss_increase", max_loss_increase), ("max_loss", max_loss)):
            if value is not None:
                setattr(work.options, field, value)
        result = abi.eml_snap_result(struct_size=sizeof(abi.eml_snap_result))
        indices = (c_uint64 * (4 * self._param_count))()  # a logit may be set more than once
        status = self._function("snap")(self._handle, byref(work.options), indices, len(indices), byref(result))
        cancelled = work.finish(status)
        return Snapping(cancelled, indices[:result.snapped], result.unscaled != 0, result.loss_before, result.loss_after,
                        result.loss_allowed, result.evaluations)

    def expression(self, format: str = "text", within_samples: bool = False) -> str:
        """The function between the user's units, written out: "text", "latex", or source in "c", "rust", "python".

        Source code computes the same bits; an attention block's has the numbers of a sequence in one row, token after token.
        within_samples: text and LaTeX leave out the limits that no input within the ranges of the recorded samples meets.
        """
        code, flags = expression_code(format), abi.EML_WITHIN_SAMPLES if within_samples else 0
        function = self._function("expression")
        text = two_calls(lambda buf, cap, need: function(self._handle, code, flags, buf, cap, need))
        return text[:-1].decode("utf-8")
