"""Create, update and patch: read what was given, default it, validate it, store it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from drillbook.sandbox.api import custom_schema, definitions, names
from drillbook.sandbox.api.account_volumes import mount_account
from drillbook.sandbox.api.answers import json_answer, wanted_shape
from drillbook.sandbox.api.apply import apply_patch
from drillbook.sandbox.api.call import Call, parse_object
from drillbook.sandbox.api.decoding import Decoder
from drillbook.sandbox.api.defaults import complete
from drillbook.sandbox.api.escalation import check_escalation
from drillbook.sandbox.api.expansion import check_expansion
from drillbook.sandbox.api.patches import json_patch, merge_patch
from drillbook.sandbox.api.patches.strategic import StrategicMerge
from drillbook.sandbox.api.pod_references import check_references
from drillbook.sandbox.api.preparing import for_create, for_status_update, for_update
from drillbook.sandbox.api.validation import check_create, check_given, check_update
from drillbook.sandbox.api.versions import from_version, to_version
from drillbook.sandbox.api.views import shown
from drillbook.sandbox.kinds import NAMESPACE, POD, SERVICE, Object
from drillbook.sandbox.limit_range import apply_limit_ranges
from drillbook.sandbox.quota import check_quota
from drillbook.sandbox.status import ApiError, already_exists, bad_request, conflict, forbidden, invalid
from drillbook.sandbox.store import timestamp

_PATCH_TRIES: Final = 5
_JSON: Final = "application/json-patch+json"
_MERGE: Final = "application/merge-patch+json"
_STRATEGIC: Final = "application/strategic-merge-patch+json"
_APPLY: Final = ("application/apply-patch+yaml", "application/apply-patch+json")


async def create(call: Call) -> web.Response:
    """POST to a collection. ApiError 400, 403, 404, 409 or 422."""
    given = await call.object()
    stored = create_object(call, given)
    return json_answer(shown(call, stored, _shape(call)), 201, call.warnings)


def create_object(call: Call, given: Object) -> Object:
    """Store a new object; with a dry run, only say what would be stored."""
    _check_type(call, given)
    decoded = decode(call, given)
    meta = decoded.setdefault("metadata", {})
    _check_place(call, meta)
    _check_namespace(call)
    check_given(call.kind, decoded)
    obj = from_version(call.kind, decoded)
    if meta.get("resourceVersion"):
        raise bad_request("resourceVersion should not be set on objects to be created")
    if not meta.get("name") and meta.get("generateName"):
        obj["metadata"]["name"] = names.generated(meta["generateName"])
    for_create(call.storage, obj)
    complete(call.storage, obj, call.store)
    if call.storage == POD:
        check_references(call.store, obj)
        mount_account(call.store, obj)
        apply_limit_ranges(call.store, obj)
    _allocate_address(call, obj)
    check_create(call.storage, obj)
    check_escalation(call, obj)
    check_quota(call.store, call.storage, obj)
    if call.dry_run:
        if call.store.get(call.storage, call.namespace, obj["metadata"]["name"]) is not None:
            raise already_exists(call.storage.resource, obj["metadata"]["name"])
        obj["metadata"] |= {"uid": "00000000-0000-0000-0000-000000000000", "creationTimestamp": timestamp()}
        return obj
    return call.store.create(call.storage, obj)


async def update(call: Call) -> web.Response:
    """PUT of an object or its status. ApiError 400, 404, 409 or 422."""
    given = await call.object()
    _check_type(call, given)
    decoded = decode(call, given)
    meta = decoded.setdefault("metadata", {})
    if meta.get("name", call.name) != call.name:
        raise bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL ({call.name})")
    _check_place(call, meta)
    meta["name"] = call.name
    if call.kind.custom is not None and not meta.get("resourceVersion"):
        call.store.need(call.storage, call.namespace, call.name)
        why = "Invalid value: 0x0: must be specified for an update"
        causes = [("FieldValueInvalid", why, "metadata.resourceVersion")]
        raise invalid(call.kind.name, call.kind.group, call.name, causes)
    stored = store_update(call, from_version(call.kind, decoded))
    return json_answer(shown(call, stored, _shape(call)), 200, call.warnings)


def store_update(call: Call, new: Object) -> Object:
    """Store another state of an object: what may not change is kept or refused, defaults are filled in."""
    old = call.store.need(call.storage, call.namespace, call.name)
    if not new["metadata"].get("resourceVersion"):
        new["metadata"].pop("resourceVersion", None)
    elif new["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"]:
        modified = "the object has been modified; please apply your changes to the latest version and try again"
        raise conflict(call.storage.resource, call.name, modified)
    if call.subresource == "status":
        new = for_status_update(old, new)
    else:
        for_update(call.storage, old, new)
        complete(call.storage, new, call.store, old)
        check_quota(call.store, call.storage, new, old)
        check_expansion(call.store, call.storage, old, new)
    check_update(call.storage, old, new, call.subresource)
    if old != new:
        check_escalation(call, new)
    if call.dry_run:
        return new
    stored = call.store.replace(call.storage, new)
    if call.kind.custom is not None:
        definitions.finish(call.store, call.kind)
    return stored


async def patch(call: Call) -> web.Response:
    """PATCH in any of the four ways. ApiError 400, 404, 409, 415 or 422."""
    content_type = call.request.content_type
    data = await call.body()
    if content_type in _APPLY:
        stored, created = apply_patch(
            call, parse_object(data, "application/yaml", call.server.schemas), create_object, store_update
        )
        return json_answer(shown(call, stored, _shape(call)), 201 if created else 200, call.warnings)
    if content_type == _JSON:
        change = _json_patcher(data)
    elif content_type == _MERGE:
        merge = parse_object(data, "application/json", call.server.schemas)
        change = lambda current: merge_patch.apply(current, merge)  # noqa: E731
    elif content_type == _STRATEGIC:
        change = _strategic_patcher(call, data)
    else:
        raise _unsupported(content_type)
    stored = patch_object(call, change)
    return json_answer(shown(call, stored, _shape(call)), 200, call.warnings)


def patch_object(call: Call, change: Callable[[Object], Object]) -> Object:
    """Apply ``change`` to the current state and store what comes out."""
    current = call.store.need(call.storage, call.namespace, call.name)
    changed = change(to_version(call.kind, current))
    if not isinstance(changed, dict) or not isinstance(changed.get("metadata"), dict):
        raise bad_request("the patch leaves no object")
    meta = changed["metadata"]
    if meta.get("name") != call.name or (meta.get("namespace") or "") != call.namespace:
        raise bad_request("the patch changes the object's name or namespace")
    _check_type(call, changed)
    decoded = decode(call, changed, in_patch=True)
    return store_update(call, from_version(call.kind, decoded))


def _json_patcher(data: bytes) -> Callable[[Object], Object]:
    import json

    try:
        operations = json.loads(data)
    except ValueError as error:
        raise bad_request(f"error decoding patch: {error}") from None
    return lambda current: json_patch.apply(current, operations)


def _strategic_patcher(call: Call, data: bytes) -> Callable[[Object], Object]:
    patch = parse_object(data, "application/json", call.server.schemas)
    type_ = call.server.schemas.of(call.kind)
    if type_ is None:
        raise _unsupported(_STRATEGIC)
    return lambda current: StrategicMerge(call.server.schemas).apply(current, patch, type_)


def _unsupported(content_type: str) -> ApiError:
    return ApiError(
        415,
        "UnsupportedMediaType",
        f"the body of the request was in an unknown format ({content_type}) - accepted media types include: "
        f"{_JSON}, {_MERGE}, {_STRATEGIC}, {_APPLY[0]}",
    )


def decode(call: Call, given: Object, *, in_patch: bool = False) -> Object:
    """The object in its kept form; unknown fields are refused, warned of or ignored, as ``fieldValidation`` says."""
    if call.kind.custom is not None:
        decoded, unknown = custom_schema.prune(call.kind, given)
    else:
        decoder = Decoder(call.server.schemas, call.kind)
        decoded, unknown = decoder.decode(given), decoder.unknown
    decoded["apiVersion"], decoded["kind"] = call.kind.api_version, call.kind.name
    mode = call.option("fieldValidation") or "Warn"
    if mode not in {"Strict", "Warn", "Ignore"}:
        raise bad_request(f'Invalid value: "{mode}": fieldValidation: supported values: "Ignore", "Strict", "Warn"')
    if unknown and mode == "Strict":
        found = ", ".join(f'unknown field "{path}"' for path in unknown)
        sentence = f"strict decoding error: {found}"
        if in_patch:
            causes = [names.invalid("", sentence, "patch")]
            raise invalid(call.kind.name, call.kind.group, call.name, causes)
        head = f'{call.kind.name} in version "{call.kind.version}" cannot be handled as a {call.kind.name}'
        raise bad_request(f"{head}: {sentence}")
    if mode == "Warn":
        call.warnings += [f'unknown field "{path}"' for path in unknown]
    return decoded


def _check_type(call: Call, given: Object) -> None:
    """The body's own apiVersion and kind must be those of the path."""
    kind, version = given.get("kind", call.kind.name), given.get("apiVersion", call.kind.api_version)
    if (version, kind) != (call.kind.api_version, call.kind.name):
        found, wanted = f"{version}, Kind={kind}", f"{call.kind.api_version}, Kind={call.kind.name}"
        raise bad_request(
            f"{kind} in version {version!r} cannot be handled as a {call.kind.name}: "
            f"the object in the body is {found}, the path asks for {wanted}"
        )


