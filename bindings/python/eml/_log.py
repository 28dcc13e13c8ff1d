"""The log of the calling thread."""
from __future__ import annotations

import threading
from typing import Any, Callable, Optional

from . import abi
from ._native import check, lib

_sinks = threading.local()  # keeps each thread's callback alive


def set_log(sink: Optional[Callable[[int, str], Any]]) -> None:
    """Calls sink(level, text) for what happens on this thread: 1 failures, 2 trainings, loads, saves. None: off."""
    if sink is None:
        callback = abi.eml_log_fn()
    else:
        receiver = sink

        def receive(level: int, text: bytes, _user: Any) -> int:
            receiver(level, text.decode("utf-8", "replace"))
            return 0

        callback = abi.eml_log_fn(receive)
    check(lib.eml_log_set(callback, None))
    _sinks.callback = callback
