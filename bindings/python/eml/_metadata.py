"""The free text that travels with a model."""
from __future__ import annotations

from typing import Any, Optional

from ._native import check, lib, two_calls, utf8
from .errors import EmlStateError


class Metadata:
    """Text by key. The library keeps no list of the keys for its callers, so this cannot be iterated."""

    __iter__ = None  # else Python would try the keys 0, 1, 2 ...

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

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None
