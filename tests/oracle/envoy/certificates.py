"""Certificates for the connections that need them: Envoy's own, and those of peers, all of one authority."""

import datetime
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DAY = datetime.timedelta(days=1)


class Certificates:
    """An authority of this run; its files lie in a folder that somebody else removes."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        # One key for all of them: who holds which is of no matter here.
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.key_file = self._write("key.pem", self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "oracle")])
        self.authority = self._issue("authority", x509.BasicConstraints(ca=True, path_length=0), self.name)
        self.peers = {}
        self.server = self.of("spiffe://cluster.local/ns/shop/sa/server")

    def of(self, peer):
        """Returns the file of a peer's certificate, which names it as Istio's do: by one URI."""
        if peer not in self.peers:
            names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(peer)])
            self.peers[peer] = self._issue(f"peer-{len(self.peers)}", names)
        return self.peers[peer]

    def _issue(self, file, extension, subject=None):
        now = datetime.datetime.now(datetime.timezone.utc)
        made = (x509.CertificateBuilder().subject_name(subject or x509.Name([])).issuer_name(self.name)
                .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now - DAY).not_valid_after(now + 30 * DAY)
                .add_extension(extension, critical=True).sign(self.key, hashes.SHA256()))
        return self._write(f"{file}.pem", made.public_bytes(serialization.Encoding.PEM))

    def _write(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return str(path)
