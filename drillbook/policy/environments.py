"""``environments/NAME.yaml`` into an Environment: where to look, and credentials by reference only."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

import yaml

from drillbook.errors import ConfigError
from drillbook.model.environment import MOST_RATE, Environment, EnvironmentClass, Reach, SecretReference
from drillbook.model.policy import Policy
from drillbook.policy.attestations import load_attestations
from drillbook.policy.document import shown
from drillbook.policy.given_limits import read_given_limits
from drillbook.policy.given_times import read_given_times
from drillbook.policy.opening import open_top
from drillbook.policy.problems import Problems, nearest
from drillbook.policy.section import NAME, Section, section
from drillbook.policy.windows import read_windows

KEYS: Final = (
    *("apiVersion", "kind", "class", "sandbox", "cluster", "components", "limits"),
    *("drills", "drill_times", "journal", "leash", "windows", "rate"),
)
LEASH_KEYS: Final = ("pods", "percent", "outage")
REACH_KEYS: Final = ("address", "ca", "password")
BY_REFERENCE: Final = (
    "expected a credential by reference ({env: NAME}, {file: PATH} or {secret: {namespace, name, key}}), "
    "never in plain text"
)
_ADDRESS: Final = re.compile(r"(https?://)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?(/\S*)?")
_UID: Final = re.compile(r"[0-9a-fA-F-]{8,64}")


def load_environment(system_dir: Path, name: str, policy: Policy | None = None) -> Environment:
    """The environment called ``name`` of the system in ``system_dir``.

    With ``policy``, components that it doesn't know are problems too. Raises ConfigError with every problem.
    """
    folder = system_dir / "environments"
    path = folder / f"{name}.yaml"
    known = sorted(p.stem for p in folder.glob("*.yaml"))
    if not NAME.fullmatch(name) or name not in known:
        raise ConfigError(f"no environment {name!r} in {shown(folder)}{nearest(name, known)}")
    problems = Problems(shown(path))
    top = open_top(path, "environment", "Environment", KEYS, problems)
    word = top.choice("class", list(EnvironmentClass), "class")
    chosen = EnvironmentClass(word) if word else EnvironmentClass.PRODUCTION
    cluster = top.child("cluster", ("kubeconfig", "context", "uid"))
    allowed = top.choice("drills", ("allowed", "forbidden"), "word for drills", default="forbidden") == "allowed"
    uid = _uid(cluster)
    sandbox = _sandbox(top, chosen, system_dir.resolve().name)
    if chosen is EnvironmentClass.SANDBOX and cluster is not None:
        top.problem("cluster", "a sandbox's cluster is known from its state; expected no cluster here")
    if allowed and chosen is not EnvironmentClass.SANDBOX and uid is None:
        top.problem("drills", "drills are allowed only on a cluster known by its UID: say cluster.uid")
    leash = top.child("leash", LEASH_KEYS)
    outage = leash.optional_duration("outage") if leash else None
    if allowed and chosen is EnvironmentClass.PRODUCTION and outage is None:
        top.problem("drills", "drills are allowed in production only with leash.outage: the longest that one may cost")
    names = None if policy is None else tuple(policy.components)
    reaches = {}
    for component, one in top.named("components", REACH_KEYS):
        if names is not None and component not in names:
            one.problem("", f"the policy has no component {component!r}{nearest(component, names)}")
        reaches[component] = _reach(one, folder)
    limits, times = read_given_limits(top, policy, chosen), read_given_times(top, policy, chosen)
    rate = top.integer("rate", 1, MOST_RATE) if top.get("rate") is not None else None
    kubeconfig = cluster.optional_text("kubeconfig") if cluster else None
    context = cluster.optional_text("context") if cluster else None
    windows, pods, percent = read_windows(top), _most(leash, "pods", 1000), _most(leash, "percent", 100)
    problems.settle()
    found = Environment(
        name=name,
        environment_class=chosen,
        path=path,
        sandbox=sandbox,
        kubeconfig=_below(folder, kubeconfig) if kubeconfig else None,
        context=context,
        cluster_uid=uid,
        components=reaches,
        drills_allowed=allowed,
        rate=rate,
        limits=limits,
        drill_times=times,
        journal=top.optional_name("journal"),
        windows=windows,
        most_pods=pods,
        most_percent=percent,
        outage_budget=outage,
    )
    attested = load_attestations(found.attestations_file, policy) if policy is not None else None
    return replace(found, attestations=attested)


def _sandbox(top: Section, chosen: EnvironmentClass, system: str) -> str | None:
    """The sandbox's name; the system's own where the file says none."""
    name = top.optional_name("sandbox")
    if chosen is EnvironmentClass.SANDBOX:
        return name or system
    if name is not None:
        top.problem("sandbox", f"expected no sandbox in an environment of class {chosen}")
    return None


def _uid(cluster: Section | None) -> str | None:
    uid = cluster.optional_text("uid", "the UID of the namespace kube-system") if cluster else None
    if cluster and uid is not None and not _UID.fullmatch(uid):
        cluster.problem("uid", f"expected the UID of the namespace kube-system, found {uid!r}")
    return uid


def _reach(one: Section, folder: Path) -> Reach:
    address = one.optional_text("address", "an address such as https://api.example.com or db.internal:5432")
    if address is not None and not _ADDRESS.fullmatch(address):
        if "@" in address:
            one.problem("address", f"this address holds a credential: {BY_REFERENCE}; say user in the policy")
        else:
            one.problem("address", "expected an address such as https://api.example.com or db.internal:5432")
    ca = one.optional_text("ca", "the path of a file with certificates")
    return Reach(address=address, ca=_below(folder, ca) if ca else None, password=_reference(one, "password", folder))


def _reference(one: Section, key: str, folder: Path) -> SecretReference | None:
    node = one.get(key)
    if node is None:
        return None
    if not isinstance(node, yaml.MappingNode):
        one.problem(key, BY_REFERENCE)
        return None
    inner = section(node, one.at(key), one.problems, ("env", "file", "secret"))
    if inner is None or len(inner.keys) != 1:
        if inner is not None and inner.sound:
            one.problem(key, f"{BY_REFERENCE}; found {len(inner.keys)} references instead of one")
        return None
    if inner.get("env") is not None:
        variable = inner.text("env", "the name of an environment variable")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
            inner.problem("env", "expected the name of an environment variable")
        return SecretReference(env=variable)
    if inner.get("file") is not None:
        return SecretReference(file=_below(folder, inner.text("file", "the path of a file")))
    secret = inner.child("secret", ("namespace", "name", "key"))
    if secret is None:
        inner.missing("secret", "a Secret's namespace, name and key")
        return None
    return SecretReference(secret=(secret.name("namespace"), secret.name("name"), secret.text("key")))


def _most(leash: Section | None, key: str, high: int) -> int | None:
    if leash is None or leash.get(key) is None:
        return None
    return leash.integer(key, 0, high)


def _below(folder: Path, given: str) -> Path:
    """A path as the file gives it: ``~`` is the home folder, anything relative is relative to the file."""
    path = Path(given).expanduser()
    return path if path.is_absolute() else folder / path
