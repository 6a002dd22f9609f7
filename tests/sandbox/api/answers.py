"""What a refusal says: its code, its Status, and the fields that it names."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.api.server import ApiServer, official


def refused(action: Callable[[], Any]) -> tuple[int, Any]:
    """The code and Status of a call that must fail."""
    with pytest.raises(official("client").ApiException) as failed:
        action()
    error: Any = failed.value
    return error.status, json.loads(error.body or "{}")


def posted(api: ApiServer, path: str, obj: Any) -> tuple[int, Any]:
    """The code and body of a plain POST: for objects that the official client would not even send."""
    answer = api.request("POST", path, json.dumps(obj).encode())
    return answer.code, answer.json()


def fields(status: Any) -> set[str]:
    return {cause["field"] for cause in status["details"]["causes"]}
