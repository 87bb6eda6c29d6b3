//! Who we are to a registry: what `docker login` and others left on this machine.
//!
//! In: the name of a registry. Out: a name and a secret. They are in a file, or with a program that the file names
//! (docker-credential-helpers, README).

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::exit::Failure;

/// A name and a secret.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) name: String,
    pub(super) secret: String,
}

/// The name that stands for a secret which is a token of its own.
pub(super) const TOKEN: &str = "<token>";

/// Returns the credentials for a repository of a registry; nothing where there are none.
pub(super) fn of(host: &str, repository: &str) -> Result<Option<Credentials>, Failure> {
    for path in places() {
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Failure::new(format!("cannot read `{}`: {error}", path.display()))),
        };
        let config: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::new(format!("cannot read `{}`: {error}", path.display())))?;
        if let Some(found) = within(&config, host, repository)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Where they are kept, the first first.
fn places() -> Vec<PathBuf> {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(file) = variable("REGISTRY_AUTH_FILE") {
        return vec![file];
    }
    let docker = variable("DOCKER_CONFIG").or_else(|| Some(variable("HOME")?.join(".docker")));
    let podman = variable("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json"));
    docker.map(|folder| folder.join("config.json")).into_iter().chain(podman).collect()
}

fn within(config: &Value, host: &str, repository: &str) -> Result<Option<Credentials>, Failure> {
    let helper = config
        .get("credHelpers")
        .and_then(|it| it.get(host))
        .or_else(|| config.get("credsStore"))
        .and_then(Value::as_str);
    if let Some(helper) = helper
        && let Some(found) = helped(helper, host)?
    {
        return Ok(Some(found));
    }
    let auths = config.get("auths").and_then(Value::as_object);
    // Some keep them by the first parts of the repository; whoever is nearest counts (containers/image `docker/config`). Others put
    // the version of the interface behind the host.
    let fits = |key: &str| -> Option<usize> {
        let key = key.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
        let below = match key.strip_prefix(host)? {
            "" | "/v1" | "/v2" => return Some(0),
            below => below.strip_prefix('/')?,
        };
        let rest = repository.strip_prefix(below)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(below.len())
    };
    let fitting = auths.into_iter().flatten().filter_map(|(key, auth)| Some((fits(key)?, auth)));
    let Some((_, auth)) = fitting.max_by_key(|(parts, _)| *parts) else { return Ok(None) };
    if let Some(token) = text(auth, "identitytoken").filter(|token| !token.is_empty()) {
        return Ok(Some(Credentials { name: TOKEN.to_owned(), secret: token.to_owned() }));
    }
    let Some(both) = text(auth, "auth").filter(|both| !both.is_empty()) else { return Ok(None) };
    let both = STANDARD.decode(both).ok().and_then(|both| String::from_utf8(both).ok());
    let both = both.as_deref().and_then(|both| both.split_once(':'));
    let (name, secret) = both.ok_or_else(|| Failure::new(format!("the credentials kept for {host} cannot be read")))?;
    Ok(Some(Credentials { name: name.to_owned(), secret: secret.trim_end_matches('\0').to_owned() }))
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str()
}

/// Asks a program that keeps credentials; nothing where it has none.
fn helped(helper: &str, host: &str) -> Result<Option<Credentials>, Failure> {
    let program = format!("docker-credential-{helper}");
    let fail = |error: &dyn std::fmt::Display| Failure::new(format!("cannot ask `{program}` for credentials: {error}"));
    if Path::new(helper).components().count() != 1 {
        return Err(fail(&"its name is a path"));
    }
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| fail(&error))?;
    // One that does not want it says why by how it ends.
    let _ = child.stdin.take().map(|mut input| input.write_all(host.as_bytes()));
    let output = child.wait_with_output().map_err(|error| fail(&error))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        // The words that every helper has for it.
        return if said.contains("credentials not found") { Ok(None) } else { Err(fail(&said.trim())) };
    }
    let answer: Value = serde_json::from_str(&said).map_err(|error| fail(&error))?;
    match (text(&answer, "Username"), text(&answer, "Secret")) {
        (Some(name), Some(secret)) => Ok(Some(Credentials { name: name.to_owned(), secret: secret.to_owned() })),
        _ => Err(fail(&"it does not answer with a name and a secret")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn credentials_are_found_by_their_registry() {
        let config = json!({ "auths": {
            "registry.example": { "auth": STANDARD.encode("me:se:cret") },
            "https://other.example/v1/": { "identitytoken": "t" },
            "broken.example": { "auth": "?" },
            "empty.example": {},
            "shared.example": { "auth": STANDARD.encode("all:1") },
            "shared.example/acme": { "auth": STANDARD.encode("acme:2") },
            "shared.example/acme/policy-old": { "auth": STANDARD.encode("old:3") },
        }});
        let found = |host: &str| within(&config, host, "acme/policy").map(|it| it.map(|it| (it.name, it.secret)));
        let pair = |name: &str, secret: &str| Some((name.to_owned(), secret.to_owned()));
        assert_eq!(found("registry.example").unwrap(), pair("me", "se:cret"));
        assert_eq!(found("other.example").unwrap(), pair(TOKEN, "t"));
        assert_eq!(found("empty.example").unwrap(), None);
        assert_eq!(found("nobody.example").unwrap(), None);
        assert!(found("broken.example").is_err());
        assert_eq!(found("shared.example").unwrap(), pair("acme", "2"));
        let other = within(&config, "shared.example", "other").unwrap().unwrap();
        assert_eq!((other.name, other.secret), ("all".to_owned(), "1".to_owned()));
    }
}
