// Verifies Sigstore bundles with the project's own verifier.
//
//   node bundle.mjs PUBLIC_KEY BUNDLE...
//
// It prints a line for each bundle that is by the key; the first that is not ends it with 1.

import { createHash, createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";

import { bundleFromJSON } from "@sigstore/bundle";
import { Verifier, toSignedEntity, toTrustMaterial } from "@sigstore/verify";

const [keyFile, ...bundles] = process.argv.slice(2);
const key = createPublicKey(readFileSync(keyFile));
const der = key.export({ type: "spki", format: "der" });
const hint = createHash("sha256").update(der).digest("base64");
const empty = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
const trusted = { publicKey: key, validFor: () => true };
const material = toTrustMaterial(empty, (asked) => {
  if (asked !== hint) throw new Error(`the bundle names the key ${asked}, not ${hint}`);
  return trusted;
});
const verifier = new Verifier(material, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
for (const file of bundles) {
  const bundle = bundleFromJSON(JSON.parse(readFileSync(file, "utf8")));
  verifier.verify(toSignedEntity(bundle));
  const statement = JSON.parse(Buffer.from(bundle.content.dsseEnvelope.payload));
  console.log(`${statement.predicateType} ${statement.subject.length}`);
}
if (bundles.length === 0) throw new Error("no bundle was given");
