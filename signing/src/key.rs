//! Keys on the curve P-256, and what signs with them.
//!
//! In: PEM texts. Out: [`PublicKey`], [`PrivateKey`], and [`Signer`], which also a program outside can be. Signatures are ECDSA
//! over SHA-256 in DER, made by RFC 6979: the same key and bytes give the same signature. Ed25519 is not offered: cosign signs the
//! bytes themselves with it and Flux their digest, so that one refuses what the other made.

mod sealed;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::SecretKey;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::elliptic_curve::Generate as _;
use p256::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, LineEnding,
};

use crate::digest::Digest;

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyError {
    /// There is no key in the text.
    NoKey,
    /// It is a private key where a public one is wanted.
    IsPrivate,
    /// It is a public key where a private one is wanted.
    IsPublic,
    /// It is a key, of another kind than P-256; what it says it is.
    Kind(String),
    /// It is broken, and how.
    Broken(String),
    /// It is encrypted, and no passphrase was given.
    Sealed,
    /// It is encrypted, and the passphrase does not open it.
    WrongPassphrase,
    /// The system has no random numbers.
    NoRandomness,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey => write!(f, "there is no key in it: it holds no `-----BEGIN …-----` line"),
            Self::IsPrivate => write!(f, "it is a private key, where a public one is wanted"),
            Self::IsPublic => write!(f, "it is a public key, where a private one is wanted"),
            Self::Kind(kind) => write!(f, "it holds `{kind}`, and only P-256 keys are signed with here"),
            Self::Broken(how) => write!(f, "the key in it is broken: {how}"),
            Self::Sealed => write!(f, "it is encrypted, and there is no passphrase"),
            Self::WrongPassphrase => write!(f, "it is encrypted, and the passphrase does not open it"),
            Self::NoRandomness => write!(f, "the system gives no random numbers"),
        }
    }
}

impl std::error::Error for KeyError {}

/// What makes signatures: a key in memory, or a program that holds one.
pub trait Signer {
    /// Returns the key that its signatures are checked with.
    fn public(&self) -> &PublicKey;

    /// Signs bytes: ECDSA over their SHA-256, in DER.
    ///
    /// # Errors
    /// When what holds the key refuses; its own words.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String>;
}

/// What signatures are checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    der: Vec<u8>,
}

impl PublicKey {
    /// Reads a public key in PEM (SubjectPublicKeyInfo), as `cosign.pub` is.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(pem: &str) -> Result<Self, KeyError> {
        match label(pem).as_deref() {
            None => Err(KeyError::NoKey),
            Some("PUBLIC KEY") => {
                let key =
                    VerifyingKey::from_public_key_pem(pem.trim()).map_err(|error| unfit(pem, &error.to_string()))?;
                Self::of(key)
            }
            Some(kind) if kind.contains("PRIVATE KEY") => Err(KeyError::IsPrivate),
            Some(kind) => Err(KeyError::Kind(kind.to_owned())),
        }
    }

    fn of(key: VerifyingKey) -> Result<Self, KeyError> {
        let der = key.to_public_key_der().map_err(|error| KeyError::Broken(error.to_string()))?.into_vec();
        Ok(Self { key, der })
    }

    /// Returns it in PEM.
    ///
    /// # Errors
    /// Never for a key that was read; the library below says otherwise of keys in general.
    pub fn pem(&self) -> Result<String, KeyError> {
        self.key.to_public_key_pem(LineEnding::LF).map_err(|error| KeyError::Broken(error.to_string()))
    }

    /// Returns how bundles name it: base64 of the SHA-256 of its DER form (cosign's `GetHint`, pkg/cosign/bundle).
    #[must_use]
    pub fn hint(&self) -> String {
        let digest =
            sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), &self.der));
        STANDARD.encode(digest)
    }

    /// Returns how people name it: `sha256:` and digits.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.der)
    }

    /// Tells whether a signature in DER is one of these bytes by the key's private half.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_der(signature).is_ok_and(|signature| self.key.verify(message, &signature).is_ok())
    }
}

