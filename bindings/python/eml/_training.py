"""Options, progress and results of a training."""
from __future__ import annotations

from ctypes import POINTER, byref, c_char, c_char_p, cast, sizeof
from typing import Any, Callable, Dict, Generator, List, NamedTuple, Optional

from . import abi
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
        self.failures: List[BaseException] = []
        steps = _steps(progress, phases, self.failures)
        next(steps)
        # Always set, so that signals (Ctrl-C) are noticed in a training without a progress function, too. The property
        # is a way to drop the second argument, `user`, without a Python function: see _steps.
        self.options.progress = abi.eml_progress_fn(property(steps.send).__get__)

    def finish(self, status: int) -> bool:
        """Raises what the progress function raised, or the failure. True: the work was cancelled."""
        if self.failures:
            error = self.failures.pop()
            self.failures.clear()
            try:
                raise error
            finally:
                del error  # it refers to this frame
        return check(status) == abi.EML_CANCELLED


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


def _steps(progress: Optional[ProgressFunction], phases: Dict[int, str],
           failures: List[BaseException]) -> Generator[int, Any, None]:
    """Receives each eml_progress pointer and yields 0 to go on or 1 to stop.

    A generator, because Python runs signal handlers (KeyboardInterrupt!) at the first instruction of a function, before
    any `try` in it; what is raised there would be lost between C frames. A generator resumes inside its `try`.
    """
    stop = 0
    pointer = None
    while True:
        try:
            while True:
                pointer = None
                pointer = yield stop
                if progress is not None and not stop:
                    state = pointer.contents
                    progress(Progress(phases.get(state.phase, str(state.phase)), state.step, state.total, state.loss,
                                      state.evaluations, state.accepted))
        except BaseException as error:
            if pointer is None and isinstance(error, GeneratorExit):
                return  # the training is over
            failures.append(error)
            stop = 1
