//! Judges cases as the Envoy oracle does, so that the two can be compared; tests/oracle/envoy tells what a case is.
//!
//! In: cases, one JSON object a line, on standard input. Out: one line each, `{"id": …, "verdicts": [ … ]}`.

#![expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a tool of the test suite: a case that is no case ends it"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, Write};

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::yaml::{self, Profile};
use ringfence_verifier::engine::envoy::{Mesh, Reads, chain};
use ringfence_verifier::evaluate::{Ruling, rule};
use ringfence_verifier::istio::authorization::AuthorizationPolicy;
use ringfence_verifier::istio::read::selects;
use ringfence_verifier::istio::request_authentication::{Authenticated, RequestAuthentication, authenticate};
use ringfence_verifier::request::{HeaderName, Http, Identity, Request, Shown, Token};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let case: Value = serde_json::from_str(&line?)?;
        let verdicts = judge(&case)?;
        writeln!(out, "{}", json!({ "id": case["id"], "verdicts": verdicts }))?;
    }
    Ok(())
}

fn judge(case: &Value) -> Result<Vec<&'static str>, Box<dyn Error>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let texts = |value: &Value| value.as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
    let root = case["mesh"]["rootNamespace"].as_str().unwrap_or("istio-system");
    let namespace = text(&case["workload"]["namespace"]);
    let labels: BTreeMap<String, String> = case["workload"]["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), text(value)))
        .collect();
    let mut trust_domains = vec![text(&case["mesh"]["trustDomain"])];
    trust_domains.extend(texts(&case["mesh"]["trustDomainAliases"]));
    let (mut policies, mut authentications) = (Vec::new(), Vec::new());
    for object in case["objects"].as_array().into_iter().flatten() {
        let mut sources = Sources::new();
        let file = sources.add(SourceFile::new("case.yaml", object.to_string().into_bytes()));
        let mut said = Diagnostics::new();
        let documents = yaml::read(&sources, file, Profile::Manifest, &mut said);
        let root = &documents.first().ok_or("no object")?.root;
        match object["kind"].as_str() {
            Some("AuthorizationPolicy") => policies.push(AuthorizationPolicy::read(root, &mut said)),
            Some("RequestAuthentication") => authentications.push(RequestAuthentication::read(root, &mut said)),
            _ => {}
        }
        if said.has_errors() {
            let messages: Vec<_> = said.sorted(&sources).iter().map(|one| one.message().to_owned()).collect();
            return Err(messages.join("; ").into());
        }
    }
    let policies: Vec<_> = policies.into_iter().filter_map(Result::ok).collect();
    let authentications: Vec<_> = authentications.into_iter().filter_map(Result::ok).collect();
    let here = |of: &str| of == root || of == namespace;
    let selected: Vec<&AuthorizationPolicy> = policies
        .iter()
        .filter(|policy| here(&policy.namespace) && policy.targets.is_empty() && selects(&policy.selector, &labels))
        .collect();
    let http = case["protocol"] == "http";
    let rules: Vec<_> = authentications
        .iter()
        .filter(|policy| http && here(&policy.namespace) && selects(&policy.selector, &labels))
        .flat_map(|policy| &policy.rules)
        .collect();
    let chain = chain(&selected, if http { Reads::Http } else { Reads::Bytes }, &Mesh { trust_domains });
    let mut verdicts = Vec::new();
    for written in case["requests"].as_array().into_iter().flatten() {
        let mut request = request(written, case, http)?;
        if let Some(http) = &mut request.http {
            match authenticate(&rules, &http.token) {
                Authenticated::Refused => {
                    verdicts.push("unauthenticated");
                    continue;
                }
                Authenticated::As(shown) => http.token = shown,
            }
        }
        verdicts.push(match rule(&chain, &request) {
            Ruling::Allowed(_) | Ruling::AllowedByNone => "allow",
            Ruling::Denied(_) | Ruling::NotAllowed => "deny",
            Ruling::Asks(_) | Ruling::Unknown(_) => "depends",
        });
    }
    Ok(verdicts)
}

fn request(written: &Value, case: &Value, http: bool) -> Result<Request, Box<dyn Error>> {
    let text = |key: &str| written[key].as_str().unwrap_or_default().to_owned();
    let address = |key: &str| written[key].as_str().map(str::parse).transpose();
    let from = address("address")?.unwrap_or_else(|| "127.0.0.1".parse().expect("an address"));
    let peer = match written["identity"].as_str() {
        None => None,
        Some(identity) => {
            let parts: Vec<&str> = identity.split('/').collect();
            match parts.as_slice() {
                [domain, "ns", namespace, "sa", account] => Some(Identity::new(*domain, *namespace, *account)),
                _ => return Err(format!("{identity} is no identity").into()),
            }
        }
    };
    let mut headers: BTreeMap<HeaderName, Vec<String>> = BTreeMap::new();
    for pair in written["headers"].as_array().into_iter().flatten() {
        let part = |at: usize| pair[at].as_str().unwrap_or_default();
        headers.entry(HeaderName::new(part(0))).or_default().push(part(1).to_owned());
    }
    let token = match &written["token"] {
        Value::Null => Shown::Nothing,
        Value::String(_) => Shown::Broken,
        Value::Object(fields) => {
            let mut claims = serde_json::Map::new();
            for (key, value) in fields {
                match (key.as_str(), value) {
                    (_, Value::Null) => {}
                    ("claims", Value::Object(more)) => claims.extend(more.clone()),
                    _ => _ = claims.insert(key.clone(), value.clone()),
                }
            }
            Shown::Signed(Token(claims))
        }
        other => return Err(format!("{other} is no token").into()),
    };
    Ok(Request {
        peer,
        address: from,
        remote: address("remoteAddress")?.unwrap_or(from),
        destination: "127.0.0.1".parse()?,
        port: u16::try_from(case["port"].as_u64().unwrap_or_default())?,
        sni: written["sni"].as_str().map(str::to_owned),
        http: http.then(|| Http { method: text("method"), path: text("path"), host: text("host"), headers, token }),
    })
}
