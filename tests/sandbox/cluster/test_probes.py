"""What the kubelet promises about probes, restarts by them, and readiness."""

from __future__ import annotations

import asyncio

from drillbook.sandbox.kinds import POD
from tests.sandbox.cluster.bench import Bench, on_bench, pod

SERVE = "cd $HOME; touch ok; exec python3 -m http.server --bind $POD_IP 8000"


@on_bench
async def test_a_pod_is_ready_once_its_http_probe_answers(bench: Bench) -> None:
    probe = (
        "readinessProbe: {httpGet: {path: /ok, port: web}, periodSeconds: 1}\nports: [{name: web, containerPort: 8000}]"
    )
    bench.apply(pod("web", "sleep 0.5; " + SERVE, probe))
    await bench.until(lambda: bench.get(POD, "web")["status"]["phase"] == "Running", "the start")
    assert not bench.ready(app="web")
    await bench.until(lambda: bench.ready(app="web"), "readiness")


@on_bench
async def test_readiness_is_lost_after_its_threshold_and_comes_back(bench: Bench) -> None:
    probe = "readinessProbe: {exec: {command: [test, -e, /flag/up]}, periodSeconds: 1, failureThreshold: 2}\n"
    probe += "volumeMounts: [{name: flag, mountPath: /flag}]"
    flag = bench.cluster.state / "flag"
    flag.mkdir()
    (flag / "up").touch()
    # The probe's path exists only inside the container, so it is really the container that is asked.
    bench.apply(pod("moody", "sleep 60", probe) + f"  volumes: [{{name: flag, hostPath: {{path: {flag}}}}}]\n")
    if not bench.kubelet.isolation.namespaces:
        return
    await bench.until(lambda: bench.ready(app="moody"), "readiness")
    (flag / "up").unlink()
    await bench.until(lambda: not bench.ready(app="moody"), "unreadiness", 5)
    assert "Unhealthy" in bench.reasons("moody")
    (flag / "up").touch()
    await bench.until(lambda: bench.ready(app="moody"), "readiness again", 5)
    assert bench.get(POD, "moody")["status"]["containerStatuses"][0]["restartCount"] == 0


@on_bench
async def test_a_failed_liveness_probe_restarts_the_container(bench: Bench) -> None:
    probe = "livenessProbe: {tcpSocket: {port: 9}, periodSeconds: 1, failureThreshold: 2}"
    bench.apply(pod("dead", "echo up; exec sleep 60", probe))
    await bench.until(
        lambda: bench.get(POD, "dead")["status"]["containerStatuses"][0]["restartCount"] == 1, "a restart"
    )
    assert {"Unhealthy", "Killing"} <= set(bench.reasons("dead"))


@on_bench
async def test_liveness_waits_for_the_startup_probe(bench: Bench) -> None:
    probes = (
        "startupProbe: {exec: {command: [sh, -c, 'test -e $VOLUME_W/up']}, periodSeconds: 1, failureThreshold: 30}\n"
    )
    probes += (
        "livenessProbe: {exec: {command: [sh, -c, 'test -e $VOLUME_W/up']}, periodSeconds: 1, failureThreshold: 1}\n"
    )
    probes += "volumeMounts: [{name: w, mountPath: /w}]"
    script = "sleep 2.5; touch $VOLUME_W/up; exec sleep 60"
    bench.apply(pod("slow", script, probes) + "  volumes: [{name: w, emptyDir: {}}]\n")
    await bench.until(lambda: bench.ready(app="slow"), "readiness")
    status = bench.get(POD, "slow")["status"]["containerStatuses"][0]
    assert (status["restartCount"], status["started"]) == (0, True)


@on_bench
async def test_an_early_look_that_fails_counts_for_nothing(bench: Bench) -> None:
    """Before the first period is over a container is looked at often; only success may come of that."""
    probe = "readinessProbe: {exec: {command: [sh, -c, 'echo look >> $VOLUME_W/looks; false']}, periodSeconds: 3}\n"
    probe += "volumeMounts: [{name: w, mountPath: /w}]"
    bench.apply(pod("eager", "sleep 60", probe) + "  volumes: [{name: w, emptyDir: {}}]\n")
    await bench.until(lambda: bench.get(POD, "eager")["status"]["phase"] == "Running", "the start")
    looks = bench.kubelet.workers[bench.get(POD, "eager")["metadata"]["uid"]].mounted["w"].folder / "looks"
    await bench.until(lambda: looks.exists() and len(looks.read_text().split()) >= 4, "early looks", 3)
    assert "Unhealthy" not in bench.reasons("eager")
    await bench.until(lambda: "Unhealthy" in bench.reasons("eager"), "the first ordinary look")


@on_bench
async def test_a_probe_that_takes_too_long_has_failed(bench: Bench) -> None:
    probe = "readinessProbe: {exec: {command: [sleep, '30']}, periodSeconds: 1, timeoutSeconds: 1}"
    bench.apply(pod("hang", "sleep 60", probe))
    await bench.until(lambda: "Unhealthy" in bench.reasons("hang"), "the failure")
    await asyncio.sleep(0.2)
    assert not bench.ready(app="hang")


@on_bench
async def test_a_probe_of_a_port_that_nobody_names_says_so(bench: Bench) -> None:
    bench.apply(pod("lost", "sleep 60", "readinessProbe: {tcpSocket: {port: web}, periodSeconds: 1}"))
    await bench.until(lambda: "Unhealthy" in bench.reasons("lost"), "the complaint")
    assert not bench.ready(app="lost")
