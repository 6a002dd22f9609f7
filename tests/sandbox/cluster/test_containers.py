"""What the kubelet promises about containers."""

from __future__ import annotations

import asyncio
from typing import Any

from drillbook.sandbox.kinds import CONFIG_MAP, POD, SECRET, Object
from drillbook.sandbox.kubelet import processes
from tests.sandbox.cluster.bench import HOME, Bench, on_bench, pod


def status(bench: Bench, name: str) -> Object:
    found: Object = bench.get(POD, name)["status"]["containerStatuses"][0]
    return found


def state(bench: Bench, name: str) -> Object:
    found: Object = status(bench, name)["state"]
    return found


def phase(bench: Bench, name: str) -> Any:
    return bench.get(POD, name)["status"]["phase"]


@on_bench
async def test_a_pod_that_ends_well_has_succeeded(bench: Bench) -> None:
    bench.apply(pod("done", "echo finished", restart="Never"))
    await bench.until(lambda: phase(bench, "done") == "Succeeded", "success")
    ended = state(bench, "done")["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (0, "Completed")
    assert await bench.logs(bench.get(POD, "done")) == "finished\n"


@on_bench
async def test_a_pod_that_ends_badly_and_never_restarts_has_failed_with_its_exit_code(bench: Bench) -> None:
    bench.apply(pod("bad", "exit 7", restart="Never"))
    await bench.until(lambda: phase(bench, "bad") == "Failed", "failure")
    assert state(bench, "bad")["terminated"]["exitCode"] == 7
    assert state(bench, "bad")["terminated"]["reason"] == "Error"


@on_bench
async def test_the_first_crash_restarts_at_once_and_the_second_waits(bench: Bench) -> None:
    bench.apply(pod("crash", "echo run; exit 3"))
    await bench.until(
        lambda: "waiting" in state(bench, "crash") and status(bench, "crash")["restartCount"] == 1, "wait"
    )
    assert state(bench, "crash")["waiting"]["reason"] == "CrashLoopBackOff"
    assert "back-off 10s" in state(bench, "crash")["waiting"]["message"]
    assert status(bench, "crash")["lastState"]["terminated"]["exitCode"] == 3
    assert "BackOff" in bench.reasons("crash")
    assert await bench.logs(bench.get(POD, "crash"), previous=True) == "run\n"


@on_bench
async def test_an_image_that_nobody_carries_is_never_pulled(bench: Bench) -> None:
    bench.apply(pod("lost", "true").replace("busybox", "example.com/nobody/has-this:1"))
    await bench.until(lambda: state(bench, "lost")["waiting"]["reason"] == "ImagePullBackOff", "back-off")
    assert phase(bench, "lost") == "Pending"
    assert {"Failed", "BackOff"} <= set(bench.reasons("lost"))


@on_bench
async def test_a_program_that_is_not_there_is_a_start_error(bench: Bench) -> None:
    bench.apply(pod("typo", "true", restart="Never").replace("[sh, -c]", "[no-such-program]"))
    await bench.until(lambda: phase(bench, "typo") == "Failed", "failure")
    ended = state(bench, "typo")["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (128, "StartError")
    assert 'exec "no-such-program": executable file not found in $PATH' in ended["message"]


@on_bench
async def test_a_missing_key_keeps_the_container_from_starting_until_it_is_there(bench: Bench) -> None:
    needs = "env:\n  - {name: A, valueFrom: {configMapKeyRef: {name: settings, key: a}}}"
    bench.apply(pod("needy", "echo $A; sleep 60", needs))
    await bench.until(lambda: state(bench, "needy")["waiting"]["reason"] == "CreateContainerConfigError", "the error")
    assert 'configmap "settings" not found' in state(bench, "needy")["waiting"]["message"]
    bench.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: now}}")
    await bench.until(lambda: "running" in state(bench, "needy"), "the start")


