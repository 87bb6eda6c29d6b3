"""Signs the tokens of requests. One key pair a run; its public half stands in for every key set a policy fetches."""

import base64
import copy
import functools
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

# Far from today in both directions: no run depends on the clock.
ISSUED, EXPIRES = 1_000_000_000, 9_000_000_000


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Keys:
    """The key pair of a run."""

    def __init__(self):
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.stranger = ec.generate_private_key(ec.SECP256R1())
        public = self.private.public_key().public_numbers()
        self.jwks = json.dumps({"keys": [{
            "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "test",
            "x": encode(public.x.to_bytes(32, "big")), "y": encode(public.y.to_bytes(32, "big")),
        }]})
        self.sign = functools.lru_cache(maxsize=65536)(self._sign)

    def put_into(self, objects):
        """Returns the objects with the run's key set in every rule that brings none of its own."""
        return [self._with_keys(each) if each.get("kind") == "RequestAuthentication" else each for each in objects]

    def _with_keys(self, authentication):
        changed = copy.deepcopy(authentication)
        for rule in (changed.get("spec") or {}).get("jwtRules") or []:
            if rule.get("jwks") in (None, "", "TEST"):
                rule.pop("jwksUri", None)
                rule["jwks"] = self.jwks
        return changed

    def token(self, wanted, issuer):
        """Returns the token a request asks for: claims, or "invalid", which is of the right issuer but wrongly signed."""
        if wanted == "invalid":
            return self.sign(json.dumps({"iss": issuer, "sub": "nobody", "exp": EXPIRES}), False)
        claims = {"iat": ISSUED, "exp": EXPIRES, **(wanted.get("claims") or {})}
        claims.update((key, value) for key, value in wanted.items() if key != "claims" and value is not None)
        return self.sign(json.dumps(claims), True)

    def _sign(self, claims, valid):
        text = encode(b'{"alg":"ES256","kid":"test","typ":"JWT"}') + "." + encode(claims.encode())
        key = self.private if valid else self.stranger
        r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return text + "." + encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
