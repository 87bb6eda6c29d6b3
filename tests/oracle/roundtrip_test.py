#!/usr/bin/env python3
"""Shows that roundtrip.py can say no: each file below is read differently by the two readers, or is not read at all."""

import contextlib
import io
import json
import pathlib
import tempfile

import roundtrip

GOOD = 'a: "on"\nb: [1, true, null, "0o7", "12:30"]\nc: {d: "~"}\n'
GOOD_VALUE = {"a": "on", "b": [1, True, None, "0o7", "12:30"], "c": {"d": "~"}}

WRONG = {
    "an unquoted word that is a boolean in YAML 1.1": ("a: on\n", {"a": "on"}),
    "an unquoted time that is a number in YAML 1.1": ("a: 12:30\n", {"a": "12:30"}),
    "an unquoted octal of YAML 1.1": ("a: 010\n", {"a": 10}),
    "a date": ("a: 2027-01-01\n", {"a": "2027-01-01"}),
    "a number for a string": ("a: 1\n", {"a": "1"}),
    "true for one": ("a: true\n", {"a": 1}),
    "another order of keys": ("a: 1\nb: 2\n", {"b": 2, "a": 1}),
    "a key written twice": ("a: 1\na: 1\n", {"a": 1}),
    "two documents": ("a: 1\n---\na: 1\n", {"a": 1}),
    "no document": ("# nothing\n", {"a": 1}),
    "a list cut short": ("a: [1]\n", {"a": [1, 2]}),
    "broken YAML": ("a: [\n", {"a": []}),
}


def compare(files, objects):
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder, "tree")
        for name, text in files.items():
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        values = pathlib.Path(folder, "objects.json")
        values.write_text(json.dumps(objects), encoding="utf-8")
        with contextlib.redirect_stdout(io.StringIO()) as out:
            status = roundtrip.main([str(tree), str(values)])
        return status, out.getvalue()


def expect(name, got, status, text):
    assert got[0] == status and text in got[1], f"{name}: {got}"


expect("equal", compare({"x/a.yaml": GOOD}, {"x/a.yaml": GOOD_VALUE}), 0, "1 passed, 0 failed")
for name, (text, value) in WRONG.items():
    expect(name, compare({"a.yaml": text}, {"a.yaml": value}), 1, "0 passed, 1 failed")
expect("unread", compare({"a.yaml": GOOD, "b.yaml": GOOD}, {"a.yaml": GOOD_VALUE}), 1, "1 passed, 1 failed")
expect("missing", compare({"a.yaml": GOOD}, {"a.yaml": GOOD_VALUE, "b.yaml": 1}), 1, "1 passed, 1 failed")
expect("empty", compare({}, {}), 1, "0 passed, 0 failed")
print(f"{len(WRONG) + 4} passed, 0 failed")
