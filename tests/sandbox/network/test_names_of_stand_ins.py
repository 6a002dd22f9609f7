"""While a rule concerns a pod, the names that lead straight to it lead to its stand-in."""

from __future__ import annotations

import struct
from pathlib import Path

from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.kinds import ENDPOINTS, NAMESPACE, POD, SERVICE
from drillbook.sandbox.kubelet.hosts import HostsFiles
from drillbook.sandbox.network.endpoint_names import EndpointNames
from drillbook.sandbox.network.stand_ins import stand_in
from tests.sandbox.controllers.stage import Stage, pod_body, staged

POD_ADDRESS = "127.99.1.7"


def with_headless_service(stage: Stage) -> None:
    stage.store.create(NAMESPACE, {"metadata": {"name": "shop"}})
    stage.create(SERVICE, "db", spec={"clusterIP": "None", "selector": {"app": "db"}, "ports": [{"port": 5432}]})
    stage.create(ENDPOINTS, "db", subsets=[{"addresses": [{"ip": POD_ADDRESS}], "ports": [{"port": 5432}]}])


def test_a_pod_and_its_stand_in_are_told_apart_by_one_number() -> None:
    assert stand_in(POD_ADDRESS) == "127.99.201.7"


def test_a_service_without_an_address_leads_to_the_stand_in_for_as_long_as_there_is_one(tmp_path: Path) -> None:
    with staged(Authority("test")) as stage:
        stage.cluster.state = tmp_path
        with_headless_service(stage)
        hosts, pod = HostsFiles(stage.cluster), stage.create(POD, "client", **pod_body())
        pod["status"]["podIP"] = "127.99.1.8"
        (tmp_path / "pods" / pod["metadata"]["uid"]).mkdir(parents=True)
        assert f"{POD_ADDRESS} db " in hosts.file(pod).read_text()
        stage.cluster.stand_ins[POD_ADDRESS] = stand_in(POD_ADDRESS)
        assert f"{stand_in(POD_ADDRESS)} db " in hosts.file(pod).read_text()
        stage.cluster.stand_ins.clear()
        assert f"{POD_ADDRESS} db " in hosts.file(pod).read_text()


class Wire:
    """Keeps what the name server sends."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def sendto(self, data: bytes, _: object) -> None:
        self.sent.append(data)


def test_the_ingress_is_told_the_stand_in() -> None:
    with staged(Authority("test")) as stage:
        with_headless_service(stage)
        names, wire = EndpointNames(stage.store, stage.cluster.stand_ins), Wire()
        names.connection_made(wire)  # type: ignore[arg-type]
        labels = b"".join(bytes([len(part)]) + part for part in (b"db", b"shop", b"endpoints"))
        question = struct.pack("!6H", 7, 0, 1, 0, 0, 0) + labels + struct.pack("!xHH", 1, 1)
        names.datagram_received(question, ("127.0.0.1", 1))
        stage.cluster.stand_ins[POD_ADDRESS] = stand_in(POD_ADDRESS)
        names.datagram_received(question, ("127.0.0.1", 1))
        assert [tuple(answer[-4:]) for answer in wire.sent] == [(127, 99, 1, 7), (127, 99, 201, 7)]
