#!/usr/bin/env python3
"""Compares two files of verdicts on the same connections, and prints some that they disagree about.

compare.py CASES OURS THEIRS

Ours may say that it depends where theirs is sure, for theirs knows the address of each pod; not the other way round.
"""

import collections
import json
import sys

SHOWN = 3
# How many in a hundred may depend: saying so of everything would agree with anything.
MOST_UNSURE = 5


def main(cases, ours, theirs):
    counts = collections.Counter()
    shown = 0
    with open(cases) as cases, open(ours) as ours, open(theirs) as theirs:
        for case, our, their in zip(map(json.loads, cases), map(json.loads, ours), map(json.loads, theirs), strict=True):
            assert case["id"] == our["id"] == their["id"], (case["id"], our["id"], their["id"])
            for connection, one, other in zip(case["connections"], our["verdicts"], their["verdicts"], strict=True):
                agree = one == other or one == "depends"
                counts[one if agree else "different"] += 1
                if not agree and shown < SHOWN:
                    shown += 1
                    print(f"{case['id']}: we say {one}, the oracle says {other}", file=sys.stderr)
                    print(json.dumps({**case, "connections": [connection]}), file=sys.stderr)
    print(", ".join(f"{count} {word}" for word, count in sorted(counts.items())))
    told = counts["allow"] and counts["deny"] and counts["depends"] * 100 < counts.total() * MOST_UNSURE
    return 1 if counts["different"] or not told else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
