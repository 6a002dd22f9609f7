"""Kubernetes' own way to say no: a Status object with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ApiError(Exception):
    """Becomes a ``Status`` answer with that HTTP code."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        causes: Sequence[tuple[str, str, str]] = (),
    ) -> None:
        """``causes``: reason, message and field of each."""
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message
        self.details = dict(details or {})
        if causes:
            self.details["causes"] = [{"reason": r, "message": m, "field": f} for r, m, f in causes]

    def body(self) -> dict[str, Any]:
        """The Status object."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            status["details"] = self.details
        return status


def bad_request(message: str) -> ApiError:
    """400."""
    return ApiError(400, "BadRequest", message)


def forbidden(resource: str, name: str, message: str) -> ApiError:
    """403; ``resource`` is ``pods`` or ``deployments.apps``."""
    kind, _, group = resource.partition(".")
    details = {"name": name, "kind": kind} | ({"group": group} if group else {})
    return ApiError(403, "Forbidden", f'{resource} "{name}" is forbidden: {message}', details=details)


def not_found(resource: str, name: str) -> ApiError:
    """``pods "x" not found``; ``resource`` is ``pods`` or ``deployments.apps``."""
    kind, _, group = resource.partition(".")
    details = {"name": name, "kind": kind} | ({"group": group} if group else {})
    return ApiError(404, "NotFound", f'{resource} "{name}" not found', details=details)


def already_exists(resource: str, name: str) -> ApiError:
    kind, _, group = resource.partition(".")
    details = {"name": name, "kind": kind} | ({"group": group} if group else {})
    return ApiError(409, "AlreadyExists", f'{resource} "{name}" already exists', details=details)


def conflict(resource: str, name: str, message: str) -> ApiError:
    kind, _, group = resource.partition(".")
    details = {"name": name, "kind": kind} | ({"group": group} if group else {})
    return ApiError(
        409, "Conflict", f'Operation cannot be fulfilled on {resource} "{name}": {message}', details=details
    )


def invalid(kind: str, group: str, name: str, causes: Sequence[tuple[str, str, str]]) -> ApiError:
    """422 with one cause per wrong field; a cause is reason (``FieldValueRequired``), message, field."""
    sentences = ", ".join(f"{field}: {message}" for _, message, field in causes)
    text = f"[{sentences}]" if len(causes) > 1 else sentences
    full = f"{kind}.{group}" if group else kind
    details = {"name": name, "kind": kind} | ({"group": group} if group else {})
    return ApiError(422, "Invalid", f'{full} "{name}" is invalid: {text}', details=details, causes=causes)
