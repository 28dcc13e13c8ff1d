"""EmlModel, a function that is learned from samples."""
from __future__ import annotations

from ctypes import byref, c_double, sizeof
from typing import Any, List, NamedTuple, Optional, Tuple, Type, TypeVar

from . import abi
from ._arrays import Doubles, fill, flat, matrix, pointer, read, targets
from ._audit import AuditReport, verify
from ._cancel import Cancel
from ._learned import Learned
from ._metadata import Metadata
from ._native import check, lib, unsigned, utf8
from ._training import ProgressFunction, Training, Work
from .errors import EmlArgumentError

PROFILES = {"eml-core-0.1": abi.EML_PROFILE_EML_CORE_0_1, "default": abi.EML_PROFILE_DEFAULT}
_PROFILE_NAMES = {code: name for name, code in PROFILES.items()}

# Fewer samples than this leave an eml-core-0.1 model alone: train() says False there, as the crate does.
_CORE_MIN_SAMPLES = 50

_Self = TypeVar("_Self", bound="EmlModel")


class Scaling(NamedTuple):
    """Per column (offset, factor): the model sees (x - offset) * factor and answers offset + y / factor."""

    inputs: List[Tuple[float, float]]
    targets: List[Tuple[float, float]]


class EmlModel(Learned):
    """A learned function of `inputs` numbers with `heads` answers, of depth 2 to 5.

    profile "eml-core-0.1" (the default here) is bit for bit the Rust crate eml-core 0.1.0; "default" is the better
    learner. Any number of threads may predict at once; everything that changes the model wants it alone, else
    EmlBusyError.
    """

    _kind = "model"
    last_training: Optional[Training] = None

    def __init__(self, depth: int, inputs: int, heads: int, profile: str = "eml-core-0.1"):
        if profile not in PROFILES:
            raise EmlArgumentError("unknown profile %r; one of %s" % (profile, ", ".join(PROFILES)))
        options = abi.eml_model_options()
        check(lib.eml_model_options_init(byref(options), sizeof(options)))
        options.depth = unsigned(depth, 32, "depth")
        options.inputs = unsigned(inputs, 64, "inputs")
        options.heads = unsigned(heads, 64, "heads")
        options.profile = PROFILES[profile]
        handle = self._new_handle()
        check(lib.eml_model_create(byref(options), byref(handle)))
        self._adopt(handle)

    def _adopt(self, handle: Any) -> None:
        super()._adopt(handle)
        # What never changes is asked for once; a prediction needs it.
        info = self._info()
        self._inputs, self._heads, self._param_count = info.inputs, info.heads, info.param_count

    def _info(self) -> abi.eml_model_info:
        info = abi.eml_model_info(struct_size=sizeof(abi.eml_model_info))
        check(lib.eml_model_get_info(self._handle, byref(info)))
        return info

    # -------------------------------------------------------------------------------------------- what it is

    @property
    def depth(self) -> int:
        return int(self._info().depth)

    @property
    def input_count(self) -> int:
        return int(self._inputs)

    @property
    def head_count(self) -> int:
        return int(self._heads)

    @property
    def profile(self) -> str:
        """"eml-core-0.1" or "default"."""
        return _PROFILE_NAMES[self._info().profile]

    @property
    def metadata(self) -> Metadata:
        """Free text that travels with the model: model.metadata["key"] = "value"."""
        return Metadata(self)

    # -------------------------------------------------------------------------------------------- scaling

    @property
    def scaling(self) -> Optional[Scaling]:
        """The scaling between the user's units and the model's, or None. Assign (inputs, targets) or None to set it."""
        if not self._info().scaled:
            return None
        inputs, targets = (c_double * (2 * self._inputs))(), (c_double * (2 * self._heads))()
        check(lib.eml_model_get_scaling(self._handle, inputs, targets))
        return Scaling(list(zip(inputs[::2], inputs[1::2])), list(zip(targets[::2], targets[1::2])))

    @scaling.setter
    def scaling(self, value: Any) -> None:
        inputs, targets = (None, None) if value is None else value
        pairs: List[Optional[Doubles]] = [
            None if inputs is None else flat(inputs, 2 * self._inputs, "scaling of the inputs"),
            None if targets is None else flat(targets, 2 * self._heads, "scaling of the targets")]
        check(lib.eml_model_set_scaling(self._handle, *(pair.pointer if pair else None for pair in pairs)))

    def fit_scaling(self) -> None:
        """Sets the scaling that maps the recorded samples to [0, 1] per column."""
        check(lib.eml_model_fit_scaling(self._handle))

    # -------------------------------------------------------------------------------------------- samples, training

    def record(self, x: Any, y: Any, allow_nonfinite: bool = False) -> None:
        """Records a sample, or a sample for each row of x.

        y has a target for each head, per row; None where a target is not known. With one head a plain number will do.
        """
        rows = matrix(x, self._inputs)
        known = targets(y, rows, self._heads)
        check(lib.eml_model_record(self._handle, rows.numbers.pointer, known.pointer, known.present_pointer, rows.rows,
                                   int(allow_nonfinite)))

    def train(self, progress: Optional[ProgressFunction] = None, cancel: Optional[Cancel] = None, *,
              max_sweeps: Optional[int] = None, seed: Optional[int] = None,
              target_loss: Optional[float] = None, audit: Any = None) -> bool:
        """Trains on the recorded samples; True if the loss fell below 0.01. Details are in last_training afterwards.

        progress is called with an eml.Progress every now and then; what it raises stops the training and comes out of
        here. A stopped training keeps the best parameters so far. audit: the path of a file that gets a log of every
        change that is kept, for verify_audit. With profile "eml-core-0.1" and fewer than 50 samples
        nothing happens, and last_training is None.
        """
        self.last_training = None
        info = self._info()
        if info.profile == abi.EML_PROFILE_EML_CORE_0_1 and info.sample_count < _CORE_MIN_SAMPLES:
            return False
        work = Work(progress, cancel, max_sweeps, seed, target_loss, audit)
        result = abi.eml_train_result(struct_size=sizeof(abi.eml_train_result))
        status = lib.eml_model_train(self._handle, byref(work.options), byref(result))
        cancelled = work.finish(status)
        self.last_training = Training(result.converged != 0, cancelled, result.samples_used, result.loss_before,
                                      result.loss_after, result.evaluations, result.accepted, result.sweeps)
        return self.last_training.converged

    def verify_audit(self, log: Any, progress: Optional[ProgressFunction] = None,
                     cancel: Optional[Cancel] = None) -> AuditReport:
        """Checks an audit log, bytes or the path of a file, by training again on the samples that are recorded here.

        Nothing else of this model matters: the log holds the parameters and options that the training began with.
        """
        work = Work(progress, cancel, None, None, None)
        return verify(self._kind, self._handle, log, work)

    def distill(self: _Self, depth: int, samples: int, progress: Optional[ProgressFunction] = None,
                cancel: Optional[Cancel] = None, *, max_sweeps: Optional[int] = None, seed: Optional[int] = None,
                target_loss: Optional[float] = None, audit: Any = None) -> _Self:
        """A shallower student, trained on `samples` (at least 50) random inputs in [0, 1)."""
        work = Work(progress, cancel, max_sweeps, seed, target_loss, audit)
        handle = self._new_handle()
        status = lib.eml_model_distill(self._handle, unsigned(depth, 32, "depth"), unsigned(samples, 64, "samples"),
                                       byref(work.options), byref(handle))
        try:
            work.finish(status)
        except BaseException:
            lib.eml_model_free(handle)  # a student that came halfway
            raise
        return type(self)._from_handle(handle)

    def reset(self, reason: str = "") -> None:
        """Back to untrained zero parameters; samples, name and scaling stay. Logs a Reset event with the reason."""
        data = utf8(reason, "reason")
        check(lib.eml_model_reset(self._handle, data, len(data)))

    # -------------------------------------------------------------------------------------------- prediction

    def predict(self, x: Any, out: Any = None, allow_nonfinite: bool = False) -> Any:
        """The heads for one row of inputs, or a list of such lists for many; numpy arrays for a numpy array.

        out: writable float64 memory that takes the answer in place of a new object.
        """
        rows = matrix(x, self._inputs)
        shape = (self._heads,) if rows.single else (rows.rows, self._heads)
        return fill(shape, rows.numbers.numpy, out, lambda view: check(
            lib.eml_model_forward(self._handle, rows.numbers.pointer, rows.rows, pointer(view), int(allow_nonfinite))))

    def predict_primary(self, x: Any, allow_nonfinite: bool = False) -> Any:
        """The first head: a number for one row of inputs; a list, or a numpy array, for many."""
        answer = self.predict(x, None, allow_nonfinite)
        if isinstance(answer, list):
            return answer[0] if answer and isinstance(answer[0], float) else [row[0] for row in answer]
        return answer[:, 0] if answer.ndim == 2 else float(answer[0])

    def __reduce__(self) -> Any:
        return _unpickle, (type(self), self.to_bytes("safetensors"), self.name)

    def __repr__(self) -> str:
        if self.closed:
            return "<eml.EmlModel closed>"
        info = self._info()
        return "<eml.EmlModel depth=%d inputs=%d heads=%d profile=%r trained=%s>" % (
            info.depth, info.inputs, info.heads, _PROFILE_NAMES[info.profile], info.trained != 0)


def verify_audit(log: Any, x: Any, y: Any, progress: Optional[ProgressFunction] = None,
                 cancel: Optional[Cancel] = None) -> AuditReport:
    """Checks an audit log, bytes or the path of a file, by training again on the samples x with the targets y.

    x has a row for each sample, y as many targets for each (None where not known), or plain numbers if it is one. The last
    32 bytes of a whole log are its final hash: keep them elsewhere to know that nobody wrote another log.
    """
    inputs, heads = read(x, "x").shape, read(y, "y", absent=True).shape
    if len(inputs) != 2:
        raise EmlArgumentError("x must have a row of numbers for each sample")
    with EmlModel(2, inputs[1], heads[1] if len(heads) == 2 else 1, "default") as samples:
        samples.record(x, y, allow_nonfinite=True)
        return samples.verify_audit(log, progress, cancel)


def _unpickle(cls: Type[_Self], data: bytes, name: str) -> _Self:
    model = cls.from_bytes(data, "safetensors")
    model.name = name
    return model
