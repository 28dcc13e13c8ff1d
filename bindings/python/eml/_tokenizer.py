"""Tokenizers: text to tokens and back."""
from __future__ import annotations

import sys
from array import array
from ctypes import POINTER, byref, c_char, c_char_p, c_int32, c_uint64, c_void_p, cast, sizeof, string_at
from typing import Any, Iterable, List, Optional, Sequence, Tuple, Union

from . import abi
from ._arrays import address_of
from ._bytes import Path
from ._cancel import Cancel
from ._handles import Handle
from ._native import bytes_at, check, lib, path_bytes, two_calls, unsigned, utf8
from .errors import EmlArgumentError, EmlTypeError

Tokens = Union[Sequence[int], Iterable[int]]

_FORMATS = {"auto": abi.EML_FORMAT_AUTO, "json": abi.EML_FORMAT_JSON, "tiktoken": abi.EML_FORMAT_TIKTOKEN}


class Tokenizer(Handle):
    """Byte-level byte pair encoding, id for id as tiktoken does it; from a tokenizer.json or .tiktoken file:

        tokenizer = eml.Tokenizer.load("tokenizer.json")
        tokenizer.decode(tokenizer.encode("Hello"))

    Immutable: any number of threads may use one.
    """

    _kind = "tokenizer"

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Reads a file; its bytes tell the format."""
        name = path_bytes(path)
        handle = cls._new_handle()
        check(lib.eml_tokenizer_load(name, len(name), byref(handle)))
        return cls._from_handle(handle)

    @classmethod
    def from_bytes(cls, data: Any) -> "Tokenizer":
        """A tokenizer from a file's bytes. EmlFormatError if they are none."""
        view = contiguous(data)
        handle = cls._new_handle()
        check(lib.eml_tokenizer_import(address_of(view), view.nbytes, byref(handle)))
        return cls._from_handle(handle)

    @classmethod
    def train(cls, documents: Iterable[str], merges: int, special: Sequence[str] = (), cancel: Optional[Cancel] = None) -> "Tokenizer":
        """A tokenizer of the 256 bytes, at most so many merges of the most frequent pairs, and special tokens, the first of which begins
        documents. cancel: an eml.Cancel that stops the search; the merges found so far are kept."""
        if isinstance(documents, (str, bytes)) or isinstance(special, (str, bytes)):
            raise EmlTypeError("documents and special must be several strings, not one")
        texts, _keep = texts_of(documents, "a document")
        names, _keep_names = texts_of(special, "a special token's name")
        handle = cls._new_handle()
        check(lib.eml_tokenizer_train(texts, len(texts), unsigned(merges, 64, "merges"), names, len(names),
                                      None if cancel is None else cancel._handle, byref(handle)))
        return cls._from_handle(handle)

    def to_bytes(self, format: str = "json") -> bytes:
        """The file's bytes, "json" (tokenizer.json) or "tiktoken", which carries only the four special tokens that its readers assume."""
        code = _format(format)
        return two_calls(lambda buf, cap, need: lib.eml_tokenizer_export(self._handle, code, buf, cap, need))

    def save(self, path: Path, format: str = "auto") -> None:
        """Writes a file, whole or not at all; the extension decides unless format is given."""
        name = path_bytes(path)
        check(lib.eml_tokenizer_save(self._handle, name, len(name), _format(format)))

    def encode(self, text: str, special: bool = False) -> List[int]:
        """The ids of a text. special: names of special tokens stand for these tokens; otherwise they are ordinary text."""
        data = utf8(text, "text")
        ids = (c_int32 * len(data))()  # never more ids than bytes
        need = c_uint64()
        check(lib.eml_tokenizer_encode(self._handle, data, len(data), abi.EML_TOKENIZER_SPECIAL if special else 0, ids, len(ids), byref(need)))
        return ids[:need.value]

    def decode(self, ids: Tokens) -> str:
        """The text of tokens; what is no valid UTF-8 becomes U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", "replace")

    def decode_bytes(self, ids: Tokens) -> bytes:
        """The bytes of tokens, whatever they are."""
        given = read_tokens(ids, "ids")
        return two_calls(lambda buf, cap, need: lib.eml_tokenizer_decode_bytes(self._handle, given, len(given), buf, cap, need))

    def token(self, id: int) -> bytes:
        """The bytes of a token; those of a special token are its name."""
        return self.decode_bytes([id])

    def special(self, name: str) -> Optional[int]:
        """The id of a special token; None if there is none of this name."""
        text = utf8(name, "name")
        result = c_int32()
        check(lib.eml_tokenizer_special(self._handle, text, len(text), byref(result)))
        return None if result.value < 0 else result.value

    def byte_lengths(self, reference: bool = False) -> List[int]:
        """How many bytes of text each token counts when bits per byte are measured, 0 for special tokens. reference: as autoresearch
        counts them, each token decoded for itself, what is no valid UTF-8 as U+FFFD."""
        lengths = (c_int32 * self.vocab_size)()
        check(lib.eml_tokenizer_byte_lengths(self._handle, abi.EML_BYTES_REFERENCE if reference else abi.EML_BYTES_RAW, lengths, len(lengths)))
        return list(lengths)

    def stream(self) -> "TokenStream":
        """Decodes tokens one by one without ever cutting a character in two."""
        return TokenStream(self)

    @property
    def vocab_size(self) -> int:
        """How many ids there are, special tokens included."""
        return int(self._info().vocab_size)

    @property
    def rank_count(self) -> int:
        """Ids from here on are special tokens."""
        return int(self._info().rank_count)

    @property
    def bos_id(self) -> Optional[int]:
        """The token that begins a document; None if there is none."""
        found = int(self._info().bos_id)
        return None if found < 0 else found

    def _info(self) -> abi.eml_tokenizer_info:
        info = abi.eml_tokenizer_info(struct_size=sizeof(abi.eml_tokenizer_info))
        check(lib.eml_tokenizer_get_info(self._handle, byref(info)))
        return info

    def __repr__(self) -> str:
        return "<eml.Tokenizer closed>" if self.closed else "<eml.Tokenizer vocab_size=%d>" % self.vocab_size


class TokenStream(Handle):
    """All that push() and at last flush() return, joined, is what Tokenizer.decode returns for all the ids."""

    _kind = "token_stream"

    def __init__(self, tokenizer: Tokenizer):
        handle = self._new_handle()
        check(lib.eml_token_stream_create(tokenizer._handle, byref(handle)))
        self._adopt(handle)

    def push(self, id: int) -> str:
        """The text that this token completes; empty while a character lacks bytes."""
        return self._answer(lambda text, size: lib.eml_token_stream_push(self._handle, read_tokens([id], "id")[0], text, size))

    def flush(self) -> str:
        """What is left of a character that lacks bytes, as U+FFFD; the stream begins anew."""
        return self._answer(lambda text, size: lib.eml_token_stream_flush(self._handle, text, size))

    @staticmethod
    def _answer(call: Any) -> str:
        text, size = c_char_p(), c_uint64()
        check(call(byref(text), byref(size)))
        return string_at(text, size.value).decode("utf-8")


def read_tokens(values: Any, what: str) -> Any:
    """Tokens of any kind as a ctypes array."""
    if isinstance(values, (str, bytes)):
        raise EmlTypeError("%s must be token ids, not %s; encode the text first" % (what, type(values).__name__))
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(values, numpy.ndarray):
        values = values.tolist()
    try:
        flat = array("i", values)
    except OverflowError:
        raise EmlArgumentError("%s: an id is beyond 32 bits" % what) from None
    except TypeError as error:
        raise EmlTypeError("%s must be integers: %s" % (what, error)) from None
    return (c_int32 * len(flat)).from_buffer(flat) if flat else (c_int32 * 0)()


def texts_of(texts: Iterable[str], what: str) -> Tuple[Any, List[Any]]:
    """An array of eml_text, and what must live as long as it."""
    keep = [utf8(each, what) for each in texts]
    entries = (abi.eml_text * len(keep))()
    for entry, data in zip(entries, keep):
        entry.text, entry.len = cast(c_char_p(data), POINTER(c_char)), len(data)
    return entries, keep


def contiguous(data: Any) -> memoryview:
    """Anything with the buffer protocol as one piece of memory."""
    try:
        view = memoryview(data)
        return view if view.c_contiguous else memoryview(view.tobytes())
    except TypeError as error:
        raise EmlTypeError("data: %s" % error) from None


def buffer_bytes(buffer: Any) -> bytes:
    """A copy of a buffer's bytes; the buffer is freed."""
    data, size = c_void_p(), c_uint64()
    try:
        check(lib.eml_buffer_data(buffer, byref(data), byref(size)))
        return bytes_at(data.value, size.value)
    finally:
        lib.eml_buffer_free(buffer)


def _format(name: str) -> int:
    try:
        return _FORMATS[name]
    except (KeyError, TypeError):
        raise EmlArgumentError("unknown format %r; one of %s" % (name, ", ".join(_FORMATS))) from None
