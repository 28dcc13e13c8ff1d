"""Checks of audit logs, which trainings write."""
from __future__ import annotations

from ctypes import byref, sizeof
from typing import Any, NamedTuple

from . import abi
from ._native import last_error, lib, path_bytes
from ._training import Watched

_VERDICTS = {
    abi.EML_AUDIT_OK: "ok",
    abi.EML_AUDIT_TRUNCATED: "truncated",
    abi.EML_AUDIT_MALFORMED: "malformed",
    abi.EML_AUDIT_CHANGED: "changed",
    abi.EML_AUDIT_MISSING: "missing",
    abi.EML_AUDIT_DOUBLED: "doubled",
    abi.EML_AUDIT_REORDERED: "reordered",
    abi.EML_AUDIT_OTHER_DATA: "other data",
    abi.EML_AUDIT_DIFFERS: "differs",
    abi.EML_AUDIT_STOPPED: "stopped",
}


class AuditReport(NamedTuple):
    """What the check of an audit log found."""

    verdict: str  # "ok", or what is wrong: "truncated", "changed", "missing", "doubled", "other data", ...
    record: int  # number, from 0, of the first wrong record; as many as there are if none is wrong
    byte_offset: int  # where it begins
    message: str  # what is wrong, in words; "" if nothing is
    records: int  # whole records
    moves: int  # changes that the training kept, up to the first fault
    trials: int  # 0 if the log has no end, like the next two
    loss: float
    cancelled: bool  # the training was stopped; the log is whole all the same

    @property
    def ok(self) -> bool:
        return self.verdict == "ok"


def verify(kind: str, handle: Any, log: Any, work: Watched) -> AuditReport:
    """Checks a log, bytes or a path, against the samples of a model or an attention block."""
    raw = abi.eml_audit_report(struct_size=sizeof(abi.eml_audit_report))
    if isinstance(log, (bytes, bytearray, memoryview)):
        data = bytes(log)
        status = getattr(lib, "eml_%s_verify_audit" % kind)(handle, data, len(data), byref(work.options), byref(raw))
    else:
        path = path_bytes(log)
        function = getattr(lib, "eml_%s_verify_audit_file" % kind)
        status = function(handle, path, len(path), byref(work.options), byref(raw))
    message = ""
    if status == abi.EML_E_FORMAT and raw.verdict != abi.EML_AUDIT_OK:
        message = str(last_error())
        status = abi.EML_OK
    work.finish(status)
    return AuditReport(_VERDICTS.get(raw.verdict, str(raw.verdict)), raw.record, raw.byte_offset, message, raw.records,
                       raw.moves, raw.trials, raw.loss, raw.cancelled != 0)
