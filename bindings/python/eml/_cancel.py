"""The token that stops work from another thread."""
from __future__ import annotations

from ctypes import byref, c_int32

from ._handles import Handle
from ._native import check, lib


class Cancel(Handle):
    """Stops the work that it was given to. May be set from any thread, any number of times.

    The object that was at work stays usable and holds the best state reached.
    """

    _kind = "cancel"

    def __init__(self) -> None:
        handle = self._new_handle()
        check(lib.eml_cancel_create(byref(handle)))
        self._adopt(handle)

    def set(self) -> None:
        """Asks the work to stop."""
        check(lib.eml_cancel_set(self._handle))

    def reset(self) -> None:
        """Makes the token usable again."""
        check(lib.eml_cancel_reset(self._handle))

    def is_set(self) -> bool:
        result = c_int32()
        check(lib.eml_cancel_is_set(self._handle, byref(result)))
        return result.value != 0

    def __repr__(self) -> str:
        return "<eml.Cancel closed>" if self.closed else "<eml.Cancel set=%s>" % self.is_set()
