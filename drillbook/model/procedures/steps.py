"""The catalogue of steps: every type that a procedure may use, and what each must say.

What a step does is in ``drillbook.drills.steps``; a test holds the two to each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from drillbook.model.procedures.entry import Entry, EntryType, Key, Shape

_WORKLOAD: Final = ("workload",)
_WRITES: Final = Key("writes", Shape.FLAG, required=False, default=False)
_CONTAINER: Final = Key("container", Shape.NAME, required=False)
_COMMAND: Final = Key("command", Shape.WORDS)
_EXIT: Final = Key("exit_code", Shape.INTEGER, required=False, high=255, default=0)
_FILE: Final = Key("file", Shape.FILE)
_OBJECT: Final = Key("object", Shape.OBJECT)

_WORKLOADS: Final = (
    EntryType("rollout_restart", "replace every pod, one after another", _WORKLOAD),
    EntryType(
        "rollout_undo",
        "back to an earlier revision of the workload, the one before where none is named",
        _WORKLOAD,
        keys=(Key("revision", Shape.INTEGER, required=False, low=1, high=1_000_000),),
    ),
    EntryType("rollout_status", "wait until the roll-out is complete", _WORKLOAD),
    EntryType("scale", "set the number of replicas", _WORKLOAD, keys=(Key("replicas", Shape.INTEGER),)),
    EntryType("delete_pods", "delete every pod, whose controller replaces it", _WORKLOAD),
    EntryType("wait_ready", "wait until all replicas are there and ready", _WORKLOAD),
    EntryType("wait_gone", "wait until not one pod is left, not even one that is ending", _WORKLOAD),
    EntryType("set_image", "another image in a container", _WORKLOAD, keys=(_CONTAINER, Key("image", Shape.TEXT))),
    EntryType(
        "set_env", "environment variables of a container", _WORKLOAD, keys=(_CONTAINER, Key("values", Shape.TEXTS))
    ),
)
_OBJECTS: Final = (
    EntryType("apply", "apply the objects of a file, or of the files of a folder", None, keys=(_FILE,)),
    EntryType("patch", "merge the object of a file into an object that is there", (), keys=(_OBJECT, _FILE)),
    EntryType("delete_object", "delete one object", (), keys=(_OBJECT,)),
)
_NODES: Final = (
    EntryType("cordon", "no new pods on the node that carries the component", _WORKLOAD),
    EntryType("drain", "cordon the node that carries the component, and evict its pods", _WORKLOAD),
    EntryType("uncordon", "let pods onto the nodes again that this procedure cordoned", None),
)
_COMMANDS: Final = (
    EntryType("exec", "run a command in a pod", _WORKLOAD, keys=(_COMMAND, _CONTAINER, _EXIT, _WRITES)),
    EntryType(
        "run_pod",
        "run a command in a pod of its own, which is deleted again",
        keys=(
            Key("image", Shape.TEXT),
            _COMMAND,
            Key("env", Shape.TEXTS, required=False, default={}),
            Key("secrets", Shape.SECRETS, required=False, default={}),
            _EXIT,
        ),
    ),
    EntryType(
        "sql",
        "statements through psql in the database's pod, read-only unless they say that they write",
        _WORKLOAD,
        "postgres",
        (Key("statements", Shape.WORDS), Key("database", Shape.NAME, required=False), _WRITES),
    ),
    EntryType("redis", "a command through redis-cli in the cache's pod", _WORKLOAD, "redis", (_COMMAND, _WRITES)),
    EntryType(
        "redis_delete",
        "delete the keys of a pattern through redis-cli in the cache's pod",
        _WORKLOAD,
        "redis",
        (Key("pattern", Shape.TEXT),),
    ),
)
_BACKUPS: Final = (
    EntryType("job_from_cronjob", "run the Job of a CronJob now", (), keys=(Key("cronjob", Shape.NAME),)),
    EntryType(
        "restore_backup",
        "load the newest dump into the database, from the pod that has it",
        _WORKLOAD,
        "postgres",
        (
            Key("from", Shape.COMPONENT),
            Key("path", Shape.TEXT),
            Key("empty_first", Shape.FLAG, required=False, default=False),
        ),
    ),
)
_SECRETS: Final = (
    EntryType(
        "renew_certificate",
        "have cert-manager issue a Certificate anew, in the way that the runbook takes",
        (),
        keys=(
            Key("certificate", Shape.NAME),
            Key("how", Shape.CHOICE, choices=("mark", "annotate", "delete_secret", "delete_certificate")),
        ),
    ),
    EntryType(
        "rotate_secret",
        "new random values for keys of a Secret",
        (),
        keys=(
            Key("secret", Shape.NAME),
            Key("keys", Shape.NAMES),
            Key("drops_others", Shape.FLAG, required=False, default=False),
        ),
    ),
)
_LOOKS: Final = (
    EntryType("check", "objectives of the policy that must hold then", None, keys=(Key("hold", Shape.OBJECTIVES),)),
    EntryType(
        "http",
        "one request, and the status that must answer it",
        keys=(Key("path", Shape.TEXT), Key("status", Shape.INTEGER, required=False, low=100, high=599, default=200)),
    ),
    EntryType(
        "logs",
        "read the newest lines of every pod, and count those with a text",
        _WORKLOAD,
        keys=(
            Key("tail", Shape.INTEGER, required=False, low=1, high=10_000, default=100),
            Key("text", Shape.TEXT, required=False),
        ),
    ),
    EntryType(
        "human",
        "what a person decides, says, looks at or corrects",
        None,
        keys=(Key("what", Shape.TEXT), Key("corrects", Shape.FLAG, required=False, default=False)),
    ),
)

STEPS: Final[Mapping[str, EntryType]] = {
    one.name: one for one in (*_WORKLOADS, *_OBJECTS, *_NODES, *_COMMANDS, *_BACKUPS, *_SECRETS, *_LOOKS)
}
"""By name."""

_ALWAYS_CHANGE_DATA: Final = frozenset({"delete_object", "restore_backup", "redis_delete", "rotate_secret"})


def changes_data(step: Entry) -> bool:
    """Whether a step can change or delete what nothing brings back by itself: data, objects, credentials."""
    return step.type in _ALWAYS_CHANGE_DATA or bool(step.values.get("writes"))


def by_people_alone(steps: Iterable[Entry]) -> bool:
    """Whether nothing in a procedure is a machine's to do."""
    return all(step.type == "human" for step in steps)
