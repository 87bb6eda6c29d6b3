//! SHA-256 of bytes, as registries and lock files write it.

use std::fmt;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// A SHA-256 digest, shown as `sha256:` and 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

impl Digest {
    /// Returns the digest of bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(bytes) {
            // A text takes whatever is written to it.
            let _ = write!(hex, "{byte:02x}");
        }
        Self(hex)
    }

    /// Reads `sha256:` and 64 lower-case hexadecimal digits; nothing for other algorithms, which nothing here writes.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        Self::of_hex(text.strip_prefix("sha256:")?)
    }

    /// Reads 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn of_hex(hex: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (hex.len() == 64 && hex.bytes().all(is_digit)).then(|| Self(hex.to_owned()))
    }

    /// Returns the 64 digits alone.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.0
    }

    /// Tells whether it is the digest of these bytes.
    #[must_use]
    pub fn fits(&self, bytes: &[u8]) -> bool {
        Self::of(bytes) == *self
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_sha256sum_prints() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").hex(), empty);
        assert_eq!(Digest::read(&format!("sha256:{empty}")), Some(Digest::of(b"")));
        for wrong in [
            empty.to_owned(),
            format!("sha512:{empty}"),
            format!("sha256:{}", empty.to_uppercase()),
            "sha256:e3".to_owned(),
        ] {
            assert_eq!(Digest::read(&wrong), None, "{wrong}");
        }
    }
}
