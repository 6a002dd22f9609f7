"""Prometheus in the sandbox: the real server, with the flags and the configuration of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from drillbook.errors import ConfigError
from drillbook.sandbox import readiness
from drillbook.sandbox.images import absent, resolve
from drillbook.sandbox.images.prometheus_discovery import node_targets, pod_targets, reload, translated
from drillbook.sandbox.images.prometheus_server import flags
from drillbook.sandbox.kinds import DEPLOYMENT, POD
from tests.sandbox.cluster.bench import Bench, on_bench

CONFIG = """
rule_files: [rules.yml]
scrape_configs:
  - job_name: pods
    kubernetes_sd_configs: [{role: pod, namespaces: {names: [shop]}}]
  - job_name: nodes
    kubernetes_sd_configs: [{role: node}]
  - job_name: itself
    static_configs: [{targets: [localhost:9090]}]
"""


def test_a_server_listens_on_the_pods_own_address_and_keeps_its_data_in_the_volume() -> None:
    given = [
        "--config.file=/etc/prometheus/prometheus.yml",
        "--storage.tsdb.path=/prometheus",
        "--web.enable-lifecycle",
    ]
    assert flags("prometheus", given, "127.9.1.2", "/data") == [
        "--config.file=/etc/prometheus/prometheus.yml",
        "--web.enable-lifecycle",
        "--web.listen-address=127.9.1.2:9090",
        "--storage.tsdb.path=/data",
    ]


@pytest.mark.parametrize("host", ["", "0.0.0.0", "[::]"])
def test_all_interfaces_are_the_pods_own(host: str) -> None:
    assert "--web.listen-address=127.9.1.2:80" in flags(
        "prometheus", [f"--web.listen-address={host}:80"], "127.9.1.2", None
    )


def test_an_alertmanager_gossips_with_nobody() -> None:
    assert "--cluster.listen-address=" in flags("alertmanager", [], "127.9.1.2", "/data")
    own = ["--cluster.listen-address=127.9.1.2:9094"]
    assert "--cluster.listen-address=" not in flags("alertmanager", own, "127.9.1.2", "/data")


def test_looking_in_the_cluster_becomes_files_of_targets() -> None:
    text, wanted = translated(CONFIG, Path("/etc/prometheus"), Path("/run"))
    pods, nodes, itself = yaml.safe_load(text)["scrape_configs"]
    assert pods["file_sd_configs"] == [{"files": ["/run/targets-pod-shop.json"]}]
    assert nodes["file_sd_configs"] == [{"files": ["/run/targets-node.json"]}]
    assert "static_configs" in itself
    assert yaml.safe_load(text)["rule_files"] == ["/etc/prometheus/rules.yml"]
    assert {one.path for one in wanted} == {"/api/v1/namespaces/shop/pods", "/api/v1/nodes"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("scrape_configs: [{kubernetes_sd_configs: [{role: ingress}]}]", "role pod or node, not of role 'ingress'"),
        ("a: [", "can't be read as YAML"),
    ],
)
def test_what_it_cannot_do_it_says(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        translated(text, Path("/etc/prometheus"), Path("/run"))


def pod(name: str, phase: str = "Running", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": {"app.kubernetes.io/name": "api"}},
        "spec": {
            "nodeName": "node-1",
            "containers": [{"name": "api", "ports": [{"name": "http", "containerPort": 80}]}],
        },
        "status": {"phase": phase, "podIP": "127.9.1.3", "conditions": [{"type": "Ready", "status": "True"}]} | status,
    }


def test_pods_and_nodes_have_prometheus_own_labels() -> None:
    (target,) = pod_targets([pod("a"), pod("done", "Succeeded"), pod("new", podIP="")], ("shop",))
    assert target["targets"] == ["127.9.1.3:80"]
    labels = {name.removeprefix("__meta_kubernetes_"): value for name, value in target["labels"].items()}
    assert labels["pod_label_app_kubernetes_io_name"] == "api"
    assert (labels["pod_name"], labels["pod_ready"], labels["pod_container_port_name"]) == ("a", "true", "http")
    assert pod_targets([pod("a")], ("other",)) == []
    node = {"metadata": {"name": "n"}, "status": {"addresses": [{"type": "InternalIP", "address": "127.9.0.11"}]}}
    assert node_targets([node])[0]["targets"] == ["127.9.0.11:10250"]


def test_a_configuration_that_can_t_be_read_leaves_the_one_that_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr("os.kill", lambda process, _: told.append(process))
    config, folder = tmp_path / "prometheus.yml", tmp_path / "run"
    folder.mkdir()
    config.write_text(CONFIG)
    reload(7, config, folder)
    assert told == [7]
    before = (folder / config.name).read_text()
    config.write_text("scrape_configs: [{kubernetes_sd_configs: [{role: service}]}]")
    reload(7, config, folder)
    assert told == [7]
    assert (folder / config.name).read_text() == before
    assert "configuration not loaded" in capsys.readouterr().out


@pytest.fixture
def without_prometheus(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("drillbook.sandbox.images.prometheus.program", lambda *_: None)
    absent.cache_clear()
    yield
    absent.cache_clear()


@pytest.mark.usefixtures("without_prometheus")
def test_where_a_machine_has_no_prometheus_its_image_can_t_be_pulled() -> None:
    assert resolve("prom/prometheus:v2.42.0") is None
    assert absent("quay.io/prometheus/alertmanager") == (
        "this machine has no alertmanager, and no package brings one: get it with scripts/prometheus"
    )
    assert not absent("postgres:15")


DEPLOYED = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: prometheus}
spec:
  selector: {matchLabels: {app: p}}
  template:
    metadata: {labels: {app: p}}
    spec: {containers: [{name: main, image: "prom/prometheus:v2.42.0"}]}
"""


@pytest.mark.usefixtures("without_prometheus")
@on_bench
async def test_the_rest_of_a_system_is_ready_without_it(bench: Bench) -> None:
    bench.apply(DEPLOYED)

    def reason() -> str:
        for found in bench.store.list(POD):
            for status in (found.get("status") or {}).get("containerStatuses") or ():
                waiting = status["state"].get("waiting") or {}
                if "no prometheus" in waiting.get("message", ""):
                    return str(waiting["reason"])
        return ""

    await bench.until(lambda: reason() in {"ErrImagePull", "ImagePullBackOff"}, "its image's error")
    assert bench.get(DEPLOYMENT, "prometheus")["status"].get("readyReplicas", 0) == 0
    assert readiness.look(bench.store).done
    assert readiness.hopeless(bench.store) is None
