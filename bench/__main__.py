"""``python -m bench``: takes the measurements and prints the table. Exit code 1 when a limit was missed."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import table
from bench.catalogue import MEASUREMENTS
from bench.ground import Ground
from bench.measurement import Measurement, Result


def main(argv: Sequence[str] | None = None) -> int:
    names = [measurement.name for measurement in MEASUREMENTS]
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures what Drillbook promises.")
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the samples there too")
    arguments = parser.parse_args(argv)
    chosen = [found for found in MEASUREMENTS if not arguments.only or found.name in arguments.only]
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f}", flush=True)  # other work on the machine makes everything slower
    results = measure(chosen)
    print(table.text(results))
    if arguments.json:
        arguments.json.write_text(json.dumps(table.record(results), indent=2) + "\n")
    return 0 if all(result.kept for result in results) else 1


def measure(chosen: Sequence[Measurement]) -> list[Result]:
    """Take the measurements one after another; nothing is left running."""
    ground, results = Ground(), []
    try:
        for measurement in chosen:
            print(f"  {measurement.name}: {measurement.what} ...", file=sys.stderr, flush=True)
            results.append(Result(measurement, tuple(measurement.take(ground))))
    finally:
        ground.leave()
    return results


if __name__ == "__main__":
    sys.exit(main())
