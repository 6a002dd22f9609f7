"""Objects are kept in the form in which Kubernetes would keep them."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.api import protobuf
from drillbook.sandbox.api.decoding import Decoder
from drillbook.sandbox.api.schema.schemas import SCALARS, builtin, parse
from drillbook.sandbox.kinds import CLAIM, CONFIG_MAP, DEPLOYMENT, EVENT, KINDS, POD, SECRET, Kind
from drillbook.sandbox.status import ApiError
from tests.sandbox.api import manifests
from tests.sandbox.api.server import ApiServer


def decode(kind: Kind, obj: Any) -> tuple[Any, list[str]]:
    decoder = Decoder(builtin(), kind)
    return decoder.decode(obj), decoder.unknown


def test_every_kind_has_a_type_and_every_field_a_type_that_exists() -> None:
    schemas = builtin()
    built_in = [kind for kind in KINDS if "." not in kind.group or kind.group.endswith(".k8s.io")]
    assert all(schemas.of(kind) is not None for kind in built_in)
    used = {field.type for type_ in schemas.types.values() for field in type_.fields.values()}
    assert used <= SCALARS | schemas.types.keys()


def test_nulls_and_empty_optional_fields_are_left_out() -> None:
    kept, _ = decode(CONFIG_MAP, {"metadata": {"name": "a", "labels": {}, "annotations": None}, "data": {}})
    assert kept == {"metadata": {"name": "a"}}


def test_what_means_something_when_empty_is_kept() -> None:
    kept, _ = decode(CLAIM, {"metadata": {"name": "a"}, "spec": {"storageClassName": "", "volumeName": ""}})
    assert kept["spec"] == {"storageClassName": ""}
    kept, _ = decode(DEPLOYMENT, {"spec": {"replicas": 0, "minReadySeconds": 0, "paused": False, "template": {}}})
    assert kept["spec"] == {"replicas": 0, "template": {}}
    kept, _ = decode(POD, {"spec": {"containers": [], "volumes": [{"name": "a", "emptyDir": {}}]}})
    assert kept["spec"] == {"containers": [], "volumes": [{"name": "a", "emptyDir": {}}]}


def test_unknown_fields_are_named_with_their_path_and_dropped() -> None:
    given_ = manifests.pod()
    given_["spec"]["containers"][0]["imagee"] = "x"
    given_["colour"] = "red"
    kept, unknown = decode(POD, given_)
    assert sorted(unknown) == ["colour", "spec.containers[0].imagee"]
    assert kept == manifests.pod()


@pytest.mark.parametrize(
    ("kind", "obj", "says"),
    [
        (
            DEPLOYMENT,
            {"spec": {"replicas": "3"}},
            "cannot unmarshal string into Go struct field Deployment.spec.replicas",
        ),
        (DEPLOYMENT, {"spec": {"replicas": 1.5}}, "cannot unmarshal number"),
        (DEPLOYMENT, {"spec": []}, "cannot unmarshal array"),
        (POD, {"spec": {"containers": {}}}, "cannot unmarshal object"),
        (CONFIG_MAP, {"data": {"a": 1}}, r"data\.a of type string"),
        (POD, {"spec": {"hostNetwork": "yes"}}, "type bool"),
        (POD, {"spec": {"containers": [{"resources": {"limits": {"cpu": "lots"}}}]}}, "quantities must match"),
        (SECRET, {"data": {"a": "%%%"}}, "illegal base64 data"),
        (EVENT, {"firstTimestamp": "yesterday"}, 'parsing time "yesterday"'),
    ],
)
def test_a_value_of_the_wrong_type_is_a_bad_request(kind: Kind, obj: Any, says: str) -> None:
    with pytest.raises(ApiError, match=says) as refused:
        decode(kind, obj)
    assert refused.value.code == 400


def test_times_are_kept_in_whole_seconds_and_micro_times_in_microseconds() -> None:
    kept, _ = decode(
        EVENT, {"firstTimestamp": "2026-01-02T03:04:05.678+01:00", "eventTime": "2026-01-02T03:04:05Z", "reason": "x"}
    )
    assert kept["firstTimestamp"] == "2026-01-02T02:04:05Z"
    assert kept["eventTime"] == "2026-01-02T03:04:05.000000Z"


def test_numbers_given_as_quantities_become_text() -> None:
    spec = {"containers": [{"resources": {"limits": {"cpu": 2, "memory": "1024Mi"}, "requests": {"cpu": 0.5}}}]}
    kept, _ = decode(POD, {"spec": spec})
    assert kept["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "500m"},
    }  # fmt: skip


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["spec", "metadata", "containers", "name", "ports", "x"]), inner, max_size=3)
    ),
)


@given(st.dictionaries(st.sampled_from(["spec", "metadata", "status", "x"]), JSON, max_size=3))
def test_anything_at_all_is_decoded_or_refused_with_a_sentence(obj: Any) -> None:
    refused: list[int] = []
    try:
        once, _ = decode(POD, obj)
    except ApiError as error:
        refused.append(error.code)
    assert refused == [400] or decode(POD, once) == (once, [])


@given(st.binary(max_size=200))
def test_bytes_that_are_no_protobuf_are_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        protobuf.decode(data, builtin())
    assert refused.value.code == 400
    with pytest.raises(ApiError):
        protobuf.decode(protobuf.MAGIC + b"\x0a\x04\x0a\x02v1" + data[:0], builtin())


def test_a_protobuf_that_ends_too_early_is_refused() -> None:
    with pytest.raises(ApiError, match="ends after the message"):
        protobuf.decode(protobuf.MAGIC + struct.pack("BB", 0x0A, 50), builtin())


def test_a_table_line_without_a_type_is_refused() -> None:
    with pytest.raises(ValueError, match="name type"):
        parse("Thing\n  name\n")
    with pytest.raises(ValueError, match="before the first type"):
        parse("  name string\n")


@pytest.mark.parametrize(
    ("command", "path", "value"),
    [
        ("configmap made --from-literal=a=b", ".data.a", "b"),
        ("secret generic made --from-literal=p=q", ".data.p", "cQ=="),
        ("deployment made --image=a:1 --replicas=3 --port=80", ".spec.replicas", "3"),
        ("job made --image=a:1 -- sh -c true", ".spec.template.spec.containers[0].command[2]", "true"),
        ("cronjob made --image=a:1 --schedule=0_*_*_*_*", ".spec.schedule", "0 * * * *"),
        ("service nodeport made --tcp=80:8080", ".spec.ports[0].targetPort", "8080"),
        ("ingress made --rule=a.example/x*=svc:http", ".spec.rules[0].http.paths[0].backend.service.port.name", "http"),
        ("pdb made --selector=app=x --min-available=50%", ".spec.minAvailable", "50%"),
        ("quota made --hard=pods=3,cpu=1500m", ".spec.hard.cpu", "1500m"),
        ("role made --verb=get,list --resource=deployments.apps", ".rules[0].apiGroups[0]", "apps"),
        ("rolebinding made --role=x --user=eve", ".subjects[0].name", "eve"),
        ("serviceaccount made", ".kind", "ServiceAccount"),
    ],
)
def test_what_kubectl_sends_in_its_binary_form_is_understood(
    api: ApiServer, space: str, command: str, path: str, value: str
) -> None:
    words = [word.replace("_", " ") for word in command.split()]
    api.kubectl("-n", space, "create", *words).ok()
    kind = words[0].replace("quota", "resourcequota")
    assert api.kubectl("-n", space, "get", kind, "made", "-o", f"jsonpath={{{path}}}").ok() == value
