//! `key`: makes keys, and shows their public half.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ringfence_signing::key::{KeyError, PrivateKey, Signer as _};

use crate::args::{Key, KeyAction};
use crate::console;
use crate::exit::{Exit, Failure};
use crate::signing::keys;

/// Runs the command.
pub(super) fn run(args: &Key) -> Result<Exit, Failure> {
    match &args.action {
        KeyAction::Generate { file, plain } => write(&PrivateKey::generate().map_err(Failure::new)?, file, *plain)?,
        KeyAction::Import { key, file, plain } => write(&keys::private(key)?, file, *plain)?,
        KeyAction::Public { key } => console::print(&keys::private(key)?.public().pem().map_err(Failure::new)?)?,
    }
    Ok(Exit::Clean)
}

/// Writes both halves, each to a file that is not there yet.
fn write(key: &PrivateKey, file: &Path, plain: bool) -> Result<(), Failure> {
    let sealed = |passphrase: Vec<u8>| key.sealed(&passphrase);
    let private = match keys::passphrase() {
        _ if plain => key.pem(),
        // A secret that is missing in CI is an empty variable, and encrypts nothing.
        Some(passphrase) if !passphrase.is_empty() => sealed(passphrase),
        _ => {
            return Err(Failure::new("there is no passphrase to encrypt the key with")
                .help("set it in the variable `RINGFENCE_KEY_PASSPHRASE`, or write the key as it is with `--plain`"));
        }
    };
    let public = key.public().pem().map_err(Failure::new)?;
    let beside = beside(file);
    // Both or none: a key without its public half is not found out about until it is needed.
    if beside.exists() {
        return Err(Failure::new(format!("`{}` is there already, and keys are never overwritten", beside.display())));
    }
    create(file, &private.map_err(|error: KeyError| Failure::new(error))?, 0o600)?;
    create(&beside, &public, 0o644).inspect_err(|_| {
        // It is ours: it was made just now, by this run.
        let _ = std::fs::remove_file(file);
    })?;
    console::note(&format!("ringfence: the key is in `{}`, its public half in `{}`", file.display(), beside.display()));
    console::print(&public)
}

fn beside(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".pub");
    name.into()
}

fn create(file: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let fail = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::new(format!("`{}` is there already, and keys are never overwritten", file.display()))
        }
        _ => Failure::new(format!("cannot write `{}`: {error}", file.display())),
    };
    let mut file = options.open(file).map_err(fail)?;
    file.write_all(text.as_bytes()).map_err(fail)
}
