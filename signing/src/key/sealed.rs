//! Private keys as cosign keeps them: encrypted with a passphrase.
//!
//! In: PEM around JSON. Out: PKCS#8. The key of NaCl's secretbox is made from the passphrase by scrypt; the JSON says with which
//! costs (go-securesystemslib, `encrypted/encrypted.go`). Written with the costs that it writes today.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::Aead as _;
use crypto_secretbox::{KeyInit as _, Nonce, XSalsa20Poly1305};
use p256::elliptic_curve::Generate as _;
use serde_json::{Value, json};

use super::KeyError;

/// What cosign 2 and later call it.
pub(super) const LABEL: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
/// What cosign 1 called it.
pub(super) const OLD_LABEL: &str = "ENCRYPTED COSIGN PRIVATE KEY";

/// The costs that are written: 2^16 rounds of 8 blocks.
const ROUNDS: u8 = 16;
const BLOCKS: u32 = 8;
/// More rounds than this, or larger blocks, would take gigabytes: nobody writes such a key.
const MOST_ROUNDS: u8 = 20;
const MOST_BLOCKS: u64 = 32;

/// Decrypts a key; the answer is in DER.
pub(super) fn open(pem: &str, passphrase: &[u8]) -> Result<Vec<u8>, KeyError> {
    let broken = |what: &str| KeyError::Broken(what.to_owned());
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    let json = STANDARD.decode(body).map_err(|error| broken(&error.to_string()))?;
    let sealed: Value = serde_json::from_slice(&json).map_err(|error| broken(&error.to_string()))?;
    let at = |path: &str| sealed.pointer(path).and_then(Value::as_str).unwrap_or_default();
    if at("/kdf/name") != "scrypt" || at("/cipher/name") != "nacl/secretbox" {
        return Err(broken("it is encrypted in a way that cosign does not use"));
    }
    let bytes = |path: &str| STANDARD.decode(at(path)).map_err(|error| broken(&format!("{path}: {error}")));
    let cost = |name: &str| {
        let cost = sealed.pointer(&format!("/kdf/params/{name}")).and_then(Value::as_u64);
        cost.ok_or_else(|| broken("it does not say what it costs to open"))
    };
    let (rounds, blocks, lanes) = (cost("N")?, cost("r")?, cost("p")?);
    let log = rounds.checked_ilog2().and_then(|log| u8::try_from(log).ok()).filter(|log| *log <= MOST_ROUNDS);
    let (Some(log), true) = (log, rounds.is_power_of_two() && blocks <= MOST_BLOCKS && lanes == 1) else {
        return Err(broken("opening it would cost more than any key that cosign writes"));
    };
    let key = derived(passphrase, &bytes("/kdf/salt")?, log, u32::try_from(blocks).unwrap_or(BLOCKS))?;
    let nonce: [u8; 24] = bytes("/cipher/nonce")?.try_into().map_err(|_| broken("its nonce is not 24 bytes long"))?;
    let opened = XSalsa20Poly1305::new(&key.into()).decrypt(&Nonce::from(nonce), bytes("/ciphertext")?.as_slice());
    opened.map_err(|_| KeyError::WrongPassphrase)
}

/// Encrypts a key given in DER.
pub(super) fn seal(der: &[u8], passphrase: &[u8]) -> Result<String, KeyError> {
    let random = || <[u8; 32]>::try_generate().map_err(|_| KeyError::NoRandomness);
    let (salt, nonce) = (random()?, random()?);
    let nonce: [u8; 24] = std::array::from_fn(|at| nonce.get(at).copied().unwrap_or_default());
    let key = derived(passphrase, &salt, ROUNDS, BLOCKS)?;
    let sealed = XSalsa20Poly1305::new(&key.into()).encrypt(&Nonce::from(nonce), der);
    let sealed = sealed.map_err(|error| KeyError::Broken(error.to_string()))?;
    let body = json!({
        "kdf": { "name": "scrypt", "params": { "N": 1_u64 << ROUNDS, "r": BLOCKS, "p": 1 }, "salt": STANDARD.encode(salt) },
        "cipher": { "name": "nacl/secretbox", "nonce": STANDARD.encode(nonce) },
        "ciphertext": STANDARD.encode(sealed),
    });
    let body = STANDARD.encode(body.to_string());
    let mut pem = format!("-----BEGIN {LABEL}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    Ok(pem + &format!("-----END {LABEL}-----\n"))
}

fn derived(passphrase: &[u8], salt: &[u8], log: u8, blocks: u32) -> Result<[u8; 32], KeyError> {
    let broken = |error: &dyn std::fmt::Display| KeyError::Broken(error.to_string());
    let costs = scrypt::Params::new(log, blocks, 1).map_err(|error| broken(&error))?;
    let mut key = [0; 32];
    scrypt::scrypt(passphrase, salt, &costs, &mut key).map_err(|error| broken(&error))?;
    Ok(key)
}
