"""Objects that keep a log of what happened to them: models and attention blocks."""
from __future__ import annotations

import json
from ctypes import byref, c_uint64, c_void_p
from typing import Any, Callable, List, Optional

from . import _events, abi
from ._bytes import Stored
from ._events import Event
from ._native import bytes_at, check, format_code, lib, two_calls, utf8


class Eventful(Stored):
    """An object with a name, a log of events, and bytes that come without a copy in the library."""

    _sink: Any = None  # keeps the callback of set_event_sink alive

    def _function(self, name: str) -> Any:
        return getattr(lib, "eml_%s_%s" % (self._kind, name))

    @property
    def name(self) -> str:
        """The name that events carry."""
        function = self._function("get_name")
        text = two_calls(lambda buf, cap, need: function(self._handle, buf, cap, need))
        return text[:-1].decode("utf-8")

    @name.setter
    def name(self, value: str) -> None:
        data = utf8(value, "name")
        check(self._function("set_name")(self._handle, data, len(data)))

    def drain_events(self) -> List[Event]:
        """Takes all pending events, oldest first, in the shape of eml-core's JSON (which has None for NaN)."""
        events: List[Event] = json.loads(self.drain_events_bytes("json"))
        return events

    def drain_events_bytes(self, format: str = "json") -> bytes:
        """All pending events as eml-core's JSON text or, with "protobuf", as an eml.v1.EventLog."""
        code = format_code(format)
        function = self._function("drain_events")
        data = two_calls(lambda buf, cap, need: function(self._handle, code, buf, cap, need))
        return data[:-1] if code == abi.EML_FORMAT_JSON else data

    def push_event(self, event: Event) -> None:
        """Appends an event: {"Drift": {"predicted": 1.0, "actual": 1.5, "drift_pct": 50.0}}."""
        _events.push(self._function("push_event"), self._handle, event, self.name)

    def set_event_sink(self, sink: Optional[Callable[[Event], Any]]) -> None:
        """Calls sink(event) with every new event, on the thread whose call caused it. None: off."""
        callback = abi.eml_event_fn() if sink is None else _events.as_callback(sink)
        check(self._function("set_event_sink")(self._handle, callback, None))
        self._sink = callback

    def to_bytes(self, format: str = "safetensors") -> bytes:
        """The object as bytes: "json", "safetensors" or "protobuf". Samples and events are not part of it."""
        buffer = abi.FUNCTIONS["eml_model_export_buffer"][-1]._type_()
        check(self._function("export_buffer")(self._handle, format_code(format), byref(buffer)))
        return take(buffer)


def take(buffer: Any) -> bytes:
    """The bytes of an eml_buffer, which is freed."""
    try:
        data, size = c_void_p(), c_uint64()
        check(lib.eml_buffer_data(buffer, byref(data), byref(size)))
        return bytes_at(data.value, size.value)
    finally:
        lib.eml_buffer_free(buffer)
