//! What the verifier says of a case.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::net::IpAddr;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::yaml::{self, Profile};
use ringfence_verifier::arrival::path::Normalization;
use ringfence_verifier::arrival::{Outcome, Sent, SentHttp, Sidecar, decide};
use ringfence_verifier::engine::Leaf;
use ringfence_verifier::engine::envoy::{Mesh, Reads, chain, gate, unreadable};
use ringfence_verifier::evaluate::Ruling;
use ringfence_verifier::istio::authorization::AuthorizationPolicy;
use ringfence_verifier::istio::read::selects;
use ringfence_verifier::istio::request_authentication::{JwtRule, RequestAuthentication};
use ringfence_verifier::request::{HeaderName, Peer, Token};
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
    /// Paths stay as they are.
    Paths,
    /// Tokens are looked for at the usual places only.
    Places,
    /// Headers that tokens fill are left to clients.
    Outputs,
    /// Policies see tokens that are taken off.
    Forwards,
    /// Nobody reads `x-forwarded-for`.
    Clients,
    /// A preflight is a request like any other.
    Preflights,
    /// A provider that nobody knows is not asked.
    Gates,
}

impl Fault {
    pub const ALL: [Self; 16] = [
        Self::Negations,
        Self::Denies,
        Self::Namespaces,
        Self::Selectors,
        Self::Trials,
        Self::Aliases,
        Self::Protocols,
        Self::Audiences,
        Self::Hosts,
        Self::Paths,
        Self::Places,
        Self::Outputs,
        Self::Forwards,
        Self::Clients,
        Self::Preflights,
        Self::Gates,
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
    let mut authentications: Vec<_> = authentications.into_iter().filter_map(Result::ok).collect();
    // As Istio lists them: those of the workload's namespace come first.
    authentications.sort_by_key(|policy| (policy.namespace != namespace, policy.name.clone()));
    let here = |of: &str| of == root || of == namespace || has(Fault::Namespaces);
    let selects = |selector: &_, labels: &_| has(Fault::Selectors) || selects(selector, labels);
    let selected: Vec<&AuthorizationPolicy> = policies
        .iter()
        .filter(|policy| here(&policy.namespace) && policy.targets.is_empty() && selects(&policy.selector, &labels))
        .collect();
    let http = case["protocol"] == "http";
    let mut tokens: Vec<JwtRule> = authentications
        .iter()
        .filter(|policy| http && here(&policy.namespace) && selects(&policy.selector, &labels))
        .flat_map(|policy| policy.rules.clone())
        .collect();
    let reads = if http || has(Fault::Protocols) { Reads::Http } else { Reads::Bytes };
    let mesh = Mesh { trust_domains };
    let normalization = case["mesh"]["pathNormalization"].as_str().unwrap_or("BASE");
    let normalization = Normalization::named(normalization).ok_or(format!("{normalization} is no normalization"))?;
    let mut sidecar = Sidecar {
        normalization: if has(Fault::Paths) { Normalization::None } else { normalization },
        gate: gate(&selected, reads, &mesh, &BTreeSet::new()),
        tokens: Vec::new(),
        chain: chain(&selected, reads, &mesh),
    };
    sidecar.chain.custom.clear();
    if has(Fault::Denies) {
        sidecar.chain.deny.clear();
    }
    if has(Fault::Gates) {
        sidecar.gate.deny.clear();
    }
    for rule in &mut tokens {
        if has(Fault::Audiences) {
            rule.audiences.clear();
        }
        if has(Fault::Places) {
            rule.from_headers.clear();
            rule.from_parameters.clear();
            rule.from_cookies.clear();
        }
        if has(Fault::Outputs) {
            rule.claim_headers.clear();
            rule.payload_header = None;
        }
        rule.forwards |= has(Fault::Forwards);
    }
    sidecar.tokens = tokens.iter().collect();
    let chain = &mut sidecar.chain;
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
    let requests = case["requests"].as_array().map(Vec::as_slice).unwrap_or_default();
    if http && !unreadable(&selected).is_empty() {
        return Ok(vec!["nack"; requests.len()]);
    }
    let mut verdicts = Vec::new();
    for written in requests {
        let mut sent = sent(written, case, http)?;
        if let Some(http) = &mut sent.http {
            http.headers.retain(|(name, _)| match name.as_str() {
                "x-forwarded-for" => !has(Fault::Clients),
                "origin" => !has(Fault::Preflights),
                _ => true,
            });
        }
        verdicts.push(match decide(&sidecar, &sent) {
            Outcome::Malformed => "rejected",
            Outcome::Unauthenticated => "unauthenticated",
            Outcome::Ruled(Ruling::Allowed(_) | Ruling::AllowedByNone) => "allow",
            Outcome::Ruled(Ruling::Denied(_) | Ruling::NotAllowed) => "deny",
            Outcome::Ruled(Ruling::Asks(_) | Ruling::Unknown(_)) => "depends",
        });
    }
    Ok(verdicts)
}

/// Reads a request as the oracle would send it.
fn sent(written: &Value, case: &Value, http: bool) -> Result<Sent, Box<dyn Error>> {
    let address = |key: &str, otherwise: &str| written[key].as_str().unwrap_or(otherwise).parse::<IpAddr>();
    let from = address("address", "10.0.0.1")?;
    Ok(Sent {
        peer: written["identity"].as_str().map(Peer::new),
        address: from,
        destination: address("destination", "10.244.0.10")?,
        port: u16::try_from(case["port"].as_u64().unwrap_or_default())?,
        sni: written["sni"].as_str().map(str::to_owned),
        http: if http { Some(sent_http(written, from)?) } else { None },
    })
}

fn sent_http(written: &Value, from: IpAddr) -> Result<SentHttp, Box<dyn Error>> {
    let mut signed = BTreeMap::new();
    let mut headers: Vec<(HeaderName, String)> = Vec::new();
    let mut add = |name: &str, value: String| headers.push((HeaderName::new(name), value));
    if let Some(host) = written["host"].as_str() {
        add("host", host.to_owned());
    }
    for pair in written["headers"].as_array().into_iter().flatten() {
        add(pair[0].as_str().unwrap_or_default(), text(&pair[1], &mut signed)?);
    }
    if !written["token"].is_null() {
        add("authorization", format!("Bearer {}", token(&written["token"], &mut signed)?));
    }
    let forwarded = written["remoteAddress"].as_str().filter(|remote| *remote != from.to_string());
    if let Some(remote) = forwarded
        && !headers.iter().any(|(name, _)| name.as_str() == "x-forwarded-for")
    {
        headers.push((HeaderName::new("x-forwarded-for"), remote.to_owned()));
    }
    let target = text(&written["path"], &mut signed)?;
    Ok(SentHttp { method: written["method"].as_str().unwrap_or("GET").to_owned(), target, headers, signed })
}

/// Reads a text, or one that has a token in it.
fn text(written: &Value, signed: &mut BTreeMap<String, Token>) -> Result<String, Box<dyn Error>> {
    let part = |name: &str| written[name].as_str().unwrap_or_default().to_owned();
    match written {
        Value::Object(_) => Ok(part("prefix") + &token(&written["token"], signed)? + &part("suffix")),
        _ => Ok(written.as_str().unwrap_or_default().to_owned()),
    }
}

/// Writes a token, and notes what it says if its issuer signed it.
fn token(wanted: &Value, signed: &mut BTreeMap<String, Token>) -> Result<String, Box<dyn Error>> {
    let Value::Object(fields) = wanted else { return Ok("head.invalid.sign".to_owned()) };
    let mut claims = serde_json::Map::new();
    for (key, value) in fields {
        match (key.as_str(), value) {
            (_, Value::Null) => {}
            ("claims", Value::Object(more)) => claims.extend(more.clone()),
            _ => _ = claims.insert(key.clone(), value.clone()),
        }
    }
    // Equal claims make equal tokens.
    let known = signed.iter().find(|(_, token)| token.0 == claims).map(|(text, _)| text.clone());
    let text = known.unwrap_or_else(|| format!("head.{}.sign", signed.len()));
    signed.insert(text.clone(), Token(claims));
    Ok(text)
}
