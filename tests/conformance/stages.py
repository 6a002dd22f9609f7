"""Where forms of kubectl command are run: the words that fill them, and how what they changed is undone."""

from __future__ import annotations

import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.conformance.cluster import Cluster
from tests.conformance.commands import CommandForm
from tests.conformance.running import Shell, missing

SECONDS: Final = 60.0
"""How long a command may take, times the cluster's patience."""
GROUPS: Final = {"certificates": "cert-manager.io", "metrics": "metrics.k8s.io"}
"""The API groups that stand for what a form needs and not every cluster has."""
STAGE: Final = Path(__file__).parent / "stage"
CHANGING: Final = frozenset({
    "annotate", "apply", "autoscale", "create", "delete", "drain", "edit", "patch", "rollout", "scale", "set",
    "uncordon",
})  # fmt: skip
"""First words of commands after which the stage is set up again."""
_IN_SHELL: Final = ("-n", "{namespace}", "--", "sh", "-c")
FIRST: Final[Mapping[str, Sequence[str]]] = {
    "cp-from-pod": ("exec", "{deployment_pod}", *_IN_SHELL, "echo drill > /tmp/drill"),
    "dropdb": ("exec", "{database}-0", *_IN_SHELL, "createdb -U {database_user} by_createdb || true"),
}
"""What a form needs that another one leaves behind."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the things are called that commands speak of; what a stage doesn't have is missing from ``words``."""

    namespace: str
    words: Mapping[str, str]
    data_namespace: str | None = None
    """Where the databases are, if that is elsewhere."""
    manifests: Sequence[Path] = field(default=())
    """What makes the things; without any, the stage makes some of its own."""
    context: str | None = None
    """The namespace of commands that name none; the things' own where it isn't said."""

    def namespace_of(self, form: CommandForm) -> str:
        """The namespace that a form works in."""
        of_data = {"database", "cache", "database_deployment", "cache_deployment"} & form.placeholders()
        return self.data_namespace if of_data and self.data_namespace else self.namespace