def _check_place(call: Call, meta: Object) -> None:
    if not call.kind.namespaced:
        meta.pop("namespace", None)
        return
    if not call.namespace:
        raise ApiError(405, "MethodNotAllowed", "an object of this kind is created in a namespace")
    if meta.get("namespace", call.namespace) != call.namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    meta["namespace"] = call.namespace


def _check_namespace(call: Call) -> None:
    """Nothing is created in a namespace that isn't there or is going away. ApiError 404 or 403."""
    if not call.kind.namespaced:
        return
    namespace = call.store.need(NAMESPACE, "", call.namespace)
    if "deletionTimestamp" in namespace["metadata"]:
        name = call.name or ""
        error = forbidden(
            call.kind.resource,
            name,
            f"unable to create new content in namespace {call.namespace} because it is being terminated",
        )
        error.details["causes"] = [
            {
                "reason": "NamespaceTerminating",
                "message": f"namespace {call.namespace} is being terminated",
                "field": "metadata.namespace",
            }
        ]
        raise error


def _allocate_address(call: Call, obj: Object) -> None:
    """A Service's address, from whoever runs the network. ApiError 422 for one that another Service has."""
    allocate = call.server.allocate_address
    spec = obj.get("spec") or {}
    given = spec.get("clusterIP")
    if call.storage == SERVICE and given not in {None, "", "None"} and _has_address(call, given):
        why = f"failed to allocate IP {given}: provided IP is already allocated"
        causes = [names.invalid([given], why, "spec.clusterIPs")]
        raise invalid(call.kind.name, call.kind.group, obj["metadata"]["name"], causes)
    if call.storage != SERVICE or allocate is None or call.dry_run or spec.get("clusterIP"):
        return
    if spec.get("type") != "ExternalName":
        spec["clusterIP"] = allocate(obj)
        spec["clusterIPs"] = [spec["clusterIP"]]


def _has_address(call: Call, address: str) -> bool:
    """Whether some Service has it."""
    return any((other.get("spec") or {}).get("clusterIP") == address for other in call.store.list(SERVICE))


def _shape(call: Call) -> str:
    return wanted_shape(call.request.headers.get("Accept", ""))
