"""Attention blocks: eml-core's two, bit for bit, and the default profile's."""
from __future__ import annotations

import json
import threading
from ctypes import byref, sizeof
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from . import abi
from ._arrays import fill, pointer, sequences
from ._audit import AuditReport, verify
from ._cancel import Cancel
from ._eventful import take
from ._learned import Learned
from ._native import check, lib, unsigned
from ._training import ProgressFunction, Watched
from .errors import EmlFormatError, EmlShapeError, EmlTypeError

_PHASES = {abi.EML_PHASE_ALIGNMENT: "alignment", abi.EML_PHASE_REFINEMENT: "refinement"}
_KINDS = {abi.EML_ATTENTION_TOY: "ToyEmlAttention", abi.EML_ATTENTION_BASELINE: "BaselineAttention",
          abi.EML_ATTENTION_BLOCK: "EmlAttention"}

_COUNTS = ("trials", "max_samples", "eval_subset", "seed", "max_evaluations")


class AttentionTraining(NamedTuple):
    """What the training of an attention block did."""

    converged: bool
    cancelled: bool
    samples_used: int
    mse_before: float  # eml-core's blocks: on the samples that moves are measured on; EmlAttention: on all
    mse_after: float
    cross_loss: float  # EmlAttention: the cross-validated error; else mse_after
    evaluations: int  # forward evaluations of a sample
    trials: int
    accepted: int
    rounds: int  # EmlAttention: of alignment and refinement; else trainings so far


class _Work(Watched):
    def __init__(self, phases: Dict[int, str], progress: Optional[ProgressFunction], cancel: Optional[Cancel], audit: Any,
                 **settings: Any):
        super().__init__(abi.eml_attention_train_options(), lib.eml_attention_train_options_init, phases, progress, cancel,
                         audit)
        for name, value in settings.items():
            if value is not None:
                setattr(self.options, name, unsigned(value, 64, name) if name in _COUNTS else value)


class _Attention(Learned):
    """A function of a whole sequence: seq_len tokens of d_model numbers in, the same shape out.

    A sequence is given flat or as (seq_len, d_model), several of them as rows of either; answers have the shape of the
    question. Any number of threads may evaluate at once; everything that changes the block wants it alone, else
    EmlBusyError.
    """

    _kind = "attention"
    _code = 0
    last_training: Optional[AttentionTraining] = None

    def _create(self, name: str, **settings: Any) -> None:
        options = abi.eml_attention_options()
        check(lib.eml_attention_options_init(byref(options), sizeof(options)))
        options.kind = self._code
        for key, value in settings.items():
            setattr(options, key, int(value) if isinstance(value, bool) else unsigned(value, 32, key))
        handle = self._new_handle()
        check(lib.eml_attention_create(byref(options), byref(handle)))
        self._adopt(handle)
        self.name = name

    def _adopt(self, handle: Any) -> None:
        super()._adopt(handle)
        # What never changes is asked for once; a prediction needs it.
        info = self._info()
        if info.kind != self._code:
            self.close()
            raise EmlFormatError("this is %s, not %s; read it as what it is" % (_KINDS.get(info.kind), _KINDS[self._code]),
                                 abi.EML_E_FORMAT, abi.EML_F_KIND)
        self._seq_len, self._d_model, self._param_count = info.seq_len, info.d_model, info.param_count

    def _info(self) -> abi.eml_attention_info:
        info = abi.eml_attention_info(struct_size=sizeof(abi.eml_attention_info))
        check(lib.eml_attention_get_info(self._handle, byref(info)))
        return info

    # -------------------------------------------------------------------------------------------- what it is

    @property
    def d_model(self) -> int:
        """Numbers in a token."""
        return int(self._d_model)

    @property
    def d_k(self) -> int:
        """Numbers in a query or key."""
        return int(self._info().d_k)

    @property
    def seq_len(self) -> int:
        """Tokens in a sequence."""
        return int(self._seq_len)

    # -------------------------------------------------------------------------------------------- samples, evaluation

    def record(self, x: Any, y: Any, allow_nonfinite: bool = False) -> None:
        """Records a sequence and what it shall become, or many of them; the oldest make room (see the class)."""
        inputs = sequences(x, self._seq_len, self._d_model)
        wanted = sequences(y, self._seq_len, self._d_model, "y")
        if wanted.rows != inputs.rows:
            raise EmlShapeError("y: expected %d sequences, as many as in x, got %d" % (inputs.rows, wanted.rows))
        check(lib.eml_attention_record(self._handle, inputs.numbers.pointer, wanted.numbers.pointer, inputs.rows,
                                       int(allow_nonfinite)))

    def forward(self, x: Any, out: Any = None, allow_nonfinite: bool = False) -> Any:
        """The answer to one sequence or to many, in the shape of x; a numpy array for a numpy array.

        out: writable float64 memory that takes the answer in place of a new object.
        """
        rows = sequences(x, self._seq_len, self._d_model)
        return fill(rows.numbers.shape, rows.numbers.numpy, out, lambda view: check(
            lib.eml_attention_forward(self._handle, rows.numbers.pointer, rows.rows, pointer(view), int(allow_nonfinite))))

    def _train(self, work: _Work) -> AttentionTraining:
        self.last_training = None
        result = abi.eml_attention_train_result(struct_size=sizeof(abi.eml_attention_train_result))
        status = lib.eml_attention_train(self._handle, byref(work.options), byref(result))
        cancelled = work.finish(status)
        self.last_training = AttentionTraining(
            result.converged != 0, cancelled, result.samples_used, result.mse_before, result.mse_after, result.cross_loss,
            result.evaluations, result.trials, result.accepted, result.rounds)
        return self.last_training

    def verify_audit(self, log: Any, progress: Optional[ProgressFunction] = None,
                     cancel: Optional[Cancel] = None) -> AuditReport:
        """Checks an audit log, bytes or the path of a file, by training again on the samples that are recorded here.

        Nothing else of this block matters: the log holds the parameters and options that the training began with.
        """
        return verify(self._kind, self._handle, log, _Work({}, progress, cancel, None))

    def __repr__(self) -> str:
        if self.closed:
            return "<eml.%s closed>" % _KINDS[self._code]
        info = self._info()
        return "<eml.%s d_model=%d d_k=%d seq_len=%d trained=%s>" % (
            _KINDS[self._code], info.d_model, info.d_k, info.seq_len, info.trained != 0)


