#!/usr/bin/env python3
"""Compares two readings of the YAML we emit: PyYAML's, which follows YAML 1.1, and our own.

In come a folder of emitted files and a JSON file that maps each file's path (relative to the folder) to the value our
reader found in it. Out comes one line for each file on which the two disagree. A string such as `on`, `1e3` or `12:30`
that was written without quotes is read as something else by one of them, and shows up here.

usage: roundtrip.py FOLDER OBJECTS.json
"""

import json
import pathlib
import sys

import yaml


class StrictLoader(yaml.SafeLoader):
    """PyYAML's safe loader, which on its own lets the last of two equal keys win."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is written twice", node.start_mark)
        return super().construct_mapping(node, deep)


def difference(ours, theirs, where="$"):
    """Returns where two values first differ, or None. Types count: 1, 1.0, True and "1" are four values."""
    if type(ours) is not type(theirs):
        return f"{where}: ours is {ours!r} ({type(ours).__name__}), PyYAML's is {theirs!r} ({type(theirs).__name__})"
    if isinstance(ours, dict):
        if list(ours) != list(theirs):
            return f"{where}: our keys are {list(ours)!r}, PyYAML's are {list(theirs)!r}"
        pairs = ((ours[key], theirs[key], f"{where}.{key}") for key in ours)
    elif isinstance(ours, list):
        if len(ours) != len(theirs):
            return f"{where}: {len(ours)} items in ours, {len(theirs)} in PyYAML's"
        pairs = ((a, b, f"{where}[{index}]") for index, (a, b) in enumerate(zip(ours, theirs)))
    else:
        return None if ours == theirs else f"{where}: ours is {ours!r}, PyYAML's is {theirs!r}"
    return next((found for found in (difference(*pair) for pair in pairs) if found), None)


def check(path, value):
    """Returns what is wrong with one file, or None."""
    try:
        documents = list(yaml.load_all(path.read_text(encoding="utf-8"), Loader=StrictLoader))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return "PyYAML: " + " ".join(str(error).split())
    if len(documents) != 1:
        return f"{len(documents)} documents where one is wanted"
    return difference(value, documents[0])


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder = pathlib.Path(arguments[0])
    try:
        objects = json.loads(pathlib.Path(arguments[1]).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        print(f"{arguments[1]}: {error}", file=sys.stderr)
        return 2
    present = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix in (".yaml", ".yml") and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }

    passed = failed = 0
    for name in sorted(present | set(objects)):
        if name not in objects:
            problem = "our reader gave no value for this file"
        elif name not in present:
            problem = "there is no such file"
        else:
            problem = check(folder / name, objects[name])
        if problem:
            failed += 1
            print(f"{name}: {problem}")
        else:
            passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
