"""``python -m drillbook.sandbox.refapp ROLE``: start the service in one of its roles; ends with 0 after SIGTERM."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module

from drillbook.errors import ConfigError
from drillbook.sandbox.refapp.settings import PORTS, read


def main(arguments: list[str]) -> int:
    """Run the role; returns the exit code: 1 where it can't start, 2 where it is called wrongly."""
    if len(arguments) != 1 or arguments[0] not in PORTS:
        print(f"expected one role of {', '.join(PORTS)}, found {' '.join(arguments) or 'none'}", file=sys.stderr)
        return 2
    try:
        settings = read(arguments[0])
        asyncio.run(import_module(f"drillbook.sandbox.refapp.{settings.role}").run(settings))
    except (ConfigError, OSError) as error:
        print(f"{arguments[0]} can't start: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
