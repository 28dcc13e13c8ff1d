"""What every object of the library has in common: a handle that is freed exactly once."""
from __future__ import annotations

import weakref
from ctypes import POINTER, byref
from types import TracebackType
from typing import Any, Optional, Type, TypeVar

from . import abi
from ._native import check, lib

_Self = TypeVar("_Self", bound="Handle")


def _free(function: str, handle: Any) -> None:
    getattr(lib, function)(handle)


class Handle:
    """Owns a handle: freed by close(), at the end of a `with` block, or when the object is collected.

    A closed object keeps its handle's number: the library knows it for stale and says so (EmlHandleError).
    """

    _kind: str  # "model" and so on, as in the names of the C functions
    _handle: Any
    _finalizer: weakref.finalize

    def _adopt(self, handle: Any) -> None:
        self._handle = handle
        self._finalizer = weakref.finalize(self, _free, "eml_%s_free" % self._kind, handle)

    @classmethod
    def _from_handle(cls: Type[_Self], handle: Any) -> _Self:
        made = cls.__new__(cls)
        made._adopt(handle)
        return made

    @classmethod
    def _new_handle(cls) -> Any:
        """A NULL handle for the library to fill in (by way of byref)."""
        return POINTER(getattr(abi, "eml_" + cls._kind))()

    def copy(self: _Self) -> _Self:
        """A copy that shares nothing with the original."""
        handle = self._new_handle()
        check(getattr(lib, "eml_%s_clone" % self._kind)(self._handle, byref(handle)))
        return type(self)._from_handle(handle)

    @property
    def closed(self) -> bool:
        return not self._finalizer.alive

    def close(self) -> None:
        """Frees the object. Closing twice does nothing; closing what is at work elsewhere raises EmlBusyError."""
        if self._finalizer.alive:
            check(getattr(lib, "eml_%s_free" % self._kind)(self._handle))
            self._finalizer.detach()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 traceback: Optional[TracebackType]) -> None:
        self.close()
