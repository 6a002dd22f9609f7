"""Which cluster an environment means, and which authority to trust there."""

from __future__ import annotations

from pathlib import Path

from drillbook import places
from drillbook.errors import ConfigError, Unreachable
from drillbook.model.environment import Environment, EnvironmentClass


def kubeconfig_of(environment: Environment) -> Path | None:
    """The kubeconfig to use; None means the usual ones (``$KUBECONFIG``, ``~/.kube/config``, inside a pod its own).

    A sandbox's is in its state folder. Raises Unreachable when that sandbox isn't running, ConfigError when a file that
    the environment names isn't there.
    """
    given = environment.kubeconfig
    if given is not None:
        if not given.is_file():
            raise ConfigError(f"no kubeconfig at {given}, which environment {environment.name!r} names")
        return given
    if environment.environment_class is not EnvironmentClass.SANDBOX:
        return None
    name = sandbox_name(environment)
    path = places.sandbox_dir(name) / "kubeconfig"
    if not path.is_file():
        system = system_of(environment)
        named = "" if name == system else f" --name {name}"
        raise Unreachable(f"no sandbox {name!r} is running: start it with `drillbook sandbox up {system}{named}`")
    return path


def authority_of(environment: Environment, component: str | None) -> Path | None:
    """The CA bundle to trust beside the system's when talking to a component; a sandbox's own unless one is given."""
    reach = environment.components.get(component) if component else None
    if reach is not None and reach.ca is not None:
        if not reach.ca.is_file():
            raise ConfigError(f"no CA bundle at {reach.ca}, which {environment.path} names for component {component!r}")
        return reach.ca
    if environment.environment_class is EnvironmentClass.SANDBOX:
        bundle = places.sandbox_dir(sandbox_name(environment)) / "ca.crt"
        return bundle if bundle.is_file() else None
    return None


def sandbox_name(environment: Environment) -> str:
    """The name of the sandbox that an environment of class ``sandbox`` lives in: its own unless it says another."""
    return environment.sandbox or system_of(environment)


def system_of(environment: Environment) -> str:
    """The system that an environment is one of: ``systems/NAME/environments/ENVIRONMENT.yaml``."""
    return environment.path.parent.parent.name