@on_bench
async def test_variables_come_from_everywhere_and_refer_to_one_another(bench: Bench) -> None:
    bench.store.create(
        CONFIG_MAP, {"metadata": {"name": "c", "namespace": HOME}, "data": {"ONE": "1", "not a name": "x"}}
    )
    bench.store.create(SECRET, {"metadata": {"name": "s", "namespace": HOME}, "data": {"two": "Mg=="}})
    more = """
env:
  - {name: TWO, valueFrom: {secretKeyRef: {name: s, key: two}}}
  - {name: SUM, value: "$(PRE_ONE)+$(TWO) $$(TWO) $(NOBODY)"}
  - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
  - {name: APP, valueFrom: {fieldRef: {fieldPath: "metadata.labels['app']"}}}
  - {name: LIMIT, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}
  - {name: MAYBE, valueFrom: {configMapKeyRef: {name: c, key: none, optional: true}}}
envFrom:
  - {prefix: PRE_, configMapRef: {name: c}}
resources: {limits: {memory: 64Mi}}
"""
    bench.apply(pod("env", 'echo "$SUM|$NODE|$APP|$LIMIT|${MAYBE-unset}|$HOSTNAME|$POD_IP"', more, restart="Never"))
    await bench.until(lambda: phase(bench, "env") == "Succeeded", "the end")
    told = bench.get(POD, "env")
    node, address = told["spec"]["nodeName"], told["status"]["podIP"]
    assert await bench.logs(told) == f"1+2 $(TWO) $(NOBODY)|{node}|env|64|unset|env|{address}\n"


@on_bench
async def test_a_deleted_pod_gets_its_grace_and_then_sigkill_with_all_it_started(bench: Bench) -> None:
    bench.apply(pod("deaf", "trap '' TERM; setsid sleep 300 & while true; do sleep 0.1; done"))
    await bench.until(lambda: bench.ready(app="deaf"), "the start")
    worker = bench.kubelet.workers[bench.get(POD, "deaf")["metadata"]["uid"]]
    main = worker.main[0].process
    assert main is not None
    await bench.until(lambda: len(processes.tree(main.pid)) > 2, "its children")
    everyone = processes.tree(main.pid)
    began = asyncio.get_running_loop().time()
    bench.store.mark_deleted(POD, HOME, "deaf", 1)
    await bench.until(lambda: bench.store.get(POD, HOME, "deaf") is None, "the end")
    assert 0.9 < asyncio.get_running_loop().time() - began < 3
    await bench.until(lambda: not any(map(processes.is_running, everyone)), "the end of all its processes")
    assert "Killing" in bench.reasons("deaf")


@on_bench
async def test_a_pod_that_heeds_sigterm_ends_before_its_grace(bench: Bench) -> None:
    bench.apply(pod("polite", "trap 'echo bye; exit 0' TERM; while true; do sleep 0.05; done"))
    await bench.until(lambda: bench.ready(app="polite"), "the start")
    began = asyncio.get_running_loop().time()
    bench.store.mark_deleted(POD, HOME, "polite", 30)
    await bench.until(lambda: bench.store.get(POD, HOME, "polite") is None, "the end")
    assert asyncio.get_running_loop().time() - began < 2


@on_bench
async def test_a_pod_taken_out_by_force_is_killed_at_once(bench: Bench) -> None:
    bench.apply(pod("forced", "trap '' TERM; while true; do sleep 0.1; done"))
    await bench.until(lambda: bench.ready(app="forced"), "the start")
    worker = bench.kubelet.workers[bench.get(POD, "forced")["metadata"]["uid"]]
    main = worker.main[0].process
    assert main is not None
    bench.store.remove(POD, HOME, "forced")
    await bench.until(lambda: not processes.is_running(main.pid), "its end", 1.0)
    await bench.until(lambda: not worker.folder.exists(), "its folder gone", 1.0)


@on_bench
async def test_hooks_run_after_the_start_and_before_the_end(bench: Bench) -> None:
    hooks = """
lifecycle:
  postStart: {exec: {command: [sh, -c, "echo began >> $VOLUME_SHARED/said"]}}
  preStop: {exec: {command: [sh, -c, "echo ending >> $VOLUME_SHARED/said; cp $VOLUME_SHARED/said $VOLUME_OUT/said"]}}
volumeMounts:
  - {name: shared, mountPath: /shared}
  - {name: out, mountPath: /out}
"""
    out = bench.cluster.state / "out"
    out.mkdir()
    volumes = f"  volumes:\n    - {{name: shared, emptyDir: {{}}}}\n    - {{name: out, hostPath: {{path: {out}}}}}\n"
    bench.apply(pod("hooked", "exec sleep 60", hooks) + volumes)
    await bench.until(lambda: bench.ready(app="hooked"), "the start")
    bench.store.mark_deleted(POD, HOME, "hooked", 5)
    await bench.until(lambda: bench.store.get(POD, HOME, "hooked") is None, "the end")
    assert (out / "said").read_text().split() == ["began", "ending"]


