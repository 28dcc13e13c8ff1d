"""Language models: files, sessions, generation, batches."""
from __future__ import annotations

import json
import sys
from ctypes import byref, c_char_p, c_double, c_float, c_int32, c_uint64, cast, sizeof, string_at, POINTER, c_char
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Union

from . import abi
from ._arrays import address_of
from ._bytes import Path
from ._callback import Callback
from ._cancel import Cancel
from ._handles import Handle
from ._native import check, lib, path_bytes, two_calls, unsigned, utf8
from ._tokenizer import Tokenizer, Tokens, buffer_bytes, contiguous, read_tokens, texts_of
from .errors import EmlArgumentError, EmlTypeError

# Python gets a word in after so many tokens of a prompt: Ctrl-C is noticed after a few milliseconds.
_SLICE = 64

_FORMATS = {"auto": abi.EML_FORMAT_AUTO, "json": abi.EML_FORMAT_JSON, "safetensors": abi.EML_FORMAT_SAFETENSORS,
            "protobuf": abi.EML_FORMAT_PROTOBUF, "npz": abi.EML_FORMAT_NPZ}
_WEIGHTS = {"f32": abi.EML_WEIGHT_F32, "bf16": abi.EML_WEIGHT_BF16, "int8": abi.EML_WEIGHT_I8}
_ENDS = {abi.EML_LM_END_LENGTH: "length", abi.EML_LM_END_STOP_TOKEN: "stop_token", abi.EML_LM_END_STOP_TEXT: "stop_text",
         abi.EML_LM_END_CANCELLED: "cancelled", abi.EML_LM_END_CALLBACK: "callback"}

Prompt = Union[str, Tokens]


class GeneratedToken(NamedTuple):
    """A token as it is generated."""

    id: int
    text: str  # what can be shown now: whole characters, and nothing that may yet become a stop text
    log_probability: float  # ln of its probability before sampling options


class Generation(NamedTuple):
    """What was generated."""

    tokens: List[int]
    text: str  # up to a stop; empty without a tokenizer
    log_probability: float  # ln of the probability of all tokens
    end: str  # "length", "stop_token", "stop_text", "cancelled" or "callback"


class Score(NamedTuple):
    """How well a model predicts a text."""

    bits_per_byte: float
    mean_loss: float  # mean of -ln p over all tokens
    nats: float  # sum of -ln p over the tokens that count bytes
    bytes: int
    tokens: int


class Parity(NamedTuple):
    """How far a model's answer is from what its sidecar expects."""

    is_right: bool
    largest_deviation: float  # of a logit
    differing_index: Optional[int]  # of the first token behind the prompt that is another
    differing_token: Optional[int]  # the token that the model gives there


