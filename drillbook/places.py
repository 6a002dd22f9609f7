"""Where things are on this machine: systems, experiments, reports, and the state of running sandboxes."""

from __future__ import annotations

import os
import shutil
import sys
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
    known = system_names()
    raise ConfigError(
        f"no system named {name!r}: expected systems/{name} with a policy.yaml or manifests below {Path.cwd()}; "
        f"the systems here are {', '.join(known) or 'none'}"
    )


def systems_with_policy() -> tuple[str, ...]:
    """The names of the systems that can be checked and drilled, below the working directory or travelling along."""
    roots = (Path.cwd() / "systems", bundled("systems"))
    return tuple(sorted({found.parent.name for root in roots for found in root.glob("*/policy.yaml")}))


def systems_in(environment: str) -> tuple[str, ...]:
    """The names of the systems that have an environment of that name. Raises ConfigError where there is none."""
    roots = (Path.cwd() / "systems", bundled("systems"))
    found = {path.parents[1].name for root in roots for path in root.glob(f"*/environments/{environment}.yaml")}
    if not found:
        raise ConfigError(f"no system has an environment {environment!r}: expected systems/*/environments/*.yaml")
    return tuple(sorted(found))


def system_names() -> list[str]:
    """Every system that ``system_dir`` knows, by name."""
    return sorted({found for root in (Path.cwd() / "systems", bundled("systems")) for found in _systems(root)})


def _systems(root: Path) -> set[str]:
    """The names of the systems in a folder; some have manifests for a sandbox or a runbook's rows, and no policy."""
    shapes = ("*/policy.yaml", "*/manifests", "*/requirements.yaml")
    return {found.parent.name for shape in shapes for found in root.glob(shape)}


def experiment_file(name: str) -> Path:
    """The experiment called ``name`` (or a path to one)."""
    given = Path(name)
    if given.suffix in {".yaml", ".yml", ".json"} and given.is_file():
        return given
    for root in _experiment_roots():
        if (root / f"{name}.yaml").is_file():
            return root / f"{name}.yaml"
    known = ", ".join(experiment_names())
    raise ConfigError(f"no experiment named {name!r}: expected experiments/{name}.yaml; there are {known}")


def experiment_names() -> tuple[str, ...]:
    """The experiments below the working directory and those that travel along."""
    return tuple(sorted({path.stem for root in _experiment_roots() for path in root.glob("*.yaml")}))


def _experiment_roots() -> tuple[Path, Path]:
    return Path.cwd() / "experiments", bundled("experiments")


def program(*names: str) -> Path | None:
    """The first program of these names that there is, beside this Python or on PATH; None where there is none."""
    beside = Path(sys.executable).parent
    found = (shutil.which(name, path=path) for name in names for path in (str(beside), None))
    return next((Path(one) for one in found if one), None)


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


def write_whole(handle: int, data: bytes) -> None:
    """Write all of it: the system may take less at once, as when the disk is nearly full. Raises OSError."""
    while data:
        data = data[os.write(handle, data) :]
