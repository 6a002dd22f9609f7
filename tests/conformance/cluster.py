"""The cluster under test, as tests use it: clients, kubectl, waiting."""

from __future__ import annotations

import importlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

KUBECTL = Path(sys.executable).parent / "kubectl"
PATIENCE = 60.0
"""Seconds that a pod may need to come and go; options multiply it for a cluster that needs more."""


@dataclass(frozen=True, slots=True)
class Images:
    """The images that the tests start."""

    shell: str
    redis: str
    web: str
    postgres: str
    app: str
    app_next: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a kubectl command said."""

    code: int
    out: str
    err: str

    def ok(self) -> str:
        assert self.code == 0, f"kubectl ended with {self.code}: {self.err}{self.out}"
        return self.out


@dataclass(frozen=True, slots=True)
class Answer:
    """A plain HTTP answer."""

    code: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Cluster:
    """A cluster that a kubeconfig leads to."""

    def __init__(self, kubeconfig: Path, images: Images, patience: float = 1.0, *, sandbox: bool) -> None:
        self.kubeconfig = kubeconfig
        self.sandbox = sandbox
        self.images = images
        self.patience = patience
        self._client: Any = None
        self._spaces: set[str] = set()
        self._home = tempfile.TemporaryDirectory(prefix="drillbook-kubectl-")

    def client(self) -> Any:
        """A new ApiClient: streams need one of their own."""
        return importlib.import_module("kubernetes.config").new_client_from_config(str(self.kubeconfig))

    def not_applicable(self, why: str) -> NoReturn:
        """Skip the test that runs: this cluster can't show it. A sandbox can show everything, so there it fails."""
        if self.sandbox:
            pytest.fail(f"a sandbox must be able to show this: {why}")
        pytest.skip(f"not applicable: {why}")

    def serves(self, group: str) -> bool:
        """Whether the cluster has an API group that not every cluster has."""
        return self.request("GET", f"/apis/{group}").code == 200

    def make_space(self) -> str:
        """A namespace of the suite's own, ready for pods: what every namespace gets by itself is there."""
        core = importlib.import_module("kubernetes.client").CoreV1Api(self.api)
        made = str(core.create_namespace({"metadata": {"generateName": "conformance-"}}).metadata.name)
        self._spaces.add(made)
        self.eventually(lambda: core.read_namespaced_service_account("default", made))
        self.eventually(lambda: core.read_namespaced_config_map("kube-root-ca.crt", made))
        return made

    def drop_space(self, name: str) -> None:
        """Delete a namespace; it is gone some time later."""
        self.request("DELETE", f"/api/v1/namespaces/{name}")

    def close(self) -> None:
        """Wait until every namespace of the suite is gone."""
        for name in self._spaces:
            self.drop_space(name)
        self.eventually(lambda: all(self.request("GET", f"/api/v1/namespaces/{n}").code == 404 for n in self._spaces))
        self._home.cleanup()

    @property
    def api(self) -> Any:
        """The ApiClient that calls without streams share."""
        if self._client is None:
            self._client = self.client()
        return self._client

    def kubectl(self, *arguments: str, stdin: str | None = None, kubeconfig: Path | None = None) -> Said:
        """Run the real kubectl."""
        done = subprocess.run(
            [str(KUBECTL), "--kubeconfig", str(kubeconfig or self.kubeconfig), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE * self.patience,
            check=False,
            env=os.environ | {"HOME": self._home.name},
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """A plain request, for what the official client would not even send."""
        configuration = self.api.configuration
        context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        # A server looks at a certificate first: whoever comes with another's token must come without one.
        if configuration.cert_file and "Authorization" not in headers:
            context.load_cert_chain(configuration.cert_file, configuration.key_file)
        sent = {"Content-Type": "application/json", "Accept": "application/json"}
        sent |= {entry["key"]: entry["value"] for entry in configuration.auth_settings().values()}
        sent = {name.title(): value for name, value in sent.items()}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(configuration.host + path, data, sent, method=method)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        try:
            with opener.open(request, timeout=30) as answer:
                return Answer(answer.status, answer.read())
        except urllib.error.HTTPError as refused:
            return Answer(refused.code, refused.read())

    def eventually[T](self, look: Callable[[], T], within: float = PATIENCE) -> T:
        """The first truthy value that ``look`` returns; API errors and falsehood are waited out, for so many seconds
        times the cluster's patience.
        """
        refusal = importlib.import_module("kubernetes.client").ApiException
        within *= self.patience
        until = time.monotonic() + within
        last: Any = None
        while time.monotonic() < until:
            try:
                last = look()
                if last:
                    return last  # type: ignore[no-any-return]
            except refusal as error:
                last = error
            time.sleep(0.1)
        raise AssertionError(f"not so within {within:.0f} s; the last look: {last}")


def refused(action: Callable[[], Any]) -> tuple[int, Any]:
    """The code and the Status of a call that must fail."""
    with pytest.raises(importlib.import_module("kubernetes.client").ApiException) as failed:
        action()
    error: Any = failed.value
    return error.status, json.loads(error.body or "{}")


def fields(status: Any) -> set[str]:
    """The fields that a 422 names."""
    return {cause["field"] for cause in status["details"]["causes"]}
