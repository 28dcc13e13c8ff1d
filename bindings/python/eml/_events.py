"""Events as dicts, in the shape that eml-core's JSON gives them: {"Drift": {"model_name": ..., "predicted": ...}}."""
from __future__ import annotations

from ctypes import POINTER, byref, c_char, c_char_p, c_double, cast, sizeof
from typing import Any, Callable, Dict, Tuple

from . import abi
from ._native import check, lib, unsigned, utf8
from .errors import EmlArgumentError, EmlTypeError

Event = Dict[str, Dict[str, Any]]

# Each type: its number, and which field of eml_event holds what, in the order of eml-core's JSON.
_TYPES: Dict[str, Tuple[int, Dict[str, str]]] = {
    "Trained": (abi.EML_EVENT_TRAINED, {"samples_used": "count0", "mse_before": "value0", "mse_after": "value1",
                                        "converged": "flag", "param_count": "count1"}),
    "Prediction": (abi.EML_EVENT_PREDICTION, {"inputs_hash": "text", "output": "output"}),
    "Drift": (abi.EML_EVENT_DRIFT, {"predicted": "value0", "actual": "value1", "drift_pct": "value2"}),
    "Saved": (abi.EML_EVENT_SAVED, {"path": "text", "param_count": "count1"}),
    "Loaded": (abi.EML_EVENT_LOADED, {"path": "text", "trained": "flag", "samples": "count0"}),
    "Reset": (abi.EML_EVENT_RESET, {"reason": "text"}),
}
_NAMES = {number: name for name, (number, _) in _TYPES.items()}


def event_type(event: Event) -> str:
    """"eml.trained" and so on."""
    (name,) = event
    number, _ = _TYPES[name]
    text: bytes = lib.eml_event_type_name(number)
    return text.decode()


def to_dict(event: abi.eml_event) -> Event:
    """An event of the library's; everything is copied."""
    name = _NAMES[event.type]
    body: Dict[str, Any] = {"model_name": _text(event.model_name, event.model_name_len)}
    for key, field in _TYPES[name][1].items():
        if field == "text":
            body[key] = _text(event.text, event.text_len)
        elif field == "output":
            body[key] = event.output[:event.output_len] if event.output_len else []
        elif field == "flag":
            body[key] = event.flag != 0
        else:
            body[key] = getattr(event, field)
    return {name: body}


def push(function: Callable[[Any, Any], int], handle: Any, event: Event, default_name: str) -> None:
    """Appends an event to an object's log; "model_name" may be left out."""
    name, body = _taken_apart(event)
    number, fields = _TYPES[name]
    made = abi.eml_event(struct_size=sizeof(abi.eml_event), type=number)
    keep = [_set_text(made, "model_name", body.get("model_name", default_name))]
    for key, field in fields.items():
        value = body[key]
        try:
            if field == "text":
                keep.append(_set_text(made, "text", value))
            elif field == "output":
                made.output = (c_double * len(value))(*value)
                made.output_len = len(value)
            elif field == "flag":
                made.flag = bool(value)
            else:
                setattr(made, field, unsigned(value, 64, key) if field.startswith("count") else value)
        except TypeError as error:
            if isinstance(error, EmlTypeError):
                raise
            raise EmlTypeError("%s of a %s event: %s" % (key, name, error)) from None
    check(function(handle, byref(made)))


def _taken_apart(event: Event) -> Tuple[str, Dict[str, Any]]:
    if not isinstance(event, dict) or len(event) != 1 or not isinstance(next(iter(event.values())), dict):
        raise EmlArgumentError("an event is a dict with one key, its type, and a dict of its fields as the value")
    (name, body), = event.items()
    if name not in _TYPES:
        raise EmlArgumentError("unknown event %r; one of %s" % (name, ", ".join(_TYPES)))
    if set(body) - {"model_name"} != set(_TYPES[name][1]):
        raise EmlArgumentError("a %s event has the fields model_name, %s; not %s"
                               % (name, ", ".join(_TYPES[name][1]), ", ".join(map(str, body))))
    return name, body


def as_callback(sink: Callable[[Event], Any]) -> Any:
    """A Python function as an eml_event_fn. ctypes reports what it raises by way of sys.unraisablehook."""

    def receive(event: Any, _user: Any) -> int:
        sink(to_dict(event.contents))
        return 0

    return abi.eml_event_fn(receive)


def _text(pointer: Any, length: int) -> str:
    return pointer[:length].decode("utf-8") if length else ""


def _set_text(event: abi.eml_event, field: str, text: Any) -> bytes:
    """Points a text field to the UTF-8 that it returns; that must outlive the use of the event."""
    data = utf8(text, field)
    setattr(event, field, cast(c_char_p(data), POINTER(c_char)))
    setattr(event, field + "_len", len(data))
    return data
