"""libeml: learned functions built from eml(x, y) = exp(x) - ln(y), with the same bits on every machine."""
from __future__ import annotations

import json
from typing import Any, Dict

from . import abi, errors
from ._attention import (AttentionTraining, BaselineAttention, EmlAttention, ToyEmlAttention, compare_eml_vs_baseline,
                         run_attention_benchmark)
from ._audit import AuditReport
from ._cancel import Cancel
from ._events import Event, event_type
from ._functions import eml, eml_safe, exp, ln, pow, random_restart, softmax3
from ._language import (GeneratedToken, Generation, LanguageBatch, LanguageModel, LanguageSession, Parity, Score,
                        log_probability)
from ._language_training import LanguageTrainer, TrainingResult, TrainingStep
from ._log import set_log
from ._machine import CompactMachine, Layers, Op, Step
from ._metadata import Metadata
from ._model import EmlModel, Scaling, verify_audit
from ._native import lib as _lib, library_path as _library_path
from ._tokenizer import Tokenizer, TokenStream
from ._training import Progress, Snapping, Training
from ._trees import EmlTree, SafeTree
from ._wasm import WasmFunction, WasmMachine
from .errors import (EmlArgumentError, EmlBufferError, EmlBusyError, EmlError, EmlFormatError, EmlHandleError,
                     EmlInternalError, EmlIoError, EmlLimitError, EmlLoadError, EmlMemoryError, EmlNonFiniteError,
                     EmlShapeError, EmlStateError, EmlTrapError, EmlTypeError, EmlUnsupportedError, EmlVersionError)

__version__ = abi.EML_VERSION_STRING

__all__ = [
    "AttentionTraining", "AuditReport", "BaselineAttention", "Cancel", "CompactMachine", "EmlArgumentError", "EmlAttention",
    "EmlBufferError", "EmlBusyError", "EmlError", "EmlFormatError", "EmlHandleError", "EmlInternalError", "EmlIoError",
    "EmlLimitError", "EmlLoadError", "EmlMemoryError", "EmlModel", "EmlNonFiniteError", "EmlShapeError",
    "EmlStateError", "EmlTrapError", "EmlTree", "EmlTypeError", "EmlUnsupportedError", "EmlVersionError", "Event", "GeneratedToken",
    "Generation", "LanguageBatch", "LanguageModel", "LanguageSession", "LanguageTrainer", "Layers", "Metadata", "Op", "Parity", "Progress", "SafeTree",
    "Scaling", "Score", "Snapping", "Step", "TokenStream", "Tokenizer", "ToyEmlAttention", "Training", "TrainingResult", "TrainingStep",
    "WasmFunction", "WasmMachine", "abi", "build_info", "compare_eml_vs_baseline",
    "eml", "eml_safe", "errors", "event_type", "exp", "library_path", "ln", "log_probability", "pow", "random_restart",
    "run_attention_benchmark", "set_log", "softmax3", "verify_audit", "version",
]


def version() -> str:
    """The version of the library that is loaded."""
    text: bytes = _lib.eml_version()
    return text.decode()


def build_info() -> Dict[str, Any]:
    """The library's build: version, commit, rid, isa, vector_bits, runtime."""
    info: Dict[str, Any] = json.loads(_lib.eml_build_info())
    return info


def library_path() -> str:
    """The file that was loaded."""
    return _library_path
