"""Reads YAML streams with PyYAML, a YAML 1.1 reader of another lineage.

In: one stream a line on standard input, in Base64. Out: one line for each, either a JSON list of its documents or an
exclamation mark and the error.
"""

import base64
import json
import sys

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

for line in sys.stdin:
    try:
        documents = [document for document in yaml.load_all(base64.b64decode(line), LOADER) if document is not None]
        answer = json.dumps(documents, allow_nan=False)
    except Exception as error:  # noqa: BLE001: whatever PyYAML throws is an answer
        answer = "!" + str(error).replace("\n", " ")
    print(answer)