class LanguageModel(Handle):
    """A small GPT whose activation is eml(z, eml(z, k)): weights and, if it has one, its tokenizer.

        model = eml.LanguageModel.load("model.safetensors", tokenizer=eml.Tokenizer.load("tokenizer.json"))
        print(model.generate("Once upon a time", max_tokens=50, seed=1).text)

    Immutable: any number of threads and sessions share one. The same weights give the same bits on every machine and for every number of
    threads.
    """

    _kind = "lm"

    @classmethod
    def load(cls, path: Path, tokenizer: Optional[Tokenizer] = None, config: Union[None, str, Mapping[str, Any]] = None,
             mmap: bool = False) -> "LanguageModel":
        """Reads a file of any format, which its bytes tell.

        tokenizer: takes the place of the file's own. config: for a file that has none, a dict or JSON text of vocab_size, n_layer, n_embd,
        n_head, n_kv_head, head_dim, hidden_dim, sequence_len, window_pattern, activation; what it leaves out is recognised. mmap: the file
        is mapped instead of read and must not change while the model is in use.
        """
        name = path_bytes(path)
        options, _keep = _options(tokenizer, config)
        options.mapped = bool(mmap)
        handle = cls._new_handle()
        check(lib.eml_lm_load(name, len(name), byref(options), byref(handle)))
        return cls._from_handle(handle)

    @classmethod
    def create(cls, config: Union[str, Mapping[str, Any]], seed: int = 0, tokenizer: Optional[Tokenizer] = None) -> "LanguageModel":
        """A model with the weights that a training begins with; config as in load, but whole."""
        text = json.dumps(config).encode() if isinstance(config, Mapping) else utf8(config, "config")
        if tokenizer is not None and not isinstance(tokenizer, Tokenizer):
            raise EmlTypeError("tokenizer must be an eml.Tokenizer, not %s" % type(tokenizer).__name__)
        handle = cls._new_handle()
        check(lib.eml_lm_create(text, len(text), None if tokenizer is None else tokenizer._handle, unsigned(seed, 64, "seed"), byref(handle)))
        return cls._from_handle(handle)

    @classmethod
    def from_bytes(cls, data: Any, tokenizer: Optional[Tokenizer] = None,
                   config: Union[None, str, Mapping[str, Any]] = None) -> "LanguageModel":
        """The same from a file's bytes."""
        view = contiguous(data)
        options, _keep = _options(tokenizer, config)
        handle = cls._new_handle()
        check(lib.eml_lm_import(address_of(view), view.nbytes, byref(options), byref(handle)))
        return cls._from_handle(handle)

    def save(self, path: Path, format: str = "auto") -> None:
        """Writes a file, whole or not at all: "safetensors", "json", "protobuf" (.pb) or "npz"; the extension decides unless format is
        given."""
        name = path_bytes(path)
        check(lib.eml_lm_save(self._handle, name, len(name), _code(_FORMATS, format, "format")))

    def to_bytes(self, format: str = "safetensors") -> bytes:
        """The file's bytes."""
        buffer = POINTER(abi.eml_buffer)()
        check(lib.eml_lm_export_buffer(self._handle, _code(_FORMATS, format, "format"), byref(buffer)))
        return buffer_bytes(buffer)

    def quantize(self, weights: str) -> "LanguageModel":
        """A model whose matrices are "f32", "bf16" or "int8"."""
        handle = self._new_handle()
        check(lib.eml_lm_quantize(self._handle, _code(_WEIGHTS, weights, "type of weights"), byref(handle)))
        return type(self)._from_handle(handle)

    def check_parity(self, sidecar: Union[str, bytes, Mapping[str, Any]]) -> Parity:
        """Compares the model's answer with a parity sidecar, JSON or a dict: tokens (the prompt), greedy (the tokens that follow), logits (of
        the prompt's last token, or of all), tolerance."""
        data = json.dumps(sidecar).encode() if isinstance(sidecar, Mapping) else sidecar if isinstance(sidecar, bytes) else utf8(sidecar, "sidecar")
        found = abi.eml_lm_parity(struct_size=sizeof(abi.eml_lm_parity))
        check(lib.eml_lm_check_parity(self._handle, data, len(data), byref(found)))
        same = found.differing_token < 0
        return Parity(found.is_right == 1, found.largest_deviation, None if same else found.differing_index, None if same else found.differing_token)

    # -------------------------------------------------------------------------------------------- answers

    def session(self, threads: int = 1) -> "LanguageSession":
        """A new sequence; threads compute each token together."""
        return LanguageSession(self, threads)

    def batch(self, sequences: int, threads: int = 1) -> "LanguageBatch":
        """New sequences, 1 to 64, that go on together."""
        return LanguageBatch(self, sequences, threads)

    def logits(self, ids: Tokens, threads: int = 1) -> Any:
        """The logits of each token of a sequence: a list of lists, or a numpy array (tokens, vocab_size) if ids is one."""
        with self.session(threads) as session:
            return session.read_all(ids)

    def generate(self, prompt: Prompt, *, threads: int = 1, **options: Any) -> Generation:
        """Continues a prompt in a new session; the options are those of LanguageSession.generate."""
        with self.session(threads) as session:
            return session.generate(prompt, **options)

    def evaluate(self, text: Prompt, *, threads: int = 1, **options: Any) -> Score:
        """How well the model predicts a text; the options are those of LanguageSession.evaluate."""
        with self.session(threads) as session:
            return session.evaluate(text, **options)

    # -------------------------------------------------------------------------------------------- shape

    @property
    def tokenizer(self) -> Optional[Tokenizer]:
        """The model's tokenizer, if it has one."""
        if not self._info().has_tokenizer:
            return None
        handle = Tokenizer._new_handle()
        check(lib.eml_lm_get_tokenizer(self._handle, byref(handle)))
        return Tokenizer._from_handle(handle)

    @property
    def config(self) -> Dict[str, Any]:
        """vocab_size, n_layer, n_embd, n_head, n_kv_head, head_dim, hidden_dim, sequence_len, window_pattern, activation."""
        text = two_calls(lambda buf, cap, need: lib.eml_lm_config(self._handle, buf, cap, need))
        found: Dict[str, Any] = json.loads(text[:-1])
        return found

    @property
    def k(self) -> List[float]:
        """k of each layer's activation; empty for another activation."""
        info = self._info()
        if info.activation != abi.EML_ACTIVATION_EML:
            return []
        found = (c_float * info.n_layer)()
        check(lib.eml_lm_activation_parameters(self._handle, found, len(found)))
        return list(found)

    @property
    def vocab_size(self) -> int:
        return int(self._info().vocab_size)

    @property
    def weights(self) -> str:
        """How most weights are stored: "f32", "bf16" or "int8"."""
        kind = self._info().weight_type
        return next(name for name, code in _WEIGHTS.items() if code == kind)

    @property
    def parameters(self) -> int:
        return int(self._info().parameters)

    @property
    def nbytes(self) -> int:
        """Bytes of all weights."""
        return int(self._info().bytes)

    def _info(self) -> abi.eml_lm_info:
        info = abi.eml_lm_info(struct_size=sizeof(abi.eml_lm_info))
        check(lib.eml_lm_get_info(self._handle, byref(info)))
        return info

    def __repr__(self) -> str:
        return "<eml.LanguageModel closed>" if self.closed else "<eml.LanguageModel parameters=%d weights=%s>" % (self.parameters, self.weights)


