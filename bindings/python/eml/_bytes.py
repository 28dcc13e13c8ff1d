"""Saving and loading, the same for every kind of object that has formats."""
from __future__ import annotations

import os
from ctypes import byref
from typing import Any, Type, TypeVar, Union

from ._arrays import address_of
from ._handles import Handle
from ._native import check, format_code, lib, path_bytes, two_calls, utf8
from .errors import EmlTypeError

_Self = TypeVar("_Self", bound="Stored")
Path = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]


class Stored(Handle):
    """An object with formats: "json", "safetensors", "protobuf" and, for a SafeTree, "browser"."""

    def to_bytes(self, format: str = "safetensors") -> bytes:
        """The object as bytes."""
        export = getattr(lib, "eml_%s_export" % self._kind)
        code = format_code(format)
        return two_calls(lambda buf, cap, need: export(self._handle, code, buf, cap, need))

    @classmethod
    def from_bytes(cls: Type[_Self], data: Any, format: str = "auto") -> _Self:
        """An object from bytes (anything with the buffer protocol). EmlFormatError if it is refused."""
        try:
            view = memoryview(data)
            if not view.c_contiguous:
                view = memoryview(view.tobytes())
        except TypeError as error:
            raise EmlTypeError("data: %s" % error) from None
        handle = cls._new_handle()
        check(getattr(lib, "eml_%s_import" % cls._kind)(
            address_of(view), view.nbytes, format_code(format), byref(handle)))
        return cls._from_handle(handle)

    def to_json(self) -> str:
        """The object as eml-core's JSON, byte for byte."""
        return self.to_bytes("json").decode("utf-8")

    @classmethod
    def from_json(cls: Type[_Self], text: Union[str, bytes]) -> _Self:
        """An object from eml-core's JSON. EmlFormatError if it is refused."""
        return cls.from_bytes(text if isinstance(text, bytes) else utf8(text, "text"), "json")

    def save(self, path: Path, format: str = "auto") -> None:
        """Writes a file, whole or not at all; the extension decides unless format is given."""
        name = path_bytes(path)
        check(getattr(lib, "eml_%s_save" % self._kind)(self._handle, name, len(name), format_code(format)))

    @classmethod
    def load(cls: Type[_Self], path: Path, format: str = "auto") -> _Self:
        """Reads a file; the bytes decide unless format is given."""
        name = path_bytes(path)
        handle = cls._new_handle()
        check(getattr(lib, "eml_%s_load" % cls._kind)(name, len(name), format_code(format), byref(handle)))
        return cls._from_handle(handle)

    def __copy__(self: _Self) -> _Self:
        return self.copy()

    def __deepcopy__(self: _Self, memo: Any) -> _Self:
        return self.copy()

    def __reduce__(self) -> Any:
        return _unpickle, (type(self), self.to_bytes("safetensors"))


def _unpickle(cls: Type[_Self], data: bytes) -> _Self:
    return cls.from_bytes(data, "safetensors")
