#!/usr/bin/env python3
"""Says what Envoy decides about requests, under policies that Istio's own code turned into its configuration.

In come cases and out come verdicts, one JSON object a line; README.md beside this has both forms."""

import argparse
import contextlib
import json
import sys
import time

import install


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="?", default="-", help="a file of cases, or - for standard input")
    parser.add_argument("--versions", default=install.VERSIONS[-1], help="versions of Envoy, the first one answers; or `all`")
    parser.add_argument("--batch", type=int, default=1500, help="cases in one configuration")
    parser.add_argument("--quiet", action="store_true", help="no line about speed")
    arguments = parser.parse_args()
    versions = install.VERSIONS if arguments.versions == "all" else tuple(arguments.versions.split(","))
    try:
        install.ensure_interpreter()
        from oracle import Oracle
        oracle = Oracle(versions)
    except install.Missing as reason:
        print(f"envoy: skipped, {reason}", file=sys.stderr)
        return 3
    source = sys.stdin if arguments.cases == "-" else open(arguments.cases, encoding="utf-8")
    cases = requests = differing = 0
    started = time.monotonic()
    with contextlib.closing(oracle), source:
        for batch in batches(source, arguments.batch):
            for answer in oracle.answer(batch):
                cases += 1
                requests += len(answer.get("verdicts", ()))
                differing += "others" in answer
                print(json.dumps(answer, separators=(",", ":")))
    seconds = time.monotonic() - started
    if not arguments.quiet:
        print(f"envoy {', '.join(versions)}: {cases} cases, {requests} requests in {seconds:.1f} s, "
              f"{requests * len(versions) / max(seconds, 0.001):.0f} a second"
              + (f"; the versions differ on {differing} cases" if differing else ""), file=sys.stderr)
    return 1 if differing else 0


def batches(source, size):
    batch = []
    for line in source:
        if line.strip():
            batch.append(json.loads(line))
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


if __name__ == "__main__":
    sys.exit(main())
