"""The Kubernetes client's half that nobody uses isn't imported, and is all there for whoever asks for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

_REGISTERED = "import sys, drillbook.clients; "


def said(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", _REGISTERED + code], capture_output=True, text=True, check=True, timeout=30
    ).stdout.strip()


def test_the_asynchronous_client_comes_without_the_synchronous_one() -> None:
    asked = "import kubernetes.aio.client, kubernetes.aio.config, kubernetes.aio.stream; "
    assert (
        said(asked + "print('kubernetes.config' in sys.modules, 'kubernetes.client' in sys.modules)") == "False False"
    )


@pytest.mark.parametrize(
    "asked",
    [
        "import kubernetes; print(kubernetes.client.CoreV1Api.__name__)",
        "from kubernetes import client; print(client.CoreV1Api.__name__)",
        "import kubernetes.client; print(kubernetes.client.CoreV1Api.__name__)",
        "import kubernetes.aio.client; from kubernetes import client, watch; print(client.CoreV1Api.__name__)",
    ],
)
def test_whoever_asks_for_the_synchronous_client_gets_it(asked: str) -> None:
    assert said(asked) == "CoreV1Api"


def test_what_the_package_does_not_have_it_does_not_have() -> None:
    assert said("import kubernetes; print(hasattr(kubernetes, 'nothing'), kubernetes.__version__[:1].isdigit())") == (
        "False True"
    )
