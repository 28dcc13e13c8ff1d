"""The free text that travels with a model."""
from __future__ import annotations

from ctypes import byref, c_uint64
from typing import Any, Iterator, MutableMapping, Optional

from ._native import check, lib, two_calls, utf8
from .errors import EmlStateError


class Metadata(MutableMapping[str, str]):
    """Text by key: a mapping whose keys come in ordinal order. Iterating goes over the keys that there were at first."""

    def __init__(self, model: Any):
        self._model = model

    def get(self, key: str, default: Optional[str] = None) -> Optional[str]:
        name = utf8(key, "key")
        try:
            text = two_calls(lambda buf, cap, need: lib.eml_model_get_metadata(
                self._model._handle, name, len(name), buf, cap, need))
        except EmlStateError:  # the library's word for "no such key"
            return default
        return text[:-1].decode("utf-8")

    def __getitem__(self, key: str) -> str:
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: str, value: str) -> None:
        name, data = utf8(key, "key"), utf8(value, "value")
        check(lib.eml_model_set_metadata(self._model._handle, name, len(name), data, len(data)))

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        name = utf8(key, "key")
        check(lib.eml_model_set_metadata(self._model._handle, name, len(name), None, 0))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key) is not None

    def __len__(self) -> int:
        count = c_uint64()
        check(lib.eml_model_get_metadata_count(self._model._handle, byref(count)))
        return count.value

    def __iter__(self) -> Iterator[str]:
        return iter([two_calls(lambda buf, cap, need: lib.eml_model_get_metadata_key(
            self._model._handle, index, buf, cap, need))[:-1].decode("utf-8") for index in range(len(self))])

    def __repr__(self) -> str:
        return "<eml.Metadata %r>" % (dict(self),)
