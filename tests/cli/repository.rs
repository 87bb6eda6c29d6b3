//! A repository with a key beside it, for what signs.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::runner::{DAY, Ran, command, commit, copy, ran, ringfence, text};

/// A program that claims to be gpg: what counts here is that git signs, and takes what it says.
#[cfg(unix)]
const GPG: &str = "#!/bin/sh\ncat >/dev/null\nprintf '\\n[GNUPG:] SIG_CREATED D 22 8 00 1 F\\n' >&2\nprintf -- '-----BEGIN PGP SIGNATURE-----\\n\\nfake\\n-----END PGP SIGNATURE-----\\n'\n";

/// A committed copy of a fixture, with a key beside it.
pub struct Repository {
    pub folder: tempfile::TempDir,
    pub keys: tempfile::TempDir,
}

/// When it was committed: 2026-11-22, at noon.
pub const NOON: i64 = 1_795_348_800;

impl Repository {
    pub fn new() -> Self {
        let (folder, keys) = (copy("bookinfo"), tempfile::tempdir().unwrap());
        commit(folder.path(), "Ann", NOON);
        let repository = Self { folder, keys };
        let made = ringfence(&["key", "generate", "--plain", &repository.key()]);
        assert_eq!(made.code, 0, "{}", made.all());
        repository
    }

    pub fn key(&self) -> String {
        text(&self.keys.path().join("key")).to_owned()
    }

    pub fn public(&self) -> String {
        format!("{}.pub", self.key())
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn out(&self) -> std::path::PathBuf {
        self.path().join("out")
    }

    /// Compiles and signs, and has to succeed.
    pub fn sign(&self) {
        let signed = self.run(&["compile", ".", "--sign", &self.key()]);
        assert_eq!(signed.code, 0, "{}", signed.all());
    }

    /// Runs the command in the repository.
    pub fn run(&self, words: &[&str]) -> Ran {
        ran(self.command(words))
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = command(words);
        command.current_dir(self.path()).env("RINGFENCE_AS_OF", DAY).env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", self.keys.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        command
    }

    pub fn verify(&self, more: &[&str]) -> Ran {
        self.run(&[&["verify", "--key", &self.public()], more].concat())
    }

    /// Sets git up to sign commits, as far as it looks.
    #[cfg(unix)]
    pub fn committing(&self) -> git2::Repository {
        use std::os::unix::fs::PermissionsExt as _;

        let gpg = self.keys.path().join("gpg");
        fs::write(&gpg, GPG).unwrap();
        fs::set_permissions(&gpg, fs::Permissions::from_mode(0o755)).unwrap();
        let git = git2::Repository::open(self.path()).unwrap();
        let mut config = git.config().unwrap();
        for (name, value) in [("user.name", "Ann"), ("user.email", "a@b.example"), ("gpg.program", text(&gpg))] {
            config.set_str(name, value).unwrap();
        }
        git
    }
}
