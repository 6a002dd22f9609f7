"""How the cluster's client is made and what its network errors mean, with the official library's own means."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from drillbook.clients.wording import cause_of
from drillbook.errors import ConfigError, Unreachable

if TYPE_CHECKING:
    from kubernetes.aio.client import ApiClient


async def new_client(kubeconfig: Path | None, context: str | None) -> ApiClient:
    """A client for one event loop. Raises ConfigError where no configuration can be read."""
    import yaml
    from kubernetes.aio import config
    from kubernetes.aio.client import ApiClient, Configuration

    settings = Configuration()
    source = str(kubeconfig) if kubeconfig else _usual_kubeconfig()
    try:
        if source:
            load: Any = config.load_kube_config
            await load(source, context, settings, persist_config=False)
        else:
            source = "the service account of this pod"
            load = config.load_incluster_config
            load(settings)
    except (config.ConfigException, yaml.YAMLError, OSError, KeyError, TypeError, ValueError) as error:
        where = f"{source} (context {context})" if context else source
        raise ConfigError(f"no cluster configuration can be read from {where}: {error}") from error
    # As in Go's and kubectl's own rule: a proxy from the environment is never asked for a loopback address.
    host = urlsplit(settings.host).hostname or ""
    if host == "localhost" or host.startswith("127.") or host == "::1":
        settings.client_session_kwargs = {"trust_env": False}
    return ApiClient(settings)


def _usual_kubeconfig() -> str:
    """``$KUBECONFIG`` (a list of files, merged) or ``~/.kube/config``; empty where none of them is there."""
    named = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    return named if any(Path(name).is_file() for name in named.split(os.pathsep)) else ""


@asynccontextmanager
async def translated(server: str, seconds: float) -> AsyncIterator[None]:
    """Network errors as sentences: a cluster that doesn't answer is Unreachable, whatever the library calls it."""
    import aiohttp  # lazily: --help must not pay for it

    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise Unreachable(f"the cluster at {server} did not answer within {seconds:g} s") from error
    except aiohttp.ClientConnectorCertificateError as error:
        raise Unreachable(
            f"the certificate of the cluster at {server} isn't trusted: {error.certificate_error}"
        ) from error
    except (aiohttp.ClientError, OSError) as error:
        raise Unreachable(f"the cluster at {server} can't be reached: {cause_of(error)}") from error