class LanguageSession(Handle):
    """One sequence of tokens that a model reads. For one thread at a time."""

    _kind = "lm_session"

    def __init__(self, model: LanguageModel, threads: int = 1):
        handle = self._new_handle()
        check(lib.eml_lm_session_create(model._handle, unsigned(threads, 32, "threads"), byref(handle)))
        self._adopt(handle)
        info = model._info()
        self._vocabulary, self._width = int(info.vocab_size), int(info.n_embd)
        self._listener: Optional[Callback] = None

    def read(self, ids: Tokens, cancel: Optional[Cancel] = None) -> Any:
        """Reads tokens; the logits of the last: a list, or a numpy array if ids is one. None if cancel stopped it: position says how many
        were read."""
        return self._read(lib.eml_lm_session_read, ids, self._vocabulary, True, cancel)

    def read_all(self, ids: Tokens, cancel: Optional[Cancel] = None) -> Any:
        """Reads tokens; the logits of each, a list of lists or a numpy array."""
        return self._read(lib.eml_lm_session_read_all, ids, self._vocabulary, False, cancel)

    def embed(self, ids: Tokens, cancel: Optional[Cancel] = None) -> Any:
        """Reads tokens; what the model makes of each, normed, before the unembedding (tokens, n_embd)."""
        return self._read(lib.eml_lm_session_embed, ids, self._width, False, cancel)

    def _read(self, call: Any, ids: Any, width: int, last: bool, cancel: Optional[Cancel]) -> Any:
        given = _checked(ids, self._vocabulary)
        token = None if cancel is None else cancel._handle
        out = (c_float * (width if last else width * len(given)))()
        for start in range(0, len(given), _SLICE):
            count = min(_SLICE, len(given) - start)
            tokens = (c_int32 * count).from_buffer(given, 4 * start)
            to = (c_float * (width * count)).from_buffer(out, 4 * width * start) if not last else out
            if self._finish(call(self._handle, tokens, count, to, token)) == abi.EML_CANCELLED:
                return None
        return _numbers(out, 1 if last else len(given), width, last, ids)

    def generate(self, prompt: Prompt, *, max_tokens: int = 256, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0,
                 min_p: float = 0.0, repetition_penalty: float = 1.0, seed: int = 0, stop_tokens: Tokens = (),
                 stop: Union[str, Sequence[str]] = (), special: bool = False,
                 on_token: Optional[Callable[[GeneratedToken], Any]] = None, cancel: Optional[Cancel] = None) -> Generation:
        """Reads a prompt, a text or token ids, after what has been read, and generates tokens, the last of which is not read yet.

        temperature: 0 takes the most probable token. top_k, top_p, min_p: draw from the most probable tokens only; 0, 1 and 0 for all.
        repetition_penalty: above 1 makes tokens of the prompt and generated ones less probable. seed: the same seed, the same tokens.
        stop_tokens, stop: end the text and are not part of it. special: names of special tokens in the prompt stand for them.
        on_token: called with each eml.GeneratedToken; return False to stop; what it raises, Ctrl-C included, ends the call and comes out.
        cancel: an eml.Cancel that stops it from any thread.
        """
        options = abi.eml_lm_generate_options()
        check(lib.eml_lm_generate_options_init(byref(options), sizeof(options)))
        options.max_tokens, options.top_k = unsigned(max_tokens, 32, "max_tokens"), unsigned(top_k, 32, "top_k")
        options.temperature, options.top_p, options.min_p = temperature, top_p, min_p
        options.repetition_penalty, options.special, options.seed = repetition_penalty, bool(special), unsigned(seed, 64, "seed")
        ends = read_tokens(stop_tokens, "stop_tokens")
        options.stop_tokens, options.stop_token_count = ends, len(ends)
        texts, _keep = texts_of([stop] if isinstance(stop, str) else stop, "a stop text")
        options.stop_texts, options.stop_text_count = texts, len(texts)
        if cancel is not None:
            options.cancel = cancel._handle
        callback = Callback(abi.eml_lm_token_fn, None if on_token is None else lambda pointer: _tell(on_token, pointer.contents))
        options.token = callback.function
        result = abi.eml_lm_generation(struct_size=sizeof(abi.eml_lm_generation))
        if isinstance(prompt, str):
            text = utf8(prompt, "prompt")
            status = lib.eml_lm_session_generate_text(self._handle, text, len(text), byref(options), byref(result))
        else:
            given = read_tokens(prompt, "prompt")
            status = lib.eml_lm_session_generate(self._handle, given, len(given), byref(options), byref(result))
        try:
            self._finish(status, callback)
        except _Stop:
            pass
        tokens, count = (c_int32 * result.tokens)(), c_uint64()
        check(lib.eml_lm_session_tokens(self._handle, tokens, len(tokens), byref(count)))
        made = two_calls(lambda buf, cap, need: lib.eml_lm_session_text(self._handle, buf, cap, need))
        return Generation(list(tokens), made[:-1].decode("utf-8"), result.log_probability, _ENDS[result.end])

    def evaluate(self, text: Prompt, *, bos: Optional[int] = None, byte_lengths: Optional[Sequence[int]] = None, reference: bool = False,
                 cancel: Optional[Cancel] = None) -> Score:
        """How well the model predicts a text, cut into pieces of its sequence_len; the session's sequence is lost. Token ids need bos, the
        token that begins each piece, and byte_lengths (vocab_size), which says how many bytes of text a token counts (None: one each).
        reference: of a text, bytes as autoresearch counts them. cancel: the score is of what was done."""
        token = None if cancel is None else cancel._handle
        score = abi.eml_lm_score(struct_size=sizeof(abi.eml_lm_score))
        if isinstance(text, str):
            if bos is not None or byte_lengths is not None:
                raise EmlArgumentError("bos and byte_lengths are for token ids; of a text they are the tokenizer's")
            data = utf8(text, "text")
            counting = abi.EML_BYTES_REFERENCE if reference else abi.EML_BYTES_RAW
            status = lib.eml_lm_session_evaluate_text(self._handle, data, len(data), counting, token, byref(score))
        else:
            if bos is None:
                raise EmlArgumentError("token ids need bos, the token that begins each piece")
            given = read_tokens(text, "text")
            lengths = None if byte_lengths is None else read_tokens(byte_lengths, "byte_lengths")
            if lengths is not None and len(lengths) != self._vocabulary:
                raise EmlArgumentError("byte_lengths has %d numbers; give one for each of the %d tokens" % (len(lengths), self._vocabulary))
            first = read_tokens([bos], "bos")[0]
            status = lib.eml_lm_session_evaluate(self._handle, given, len(given), first, lengths, token, byref(score))
        self._finish(status)
        return Score(score.bits_per_byte, score.mean_loss, score.nats, score.bytes, score.tokens)

    def set_listener(self, listener: Optional[Callable[[str, List[List[float]]], Any]]) -> None:
        """Sets what sees the residual stream after each part of the model, by its name: embed_norm, blocks.I.after_attn,
        blocks.I.after_mlp, final_norm, with rows (tokens, n_embd). None: nothing. What it raises ends the call and comes out."""
        if listener is None:
            check(lib.eml_lm_session_set_listener(self._handle, abi.eml_lm_layer_fn(), None))
            self._listener = None
            return
        callback = _LayerCallback(listener)
        check(lib.eml_lm_session_set_listener(self._handle, callback.function, None))
        self._listener = callback

    def reset(self) -> None:
        """Begins a new sequence."""
        check(lib.eml_lm_session_reset(self._handle))

    @property
    def position(self) -> int:
        """Tokens read so far."""
        return int(self._info().position)

    @property
    def threads(self) -> int:
        return int(self._info().threads)

    @property
    def nbytes(self) -> int:
        """Bytes of the cache when full and of the activations."""
        return int(self._info().bytes)

    def _info(self) -> abi.eml_lm_session_info:
        info = abi.eml_lm_session_info(struct_size=sizeof(abi.eml_lm_session_info))
        check(lib.eml_lm_session_get_info(self._handle, byref(info)))
        return info

    def _finish(self, status: int, callback: Optional[Callback] = None) -> int:
        for each in (self._listener, callback):
            if each is not None:
                each.finish(0)  # raises what the function raised
        return check(status)

    def __repr__(self) -> str:
        return "<eml.LanguageSession closed>" if self.closed else "<eml.LanguageSession position=%d>" % self.position


