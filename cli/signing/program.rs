//! A program that holds the key: a key service, a vault, a chip.
//!
//! It gets the bytes on standard input and writes the signature, in DER, to standard output. What it writes is checked with the
//! public key before anything is made of it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use ringfence_signing::key::{PublicKey, Signer};

/// A program that signs.
pub(super) struct Program {
    command: String,
    public: PublicKey,
}

impl Program {
    pub(super) fn new(command: &str, public: PublicKey) -> Self {
        Self { command: command.to_owned(), public }
    }

    fn answer(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let mut words = self.command.split_whitespace();
        let program = words.next().ok_or("there is no program after `command:`")?;
        let mut child = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| error.to_string())?;
        // One that does not want the bytes says why by how it ends.
        let _ = child.stdin.take().map(|mut input| input.write_all(message));
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("it ended with {}", output.status));
        }
        Ok(output.stdout)
    }
}

impl Signer for Program {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        // What stands behind its name may be a token.
        let program = self.command.split_whitespace().next().unwrap_or_default();
        let named = |error: String| format!("`{program}`: {error}");
        let signature = self.answer(message).map_err(named)?;
        if !self.public.verifies(message, &signature) {
            return Err(named("what it wrote is not a signature by the public key that was named".to_owned()));
        }
        Ok(signature)
    }
}