class _CoreAttention(_Attention):
    """What eml-core's two blocks share; the last 256 samples are kept."""

    @property
    def buffer_len(self) -> int:
        """Recorded samples that are kept."""
        return self.training_sample_count

    @property
    def training_rounds(self) -> int:
        """Trainings so far."""
        return int(self._info().training_rounds)

    @property
    def last_accepts(self) -> int:
        """Moves that the last training kept."""
        return int(self._info().last_accepts)

    def train_end_to_end(self, trials: Optional[int] = None, step_init: Optional[float] = None,
                         step_final: Optional[float] = None, max_samples: Optional[int] = None,
                         eval_subset: Optional[int] = None, convergence_mse: Optional[float] = None,
                         seed: Optional[int] = None, *, progress: Optional[ProgressFunction] = None,
                         cancel: Optional[Cancel] = None, audit: Any = None) -> float:
        """eml-core's joint training: random moves of single parameters, of which those that help are kept.

        Returns the mean squared error on the samples that moves were measured on, infinity with fewer than 4 samples.
        What is left out is eml-core's default: 2000 trials, steps from 0.5 to 0.02, 96 samples, 16 of them measured, trained
        below 0.01, seed 0xDEADBEEF. Details are in last_training. progress is called with an eml.Progress every now and
        then; what it raises stops the training and comes out of here. audit: the path of a file for the audit log.
        """
        work = _Work({}, progress, cancel, audit, trials=trials, step_init=step_init, step_final=step_final,
                     max_samples=max_samples, eval_subset=eval_subset, convergence_mse=convergence_mse, seed=seed)
        return self._train(work).mse_after


class ToyEmlAttention(_CoreAttention):
    """eml-core's ToyEmlAttention, bit for bit: SafeTrees for q, k, v, the softmax and out.

    d_model 1..32, d_k 1..d_model, seq_len 1..8, depth 3..5. A sequence is given flat or as (seq_len, d_model), several of
    them as rows of either.
    """

    _code = abi.EML_ATTENTION_TOY

    def __init__(self, name: str, d_model: int, d_k: int, seq_len: int, depth: int):
        self._create(name, d_model=d_model, d_k=d_k, seq_len=seq_len, depth=depth)

    @property
    def depth(self) -> int:
        return int(self._info().depth)


class BaselineAttention(_CoreAttention):
    """eml-core's BaselineAttention, bit for bit: the same with affine maps, to compare with. It logs no trainings."""

    _code = abi.EML_ATTENTION_BASELINE

    def __init__(self, name: str, d_model: int, d_k: int, seq_len: int):
        self._create(name, d_model=d_model, d_k=d_k, seq_len=seq_len)


