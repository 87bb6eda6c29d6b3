//! Where what is compiled comes from, and whether it is what was committed.

use std::collections::BTreeMap;
use std::path::Path;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::parse::parse;
use ringfence_compiler::source::Sources;
use ringfence_signing::release::Origin;

use crate::args::Signing;
use crate::exit::Failure;
use crate::project::Project;
use crate::tree::{Revision, repository, revision};

/// How many texts that differ are named.
const SHOWN: usize = 3;

/// Returns where a project comes from.
///
/// # Errors
/// When what was read is not what the commit holds, and nobody said that this does not matter.
pub(super) fn of(project: &Project, sources: &Sources, args: &Signing) -> Result<Origin, Failure> {
    let rev = project.at.as_deref().unwrap_or("HEAD");
    // CI systems give an address with a token in it.
    let source = args.source.as_ref().map(|source| named(source)).transpose()?;
    let told = |origin: Origin, failure: Failure| if args.allow_dirty { Ok(origin) } else { Err(failure) };
    let help = "commit first; `--allow-dirty` signs what lies here, without the name of a commit";
    let Some(commit) = commit(&project.root, rev) else {
        let failure = Failure::new("what is signed has to come from a commit, and there is none").help(help);
        return told(Origin { source, ..Origin::default() }, failure);
    };
    let origin = Origin { source: source.or(commit.origin), revision: Some(commit.id), created: Some(commit.time) };
    let differing = if project.at.is_some() { Vec::new() } else { differing(project, sources, rev)? };
    if differing.is_empty() {
        return Ok(origin);
    }
    let mut names: Vec<String> = differing.iter().take(SHOWN).map(|path| format!("`{path}`")).collect();
    if differing.len() > SHOWN {
        names.push(format!("{} more", differing.len() - SHOWN));
    }
    let failure = Failure::new(format!(
        "what is signed has to come from a commit, and these are not as committed: {}",
        names.join(", ")
    ));
    told(Origin { source: origin.source, ..Origin::default() }, failure.help(help))
}

struct Commit {
    id: String,
    time: String,
    /// The address of the remote it came from.
    origin: Option<String>,
}

/// Returns a commit; nothing outside a checkout, and where there is none yet.
fn commit(place: &Path, rev: &str) -> Option<Commit> {
    let repository = repository::open(place).ok()?;
    let commit = repository.revparse_single(rev).ok()?.peel_to_commit().ok()?;
    let remote = repository.find_remote("origin").ok();
    let origin = remote.as_ref().and_then(|remote| remote.url().ok()).and_then(public);
    Some(Commit { id: commit.id().to_string(), time: time(commit.time().seconds()), origin })
}

/// Returns what somebody calls the source, without what may be secret in it.
fn named(source: &str) -> Result<String, Failure> {
    match public(source) {
        Some(source) => Ok(source),
        // Before it may stand anything, and it is signed and published.
        None if source.contains('@') || source.contains('?') => {
            Err(Failure::new("`--source` is no address of a repository, and may hold a secret")
                .help("write it as in `https://git.example/acme/policy`"))
        }
        None => Ok(source.to_owned()),
    }
}

/// Returns the address of a repository without what may be secret in it; nothing for a folder of this machine, which says nothing
/// to others.
fn public(url: &str) -> Option<String> {
    let (scheme, rest) = match url.split_once("://") {
        Some(("file", _)) => return None,
        Some(parts) => parts,
        // As in `git@host:path`.
        None => ("ssh", url.split_once('@').filter(|(_, rest)| rest.contains(':'))?.1),
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let host = rest.split_once('/').map_or(rest, |(host, _)| host);
    let is_port = |host: &str| host.split_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_ok());
    let without = match host.rsplit_once('@') {
        Some((user, _)) => rest.get(user.len() + 1..).unwrap_or(rest),
        // A password with a slash in it: what is before the last `@` is none of the address.
        None if !is_port(host) && rest.contains('@') => rest.rsplit_once('@').map_or(rest, |(_, rest)| rest),
        None => rest,
    };
    let path = if url.contains("://") { without.to_owned() } else { without.replacen(':', "/", 1) };
    Some(format!("{scheme}://{path}"))
}

/// Returns the paths of texts that were read and are not so in a revision, or are only there.
fn differing(project: &Project, sources: &Sources, rev: &str) -> Result<Vec<String>, Failure> {
    let tree = Revision::of_project(&project.root, rev).map_err(Failure::new)?;
    let mut committed = Sources::new();
    // What is wrong with it does not matter here: the texts are compared, not what they say.
    let _ = parse(&tree, &mut committed, &mut Diagnostics::new());
    let texts = |sources: &Sources| -> BTreeMap<String, String> {
        sources.files().map(|(_, file)| (file.path().to_owned(), file.text().to_owned())).collect()
    };
    let (here, there) = (texts(sources), texts(&committed));
    let mut paths: Vec<String> =
        here.iter().filter(|(path, text)| there.get(*path) != Some(text)).map(|(path, _)| path.clone()).collect();
    paths.extend(there.keys().filter(|path| !here.contains_key(*path)).cloned());
    paths.sort();
    Ok(paths)
}

/// Turns seconds since 1970 into a time as RFC 3339 has it, in UTC.
#[must_use]
pub fn time(seconds: i64) -> String {
    let of_day = seconds.rem_euclid(86_400);
    format!("{}T{:02}:{:02}:{:02}Z", revision::day(seconds), of_day / 3600, of_day / 60 % 60, of_day % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_no_secrets() {
        for (url, shown) in [
            ("https://user:token@git.example/acme/policy.git", Some("https://git.example/acme/policy.git")),
            ("https://git.example/acme/policy.git", Some("https://git.example/acme/policy.git")),
            ("https://gitlab-ci-token:glcbt-1@git.example/acme", Some("https://git.example/acme")),
            ("https://git.example/a@b/policy.git", Some("https://git.example/a@b/policy.git")),
            ("git@git.example:acme/policy.git", Some("ssh://git.example/acme/policy.git")),
            ("ssh://git@git.example/acme/policy.git", Some("ssh://git.example/acme/policy.git")),
            ("https://git.example/acme/policy?private_token=x#y", Some("https://git.example/acme/policy")),
            ("https://user:to/ken@git.example/acme", Some("https://git.example/acme")),
            ("https://git.example:8443/a@b/policy.git", Some("https://git.example:8443/a@b/policy.git")),
            ("user:token@git.example/acme", None),
            ("/home/somebody/policy", None),
            ("file:///home/somebody/policy", None),
        ] {
            assert_eq!(public(url).as_deref(), shown, "{url}");
        }
        assert!(named("user:token@git.example/acme").is_err());
        assert_eq!(named("/home/somebody/policy").unwrap(), "/home/somebody/policy");
    }

    #[test]
    fn seconds_become_a_time() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(1_795_345_445), "2026-11-22T11:04:05Z");
    }
}
