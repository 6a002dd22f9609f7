"""Where things are on this machine: systems, experiments, reports, and the state of running sandboxes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from drillbook.errors import ConfigError

PACKAGE = Path(__file__).resolve().parent


def bundled(folder: str) -> Path:
    """A folder that travels with Drillbook: beside the package in a checkout, inside it in a wheel."""
    beside = PACKAGE.parent / folder
    return beside if (PACKAGE.parent / "pyproject.toml").is_file() else PACKAGE / "_bundled" / folder


def system_dir(name: str) -> Path:
    """The folder of a system: ``systems/NAME`` below the working directory, else the one that travels along.

    Raises ConfigError when there is no such system; the sentence lists those that there are.
    """
    roots = [Path.cwd() / "systems", bundled("systems")]
    for root in roots:
        if name in _systems(root):
            return root / name
    known = sorted({found for root in roots for found in _systems(root)})
    raise ConfigError(
        f"no system named {name!r}: expected systems/{name} with a policy.yaml or manifests below {Path.cwd()}; "
        f"the systems here are {', '.join(known) or 'none'}"
    )


def _systems(root: Path) -> set[str]:
    """The names of the systems in a folder; some have manifests for a sandbox, and no policy yet."""
    return {found.parent.name for shape in ("*/policy.yaml", "*/manifests") for found in root.glob(shape)}


def experiment_file(name: str) -> Path:
    """The experiment called ``name`` (or a path to one)."""
    given = Path(name)
    if given.suffix in {".yaml", ".yml", ".json"} and given.is_file():
        return given
    roots = [Path.cwd() / "experiments", bundled("experiments")]
    for root in roots:
        if (root / f"{name}.yaml").is_file():
            return root / f"{name}.yaml"
    known = sorted({p.stem for root in roots for p in root.glob("*.yaml")})
    raise ConfigError(f"no experiment named {name!r}: expected experiments/{name}.yaml; there are {', '.join(known)}")


def reports_root() -> Path:
    """Where runs land: ``$DRILLBOOK_REPORTS``, else ``reports`` below the working directory."""
    return Path(os.environ.get("DRILLBOOK_REPORTS") or Path.cwd() / "reports")


def state_root() -> Path:
    """Where running sandboxes keep their state: ``$DRILLBOOK_STATE``, else a private folder below the temporary one.

    Short on purpose: PostgreSQL's socket path must fit into 107 bytes.
    """
    given = os.environ.get("DRILLBOOK_STATE")
    return Path(given) if given else Path(tempfile.gettempdir()) / f"drillbook-{os.getuid()}"


def sandbox_dir(name: str) -> Path:
    """The state folder of the sandbox called ``name``; it exists while that sandbox runs."""
    return state_root() / name