@on_bench
async def test_init_containers_run_one_after_another_before_the_others(bench: Bench) -> None:
    text = pod("staged", "cat $VOLUME_W/order; sleep 60", "volumeMounts: [{name: w, mountPath: /w}]")
    init = """
  initContainers:
    - {name: one, image: busybox, command: [sh, -c, "sleep 0.2; echo one >> $VOLUME_W/order"],
       volumeMounts: [{name: w, mountPath: /w}]}
    - {name: two, image: busybox, command: [sh, -c, "echo two >> $VOLUME_W/order"],
       volumeMounts: [{name: w, mountPath: /w}]}
  volumes: [{name: w, emptyDir: {}}]
"""
    bench.apply(text + init)
    await bench.until(lambda: bench.ready(app="staged"), "readiness")
    await bench.until_says("staged", "one\ntwo\n")
    statuses = bench.get(POD, "staged")["status"]["initContainerStatuses"]
    assert [s["state"]["terminated"]["reason"] for s in statuses] == ["Completed", "Completed"]


@on_bench
async def test_a_failing_init_container_keeps_the_pod_pending(bench: Bench) -> None:
    bench.apply(
        pod("stuck", "sleep 60") + "  initContainers: [{name: fails, image: busybox, command: [sh, -c, 'exit 1']}]"
    )
    await bench.until(lambda: bench.get(POD, "stuck")["status"]["initContainerStatuses"][0]["restartCount"], "a retry")
    assert phase(bench, "stuck") == "Pending"


@on_bench
async def test_memory_above_its_limit_is_an_oom_kill(bench: Bench) -> None:
    hog = "python3 -c 'x = bytearray(120 * 2**20); import time; time.sleep(60)'"
    bench.apply(pod("hog", hog, "resources: {limits: {memory: 64Mi}}", restart="Never"))
    await bench.until(lambda: phase(bench, "hog") == "Failed", "the kill")
    ended = state(bench, "hog")["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")


@on_bench
async def test_several_containers_are_ready_only_together(bench: Bench) -> None:
    more = "    - {name: late, image: busybox, command: [sh, -c, 'sleep 1; touch $VOLUME_W/up; sleep 60'],"
    more += " volumeMounts: [{name: w, mountPath: /w}],\n"
    more += "       readinessProbe: {exec: {command: [sh, -c, 'test -e $VOLUME_W/up']}, periodSeconds: 1}}\n"
    bench.apply(pod("pair", "sleep 60") + more + "  volumes: [{name: w, emptyDir: {}}]\n")
    await bench.until(lambda: phase(bench, "pair") == "Running", "the start")
    assert not bench.ready(app="pair")
    conditions = {c["type"]: c for c in bench.get(POD, "pair")["status"]["conditions"]}
    assert conditions["Ready"]["message"] == "containers with unready status: [late]"
    await bench.until(lambda: bench.ready(app="pair"), "readiness")


@on_bench
async def test_a_port_that_a_program_of_the_host_holds_is_named_with_its_holder(bench: Bench) -> None:
    server = await asyncio.start_server(lambda r, w: w.close(), "0.0.0.0", 0)
    port = server.sockets[0].getsockname()[1]
    bench.apply(pod("blocked", "sleep 60", f"ports: [{{containerPort: {port}}}]"))
    await bench.until(lambda: state(bench, "blocked")["waiting"]["reason"] == "CreateContainerError", "the refusal")
    assert f"port {port} of this machine is taken by" in state(bench, "blocked")["waiting"]["message"]
    server.close()
    await bench.until(lambda: bench.ready(app="blocked"), "the start once it is free")


@on_bench
async def test_a_sleep_before_the_end_holds_the_stop_signal_back(bench: Bench) -> None:
    script = "trap 'exit 0' TERM; while true; do sleep 0.05; done"
    bench.apply(pod("late", script, "lifecycle: {preStop: {sleep: {seconds: 1}}}"))
    await bench.until(lambda: bench.ready(app="late"), "the start")
    began = asyncio.get_running_loop().time()
    bench.store.mark_deleted(POD, HOME, "late", 10)
    await bench.until(lambda: bench.store.get(POD, HOME, "late") is None, "the end")
    assert 0.95 < asyncio.get_running_loop().time() - began < 4
