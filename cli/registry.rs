//! A registry of OCI artifacts, as far as pushing needs one (distribution-spec 1.1).
//!
//! In: an address, bytes. Out: what the registry says. Only `push` uses it: nothing else in the tool speaks to a network.

mod credentials;
mod token;

use std::cell::RefCell;
use std::time::Duration;

use ringfence_signing::digest::Digest;
use ringfence_signing::layout::Descriptor;
use ureq::http::{HeaderMap, Request, StatusCode};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use crate::exit::Failure;

/// An answer larger than this is none of a registry.
const MOST: u64 = 64 << 20;
/// The kinds of manifest that are asked for.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";

/// A repository in a registry.
pub struct Registry {
    agent: Agent,
    /// As in `https://registry.example`.
    origin: String,
    host: String,
    repository: String,
    /// What the registry wants to see with each request, once it has said so.
    authorization: RefCell<Option<String>>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Registry {
    /// Reads the address of a repository: `oci://registry.example/acme/policy`.
    ///
    /// # Errors
    /// When it is none.
    pub fn open(address: &str, plain: bool) -> Result<Self, Failure> {
        let wrong = |what: &str| {
            Failure::new(format!("`{address}` is no address of a repository: {what}"))
                .help("write it as in `oci://registry.example/acme/policy`")
        };
        let rest = address.strip_prefix("oci://").ok_or_else(|| wrong("it does not begin with `oci://`"))?;
        let (host, repository) = rest.split_once('/').ok_or_else(|| wrong("it names no repository"))?;
        if host.contains('@') {
            // What is typed there is a password more often than not: it is not said again.
            return Err(Failure::new("the address of a repository holds no credentials")
                .help("`docker login` and others leave them where they are found"));
        }
        let is_part = |part: &str| {
            !part.is_empty()
                && part.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || "._-".contains(it))
        };
        if host.is_empty() || !repository.split('/').all(is_part) {
            let tagged = repository.contains(':') || repository.contains('@');
            return Err(wrong(if tagged {
                "tags are the names of clusters, and not written here"
            } else {
                "names are in lower case"
            }));
        }
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(300)))
            .user_agent(concat!("ringfence/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        Ok(Self {
            agent,
            origin: format!("{}://{host}", if plain { "http" } else { "https" }),
            host: host.to_owned(),
            repository: repository.to_owned(),
            authorization: RefCell::default(),
        })
    }

    /// Returns what a name stands for, and the bytes; nothing where there is no such name.
    ///
    /// # Errors
    /// When the registry refuses, or says something else than it should.
    pub fn manifest(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let answer = self.ask("GET", &self.url(&format!("manifests/{name}")), &[("accept", MANIFESTS)], &[])?;
        match answer.status {
            StatusCode::OK => Ok(Some(answer.body)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.refused("read", name, &answer)),
        }
    }

    /// Uploads a blob, unless it is there.
    ///
    /// # Errors
    /// When the registry refuses.
    pub fn upload(&self, digest: &Digest, bytes: &[u8]) -> Result<(), Failure> {
        let there = self.ask("HEAD", &self.url(&format!("blobs/{digest}")), &[], &[])?;
        if there.status == StatusCode::OK {
            return Ok(());
        }
        let begun = self.ask("POST", &self.url("blobs/uploads/"), &[("content-length", "0")], &[])?;
        let place = begun.header("location").filter(|_| begun.status == StatusCode::ACCEPTED);
        let place = self.absolute(place.ok_or_else(|| self.refused("upload to", "blobs", &begun))?)?;
        let separator = if place.contains('?') { '&' } else { '?' };
        let place = format!("{place}{separator}digest=sha256%3A{}", digest.hex());
        let done = self.ask("PUT", &place, &[("content-type", "application/octet-stream")], bytes)?;
        if done.status == StatusCode::CREATED {
            Ok(())
        } else {
            Err(self.refused("upload", &digest.to_string(), &done))
        }
    }

    /// Puts a manifest under a name, and tells whether the registry has put what refers to something on its own list of that.
    ///
    /// # Errors
    /// When the registry refuses, or answers with another digest than that of the bytes.
    pub fn put(&self, name: &str, descriptor: &Descriptor, bytes: &[u8]) -> Result<bool, Failure> {
        let url = self.url(&format!("manifests/{name}"));
        let answer = self.ask("PUT", &url, &[("content-type", &descriptor.kind)], bytes)?;
        if answer.status != StatusCode::CREATED {
            return Err(self.refused("write", name, &answer));
        }
        if let Some(other) = answer.header("docker-content-digest").filter(|it| **it != descriptor.digest.to_string()) {
            return Err(Failure::new(format!(
                "{} keeps `{name}` as {other}, and {} was sent",
                self.host, descriptor.digest
            )));
        }
        Ok(answer.header("oci-subject").is_some())
    }

    fn url(&self, below: &str) -> String {
        format!("{}/v2/{}/{below}", self.origin, self.repository)
    }

    /// Makes an address of what a registry answers with, which may be without its host.
    fn absolute(&self, place: &str) -> Result<String, Failure> {
        if place.starts_with('/') {
            return Ok(format!("{}{place}", self.origin));
        }
        // Credentials go with the request: not to another place than they are for.
        if place.strip_prefix(&self.origin).is_some_and(|rest| rest.starts_with('/')) {
            return Ok(place.to_owned());
        }
        // Such an address often carries its own signature.
        let place = place.split('?').next().unwrap_or_default();
        Err(Failure::new(format!("{} wants the upload sent elsewhere: {place}", self.host)))
    }

    /// Asks, and once more with what the registry wants to see, if it wants to see something.
    fn ask(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, Failure> {
        let authorization = self.authorization.borrow().clone();
        let answer = self.send(method, url, headers, body, authorization.as_deref())?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let wanted = answer.header("www-authenticate").unwrap_or_default();
        let credentials = credentials::of(&self.host, &self.repository)?;
        let Some(authorization) = token::answer(self, wanted, credentials.as_ref())? else {
            let failure =
                Failure::new(format!("{} wants to know who asks, and there are no credentials for it", self.host));
            return Err(failure.help("log in with `docker login`, `podman login` or `skopeo login`"));
        };
        let answer = self.send(method, url, headers, body, Some(&authorization))?;
        *self.authorization.borrow_mut() = Some(authorization);
        Ok(answer)
    }

    fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        authorization: Option<&str>,
    ) -> Result<Answer, Failure> {
        let fail = |error: &dyn std::fmt::Display| Failure::new(format!("cannot ask {}: {error}", self.host));
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers.iter().copied().chain(authorization.map(|value| ("authorization", value))) {
            request = request.header(name, value);
        }
        let sent = if matches!(method, "GET" | "HEAD") {
            self.agent.run(request.body(()).map_err(|error| fail(&error))?)
        } else {
            self.agent.run(request.body(body).map_err(|error| fail(&error))?)
        };
        let (parts, mut body): (_, Body) = sent.map_err(|error| fail(&error))?.into_parts();
        let body = if method == "HEAD" {
            Vec::new()
        } else {
            body.with_config().limit(MOST).read_to_vec().map_err(|error| fail(&error))?
        };
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// Says what a registry refused, in its own words where it has some.
    fn refused(&self, action: &str, what: &str, answer: &Answer) -> Failure {
        let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let word = |path: &str| said.pointer(path).and_then(serde_json::Value::as_str).unwrap_or_default();
        let words = [word("/errors/0/code"), word("/errors/0/message")];
        let words = words.join(" ");
        let words = if words.trim().is_empty() { String::new() } else { format!(": {}", words.trim()) };
        Failure::new(format!(
            "{} does not let us {action} `{what}` in `{}`: {}{words}",
            self.host, self.repository, answer.status
        ))
    }
}
