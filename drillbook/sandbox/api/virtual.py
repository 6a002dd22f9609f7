"""Resources that answer without being stored: metrics, and the reviews of who may do what."""

from __future__ import annotations

from typing import Final

from drillbook.sandbox.kinds import Kind

_METRICS: Final = "metrics.k8s.io"
_ACCESS: Final = "authorization.k8s.io"
_IDENTITY: Final = "authentication.k8s.io"

NODE_METRICS: Final = Kind(_METRICS, "v1beta1", "NodeMetrics", "nodes", False)
POD_METRICS: Final = Kind(_METRICS, "v1beta1", "PodMetrics", "pods")
SELF_ACCESS: Final = Kind(_ACCESS, "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", False)
SELF_RULES: Final = Kind(_ACCESS, "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", False)
ACCESS: Final = Kind(_ACCESS, "v1", "SubjectAccessReview", "subjectaccessreviews", False)
LOCAL_ACCESS: Final = Kind(_ACCESS, "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews")
SELF: Final = Kind(_IDENTITY, "v1", "SelfSubjectReview", "selfsubjectreviews", False)
TOKEN_REVIEW: Final = Kind(_IDENTITY, "v1", "TokenReview", "tokenreviews", False)

METRICS: Final = frozenset({NODE_METRICS, POD_METRICS})
VIRTUAL: Final = (NODE_METRICS, POD_METRICS, SELF_ACCESS, SELF_RULES, ACCESS, LOCAL_ACCESS, SELF, TOKEN_REVIEW)

STORED_VERBS: Final = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


def verbs(kind: Kind) -> tuple[str, ...]:
    """What a kind can be asked."""
    if kind in METRICS:
        return ("get", "list")
    if kind in VIRTUAL:
        return ("create",)
    if kind.plural == "namespaces":
        return tuple(verb for verb in STORED_VERBS if verb != "deletecollection")
    return STORED_VERBS