@dataclass(frozen=True, slots=True)
class Stage:
    """Objects in a cluster, and a shell in which commands about them are typed."""

    cluster: Cluster
    names: Names
    shell: Shell
    folder: Path
    certificates: bool

    def set_up(self) -> None:
        """Make everything, or make it again as it was; return when it is Ready."""
        namespace, deployment = self.names.namespace, self.names.words["deployment"]
        left_behind = (deployment, "by-memory")
        self.shell.kubectl("delete", "hpa", "-n", namespace, "--ignore-not-found", *left_behind)
        for path in self.names.manifests:
            self.shell.kubectl("apply", "-f", str(path))
        self._apply("extras.yaml")
        if self.certificates:
            self._apply("certificate.yaml")
        if not self.names.manifests:
            self._apply("workloads.yaml")
        if self.names.words.get("autoscaler") == "forms-autoscaler":
            self._apply("autoscaler.yaml")
        self.shell.kubectl("rollout", "status", f"deployment/{deployment}", "-n", namespace)

    def wait(self) -> None:
        """Return when everything runs and the Deployment has a revision to go back to."""
        words, namespace = self.names.words, self.names.namespace
        self.shell.kubectl("rollout", "restart", f"deployment/{words['deployment']}", "-n", namespace)
        self.shell.kubectl("rollout", "status", f"deployment/{words['deployment']}", "-n", namespace)
        for word in ("database", "cache", "database_deployment", "cache_deployment"):
            if not self.names.manifests:
                kind = "deployment" if word.endswith("deployment") else "statefulset"
                self.shell.kubectl("rollout", "status", f"{kind}/{words[word]}", "-n", namespace)
        if self.certificates:
            wait = ("wait", "--for=condition=Ready", "certificate/forms-certificate", "-n", namespace)
            self.shell.kubectl(*wait, f"--timeout={self.shell.seconds:.0f}s")

    def prepare(self, form: CommandForm) -> CommandForm:
        """The form, filled in, with what it needs in place."""
        namespace = self.names.namespace_of(form)
        context = self.names.context or namespace
        self.shell.kubectl("config", "set-context", "--current", f"--namespace={context}")
        values = dict(self.names.words) | {"namespace": namespace, "folder": str(self.folder)}
        values |= {"manifest": str(self.folder / "manifest.yaml")}
        for word, look in (("deployment_pod", self._pod), ("revision", self._revision), ("node", self._node)):
            if word in form.placeholders() or (word == "deployment_pod" and form.id in FIRST):
                values[word] = look()
        if "restarted_pod" in form.placeholders():
            self.cluster.eventually(self._restarted)
        if form.id in FIRST:
            self.shell.kubectl(*(word.format(**values) for word in FIRST[form.id]))
        return form.filled(values)

    def restore(self, form: CommandForm) -> None:
        """Undo what a form changed."""
        if form.kubectl[0] not in CHANGING:
            return
        if form.kubectl[0] in {"drain", "uncordon"}:
            self.shell.kubectl("uncordon", self.names.words["spare_node"])
        self.set_up()

    def _apply(self, file: str) -> None:
        words = vars_of(self.cluster) | {"deployment": self.names.words["deployment"]}
        text = string.Template((STAGE / file).read_text(encoding="utf-8")).safe_substitute(words)
        self.cluster.kubectl("-n", self.names.namespace, "apply", "-f", "-", stdin=text).ok()

    def _restarted(self) -> bool:
        found = self._read("get", "pod", self.names.words["restarted_pod"], "-n", self.names.namespace)
        return any(s["restartCount"] and s["ready"] for s in found["status"].get("containerStatuses", ()))

    def _pod(self) -> str:
        def ready() -> str | None:
            words = ("get", "pods", "-n", self.names.namespace, "-l", f"app={self.names.words['deployment']}")
            for pod in self._read(*words)["items"]:
                conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", ())}
                if conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]:
                    return str(pod["metadata"]["name"])
            return None

        return self.cluster.eventually(ready) or ""

    def _revision(self) -> str:
        said = self.shell.kubectl(
            "rollout", "history", f"deploy/{self.names.words['deployment']}", "-n", self.names.namespace
        )
        return next(line.split()[0] for line in said.splitlines() if line[:1].isdigit())

    def _node(self) -> str:
        return str(self._read("get", "nodes")["items"][0]["metadata"]["name"])

    def _read(self, *command: str) -> Any:
        return json.loads(self.shell.kubectl(*command, "-o", "json"))


def raise_stage(cluster: Cluster, names: Names, place: Path) -> Stage:
    """A stage on which everything runs; ``place`` is an empty folder for its files."""
    folder = place / "manifests"
    folder.mkdir()
    filed = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "filed", "namespace": names.namespace}}
    (folder / "manifest.yaml").write_text(json.dumps(filed))
    kubeconfig = place / "kubeconfig"
    kubeconfig.write_text(cluster.kubectl("config", "view", "--raw", "--flatten", "--minify").ok())
    kubeconfig.chmod(0o600)
    shell = Shell(kubeconfig, place, SECONDS * cluster.patience)
    made = Stage(cluster, names, shell, folder, cluster.serves(GROUPS["certificates"]))
    made.set_up()
    made.wait()
    return made


def check(stage: Stage, form: CommandForm) -> None:
    """Run the form and hold it to what it promises."""
    filled = stage.prepare(form)
    try:
        code, said = stage.shell.run(filled)
    finally:
        stage.restore(form)
    assert code in {form.exit, *form.also_exits}, (
        f"kubectl {' '.join(filled.kubectl)} ended with {code} and said: {said}"
    )
    assert missing(filled, said) == (), said


def vars_of(cluster: Cluster) -> dict[str, str]:
    """The images, by the words that the stage's files have for them."""
    images = cluster.images
    return {name: getattr(images, name) for name in type(images).__dataclass_fields__}