class EmlAttention(_Attention):
    """The default profile's block: up to four heads between affine maps and EML nodes, each token by itself.

    d_model 1..128, seq_len 1..64, d_k 1..d_model (d_model if left out), heads 1..4, nodes 0..64 (0: affine maps only).
    positional: learned encodings of the positions. residual: the answer also reads the token at its own position. chunk: keys
    looked at together, a multiple of 8; 0: all. The last 1024 samples are kept.
    """

    _code = abi.EML_ATTENTION_BLOCK

    def __init__(self, d_model: int, seq_len: int, d_k: Optional[int] = None, heads: int = 1, nodes: int = 8,
                 positional: bool = False, residual: bool = True, chunk: int = 0, name: str = ""):
        self._create(name, d_model=d_model, d_k=d_model if d_k is None else d_k, seq_len=seq_len, heads=heads, nodes=nodes,
                     positional=bool(positional), residual=bool(residual), chunk=chunk)

    @property
    def heads(self) -> int:
        return int(self._info().heads)

    @property
    def nodes(self) -> int:
        return int(self._info().nodes)

    @property
    def positional(self) -> bool:
        return self._info().positional != 0

    @property
    def residual(self) -> bool:
        return self._info().residual != 0

    def train(self, progress: Optional[ProgressFunction] = None, cancel: Optional[Cancel] = None, *,
              max_evaluations: Optional[int] = None, seed: Optional[int] = None, target_loss: Optional[float] = None,
              audit: Any = None) -> bool:
        """Trains on the recorded samples (at least 4); True if the error fell below 0.01. Details are in last_training.

        max_evaluations: most forward evaluations of a sample (240,000 if left out). The rest as in EmlModel.train.
        """
        work = _Work(_PHASES, progress, cancel, audit, max_evaluations=max_evaluations, seed=seed, target_loss=target_loss)
        return self._train(work).converged


def run_attention_benchmark(d_model: int, d_k: int, seq_len: int, depth: int, trials: int = 400,
                            cancel: Optional[Cancel] = None) -> Optional[Dict[str, Any]]:
    """eml-core's benchmark of a ToyEmlAttention on the task "each row's mean"; None if it was cancelled.

    Ctrl-C stops it, too (and sets cancel).
    """
    if cancel is not None and not isinstance(cancel, Cancel):
        raise EmlTypeError("cancel must be an eml.Cancel, not %s" % type(cancel).__name__)
    arguments = (unsigned(d_model, 32, "d_model"), unsigned(d_k, 32, "d_k"), unsigned(seq_len, 32, "seq_len"),
                 unsigned(depth, 32, "depth"), unsigned(trials, 64, "trials"))
    buffer = _new_buffer()
    token = Cancel() if cancel is None else cancel
    try:
        status = _interruptible(lambda: check(lib.eml_attention_benchmark(*arguments, token._handle, byref(buffer))), token)
    except BaseException:
        lib.eml_buffer_free(buffer)  # a report that was ready when the signal came
        raise
    return None if status == abi.EML_CANCELLED else _report(buffer)


def compare_eml_vs_baseline(d_model: int, d_k: int, seq_len: int, depth: int, rounds: int = 1, *,
                            progress: Optional[ProgressFunction] = None, cancel: Optional[Cancel] = None,
                            **settings: Any) -> Optional[Dict[str, Any]]:
    """eml-core's comparison: both of its blocks on the same samples; None if it was cancelled.

    The other settings are those of train_end_to_end: trials, step_init, step_final, max_samples, eval_subset,
    convergence_mse, seed.
    """
    unknown = set(settings) - {"trials", "step_init", "step_final", "max_samples", "eval_subset", "convergence_mse", "seed"}
    if unknown:
        raise EmlTypeError("compare_eml_vs_baseline has no setting %s" % ", ".join(sorted(unknown)))
    work = _Work({}, progress, cancel, None, **settings)
    buffer = _new_buffer()
    status = lib.eml_attention_compare(
        unsigned(d_model, 32, "d_model"), unsigned(d_k, 32, "d_k"), unsigned(seq_len, 32, "seq_len"),
        unsigned(depth, 32, "depth"), byref(work.options), unsigned(rounds, 64, "rounds"), byref(buffer))
    return None if work.finish(status) else _report(buffer)


def _interruptible(call: Callable[[], int], token: Cancel) -> int:
    """What call() answers. Without a callback, signals are noticed only between calls: so it runs on a thread of its own."""
    outcome: List[Any] = []

    def run() -> None:
        try:
            outcome.append(call())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    try:
        thread.start()
        thread.join()
    except BaseException:
        token.set()
        if thread.is_alive():
            thread.join()
        raise
    (result,) = outcome
    if isinstance(result, BaseException):
        raise result
    return int(result)


def _new_buffer() -> Any:
    return abi.FUNCTIONS["eml_model_export_buffer"][-1]._type_()


def _report(buffer: Any) -> Dict[str, Any]:
    report: Dict[str, Any] = json.loads(take(buffer))
    return report
