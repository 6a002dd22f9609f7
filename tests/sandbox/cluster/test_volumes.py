"""What the kubelet promises about volumes."""

from __future__ import annotations

import pytest

from drillbook.sandbox.kinds import CLAIM, CONFIG_MAP, POD, VOLUME
from tests.sandbox.cluster.bench import HOME, Bench, on_bench, pod

CLAIMED = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: disk}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""


def mounted(name: str, script: str, volume: str) -> str:
    more = "volumeMounts: [{name: v, mountPath: /srv/not/on/the/host}]"
    return pod(name, script, more, restart="Never") + f"  volumes: [{{name: v, {volume}}}]\n"


async def ended(bench: Bench, name: str) -> None:
    await bench.until(lambda: bench.get(POD, name)["status"]["phase"] == "Succeeded", f"the end of {name}")


@on_bench
async def test_a_volume_shows_at_a_path_that_the_host_does_not_have(bench: Bench) -> None:
    if not bench.kubelet.isolation.namespaces:
        pytest.skip(bench.kubelet.isolation.sentence)
    bench.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a.txt: hello}}")
    script = "cat /srv/not/on/the/host/a.txt; ls /srv/not/on /etc/hostname; touch /srv/not/on/the/host/b || echo sealed"
    bench.apply(mounted("reader", script, "configMap: {name: c}"))
    await ended(bench, "reader")
    said = await bench.logs(bench.get(POD, "reader"))
    assert said.startswith("hello")
    assert "sealed" in said
    assert not (bench.cluster.state / "srv").exists()


@on_bench
async def test_what_is_written_to_a_claim_outlives_the_pod(bench: Bench) -> None:
    bench.apply(CLAIMED)
    bench.apply(mounted("writer", "echo kept > $VOLUME_V/f", "persistentVolumeClaim: {claimName: disk}"))
    await ended(bench, "writer")
    bench.store.remove(POD, HOME, "writer")
    bench.apply(mounted("reader", "cat $VOLUME_V/f", "persistentVolumeClaim: {claimName: disk}"))
    await ended(bench, "reader")
    assert await bench.logs(bench.get(POD, "reader")) == "kept\n"


@on_bench
async def test_an_empty_dir_ends_with_its_pod(bench: Bench) -> None:
    bench.apply(mounted("one", "echo x > $VOLUME_V/f; ls $VOLUME_V", "emptyDir: {}"))
    await ended(bench, "one")
    bench.store.remove(POD, HOME, "one")
    bench.apply(mounted("two", "ls $VOLUME_V", "emptyDir: {}"))
    await ended(bench, "two")
    assert await bench.logs(bench.get(POD, "two")) == ""


@on_bench
async def test_a_pod_waits_for_its_claim(bench: Bench) -> None:
    bench.apply(mounted("early", "true", "persistentVolumeClaim: {claimName: disk}"))
    await bench.until(lambda: "FailedMount" in bench.reasons("early"), "the complaint")
    bench.apply(CLAIMED)
    await ended(bench, "early")


@on_bench
async def test_a_claim_in_use_is_deleted_only_after_its_pod_and_takes_its_volume_along(bench: Bench) -> None:
    bench.apply(CLAIMED)
    bench.apply(
        pod("user", "sleep 60", "volumeMounts: [{name: v, mountPath: /srv/v}]")
        + "  volumes: [{name: v, persistentVolumeClaim: {claimName: disk}}]\n"
    )
    await bench.until(lambda: bench.ready(app="user"), "the start")
    volume = bench.get(CLAIM, "disk")["spec"]["volumeName"]
    folder = bench.cluster.state / "volumes" / volume
    bench.store.mark_deleted(CLAIM, HOME, "disk", 0)
    assert folder.is_dir()
    assert bench.get(CLAIM, "disk")["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    bench.store.mark_deleted(POD, HOME, "user", 0)
    await bench.until(lambda: bench.store.get(CLAIM, HOME, "disk") is None, "the claim's end")
    await bench.until(lambda: bench.store.get(VOLUME, "", volume) is None, "the volume's end")
    assert not folder.exists()


@on_bench
async def test_a_sub_path_shows_one_file_of_a_volume(bench: Bench) -> None:
    if not bench.kubelet.isolation.namespaces:
        pytest.skip(bench.kubelet.isolation.sentence)
    bench.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a.txt: one, b.txt: two}}")
    more = "volumeMounts: [{name: v, mountPath: /etc/drillbook-test/a.txt, subPath: a.txt}]"
    bench.apply(
        pod("part", "ls /etc/drillbook-test; cat /etc/drillbook-test/a.txt", more, restart="Never")
        + "  volumes: [{name: v, configMap: {name: c}}]\n"
    )
    await ended(bench, "part")
    assert await bench.logs(bench.get(POD, "part")) == "a.txt\none"


@on_bench
async def test_a_changed_config_map_changes_the_files_of_a_running_pod(bench: Bench) -> None:
    bench.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: one, b: gone}}")
    script = "while ! grep -q two $VOLUME_V/a || test -e $VOLUME_V/b; do sleep 0.05; done"
    bench.apply(mounted("watcher", script, "configMap: {name: c}"))
    await bench.until(lambda: bench.ready(app="watcher"), "the start")
    bench.change(CONFIG_MAP, "c", lambda draft: draft.update(data={"a": "two"}))
    await ended(bench, "watcher")


@on_bench
async def test_a_name_that_nobody_has_is_not_asked_for_outside(bench: Bench) -> None:
    if not bench.kubelet.isolation.namespaces:
        pytest.skip(bench.kubelet.isolation.sentence)
    bench.apply(pod("asker", "getent hosts example.com || echo nobody; cat /etc/resolv.conf", restart="Never"))
    await ended(bench, "asker")
    said = await bench.logs(bench.get(POD, "asker"))
    assert said.startswith("nobody")
    assert f"nameserver {bench.cluster.addresses.network}.0.2" in said


@on_bench
async def test_service_names_resolve_inside_a_container(bench: Bench) -> None:
    if not bench.kubelet.isolation.namespaces:
        pytest.skip(bench.kubelet.isolation.sentence)
    service = "{apiVersion: v1, kind: Service, metadata: {name: shop}, spec: {ports: [{port: 80}], selector: {app: x}}}"
    bench.apply(service)
    await bench.until(lambda: bench.store.list(POD) == [], "a moment")
    bench.apply(
        pod(
            "asker", "getent hosts shop shop.test shop.test.svc.cluster.local; echo $SHOP_SERVICE_HOST", restart="Never"
        )
    )
    await ended(bench, "asker")
    lines = (await bench.logs(bench.get(POD, "asker"))).splitlines()
    assert len(lines) == 4
    assert {line.split()[0] for line in lines} == {lines[-1]}
