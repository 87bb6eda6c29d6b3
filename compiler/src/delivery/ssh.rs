//! Public keys of those who sign commits with SSH.
//!
//! In: a list as git's `gpg.ssh.allowedSignersFile` names it (ssh-keygen(1), ALLOWED SIGNERS). Out: the same keys as
//! `authorized_keys` has them, which is what Flux reads (source-controller 1.9, docs/spec/v1/gitrepositories.md, "SSH
//! verification"). Flux knows neither principals nor limits: what a list says beside the key and that cannot be kept is
//! refused, so that nobody is trusted with more than the list says.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::pem;

/// The types of keys that git signs with.
const TYPES: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// Reads a list of allowed signers.
///
/// # Errors
/// Says in the words of a diagnostic which line cannot be handed on.
pub fn read(text: &str) -> Result<String, String> {
    pem::is_public(text)?;
    let mut keys = String::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(key) = signer(line).map_err(|reason| format!("line {}: {reason}", at + 1))? {
            keys.push_str(&key);
            keys.push('\n');
        }
    }
    if keys.is_empty() {
        return Err("names nobody who signs commits".to_owned());
    }
    Ok(keys)
}

/// Reads one line; nothing for a key that is not for git.
fn signer(line: &str) -> Result<Option<String>, String> {
    let mut words = split(line).into_iter().peekable();
    let principals = words.next().unwrap_or_default();
    let is_type = |word: &&str| TYPES.contains(word);
    let options = words.next_if(|word| !is_type(word)).unwrap_or_default();
    let (Some(kind), Some(key)) = (words.next().filter(is_type), words.next()) else {
        return Err("it is not `principals`, options, and a public key".to_owned());
    };
    let blob = BASE64_STANDARD.decode(key).map_err(|_| "the key is not one".to_owned())?;
    let name = u32::try_from(kind.len()).map(u32::to_be_bytes).map_err(|_| "the key is not one".to_owned())?;
    if !blob.strip_prefix(&name).is_some_and(|rest| rest.starts_with(kind.as_bytes())) {
        return Err(format!("the key is no `{kind}`"));
    }
    if let Some(option) = options.split(',').next().filter(|it| !it.is_empty() && !options.starts_with("namespaces=")) {
        return Err(match option {
            "cert-authority" => "Flux takes no certificates, and would take the authority for a signer".to_owned(),
            _ => format!("Flux does not know `{option}`, and would trust the key without it"),
        });
    }
    if let Some(list) = options.strip_prefix("namespaces=") {
        let Some(list) =
            list.strip_prefix('"').and_then(|list| list.strip_suffix('"')).filter(|list| !list.contains(['"', '!']))
        else {
            return Err(format!("Flux does not know `{options}`, and would trust the key without it"));
        };
        // Git signs in a namespace of its own; a key that is for others alone signs no commits.
        if !list.split(',').any(|namespace| matches!(namespace, "git" | "*")) {
            return Ok(None);
        }
    }
    Ok(Some(format!("{kind} {key} {}", principals.replace('"', ""))))
}

/// Splits a line at blanks outside of quotes.
fn split(line: &str) -> Vec<&str> {
    let mut is_quoted = false;
    line.split(|c: char| {
        is_quoted ^= c == '"';
        !is_quoted && c.is_ascii_whitespace()
    })
    .filter(|word| !word.is_empty())
    .collect()
}
