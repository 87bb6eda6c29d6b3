//! Public keys of those who sign commits with OpenPGP.
//!
//! In: an armored public key (RFC 9580, section 6). Out: the text, and the ids of the key and of its subkeys. Argo CD compares
//! the id of whatever made a signature with its list, and that may be a subkey (argo-cd 3.5, util/git/client.go, `%GK`;
//! util/sourceintegrity/source_integrity.go): so both are listed. Whether a subkey may sign, and whether a key is expired
//! or revoked, is for GnuPG to say, which both controllers ask or build upon.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use sha1::{Digest as _, Sha1};

use super::pem;

const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";

/// The types of packets (RFC 9580, section 5) that hold keys.
const PUBLIC_KEY: u8 = 6;
const PUBLIC_SUBKEY: u8 = 14;
const SECRET: [u8; 2] = [5, 7];

/// A public key with its subkeys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The armored text.
    pub text: String,
    /// The id of the key: 16 hexadecimal digits, the letters of which are capitals, as GnuPG writes them.
    pub id: String,
    /// The ids of its subkeys.
    pub subkeys: Vec<String>,
}

/// Reads a file with one armored key.
///
/// # Errors
/// Says in the words of a diagnostic what else it holds.
pub fn read(text: &str) -> Result<PublicKey, String> {
    pem::is_public(text)?;
    let (mut id, mut subkeys) = (None, Vec::new());
    let bytes = dearmored(text)?;
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let (tag, body, after) = packet(rest).ok_or("is not made of the packets of OpenPGP")?;
        rest = after;
        match tag {
            PUBLIC_KEY if id.is_some() => return Err("holds several keys; Argo CD takes one a file".to_owned()),
            PUBLIC_KEY => id = Some(key_id(body)?),
            PUBLIC_SUBKEY => subkeys.push(key_id(body)?),
            _ if SECRET.contains(&tag) => return Err("holds a private key".to_owned()),
            _ => {}
        }
    }
    let id = id.ok_or("holds no key")?;
    Ok(PublicKey { text: format!("{}\n", text.trim()), id, subkeys })
}

/// Returns the id that a written one or a fingerprint stands for, as Argo CD takes either (util/sourceintegrity/gpg.go,
/// `KeyID`) and GnuPG writes it; nothing for any other text.
#[must_use]
pub fn id(text: &str) -> Option<String> {
    let is_id = matches!(text.len(), 16 | 40) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = is_id.then(|| text.get(text.len() - 16..)).flatten()?;
    Some(id.to_ascii_uppercase())
}

/// Returns the bytes within the armor.
fn dearmored(text: &str) -> Result<Vec<u8>, String> {
    let not = || "is not one armored public key".to_owned();
    let body = text.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END)).ok_or_else(not)?;
    if body.contains("-----") {
        return Err(not());
    }
    // Headers end with a blank line.
    let mut lines = body.lines().map(str::trim).skip(1);
    let is_header = |line: &str| line.contains(": ");
    let lines: Vec<&str> = lines.by_ref().skip_while(|line| is_header(line)).filter(|line| !line.is_empty()).collect();
    let (checksum, data): (Vec<&str>, Vec<&str>) = lines.into_iter().partition(|line| line.starts_with('='));
    let bytes = BASE64_STANDARD.decode(data.concat()).map_err(|_| not())?;
    if let [checksum] = checksum.as_slice() {
        let wanted = BASE64_STANDARD.decode(checksum.trim_start_matches('=')).map_err(|_| not())?;
        if wanted != crc24(&bytes) {
            return Err("is damaged: its checksum is another".to_owned());
        }
    }
    Ok(bytes)
}

/// The checksum of an armor (RFC 9580, section 6.1.1).
fn crc24(bytes: &[u8]) -> [u8; 3] {
    let mut crc: u32 = 0x00b7_04ce;
    for byte in bytes {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0186_4cfb;
            }
        }
    }
    let [_, high, middle, low] = crc.to_be_bytes();
    [high, middle, low]
}

/// Takes a packet off: its type, its body, and what comes after (RFC 9580, section 4.2).
fn packet(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if first & 0x80 == 0 {
        return None;
    }
    let number = |bytes: &[u8]| bytes.iter().fold(0usize, |number, byte| (number << 8) | usize::from(*byte));
    let (tag, length, rest) = if first & 0x40 == 0 {
        // The old form; a length that is left open stands for keys nowhere.
        let (length, rest) = rest.split_at_checked(match first & 3 {
            0 => 1,
            1 => 2,
            2 => 4,
            _ => return None,
        })?;
        ((first >> 2) & 0x0f, number(length), rest)
    } else {
        let (one, after) = rest.split_first()?;
        match one {
            0..192 => (first & 0x3f, usize::from(*one), after),
            192..224 => {
                let (two, after) = after.split_first()?;
                (first & 0x3f, ((usize::from(*one) - 192) << 8) + usize::from(*two) + 192, after)
            }
            255 => {
                let (length, after) = after.split_at_checked(4)?;
                (first & 0x3f, number(length), after)
            }
            _ => return None,
        }
    };
    let (body, after) = rest.split_at_checked(length)?;
    Some((tag, body, after))
}

/// Returns the id of a key: the end of its fingerprint (RFC 9580, section 5.5.4.2).
fn key_id(body: &[u8]) -> Result<String, String> {
    let length = u16::try_from(body.len()).map_err(|_| "holds a key that is too long".to_owned())?;
    if body.first() != Some(&4) {
        return Err("holds a key that is not of version 4, the one that GnuPG and Argo CD know".to_owned());
    }
    let hash = Sha1::new().chain_update([0x99]).chain_update(length.to_be_bytes()).chain_update(body).finalize();
    Ok(hash.iter().skip(12).fold(String::new(), |id, byte| format!("{id}{byte:02X}")))
}
