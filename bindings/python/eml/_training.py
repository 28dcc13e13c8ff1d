"""Options, progress and results of a training."""
from __future__ import annotations

from ctypes import POINTER, byref, c_char, c_char_p, cast, sizeof
from functools import partial
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from . import abi
from ._callback import Callback
from ._cancel import Cancel
from ._native import check, lib, path_bytes, unsigned
from .errors import EmlTypeError

PHASES = {abi.EML_PHASE_RESTART: "restart", abi.EML_PHASE_DESCENT: "descent", abi.EML_PHASE_SNAP: "snap"}


class Progress(NamedTuple):
    """How far a training has come."""

    # A model: "restart" (random restarts), "descent" (coordinate descent) or "snap". An EmlAttention: "alignment" or "refinement".
    # eml-core's attention blocks: the number of the training.
    phase: str
    step: int  # restarts, sweeps, evaluations or trials done
    total: int  # most there can be
    loss: float  # best so far
    evaluations: int  # of the loss, so far
    accepted: int  # moves kept so far


class Training(NamedTuple):
    """What a training did. Losses are weighted mean squared errors in the model's (scaled) units."""

    converged: bool
    cancelled: bool
    samples_used: int
    loss_before: float
    loss_after: float
    evaluations: int
    accepted: int
    sweeps: int


class Snapping(NamedTuple):
    """What snapping did. Losses are in the units that the model had before."""

    cancelled: bool
    snapped: List[int]  # indices of the parameters that are constants now, in the order in which that happened
    unscaled: bool  # the scaling became part of the parameters, which are in the user's units now
    loss_before: float
    loss_after: float
    loss_allowed: float  # the bound that followed from the arguments
    evaluations: int


ProgressFunction = Callable[[Progress], Any]


class Watched:
    """The options struct of one training, and the exceptions that its progress function raised."""

    def __init__(self, options: Any, init: Any, phases: Dict[int, str], progress: Optional[ProgressFunction],
                 cancel: Optional[Cancel], audit: Any = None):
        self.options = options
        check(init(byref(self.options), sizeof(self.options)))
        if audit is not None:
            path = path_bytes(audit)
            self._path = c_char_p(path)  # keeps the bytes alive
            self.options.audit_path = cast(self._path, POINTER(c_char))
            self.options.audit_path_len = len(path)
        if cancel is not None:
            if not isinstance(cancel, Cancel):
                raise EmlTypeError("cancel must be an eml.Cancel, not %s" % type(cancel).__name__)
            self.cancel = cancel  # keeps the token alive
            self.options.cancel = cancel._handle
        # Always set, so that signals (Ctrl-C) are noticed in a training without a progress function, too.
        tell = None if progress is None else partial(_progress, progress=progress, phases=phases)
        self._callback = Callback(abi.eml_progress_fn, tell)
        self.options.progress = self._callback.function

    def finish(self, status: int) -> bool:
        """Raises what the progress function raised, or the failure. True: the work was cancelled."""
        return self._callback.finish(status) == abi.EML_CANCELLED


class Work(Watched):
    """The training of a model."""

    def __init__(self, progress: Optional[ProgressFunction], cancel: Optional[Cancel], max_sweeps: Optional[int],
                 seed: Optional[int], target_loss: Optional[float], audit: Any = None):
        super().__init__(abi.eml_train_options(), lib.eml_train_options_init, PHASES, progress, cancel, audit)
        if max_sweeps is not None:
            self.options.max_sweeps = unsigned(max_sweeps, 32, "max_sweeps")
        if seed is not None:
            self.options.seed = unsigned(seed, 64, "seed")
        if target_loss is not None:
            self.options.target_loss = target_loss


def _progress(pointer: Any, progress: ProgressFunction, phases: Dict[int, str]) -> None:
    state = pointer.contents
    progress(Progress(phases.get(state.phase, str(state.phase)), state.step, state.total, state.loss, state.evaluations,
                      state.accepted))
