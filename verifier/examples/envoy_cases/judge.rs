//! What the verifier says of a case.

use std::collections::BTreeMap;
use std::error::Error;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::yaml::{self, Profile};
use ringfence_verifier::engine::Leaf;
use ringfence_verifier::engine::envoy::{Mesh, Reads, chain};
use ringfence_verifier::evaluate::{Ruling, rule};
use ringfence_verifier::istio::authorization::AuthorizationPolicy;
use ringfence_verifier::istio::read::selects;
use ringfence_verifier::istio::request_authentication::{Authenticated, RequestAuthentication, authenticate};
use ringfence_verifier::request::{HeaderName, Http, Identity, Request, Shown, Token};
use serde_json::Value;

/// A mistake to be noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// What must not match must match.
    Negations,
    /// No DENY is enforced.
    Denies,
    /// Policies of every namespace are selected.
    Namespaces,
    /// Selectors select everything.
    Selectors,
    /// Policies on trial are enforced.
    Trials,
    /// Aliases of the trust domain are strangers.
    Aliases,
    /// HTTP is read on every port.
    Protocols,
    /// Tokens for anybody are good.
    Audiences,
    /// Hosts are looked for in the path.
    Hosts,
}

impl Fault {
    pub const ALL: [Self; 9] = [
        Self::Negations,
        Self::Denies,
        Self::Namespaces,
        Self::Selectors,
        Self::Trials,
        Self::Aliases,
        Self::Protocols,
        Self::Audiences,
        Self::Hosts,
    ];

    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }
}

/// Returns the verdict on each request of a case, by the verifier with a mistake in it if one is named.
pub(super) fn judge(case: &Value, fault: Option<Fault>) -> Result<Vec<&'static str>, Box<dyn Error>> {
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
    let has = |one: Fault| fault == Some(one);
    if !has(Fault::Aliases) {
        trust_domains.extend(texts(&case["mesh"]["trustDomainAliases"]));
    }
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
    let mut policies: Vec<_> = policies.into_iter().filter_map(Result::ok).collect();
    for policy in &mut policies {
        policy.dry_run &= !has(Fault::Trials);
    }
    let authentications: Vec<_> = authentications.into_iter().filter_map(Result::ok).collect();
    let here = |of: &str| of == root || of == namespace || has(Fault::Namespaces);
    let selects = |selector: &_, labels: &_| has(Fault::Selectors) || selects(selector, labels);
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
    let reads = if http || has(Fault::Protocols) { Reads::Http } else { Reads::Bytes };
    let mut chain = chain(&selected, reads, &Mesh { trust_domains });
    if has(Fault::Denies) {
        chain.deny.clear();
    }
    let rules_of_tokens: Vec<_> = rules
        .into_iter()
        .cloned()
        .map(|mut rule| {
            if has(Fault::Audiences) {
                rule.audiences.clear();
            }
            rule
        })
        .collect();
    let rules: Vec<_> = rules_of_tokens.iter().collect();
    for enforced in chain.deny.iter_mut().chain(chain.allow.iter_mut().flatten()) {
        for test in enforced.sources.iter_mut().chain(&mut enforced.operations).flatten() {
            test.negated &= !has(Fault::Negations);
            for leaf in &mut test.leaves {
                if let (Leaf::Host(glob), true) = (&*leaf, has(Fault::Hosts)) {
                    *leaf = Leaf::Path(glob.clone());
                }
            }
        }
    }
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
        destination: address("destination")?.unwrap_or(from),
        port: u16::try_from(case["port"].as_u64().unwrap_or_default())?,
        sni: written["sni"].as_str().map(str::to_owned),
        http: http.then(|| Http {
            method: text("method"),
            path: path(&text("path")),
            host: text("host"),
            headers,
            token,
        }),
    })
}

/// Returns the path that is matched: without query and fragment.
fn path(written: &str) -> String {
    written.split(['?', '#']).next().unwrap_or_default().to_owned()
}
