"""Compares the objects of a cluster's folder with what kustomize built of it.

objects.py FOLDER BUILT...
"""

import pathlib
import sys

import yaml

folder, built = pathlib.Path(sys.argv[1]), sys.argv[2:]


def key(value):
    metadata = value["metadata"]
    return (value["apiVersion"], value["kind"], metadata.get("namespace"), metadata["name"])


def objects(texts):
    found = {}
    for text in texts:
        for value in yaml.safe_load_all(text):
            if value is None:
                continue
            assert key(value) not in found, f"twice: {key(value)}"
            found[key(value)] = value
    return found


emitted = objects(path.read_text() for path in folder.rglob("*.yaml") if path.name != "kustomization.yaml")
assert emitted, f"no objects in {folder}"
for name in built:
    other = objects([pathlib.Path(name).read_text()])
    for one in sorted(emitted.keys() ^ other.keys(), key=str):
        sys.exit(f"only {'emitted' if one in emitted else 'built'}: {one}")
    for one, value in emitted.items():
        if value != other[one]:
            sys.exit(f"built as another: {one}")
