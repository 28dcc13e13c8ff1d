"""Training of language models."""
from __future__ import annotations

import math
import sys
from ctypes import byref, c_double, sizeof
from typing import Any, Callable, List, NamedTuple, Optional

from . import abi
from ._bytes import Path
from ._callback import Callback
from ._cancel import Cancel
from ._handles import Handle
from ._language import LanguageModel, _code
from ._native import check, lib, path_bytes, unsigned
from ._tokenizer import read_tokens
from .errors import EmlArgumentError, EmlShapeError, EmlTypeError

_OPTIMIZERS = {"adamw": abi.EML_OPTIMIZER_ADAMW, "muon": abi.EML_OPTIMIZER_MUON}
_WEIGHTS = {"f32": abi.EML_WEIGHT_F32, "bf16": abi.EML_WEIGHT_BF16}


class TrainingStep(NamedTuple):
    """What a step was."""

    step: int  # from 1
    loss: float  # mean loss of its tokens before it, nats
    multiplier: float  # of the learning rates
    tokens: int  # so far
    seconds: float  # of training so far, validation not included
    tokens_per_second: float  # of this step
    progress: float  # share of the budget, 0 to 1
    epoch: int  # how often the text was begun
    bits_per_byte: Optional[float]  # on the validation text, if it was looked at after this step


class TrainingResult(NamedTuple):
    """What a run did."""

    done: bool  # whether the budget is used up
    steps: int
    seconds: float
    bits_per_byte: Optional[float]  # of the last validation


