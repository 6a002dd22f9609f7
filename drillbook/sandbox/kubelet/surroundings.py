"""What a container finds around it: its folders, its variables, its command line."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drillbook.sandbox.api.account_volumes import FOLDER
from drillbook.sandbox.cluster import MARK, Cluster
from drillbook.sandbox.images.program import DATA, RUN, Program
from drillbook.sandbox.kinds import Object
from drillbook.sandbox.kubelet import last_words
from drillbook.sandbox.kubelet.environment import container_env, expand, service_env, services_seen_by
from drillbook.sandbox.kubelet.hosts import DOMAIN
from drillbook.sandbox.kubelet.isolation import Isolation
from drillbook.sandbox.kubelet.process import Bind, Launch
from drillbook.sandbox.kubelet.volumes import Mounted, mounts_of
from drillbook.sandbox.network.addresses import API_PORT

CONTAINER_MARK: Final = "DRILLBOOK_CONTAINER"
CONTROL: Final = "DRILLBOOK_CONTROL"
HOSTS: Final = "DRILLBOOK_HOSTS"
ACCOUNT: Final = "DRILLBOOK_SERVICE_ACCOUNT"
"""Where token, ca.crt and namespace are: for where they can't be mounted at their usual place."""
LONGEST_SOCKET: Final = 107
"""Bytes of a unix socket's path; a longer one can't be bound."""

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Ready to be started."""

    launch: Launch
    env: dict[str, str]
    last_words: Path
    """Where the program may leave a message before it ends."""

    def __repr__(self) -> str:
        return f"Surroundings({self.launch.argv[0]!r})"


def build(
    cluster: Cluster,
    isolation: Isolation,
    pod: Object,
    container: Object,
    program: Program,
    *,
    container_id: str,
    folder: Path,
    mounted: Mapping[str, Mounted],
    hosts: Path,
) -> Surroundings:
    """Everything for one start of one container. ``folder`` is the container's own. Raises ConfigMissing."""
    scratch, run = folder / "root", folder / "run"
    for place, mode in ((scratch, 0o755), (run, 0o700), (folder / "staging", 0o755)):
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(mode)
    computed = any(mount.get("subPathExpr") for mount in container.get("volumeMounts") or ())
    binds = mounts_of(container, mounted, container_env(cluster.store, pod, container, {}) if computed else {})
    data = program.data_folder({bind.target: bind.source for bind in binds}, scratch)
    security = (pod["spec"].get("securityContext") or {}) | (container.get("securityContext") or {})
    uid = security.get("runAsUser", program.uid)
    inside = isolation.user_of(uid)
    inside = inside[0], security.get("runAsGroup", inside[1])
    control = folder.parent / f"{container['name']}.sock"
    own = _own_variables(cluster, pod, mounted, container_id, run, data, hosts, control)
    own |= dict([(ACCOUNT, str(bind.source)) for bind in binds if bind.target == FOLDER][:1])
    base = program.environment(own) | {
        "PATH": f"{_shims(cluster.state, program)}:{_PATH}",
        "HOME": str(scratch),
        "LANG": "C.UTF-8",
        "HOSTNAME": own["POD_NAME"],
    }
    base |= service_env(services_seen_by(cluster.store, pod["metadata"]["namespace"])) | own
    env = container_env(cluster.store, pod, container, base) | {
        name: own[name] for name in own if name.startswith("DRILLBOOK_")
    }
    argv = program.command_line(
        [expand(word, env) for word in container.get("command") or ()],
        [expand(word, env) for word in container.get("args") or ()],
    )
    words, its_bind = last_words.place(container, folder, binds)
    become = isolation.become(uid)
    if become:
        _give_to(become, [run, scratch, *([data] if data else []), *(v.folder for v in mounted.values())])
    launch = Launch(
        argv=argv,
        folder=str(container.get("workingDir") or program.working_folder(scratch)),
        isolated=isolation.namespaces,
        uid=inside[0],
        gid=inside[1],
        hostname=str(pod["spec"].get("hostname") or pod["metadata"]["name"])[:63],
        staging=folder / "staging",
        binds=(*_name_files(cluster, pod, hosts), *binds, *its_bind) if isolation.namespaces else (),
        scratch=isolation.namespaces,
        keep=(*_needed(cluster.state), *map(str, program.reads)),
        become=become,
    )
    return Surroundings(launch, env, words)


def _name_files(cluster: Cluster, pod: Object, hosts: Path) -> list[Bind]:
    """What names resolve by: the hosts file, and a name server that nobody is: no question leaves the machine."""
    binds = [Bind(hosts, "/etc/hosts")]
    if not Path("/etc/resolv.conf").exists():
        return binds
    namespace = pod["metadata"]["namespace"]
    resolver = cluster.state / "resolv" / namespace
    if not resolver.exists():
        resolver.parent.mkdir(exist_ok=True)
        search = f"{namespace}.svc.{DOMAIN} svc.{DOMAIN} {DOMAIN}"
        server = f"nameserver {cluster.addresses.network}.0.2\noptions ndots:5 timeout:1 attempts:1\n"
        resolver.write_text(f"search {search}\n{server}", encoding="ascii")
    return [*binds, Bind(resolver, "/etc/resolv.conf", read_only=True)]


def _needed(state: Path) -> tuple[str, ...]:
    """What programs must find at its place wherever it is: the sandbox's state, Python, and this package."""
    package = Path(__file__).resolve().parents[3]
    return tuple(dict.fromkeys((str(state), sys.prefix, sys.base_prefix, str(package))))


def _own_variables(
    cluster: Cluster,
    pod: Object,
    mounted: Mapping[str, Mounted],
    container_id: str,
    run: Path,
    data: Path | None,
    hosts: Path,
    control: Path,
) -> dict[str, str]:
    """What the sandbox itself tells its programs, beside what a cluster would."""
    volumes = {f"VOLUME_{name.upper().replace('-', '_')}": str(volume.folder) for name, volume in mounted.items()}
    own = {
        "POD_IP": pod["status"]["podIP"],
        "POD_NAME": pod["metadata"]["name"],
        "POD_NAMESPACE": pod["metadata"]["namespace"],
        "NODE_NAME": pod["spec"]["nodeName"],
        MARK: cluster.id,
        CONTAINER_MARK: container_id,
        RUN: str(run),
        HOSTS: str(hosts),
        "KUBERNETES_SERVICE_HOST": cluster.addresses.api,
        "KUBERNETES_SERVICE_PORT": str(API_PORT),
    }
    if len(str(control)) <= LONGEST_SOCKET:
        own[CONTROL] = str(control)
    return volumes | own | ({DATA: str(data)} if data else {})


def _shims(state: Path, program: Program) -> Path:
    """The folder that leads PATH; programs with the same shims share one."""
    digest = hashlib.sha256(repr(sorted(program.shims.items())).encode()).hexdigest()[:12]
    folder = state / "shims" / digest
    if not folder.is_dir():
        program.write_shims(folder)
    return folder


def _give_to(user: tuple[int, int], places: list[Path]) -> None:
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
        os.chown(place, *user)
