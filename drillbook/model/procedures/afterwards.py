"""The catalogue of post-conditions: what must be true after a procedure, beyond its commands having ended well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drillbook.model.procedures.entry import EntryType, Key, Shape

_WORKLOAD: Final = ("workload",)
_CERTIFICATE: Final = Key("certificate", Shape.NAME)

_SYSTEM: Final = (
    EntryType("objectives", "objectives of the policy hold", None, keys=(Key("hold", Shape.OBJECTIVES),)),
    EntryType(
        "replicas_restored",
        "as many replicas as before, or as the runbook says",
        _WORKLOAD,
        keys=(Key("replicas", Shape.INTEGER, required=False),),
    ),
    EntryType(
        "live_version",
        "every pod runs the intended image, or the one from before the fault where none is named",
        _WORKLOAD,
        keys=(Key("image", Shape.TEXT, required=False),),
    ),
    EntryType("pods_replaced", "every pod is younger than the procedure", _WORKLOAD),
    EntryType("zero_failed_requests", "no request failed while the procedure went on", None),
    EntryType("no_drift", "nothing differs from before but what the procedure says", None),
    EntryType("capacity_fit", "what was scaled fits: no pod waits for a node, and the objectives named hold", None,
              keys=(Key("hold", Shape.OBJECTIVES, required=False, default=()),)),
)  # fmt: skip
_DATA: Final = (
    EntryType("restore_fidelity", "every table's rows equal the ground truth, none doubled, none newer",
              _WORKLOAD, "postgres"),
    EntryType("restore_detects_bad_backup", "an empty, truncated or old backup makes the procedure fail first",
              _WORKLOAD, "postgres"),
    EntryType("quiesced", "nobody but the restorer had a session while the data was replaced", _WORKLOAD, "postgres"),
    EntryType("queue_intact", "as many tasks executed as were enqueued", _WORKLOAD, "redis",
              (Key("path", Shape.TEXT, required=False, default="/tasks"),)),
    EntryType("keys_gone", "no key of the pattern is left, and all others are", _WORKLOAD, "redis",
              (Key("pattern", Shape.TEXT),)),
    EntryType("backup_taken", "the newest backup is younger than the procedure and can be restored", _WORKLOAD,
              keys=(Key("path", Shape.TEXT),)),
    EntryType("backup_content_inventory", "the backup holds everything that a rebuild needs, and no secret in plain",
              (), keys=(Key("contains", Shape.WORDS),)),
)  # fmt: skip
_SECURITY: Final = (
    EntryType("cert_serial_changed", "another certificate than before is served", (), keys=(_CERTIFICATE,)),
    EntryType("cert_object_still_managed", "the Certificate object is there, Ready, and owns its Secret", (),
              keys=(_CERTIFICATE,)),
    EntryType("credentials_cut_over", "old credentials are refused, new ones accepted, and no key of the Secret lost",
              (), keys=(Key("secret", Shape.NAME), Key("keys", Shape.NAMES))),
    EntryType("recovered_instance_equivalent", "what was recovered is protected as the original was", None),
    EntryType("transcript_secret_scan", "nothing that the procedure printed holds a credential", None),
)  # fmt: skip
_RUNBOOK: Final = (
    EntryType("exit_code_honest", "the documented verification fails while the fault is there", None,
              keys=(Key("step", Shape.INTEGER, low=1, high=100),)),
    EntryType("alert_expression_fires", "the documented rule fires with the fault and not without it", None,
              keys=(Key("alert", Shape.TEXT),)),
    EntryType("procedure_lint", "no placeholder, missing command or interactive flag in what is documented", None),
)  # fmt: skip

AFTERWARDS: Final[Mapping[str, EntryType]] = {one.name: one for one in (*_SYSTEM, *_DATA, *_SECURITY, *_RUNBOOK)}
"""By name."""
