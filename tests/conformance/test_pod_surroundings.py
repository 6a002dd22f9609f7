"""What a container finds around itself: names, users, resources, mounts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cluster import Cluster
from tests.conformance.looks import ended, execute, running, said
from tests.conformance.objects import FOREVER, config_map, container, pod

RESOURCES = {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"cpu": "250m", "memory": "64Mi"}}


@pytest.fixture(scope="module")
def one(cluster: Cluster, core: Any, shell: str, shared: str) -> str:
    """A namespace with a pod that has a bit of everything."""
    core.create_namespaced_config_map(shared, config_map("settings", None, **{"a.conf": "a", "b.conf": "b"}))
    described = [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}},
    ]
    volumes = [
        {"name": "about", "downwardAPI": {"items": described}},
        {"name": "settings", "configMap": {"name": "settings"}},
        {"name": "sealed", "configMap": {"name": "settings", "defaultMode": 0o400}},
        {"name": "maybe", "secret": {"secretName": "none", "optional": True}},
        {
            "name": "all",
            "projected": {"sources": [{"configMap": {"name": "settings"}}, {"downwardAPI": {"items": described}}]},
        },
        {"name": "scratch", "emptyDir": {}},
    ]
    mounts = [
        {"name": "about", "mountPath": "/about"},
        {"name": "settings", "mountPath": "/settings", "readOnly": True},
        {"name": "settings", "mountPath": "/only/b.conf", "subPath": "b.conf"},
        {"name": "sealed", "mountPath": "/sealed"},
        {"name": "maybe", "mountPath": "/maybe"},
        {"name": "all", "mountPath": "/all"},
        {"name": "scratch", "mountPath": "/scratch"},
        {"name": "scratch", "mountPath": "/own", "subPathExpr": "of-$(ACCOUNT)"},
    ]
    env = [
        {"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}},
        {"name": "SHARE", "valueFrom": {"resourceFieldRef": {"resource": "requests.cpu", "divisor": "1m"}}},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "HOST", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
        {"name": "ACCOUNT", "valueFrom": {"fieldRef": {"fieldPath": "spec.serviceAccountName"}}},
    ]
    more = {"resources": RESOURCES, "env": env, "volumeMounts": mounts, "workingDir": "/scratch"}
    aliases = [{"ip": "127.0.0.9", "hostnames": ["alias.example", "alias"]}]
    core.create_namespaced_pod(shared, pod(shell, container=more, volumes=volumes, hostAliases=aliases))
    running(cluster, core, shared)
    return shared


def test_the_host_name_is_the_pods_name(cluster: Cluster, one: str) -> None:
    assert said(cluster, one, "hostname; echo $HOSTNAME") == "one\none\n"


def test_its_hosts_file_has_its_own_name_and_the_aliases_asked_for(cluster: Cluster, core: Any, one: str) -> None:
    lines = [line.partition("#")[0].split() for line in said(cluster, one, "cat /etc/hosts").splitlines()]
    names = {name: address for address, *names in filter(None, lines) for name in names}
    assert names["one"] == core.read_namespaced_pod("one", one).status.pod_ip
    assert names["localhost"] in {"127.0.0.1", "::1"}
    assert names["alias.example"] == names["alias"] == "127.0.0.9"


def test_the_working_directory_is_the_one_asked_for(cluster: Cluster, one: str) -> None:
    assert said(cluster, one, "pwd") == "/scratch\n"


def test_resources_are_told_in_the_environment(cluster: Cluster, one: str) -> None:
    assert said(cluster, one, "echo $LIMIT $SHARE") == f"{64 * 2**20} 50\n"


def test_node_and_account_are_told_in_the_environment(cluster: Cluster, core: Any, one: str) -> None:
    found = core.read_namespaced_pod("one", one)
    assert said(cluster, one, "echo $NODE $HOST $ACCOUNT").split() == [
        found.spec.node_name, found.status.host_ip, "default",
    ]  # fmt: skip


def test_a_pods_host_address_is_its_nodes(core: Any, one: str) -> None:
    found = core.read_namespaced_pod("one", one)
    node = core.read_node(found.spec.node_name)
    assert found.status.host_ip in {a.address for a in node.status.addresses if a.type == "InternalIP"}


def test_the_api_server_is_told_in_the_environment_and_answers_there(cluster: Cluster, one: str) -> None:
    said(cluster, one, "nc -w 5 $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT < /dev/null")


def test_labels_are_mounted_as_a_file(cluster: Cluster, one: str) -> None:
    assert said(cluster, one, "cat /about/labels").splitlines() == ['app="one"']
    assert said(cluster, one, "cat /about/name") == "one"


def test_every_key_of_a_config_map_is_a_file(cluster: Cluster, one: str) -> None:
    assert said(cluster, one, "ls /settings").split() == ["a.conf", "b.conf"]


def test_a_sub_path_may_be_made_of_variables(cluster: Cluster, one: str) -> None:
    said(cluster, one, "echo seen > /own/mark")
    assert said(cluster, one, "cat /scratch/of-default/mark") == "seen\n"


def test_files_have_the_mode_asked_for(cluster: Cluster, one: str) -> None:
    assert said(cluster, one, "stat -L -c %a /settings/a.conf /sealed/a.conf").split() == ["644", "400"]
    assert said(cluster, one, "cat /sealed/a.conf") == "a"


def test_one_key_can_be_mounted_over_a_file(cluster: Cluster, one: str) -> None:
    assert said(cluster, one, "cat /only/b.conf") == "b"


def test_an_optional_secret_that_is_missing_is_an_empty_folder(cluster: Cluster, one: str) -> None:
    assert said(cluster, one, "ls /maybe") == ""


def test_several_sources_are_projected_into_one_folder(cluster: Cluster, one: str) -> None:
    assert said(cluster, one, "ls /all").split() == ["a.conf", "b.conf", "labels", "name"]


def test_a_mount_for_reading_cannot_be_written(cluster: Cluster, one: str) -> None:
    session = execute(cluster, one, "sh", "-c", "echo x > /settings/new")
    assert session.returncode != 0
    assert "Read-only file system" in session.read_stderr()


def test_what_is_written_by_one_command_is_read_by_the_next(cluster: Cluster, one: str) -> None:
    said(cluster, one, "echo kept > /scratch/file")
    assert said(cluster, one, "cat /scratch/file") == "kept\n"


@pytest.mark.slow
def test_a_changed_config_map_reaches_the_mounted_file_but_not_a_sub_path(
    cluster: Cluster, core: Any, one: str
) -> None:
    core.patch_namespaced_config_map("settings", one, {"data": {"a.conf": "changed"}})
    cluster.eventually(lambda: said(cluster, one, "cat /settings/a.conf") == "changed", within=120)
    assert said(cluster, one, "cat /only/b.conf") == "b"


def test_a_user_is_the_one_asked_for(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    user = {"runAsUser": 12345, "runAsGroup": 54321}
    core.create_namespaced_pod(space, pod(shell, "id -u; id -g", restartPolicy="Never", securityContext=user))
    ended(cluster, core, space)
    assert core.read_namespaced_pod_log("one", space) == "12345\n54321\n"


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "10m"}}, "Burstable"),
        ({"limits": {"cpu": "10m", "memory": "16Mi"}}, "Guaranteed"),
    ],
)
def test_resources_decide_the_class_of_service(
    core: Any, shell: str, space: str, resources: dict[str, Any], expected: str
) -> None:
    made = core.create_namespaced_pod(space, pod(shell, container={"resources": resources}))
    assert made.status.qos_class == expected


def test_arguments_replace_the_images_own(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    made = pod(shell, restartPolicy="Never")
    made["spec"]["containers"][0] |= {
        "command": ["echo", "a"],
        "args": ["$(B)", "c"],
        "env": [{"name": "B", "value": "b"}],
    }
    core.create_namespaced_pod(space, made)
    ended(cluster, core, space)
    assert core.read_namespaced_pod_log("one", space) == "a b c\n"


@pytest.mark.slow
def test_a_hook_before_stopping_ends_before_the_signal_comes(
    cluster: Cluster, core: Any, shell: str, space: str
) -> None:
    """The other container outlives the first one's hook, and tells of it."""
    mount = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
    hook = {"preStop": {"exec": {"command": ["sh", "-c", "sleep 1; echo hook > /shared/told"]}}}
    script = "trap 'mv /shared/told /shared/seen; exit 0' TERM; while true; do sleep 0.1; done"
    witness = "trap '' TERM; echo begun; until [ -e /shared/seen ]; do sleep 0.1; done; cat /shared/seen"
    made = pod(shell, script, container=mount | {"lifecycle": hook}, volumes=[{"name": "shared", "emptyDir": {}}])
    made["spec"]["terminationGracePeriodSeconds"] = 15
    made["spec"]["containers"].append(container(shell, witness, **mount) | {"name": "witness"})
    core.create_namespaced_pod(space, made)
    running(cluster, core, space)
    followed = core.read_namespaced_pod_log("one", space, container="witness", follow=True, _preload_content=False)
    core.delete_namespaced_pod("one", space)
    assert b"".join(followed.stream()).decode() == "begun\nhook\n"


def test_a_volume_is_empty_again_in_the_pods_successor(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    script = "ls /data | wc -l; touch /data/file; " + FOREVER
    more = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    for _ in range(2):
        core.create_namespaced_pod(
            space, pod(shell, script, container=more, volumes=[{"name": "data", "emptyDir": {}}])
        )
        running(cluster, core, space)
        cluster.eventually(lambda: "started" in core.read_namespaced_pod_log("one", space))
        assert core.read_namespaced_pod_log("one", space).split()[0] == "0"
        cluster.kubectl("-n", space, "delete", "pod", "one").ok()
