"""Takes an OCI image layout apart, by the specification and nothing of ours.

layout.py LAYOUT NAME FOLDER writes, for the artifact of that name:
    digest                  its digest
    files/                  the files of its layer
    bundles/N.json          the bundles that refer to it
    payload, signature      what the old kind of signature signs, and that, in DER
"""

import base64
import hashlib
import io
import json
import pathlib
import sys
import tarfile

layout, name, out = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
index = json.loads((layout / "index.json").read_text())
names = {entry["annotations"]["org.opencontainers.image.ref.name"]: entry for entry in index["manifests"]}


def blob(descriptor):
    algorithm, digest = descriptor["digest"].split(":")
    content = (layout / "blobs" / algorithm / digest).read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest and len(content) == descriptor["size"], descriptor
    return content


subject = names[name]
manifest = json.loads(blob(subject))
config, [layer] = json.loads(blob(manifest["config"])), manifest["layers"]
packed = blob(layer)
with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:
    tar.extractall(out / "files", filter="data")
diff = hashlib.sha256(__import__("gzip").decompress(packed)).hexdigest()
assert config["rootfs"]["diff_ids"] == [f"sha256:{diff}"], config
(out / "digest").write_text(subject["digest"])
tag = subject["digest"].replace(":", "-")
(out / "bundles").mkdir()
for at, entry in enumerate(json.loads(blob(names[tag]))["manifests"]):
    referrer = json.loads(blob(entry))
    assert referrer["subject"]["digest"] == subject["digest"], referrer
    assert referrer["artifactType"] == "application/vnd.dev.sigstore.bundle.v0.3+json", referrer
    blob(referrer["config"])
    [bundle] = referrer["layers"]
    (out / "bundles" / f"{at}.json").write_bytes(blob(bundle))
old = json.loads(blob(names[f"{tag}.sig"]))
blob(old["config"])
[payload] = old["layers"]
(out / "payload").write_bytes(blob(payload))
assert json.loads(blob(payload))["critical"]["image"]["docker-manifest-digest"] == subject["digest"]
(out / "signature").write_bytes(base64.b64decode(payload["annotations"]["dev.cosignproject.cosign/signature"]))