/// A key in memory.
pub struct PrivateKey {
    key: SigningKey,
    public: PublicKey,
}

impl PrivateKey {
    /// Makes a key of the system's random numbers.
    ///
    /// # Errors
    /// When there are none.
    pub fn generate() -> Result<Self, KeyError> {
        Self::of(SecretKey::try_generate().map_err(|_| KeyError::NoRandomness)?.into())
    }

    /// Reads a private key in PEM: PKCS#8, SEC 1 as `openssl ecparam` writes it, or what cosign encrypts.
    ///
    /// # Errors
    /// When it is none, or the passphrase does not open it.
    pub fn read(pem: &str, passphrase: Option<&[u8]>) -> Result<Self, KeyError> {
        let broken = |error: &dyn fmt::Display| unfit(pem, &error.to_string());
        match label(pem).as_deref() {
            None => Err(KeyError::NoKey),
            Some("PRIVATE KEY") => Self::of(SigningKey::from_pkcs8_pem(pem.trim()).map_err(|error| broken(&error))?),
            Some("EC PRIVATE KEY") => {
                // `openssl ecparam -genkey` writes the name of the curve before it.
                let key = pem.find("-----BEGIN EC PRIVATE KEY-----").and_then(|at| pem.get(at..)).unwrap_or(pem);
                Self::of(SecretKey::from_sec1_pem(key.trim()).map_err(|error| broken(&error))?.into())
            }
            Some(sealed::LABEL | sealed::OLD_LABEL) => {
                let der = sealed::open(pem, passphrase.ok_or(KeyError::Sealed)?)?;
                Self::of(SigningKey::from_pkcs8_der(&der).map_err(|error| KeyError::Kind(error.to_string()))?)
            }
            Some("PUBLIC KEY") => Err(KeyError::IsPublic),
            Some(kind) => Err(KeyError::Kind(kind.to_owned())),
        }
    }

    fn of(key: SigningKey) -> Result<Self, KeyError> {
        let public = PublicKey::of(*key.verifying_key())?;
        Ok(Self { key, public })
    }

    /// Returns it in PEM (PKCS#8), for whoever reads it to use.
    ///
    /// # Errors
    /// Never for a key that was read; the library below says otherwise of keys in general.
    pub fn pem(&self) -> Result<String, KeyError> {
        let pem = self.key.to_pkcs8_pem(LineEnding::LF).map_err(|error| KeyError::Broken(error.to_string()))?;
        Ok((*pem).clone())
    }

    /// Returns it encrypted with a passphrase, as cosign keeps its keys.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn sealed(&self, passphrase: &[u8]) -> Result<String, KeyError> {
        let der = self.key.to_pkcs8_der().map_err(|error| KeyError::Broken(error.to_string()))?;
        sealed::seal(der.as_bytes(), passphrase)
    }
}

impl fmt::Debug for PrivateKey {
    /// Shows whose it is and nothing of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.public.fingerprint())
    }
}

impl Signer for PrivateKey {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let signature: Signature = self.key.try_sign(message).map_err(|error| error.to_string())?;
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

/// Returns what the first key in a text says it is. The parameters that openssl writes before a key are not one.
fn label(pem: &str) -> Option<String> {
    let begin = |line: &str| Some(line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----")?.to_owned());
    pem.lines().filter_map(begin).find(|label| label != "EC PARAMETERS")
}

/// Says why a key of the right form is no use: most often it is of another kind.
fn unfit(pem: &str, error: &str) -> KeyError {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    // id-ecPublicKey with prime256v1, as every key of this kind names itself (RFC 5480).
    let curve = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    match STANDARD.decode(body) {
        Ok(der) if !der.windows(curve.len()).any(|part| part == curve) => {
            KeyError::Kind("a key of another kind than P-256".to_owned())
        }
        _ => KeyError::Broken(error.to_owned()),
    }
}

#[cfg(test)]
mod tests;
