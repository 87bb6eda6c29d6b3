#!/usr/bin/env python3
"""Compares two files of verdicts on the same cases, and prints each request they disagree about.

compare.py CASES OURS ENVOYS
"""

import collections
import json
import sys

SHOWN = 5


def main(cases, ours, envoys):
    counts = collections.Counter()
    shown = 0
    with open(cases) as cases, open(ours) as ours, open(envoys) as envoys:
        for case, our, envoy in zip(map(json.loads, cases), map(json.loads, ours), map(json.loads, envoys), strict=True):
            assert case["id"] == our["id"] == envoy["id"], (case["id"], our["id"], envoy["id"])
            if "error" in envoy or not envoy.get("verdicts"):
                counts["cases without a verdict of Envoy"] += 1
                continue
            for request, one, other in zip(case["requests"], our["verdicts"], envoy["verdicts"], strict=True):
                if other in ("rejected", "nack"):
                    counts[other] += 1
                    continue
                counts[other if one == other else "different"] += 1
                if one != other and shown < SHOWN:
                    shown += 1
                    print(f"{case['id']}: we say {one}, Envoy says {other}", file=sys.stderr)
                    print(json.dumps({**case, "requests": [request]}, indent=1), file=sys.stderr)
    print(", ".join(f"{count} {word}" for word, count in sorted(counts.items())))
    return 1 if counts["different"] or not counts["allow"] or not counts["deny"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