class LanguageBatch(Handle):
    """Several sequences that go on together; each forward pass reads the weights once for all of them. For one thread at a time."""

    _kind = "lm_batch"

    def __init__(self, model: LanguageModel, sequences: int, threads: int = 1):
        handle = self._new_handle()
        check(lib.eml_lm_batch_create(model._handle, unsigned(sequences, 32, "sequences"), unsigned(threads, 32, "threads"), byref(handle)))
        self._adopt(handle)
        self._vocabulary, self.sequences = model.vocab_size, sequences

    def read(self, sequence: int, ids: Tokens, cancel: Optional[Cancel] = None) -> Any:
        """One sequence reads tokens; the logits of the last, or None if cancelled."""
        given = _checked(ids, self._vocabulary)
        which, token = unsigned(sequence, 32, "sequence"), None if cancel is None else cancel._handle
        out = (c_float * self._vocabulary)()
        for start in range(0, len(given), _SLICE):
            count = min(_SLICE, len(given) - start)
            tokens = (c_int32 * count).from_buffer(given, 4 * start)
            if check(lib.eml_lm_batch_read(self._handle, which, tokens, count, out, token)) == abi.EML_CANCELLED:
                return None
        return _numbers(out, 1, self._vocabulary, True, ids)

    def step(self, ids: Tokens, cancel: Optional[Cancel] = None) -> Any:
        """Each sequence reads one token; the logits of all (sequences, vocab_size), or None if cancelled: none has read its token then."""
        given = read_tokens(ids, "ids")
        out = (c_float * (self.sequences * self._vocabulary))()
        token = None if cancel is None else cancel._handle
        if check(lib.eml_lm_batch_step(self._handle, given, len(given), out, token)) == abi.EML_CANCELLED:
            return None
        return _numbers(out, self.sequences, self._vocabulary, False, ids)

    def reset(self, sequence: int) -> None:
        """Begins a sequence anew."""
        check(lib.eml_lm_batch_reset(self._handle, unsigned(sequence, 32, "sequence")))

    def position(self, sequence: int) -> int:
        """Tokens that a sequence has read."""
        result = c_uint64()
        check(lib.eml_lm_batch_position(self._handle, unsigned(sequence, 32, "sequence"), byref(result)))
        return result.value

    def __repr__(self) -> str:
        return "<eml.LanguageBatch closed>" if self.closed else "<eml.LanguageBatch sequences=%d>" % self.sequences


