"""Credentials: read by reference when they are needed, and never shown."""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
from collections.abc import Awaitable, Callable
from typing import NoReturn

from drillbook.clients.kube import Kube, path_of
from drillbook.errors import ConfigError
from drillbook.model.environment import SecretReference


class Secret:
    """A value that neither ``repr``, ``str``, f-strings nor pickling give away: only ``reveal`` does."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret can't be pickled or copied")


async def read_secret(reference: SecretReference, kube: Callable[[], Awaitable[Kube]]) -> Secret:
    """The value that a reference points to; ``kube`` is only asked for a reference to a Kubernetes Secret.

    Raises ConfigError where the variable, file, Secret or key isn't there.
    """
    if reference.env is not None:
        if reference.env not in os.environ:
            raise ConfigError(f"expected a credential in the environment variable {reference.env}, which is not set")
        return Secret(os.environ[reference.env])
    if reference.file is not None:
        try:
            return Secret((await asyncio.to_thread(reference.file.read_text)).rstrip("\n"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"expected a credential in {reference.file}: {error}") from error
    if reference.secret is None:
        raise ConfigError("expected a credential by env, file or secret, found none of them")
    namespace, name, key = reference.secret
    found = await (await kube()).find(path_of("secrets", namespace, name))
    data = (found or {}).get("data") or {}
    if key not in data:
        what = f"has no key {key!r}" if found else "isn't there"
        raise ConfigError(f"expected a credential in Secret {namespace}/{name}, which {what}")
    try:
        return Secret(base64.b64decode(data[key], validate=True).decode())
    except (binascii.Error, UnicodeDecodeError):
        # Without the cause: its message may quote the value.
        raise ConfigError(f"expected base64 of UTF-8 text in Secret {namespace}/{name} key {key}") from None
