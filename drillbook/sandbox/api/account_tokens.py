"""ServiceAccount tokens: made by a TokenRequest, good for as long as they say and their account is there.

They are JSON web tokens (RFC 7519) with Kubernetes' claims, signed with a key of this run alone (HMAC-SHA256).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

from aiohttp import web

from drillbook.sandbox.api.access import AUTHENTICATED, User
from drillbook.sandbox.api.answers import json_answer
from drillbook.sandbox.api.call import Call
from drillbook.sandbox.api.names import Cause
from drillbook.sandbox.api.names import invalid as invalid_value
from drillbook.sandbox.kinds import NODE, POD, SECRET, SERVICE_ACCOUNT, Object
from drillbook.sandbox.status import bad_request, conflict, invalid
from drillbook.sandbox.store import Store, timestamp

AUDIENCE: Final = "https://kubernetes.default.svc.cluster.local"
_SHORTEST: Final = 600
_LONGEST: Final = 1 << 32
_USUAL: Final = 3600
_BINDABLE: Final = {"Pod": POD, "Secret": SECRET, "Node": NODE}


def account_groups(namespace: str) -> tuple[str, ...]:
    """The groups of every ServiceAccount of a namespace."""
    return "system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED


class AccountTokens:
    """Makes tokens and tells whose they are."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        """``now``: seconds since 1970."""
        self._store = store
        self._now = now
        self._key = secrets.token_bytes(32)

    def make(self, account: Object, seconds: int, audiences: Sequence[str] = (), bound: Object | None = None) -> str:
        """A token of ``account`` for so many seconds; ``bound``: the object with which it ends, too."""
        meta = account["metadata"]
        about: dict[str, Any] = {
            "namespace": meta["namespace"],
            "serviceaccount": {"name": meta["name"], "uid": meta["uid"]},
        }
        if bound is not None:
            about[bound["kind"].lower()] = {"name": bound["metadata"]["name"], "uid": bound["metadata"]["uid"]}
        start = int(self._now())
        claims = {
            "aud": list(audiences) or [AUDIENCE],
            "exp": start + seconds,
            "iat": start,
            "iss": AUDIENCE,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": about,
            "nbf": start,
            "sub": f"system:serviceaccount:{meta['namespace']}:{meta['name']}",
        }
        text = f"{_encode({'alg': 'HS256', 'typ': 'JWT'})}.{_encode(claims)}"
        return f"{text}.{self._sign(text)}"

    def user_of(self, token: str, audience: str = AUDIENCE) -> User | None:
        """Whose token it is; None when it isn't one of ours, is over, is for others, or its account is gone."""
        text, _, signature = token.rpartition(".")
        if not text or not hmac.compare_digest(signature.encode(), self._sign(text).encode()):
            return None
        claims = json.loads(_bytes(text.partition(".")[2]))
        about = claims["kubernetes.io"]
        namespace, account = about["namespace"], about["serviceaccount"]
        alive = self._there(SERVICE_ACCOUNT, namespace, account) and all(
            self._there(kind, namespace if kind.namespaced else "", about[name.lower()])
            for name, kind in _BINDABLE.items()
            if name.lower() in about
        )
        if not alive or audience not in claims["aud"] or not claims["nbf"] <= self._now() < claims["exp"]:
            return None
        extra = {"authentication.kubernetes.io/credential-id": (f"JTI={claims['jti']}",)}
        if "pod" in about:
            extra["authentication.kubernetes.io/pod-name"] = (about["pod"]["name"],)
            extra["authentication.kubernetes.io/pod-uid"] = (about["pod"]["uid"],)
        return User(claims["sub"], account_groups(namespace), account["uid"], extra)

    def _there(self, kind: Any, namespace: str, reference: Object) -> bool:
        found = self._store.get(kind, namespace, reference["name"])
        return found is not None and found["metadata"]["uid"] == reference["uid"]

    def _sign(self, text: str) -> str:
        return _text(hmac.digest(self._key, text.encode(), hashlib.sha256))


async def create(call: Call) -> web.Response:
    """POST of a TokenRequest. ApiError 400, 404, 409 or 422."""
    account = call.store.need(SERVICE_ACCOUNT, call.namespace, call.name)
    request = await call.object()
    spec = request.get("spec") or {}
    seconds = spec.get("expirationSeconds")
    seconds = _USUAL if seconds is None else seconds
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise bad_request(
            "json: cannot unmarshal into Go struct field TokenRequestSpec.spec.expirationSeconds of type int64"
        )
    causes: list[Cause] = []
    if seconds < _SHORTEST:
        why = "may not specify a duration less than 10 minutes"
        causes.append(invalid_value(seconds, why, "spec.expirationSeconds"))
    if seconds > _LONGEST:
        why = "may not specify a duration larger than 2^32 seconds"
        causes.append(invalid_value(seconds, why, "spec.expirationSeconds"))
    if causes:
        raise invalid("TokenRequest", "authentication.k8s.io", "", causes)
    audiences = spec.get("audiences") or [AUDIENCE]
    bound = _bound(call, spec["boundObjectRef"]) if spec.get("boundObjectRef") else None
    token = call.server.accounts.make(account, seconds, audiences, bound)
    answer: Object = {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": call.name, "namespace": call.namespace, "creationTimestamp": timestamp()},
        "spec": spec | {"audiences": audiences, "expirationSeconds": seconds},
        "status": {"token": token, "expirationTimestamp": timestamp(seconds)},
    }
    return json_answer(answer, 201)


def _bound(call: Call, reference: Object) -> Object:
    """The object that a token is bound to. ApiError 400 for a kind that can't be, 404 or 409 for an object."""
    kind = _BINDABLE.get(reference.get("kind") or "")
    if kind is None:
        raise bad_request(
            f'cannot bind token for serviceaccount "{call.name}" to object of kind {reference.get("kind")!r}'
        )
    found = call.store.need(kind, call.namespace if kind.namespaced else "", reference.get("name") or "")
    uid = reference.get("uid") or found["metadata"]["uid"]
    if uid != found["metadata"]["uid"]:
        record = found["metadata"]["uid"]
        why = f"the UID in the bound object reference ({uid}) does not match the UID in record ({record})"
        raise conflict(kind.resource, reference["name"], why)
    return found


def _encode(value: Object) -> str:
    return _text(json.dumps(value, separators=(",", ":")).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
