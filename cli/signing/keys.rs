//! Where keys come from: a file, a variable of the environment, a program.

use std::env::VarError;
use std::fs;
use std::path::Path;

use ringfence_signing::key::{KeyError, PrivateKey, PublicKey, Signer};

use super::program::Program;
use crate::args::Signing;
use crate::exit::Failure;

/// The variables that may hold the passphrase of a key; the second is cosign's.
const PASSPHRASES: [&str; 2] = ["RINGFENCE_KEY_PASSPHRASE", "COSIGN_PASSWORD"];

/// The private half of a key on P-256 has as many letters in base64, without anything about it.
const KEY_LETTERS: usize = 43;

/// Returns what signs.
///
/// # Errors
/// When there is no such key, or it cannot be used.
pub fn signer(args: &Signing) -> Result<Box<dyn Signer>, Failure> {
    let Some(key) = &args.key else {
        return Err(
            Failure::new("no key to sign with").help("name one with `--key`; `ringfence key generate` makes one")
        );
    };
    match key.strip_prefix("command:") {
        Some(command) => {
            let Some(public) = &args.public_key else {
                return Err(Failure::new("a program that signs does not say what its public key is")
                    .help("name it with `--public-key`"));
            };
            Ok(Box::new(Program::new(command, self::public(public)?)))
        }
        None => Ok(Box::new(private(key)?)),
    }
}

/// Reads a private key.
///
/// # Errors
/// When there is no such key, or it cannot be used.
pub fn private(place: &str) -> Result<PrivateKey, Failure> {
    let text = text(place)?;
    PrivateKey::read(&text, passphrase().as_deref()).map_err(|error| failure(place, &error))
}

/// Reads a public key.
///
/// # Errors
/// When there is no such key, or it cannot be used.
pub fn public(place: &str) -> Result<PublicKey, Failure> {
    PublicKey::read(&text(place)?).map_err(|error| failure(place, &error))
}

/// Returns the passphrase for keys, where one is set; an empty one is one, by which keys of others may be encrypted.
#[must_use]
pub fn passphrase() -> Option<Vec<u8>> {
    let set: Vec<Vec<u8>> =
        PASSPHRASES.into_iter().filter_map(|name| Some(std::env::var_os(name)?.into_encoded_bytes())).collect();
    // A secret that is missing in CI is an empty variable, beside which the other one may hold it.
    set.iter().find(|one| !one.is_empty()).or(set.first()).cloned()
}

fn text(place: &str) -> Result<String, Failure> {
    // Whoever puts the key where its name belongs must not find it in a log.
    let given = match () {
        () if place.contains("-----BEGIN") || place.contains('\n') => {
            Some("the key itself was given where its file or variable is named, and is not shown here")
        }
        () if is_encoded(place) => {
            Some("there is no such key, and what was given is not shown here: it may be the key itself")
        }
        () => None,
    };
    if let Some(given) = given {
        return Err(Failure::new(given).help("put it in a variable, and name that: `env://SIGNING_KEY`"));
    }
    if let Some(name) = place.strip_prefix("env://") {
        // What a variable holds that is no text, its error would show.
        let why = |error: VarError| match error {
            VarError::NotPresent => "it is not set",
            VarError::NotUnicode(_) => "what it holds is no text",
        };
        return std::env::var(name)
            .map_err(|error| Failure::new(format!("cannot read a key from the variable `{name}`: {}", why(error))));
    }
    fs::read_to_string(Path::new(place))
        .map_err(|error| Failure::new(format!("cannot read the key `{place}`: {error}")))
}

/// Tells whether something that names no file may be a key: what PEM holds, in one line or in base64 once more.
fn is_encoded(place: &str) -> bool {
    let text = place.strip_prefix("env://").unwrap_or(place).trim().trim_end_matches('=');
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "+/-_".contains(letter);
    text.len() >= KEY_LETTERS && text.chars().all(is_letter) && !Path::new(place).exists()
}

fn failure(place: &str, error: &KeyError) -> Failure {
    let failure = Failure::new(format!("cannot use the key `{place}`: {error}"));
    match error {
        KeyError::Sealed => failure.help(format!("set it in the variable `{}`", PASSPHRASES.join("` or `"))),
        KeyError::IsPrivate => failure.help("`ringfence key public` prints the public half of one"),
        KeyError::Kind(_) => failure.help("`ringfence key generate` makes one of the right kind"),
        _ => failure,
    }
}