def log_probability(logits: Sequence[float], token: int) -> float:
    """ln softmax(logits)[token]."""
    given = (c_float * len(logits))(*logits)
    result = c_double()
    check(lib.eml_lm_log_probability(given, len(given), read_tokens([token], "token")[0], byref(result)))
    return result.value


class _Stop(Exception):
    """What ends a generation when on_token returns False."""


class _LayerCallback:
    """A layer listener: the library's five arguments for Python's two."""

    def __init__(self, listener: Callable[[str, List[List[float]]], Any]):
        self._failures: List[BaseException] = []

        def receive(part: bytes, rows: Any, count: int, n_embd: int, _user: Any) -> int:
            try:
                listener(part.decode(), [rows[i * n_embd:(i + 1) * n_embd] for i in range(count)])
            except BaseException as error:
                self._failures.append(error)
            return 1 if self._failures else 0

        self.function = abi.eml_lm_layer_fn(receive)

    def finish(self, status: int) -> int:
        if self._failures:
            error = self._failures.pop()
            self._failures.clear()
            raise error
        return check(status)


def _tell(on_token: Callable[[GeneratedToken], Any], token: abi.eml_lm_token) -> None:
    text = string_at(token.text, token.text_len).decode("utf-8")
    if on_token(GeneratedToken(token.id, text, token.log_probability)) is False:
        raise _Stop


