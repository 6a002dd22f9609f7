"""What the kubelet tells of the use of CPU, memory and volumes."""

from __future__ import annotations

import asyncio

from drillbook.sandbox.kinds import POD
from tests.sandbox.cluster.bench import Bench, on_bench, pod


def cores(bench: Bench, name: str) -> float:
    found = [usage for usage in bench.kubelet.pod_usage() if usage.name == name]
    return found[0].containers["main"][0] if found else -1.0


@on_bench
async def test_a_busy_container_uses_about_what_it_burns_and_an_idle_one_nothing(bench: Bench) -> None:
    burn = "while true; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.02; done"
    bench.apply(pod("idle", "exec sleep 60"))
    bench.apply(pod("busy", burn))
    await bench.until(lambda: cores(bench, "busy") > 0.1, "its load to show")
    assert cores(bench, "busy") <= 1.2
    assert 0 <= cores(bench, "idle") < 0.05
    nodes = {usage.name: usage for usage in bench.kubelet.node_usage()}
    assert nodes[bench.get(POD, "busy")["spec"]["nodeName"]].cores >= cores(bench, "busy")


@on_bench
async def test_memory_is_the_whole_container_s_and_shared_pages_count_once(bench: Bench) -> None:
    hold = "python3 -c 'x = bytearray(50 * 2**20); import os, time; os.fork(); time.sleep(60)'"
    bench.apply(pod("holder", hold))
    await bench.until(lambda: cores(bench, "holder") >= 0, "two samples")
    usage = next(usage for usage in bench.kubelet.pod_usage() if usage.name == "holder")
    assert 50 * 2**20 < usage.containers["main"][1] < 200 * 2**20


@on_bench
async def test_the_summary_tells_how_full_a_claim_is(bench: Bench) -> None:
    bench.apply("""
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: disk}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 64Mi}}}
""")
    volume = "  volumes: [{name: v, persistentVolumeClaim: {claimName: disk}}]\n"
    fill = "dd if=/dev/zero of=$VOLUME_V/f bs=1M count=16 2>/dev/null; echo full; exec sleep 60"
    bench.apply(pod("filler", fill, "volumeMounts: [{name: v, mountPath: /srv/v}]") + volume)
    await bench.until_says("filler", "full\n")
    told = await bench.kubelet.stats_summary(bench.get(POD, "filler")["spec"]["nodeName"])
    found = next(p for p in told["pods"] if p["podRef"]["name"] == "filler")["volume"][0]
    assert found["pvcRef"] == {"name": "disk", "namespace": "test"}
    assert 16 * 2**20 <= found["usedBytes"] < 24 * 2**20


@on_bench
async def test_a_path_of_the_host_is_not_measured_and_an_ended_pod_not_told(bench: Bench) -> None:
    volume = "  volumes: [{name: v, hostPath: {path: /}}]\n  nodeName: node-1\n"
    bench.apply(pod("looker", "echo seen; exec sleep 60", "volumeMounts: [{name: v, mountPath: /host}]") + volume)
    bench.apply(pod("ended", "true", restart="Never") + "  nodeName: node-1\n")
    await bench.until_says("looker", "seen\n")
    await bench.until(lambda: bench.get(POD, "ended")["status"]["phase"] == "Succeeded", "its end")
    (told,) = (await bench.kubelet.stats_summary("node-1"))["pods"]
    assert told["podRef"]["name"] == "looker"
    assert "v" not in {volume["name"] for volume in told["volume"]}


@on_bench
async def test_a_command_beside_the_program_counts_as_the_container_s_use_and_ends_with_it(bench: Bench) -> None:
    bench.apply(pod("host", "exec sleep 60"))
    await bench.until(lambda: cores(bench, "host") >= 0, "two samples")
    held = "x = b'x' * (50 * 2**20); import time; time.sleep(60)"
    command = ["python3", "-c", held]
    session = await bench.kubelet.exec(bench.get(POD, "host"), "main", command, stdin=False, tty=False)

    def memory() -> int:
        found = [usage for usage in bench.kubelet.pod_usage() if usage.name == "host"]
        return found[0].containers["main"][1] if found else 0

    await bench.until(lambda: memory() > 50 * 2**20, "the command's memory to show")
    worker = next(iter(bench.kubelet.workers.values()))
    worker.main[0].kill()
    async with asyncio.timeout(10):
        assert await session.wait() == 137
