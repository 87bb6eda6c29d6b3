"""Writes or reads a private key the way cosign encrypts it, with other libraries than ours.

sealed.py seal PASSPHRASE < key.pem > sealed.pem
sealed.py open PASSPHRASE < sealed.pem > key.pem
"""

import base64
import hashlib
import json
import os
import sys

from cryptography.hazmat.primitives import serialization
from nacl.secret import SecretBox

LABEL = "ENCRYPTED SIGSTORE PRIVATE KEY"
verb, passphrase = sys.argv[1], sys.argv[2].encode()


def derived(salt, n, r, p):
    return hashlib.scrypt(passphrase, salt=salt, n=n, r=r, p=p, maxmem=2**28, dklen=32)


if verb == "seal":
    key = serialization.load_pem_private_key(sys.stdin.buffer.read(), None)
    der = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    salt, nonce = os.urandom(32), os.urandom(24)
    sealed = SecretBox(derived(salt, 65536, 8, 1)).encrypt(der, nonce).ciphertext
    text = lambda value: base64.b64encode(value).decode()
    body = {
        "kdf": {"name": "scrypt", "params": {"N": 65536, "r": 8, "p": 1}, "salt": text(salt)},
        "cipher": {"name": "nacl/secretbox", "nonce": text(nonce)},
        "ciphertext": text(sealed),
    }
    print(f"-----BEGIN {LABEL}-----\n{text(json.dumps(body).encode())}\n-----END {LABEL}-----")
else:
    lines = [line for line in sys.stdin.read().split("\n") if not line.startswith("-----")]
    body = json.loads(base64.b64decode("".join(lines)))
    read = lambda value: base64.b64decode(value)
    params = body["kdf"]["params"]
    box = SecretBox(derived(read(body["kdf"]["salt"]), params["N"], params["r"], params["p"]))
    der = box.decrypt(read(body["ciphertext"]), read(body["cipher"]["nonce"]))
    key = serialization.load_der_private_key(der, None)
    print(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        end="",
    )