def _options(tokenizer: Optional[Tokenizer], config: Any) -> Any:
    """eml_lm_options, and what must live as long as it."""
    options = abi.eml_lm_options()
    check(lib.eml_lm_options_init(byref(options), sizeof(options)))
    text = None
    if config is not None:
        text = json.dumps(config).encode() if isinstance(config, Mapping) else utf8(config, "config")
        options.config, options.config_len = cast(c_char_p(text), POINTER(c_char)), len(text)
    if tokenizer is not None:
        if not isinstance(tokenizer, Tokenizer):
            raise EmlTypeError("tokenizer must be an eml.Tokenizer, not %s" % type(tokenizer).__name__)
        options.tokenizer = tokenizer._handle
    return options, text


def _checked(ids: Any, vocabulary: int) -> Any:
    """Tokens that the model has: they are handed over in slices, but all or none of them is to be refused."""
    given = read_tokens(ids, "ids")
    if not given:
        raise EmlArgumentError("there are no tokens to read; give at least one")
    if min(given) < 0 or max(given) >= vocabulary:
        i = next(i for i, token in enumerate(given) if not 0 <= token < vocabulary)
        raise EmlArgumentError("ids[%d] is %d; tokens are 0 to %d" % (i, given[i], vocabulary - 1))
    return given


def _numbers(out: Any, rows: int, width: int, flat: bool, like: Any) -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(like, numpy.ndarray):
        found = numpy.frombuffer(out, dtype=numpy.float32)
        return found if flat else found.reshape(rows, width)
    return list(out) if flat else [out[i * width:(i + 1) * width] for i in range(rows)]


def _code(table: Dict[str, int], name: str, what: str) -> int:
    try:
        return table[name]
    except (KeyError, TypeError):
        raise EmlArgumentError("unknown %s %r; one of %s" % (what, name, ", ".join(table))) from None
