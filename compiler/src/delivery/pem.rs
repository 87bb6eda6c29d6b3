//! Public keys of those who sign artifacts.
//!
//! In: the text of a file. Out: the key as PEM, or why it is none that both cosign and Flux verify with. Only ECDSA on P-256
//! is taken: what is signed here is signed with that, and Ed25519 is hashed first by one of the two and not by the other.

use base64::prelude::{BASE64_STANDARD, Engine as _};

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// What a public key on P-256 begins with before its point, which is not compressed (RFC 5480, sections 2.1 and 2.2).
const P256: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// Reads a file with one public key.
///
/// # Errors
/// Says in the words of a diagnostic what else it holds.
pub fn read(text: &str) -> Result<String, String> {
    is_public(text)?;
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let [BEGIN, body @ .., END] = lines.as_slice() else {
        return Err("is not one public key in PEM".to_owned());
    };
    let der = BASE64_STANDARD.decode(body.concat()).map_err(|_| "is not one public key in PEM".to_owned())?;
    if der.len() != P256.len() + 64 || !der.starts_with(&P256) {
        return Err("is not a key for ECDSA on P-256".to_owned());
    }
    Ok(format!("{}\n", lines.join("\n")))
}

/// Refuses private keys of any form: these files end in manifests.
///
/// # Errors
/// When the text holds one.
pub(super) fn is_public(text: &str) -> Result<(), String> {
    let is_private = |line: &str| line.trim_start().starts_with("-----BEGIN") && line.contains("PRIVATE");
    if text.lines().any(is_private) { Err("holds a private key".to_owned()) } else { Ok(()) }
}