class LanguageTrainer(Handle):
    """Trains a language model: gradients of all its weights, and an optimizer.

        start = eml.LanguageModel.create(config, seed=1)
        with eml.LanguageTrainer(start, threads=2, optimizer="muon") as trainer:
            trainer.run("tokens", steps=400, batch_tokens=4096, on_step=lambda step: print(step.step, step.loss))
            trainer.model.save("model.safetensors")

    The same weights and tokens give the same bits on every machine and for every number of threads. For one thread at a time.
    """

    _kind = "lm_trainer"

    def __init__(self, model: LanguageModel, *, sequence_len: Optional[int] = None, group_tokens: int = 2048, threads: int = 1,
                 optimizer: str = "adamw", weights: str = "f32", softplus_k: bool = False, rate: float = 1.0, largest_k: Optional[float] = None):
        """Goes on from a model, whose weights must be "f32" and which stays as it is.

        sequence_len: tokens of a row (None: the model's). group_tokens: tokens whose activations are held at a time; memory grows with it.
        optimizer: "adamw", or "muon" for the matrices of the layers. weights: "bf16" rounds matrices after each step. softplus_k: train raw
        in k = 1e-6 + ln(1 + exp(raw)) instead of clamping k. rate: factor of all learning rates. largest_k: above 1 training is
        ill-conditioned.
        """
        if not isinstance(model, LanguageModel):
            raise EmlTypeError("model must be an eml.LanguageModel, not %s" % type(model).__name__)
        options = abi.eml_lm_trainer_options()
        check(lib.eml_lm_trainer_options_init(byref(options), sizeof(options)))
        options.sequence_len = 0 if sequence_len is None else unsigned(sequence_len, 32, "sequence_len")
        options.group_tokens, options.threads = unsigned(group_tokens, 32, "group_tokens"), unsigned(threads, 32, "threads")
        options.optimizer, options.weight_type = _code(_OPTIMIZERS, optimizer, "optimizer"), _code(_WEIGHTS, weights, "type of weights")
        options.k_parameter = abi.EML_K_SOFTPLUS if softplus_k else abi.EML_K_CLAMP
        options.rate, options.largest_k = rate, 0.0 if largest_k is None else largest_k
        handle = self._new_handle()
        check(lib.eml_lm_trainer_create(model._handle, byref(options), byref(handle)))
        self._adopt(handle)
        self._length = int(self._info().sequence_len)

    def step(self, inputs: Any, targets: Any, multiplier: float = 1.0, cancel: Optional[Cancel] = None) -> Optional[float]:
        """One step: gradients of the mean loss of all rows, then an update. inputs and targets (rows, sequence_len), as lists or numpy arrays;
        a target of -1 counts nothing. multiplier: of the learning rates. The mean loss before the step, in nats, or None if cancel stopped
        it: then nothing has changed."""
        given, wanted, rows = self._rows(inputs, targets)
        loss = c_double()
        status = check(lib.eml_lm_trainer_step(self._handle, given, wanted, rows, multiplier, None if cancel is None else cancel._handle, byref(loss)))
        return None if status == abi.EML_CANCELLED else loss.value

    def losses(self, inputs: Any, targets: Any) -> Any:
        """The loss of each token in nats, 0 for targets of -1, without a step: a list of lists, or a numpy array if inputs is one."""
        given, wanted, rows = self._rows(inputs, targets)
        out = (c_double * (rows * self._length))()
        check(lib.eml_lm_trainer_losses(self._handle, given, wanted, rows, out))
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(inputs, numpy.ndarray):
            return numpy.frombuffer(out, dtype=numpy.float64).reshape(rows, self._length)
        return [out[i * self._length:(i + 1) * self._length] for i in range(rows)]

    def run(self, folder: Path, *, steps: Optional[int] = None, seconds: Optional[float] = None, batch_tokens: int = 16384, warmup: float = 0.0,
            warmdown: float = 0.2, final_rate: float = 0.0, validation_every: int = 100, validation_tokens: int = 65536,
            on_step: Optional[Callable[[TrainingStep], Any]] = None, cancel: Optional[Cancel] = None) -> TrainingResult:
        """Trains on a folder that `eml lm prepare` wrote, for so many steps or seconds in all. A trainer that was stopped, or loaded, goes on
        where it was, to the bits of a run that never stopped.

        warmup, warmdown: shares of the run in which the learning rates rise and fall, to final_rate. on_step: called with each
        eml.TrainingStep; return False to stop; what it raises, Ctrl-C included, ends the call and comes out. cancel: an eml.Cancel that stops
        it from any thread; an unfinished step leaves no trace.
        """
        if (steps is None) == (seconds is None):
            raise EmlArgumentError("give steps or seconds, one of them")
        plan = abi.eml_lm_training_plan()
        check(lib.eml_lm_training_plan_init(byref(plan), sizeof(plan)))
        plan.steps, plan.seconds = 0 if steps is None else unsigned(steps, 64, "steps"), 0.0 if seconds is None else seconds
        plan.batch_tokens, plan.warmup, plan.warmdown, plan.final_rate = unsigned(batch_tokens, 32, "batch_tokens"), warmup, warmdown, final_rate
        plan.validation_every = unsigned(validation_every, 32, "validation_every")
        plan.validation_tokens = unsigned(validation_tokens, 32, "validation_tokens")
        if cancel is not None:
            plan.cancel = cancel._handle
        # Also without a listener: Python handles Ctrl-C when it is called.
        callback = Callback(abi.eml_lm_training_fn, lambda pointer: _tell(on_step, pointer.contents))
        plan.step = callback.function
        result = abi.eml_lm_training_result(struct_size=sizeof(abi.eml_lm_training_result))
        name = path_bytes(folder)
        status = lib.eml_lm_trainer_run(self._handle, name, len(name), byref(plan), byref(result))
        try:
            callback.finish(status)
        except _Stop:
            pass
        return TrainingResult(result.done == 1, result.steps, result.seconds, _number(result.bits_per_byte))

    def save(self, path: Path) -> None:
        """Writes all that the training needs to go on exactly, as a whole or not at all."""
        name = path_bytes(path)
        check(lib.eml_lm_trainer_save(self._handle, name, len(name)))

    def load(self, path: Path) -> None:
        """Goes on from such a file; the options are those that the trainer was made with."""
        name = path_bytes(path)
        check(lib.eml_lm_trainer_load(self._handle, name, len(name)))

    @property
    def model(self) -> LanguageModel:
        """The model as it is now, with the tokenizer of the one that it began with."""
        handle = LanguageModel._new_handle()
        check(lib.eml_lm_trainer_get_lm(self._handle, byref(handle)))
        return LanguageModel._from_handle(handle)

    @property
    def k(self) -> List[float]:
        """k of each layer's activation; empty for another activation."""
        with self.model as model:
            return model.k

    @property
    def steps(self) -> int:
        """Steps done."""
        return int(self._info().steps)

    @property
    def seconds(self) -> float:
        """Seconds of training by run."""
        return float(self._info().seconds)

    @property
    def parameters(self) -> int:
        return int(self._info().parameters)

    @property
    def sequence_len(self) -> int:
        """Tokens of a row."""
        return self._length

    @property
    def nbytes(self) -> int:
        """Bytes of weights, gradients, moments and activations."""
        return int(self._info().bytes)

    def _info(self) -> abi.eml_lm_trainer_info:
        info = abi.eml_lm_trainer_info(struct_size=sizeof(abi.eml_lm_trainer_info))
        check(lib.eml_lm_trainer_get_info(self._handle, byref(info)))
        return info

    def _rows(self, inputs: Any, targets: Any) -> Any:
        given, wanted = _flat(inputs, "inputs"), _flat(targets, "targets")
        if len(given) % self._length != 0 or len(wanted) != len(given):
            raise EmlShapeError("%d inputs and %d targets; give whole rows of %d, as many targets as inputs" % (len(given), len(wanted), self._length))
        return given, wanted, len(given) // self._length

    def __repr__(self) -> str:
        return "<eml.LanguageTrainer closed>" if self.closed else "<eml.LanguageTrainer parameters=%d steps=%d>" % (self.parameters, self.steps)


class _Stop(Exception):
    """What ends a run when on_step returns False."""


def _flat(rows: Any, what: str) -> Any:
    """Rows of tokens, one after the other."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(rows, numpy.ndarray):
        return read_tokens(rows.reshape(-1), what)
    rows = list(rows)
    return read_tokens([token for row in rows for token in row] if rows and not isinstance(rows[0], int) else rows, what)


def _number(value: float) -> Optional[float]:
    return None if math.isnan(value) else value


def _tell(on_step: Optional[Callable[[TrainingStep], Any]], step: abi.eml_lm_training_step) -> None:
    if on_step is not None and on_step(TrainingStep(step.step, step.loss, step.multiplier, step.tokens, step.seconds, step.tokens_per_second,
                                                    step.progress, step.epoch, _number(step.bits_per_byte))) is False:
        raise _Stop
