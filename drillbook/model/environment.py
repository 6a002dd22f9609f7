"""An environment is *where* to look: cluster, addresses, credentials by reference. No promise, no secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from drillbook.model.attestation import Attestation
from drillbook.model.policy import AnyLimit
from drillbook.model.window import Window


class EnvironmentClass(StrEnum):
    """How careful to be."""

    SANDBOX = "sandbox"
    STAGING = "staging"
    PRODUCTION = "production"


USUAL_RATE: Final = 100
"""Requests per second that checks send at most where an environment doesn't say."""
MOST_RATE: Final = 1000


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Where a credential is: exactly one of the three. Its value never enters a record."""

    env: str | None = None
    file: Path | None = None
    secret: tuple[str, str, str] | None = None
    """Namespace, name and key of a Kubernetes Secret."""

    def __str__(self) -> str:
        if self.secret:
            return "Secret {}/{} key {}".format(*self.secret)
        return f"${self.env}" if self.env else f"file {self.file}"


@dataclass(frozen=True, slots=True)
class Reach:
    """How to reach one component: an address of its own, else what the cluster says of its Ingress or Service."""

    address: str | None = None
    """``host:port`` or a URL; where it is missing, the cluster's Ingress or Service address is used."""
    ca: Path | None = None
    """A CA bundle to trust beside the system's; a sandbox writes one."""
    password: SecretReference | None = None


@dataclass(frozen=True, slots=True)
class GivenLimit:
    """A limit that the team decided on where its runbook gives none."""

    limit: AnyLimit
    reason: str
    line: int
    """Of the environment's file."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """What is asked otherwise here: a sandbox has no ten minutes for a condition to last."""


@dataclass(frozen=True, slots=True)
class GivenTime:
    """The time in which a drill must recover, decided on by the team where its runbook gives none."""

    within: timedelta
    reason: str
    line: int
    """Of the environment's file."""


@dataclass(frozen=True, slots=True)
class Environment:
    """One place where a system runs."""

    name: str
    environment_class: EnvironmentClass
    path: Path
    sandbox: str | None = None
    """The name of the sandbox, for environments of class ``sandbox``."""
    kubeconfig: Path | None = None
    context: str | None = None
    cluster_uid: str | None = None
    """UID of the ``kube-system`` namespace: what the guard knows a cluster by. A sandbox's is read from its state."""
    components: Mapping[str, Reach] = field(default_factory=dict)
    drills_allowed: bool = False
    windows: tuple[Window, ...] = ()
    """When drills are allowed, and when they are forbidden, beside what the runbook says."""
    most_pods: int | None = None
    """The most that any drill may hit here, whatever its experiment allows."""
    most_percent: int | None = None
    outage_budget: timedelta | None = None
    """How long users may be without good answers in one drill before it is stopped."""
    rate: int | None = None
    """The most requests per second that checks may send here; None where the file says none."""
    limits: Mapping[str, GivenLimit] = field(default_factory=dict)
    """By objective: the limits that the runbook names and doesn't give."""
    journal: str | None = None
    """The namespace that keeps lock and undo journal of a drill which takes the system's own namespace away."""
    drill_times: Mapping[str, GivenTime] = field(default_factory=dict)
    """By drill: the times to recover in that the runbook doesn't give."""
    attestations: Mapping[str, Attestation] | None = None
    """By the objective that each answers; None where there is no file of attestations."""

    @property
    def most_requests_per_second(self) -> int:
        """The cap on all samples of answers together; a sandbox has no users whom they could disturb."""
        if self.rate is not None:
            return self.rate
        return MOST_RATE if self.environment_class is EnvironmentClass.SANDBOX else USUAL_RATE

    @property
    def attestations_file(self) -> Path:
        """Where people attest for this environment: beside the folder of its own file."""
        return self.path.parent.parent / "attestations" / f"{self.name}.yaml"

    @property
    def asks_people(self) -> bool:
        """Whether attested objectives are asked for here: a sandbox has no people, unless somebody attests for it."""
        return self.environment_class is not EnvironmentClass.SANDBOX or self.attestations is not None
