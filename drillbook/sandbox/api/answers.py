"""HTTP answers: JSON, Status objects, and which shape the client asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from drillbook.sandbox.kinds import Object
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.store import dump


def json_answer(body: bytes | Object, code: int = 200, warnings: Sequence[str] = ()) -> web.Response:
    """A JSON answer; warnings travel in their own header, as kubectl prints them."""
    data = body if isinstance(body, bytes) else dump(body)
    answer = web.Response(body=data, status=code, content_type="application/json")
    for warning in warnings:
        text = warning.replace("\\", "\\\\").replace('"', '\\"')
        answer.headers.add("Warning", f'299 - "{text}"')
    return answer


def error_answer(error: ApiError) -> web.Response:
    """The Status of a refusal."""
    answer = json_answer(error.body(), error.code)
    if error.code == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="kubernetes"'
    if "retryAfterSeconds" in error.details:
        answer.headers["Retry-After"] = str(error.details["retryAfterSeconds"])
    return answer


def success(kind: str, name: str, *, group: str = "", uid: str = "") -> Object:
    """The Status that a finished deletion answers with."""
    details: dict[str, Any] = {"name": name, "kind": kind}
    if group:
        details["group"] = group
    if uid:
        details["uid"] = uid
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def wanted_shape(accept: str) -> str:
    """``Table``, ``PartialObjectMetadata``, ``PartialObjectMetadataList`` or empty for the object itself.

    The first acceptable media type wins. ApiError 406 when the client takes nothing that can be sent.
    """
    if not accept:
        return ""
    for part in accept.split(","):
        media, *parameters = [piece.strip() for piece in part.split(";")]
        if media not in {"application/json", "application/*", "*/*", "application/yaml"}:
            continue
        options = dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)
        shape = options.get("as", "")
        if not shape:
            return ""
        if shape in {"Table", "PartialObjectMetadata", "PartialObjectMetadataList"} and options.get("v", "v1") == "v1":
            return shape
    raise ApiError(
        406,
        "NotAcceptable",
        "only the following media types are accepted: application/json, application/json;as=Table;v=v1;g=meta.k8s.io",
    )
