"""Verifies the envelopes of Sigstore bundles with securesystemslib.

envelope.py PUBLIC_KEY BUNDLE...
"""

import json
import sys

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

with open(sys.argv[1], "rb") as file:
    key = SSlibKey.from_crypto(load_pem_public_key(file.read()))
if len(sys.argv) < 3:
    sys.exit("no bundle was given")
for name in sys.argv[2:]:
    with open(name, encoding="utf-8") as file:
        envelope = json.load(file)["dsseEnvelope"]
    for signature in envelope["signatures"]:
        # DSSE leaves the name of the key out where there is nothing to say; the library asks for one.
        signature.setdefault("keyid", key.keyid)
    Envelope.from_dict(envelope).verify([key], 1)
print(f"{len(sys.argv) - 2} envelopes")
