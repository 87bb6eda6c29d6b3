//! The proof that manifests mean what the policy means, and that it can fail: faults are planted in what was compiled, and
//! each is caught with a request that shows it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test, which reads a fixture and fails where it finds none"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ringfence_compiler::compile::{Compiled, compile};
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::parse::{Parsed, parse};
use ringfence_compiler::resolve::{Resolved, resolve};
use ringfence_compiler::shape::scalar::Text;
use ringfence_compiler::source::Sources;
use ringfence_compiler::spec::names::Day;
use ringfence_verifier::translation::{Proof, prove};

struct Fixture {
    sources: Sources,
    parsed: Parsed,
}

impl Fixture {
    fn read(name: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name);
        let mut tree = BTreeMap::new();
        add(&root, &root, &mut tree);
        let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
        let parsed = parse(&tree, &mut sources, &mut said).expect("the fixture is read");
        Self { sources, parsed }
    }

    fn resolved(&self) -> Resolved<'_> {
        let day = Day::parse("2026-11-22").expect("a day");
        resolve(&self.parsed, day, &mut Diagnostics::new()).expect("the fixture resolves")
    }
}

fn add(root: &Path, folder: &Path, tree: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            add(root, &entry, tree);
        } else {
            let path = entry.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            tree.insert(path, fs::read(&entry).unwrap());
        }
    }
}

/// Proves, and returns what was said.
fn said(resolved: &Resolved<'_>, compiled: &Compiled, sources: &Sources) -> (Proof, Vec<String>) {
    let mut diagnostics = Diagnostics::new();
    let proof = prove(resolved, compiled, &mut diagnostics);
    let said = diagnostics.sorted(sources);
    (proof, said.iter().map(|one| format!("{}: {}", one.message(), one.help_text().unwrap_or_default())).collect())
}

/// Plants a fault in every file whose name has this in it, and expects that it is noticed.
fn plant(fixture: &str, faults: &[(&str, &str, &str, &str)]) {
    let bank = Fixture::read(fixture);
    let resolved = bank.resolved();
    let sound = compile(&resolved, &bank.sources, &mut Diagnostics::new()).expect("the bank compiles");
    for (file, from, to, expected) in faults {
        let mut broken = sound.clone();
        let mut planted = 0;
        for (_, text) in broken.files.iter_mut().filter(|(path, _)| path.contains(file)) {
            planted += text.matches(from).count();
            *text = text.replacen(from, to, 1);
        }
        assert!(planted > 0, "`{from}` stands in no file `{file}`");
        let (_, said) = said(&resolved, &broken, &bank.sources);
        let shown = said.join("\n");
        assert!(said.iter().any(|one| one.contains(expected)), "{file}: `{from}` to `{to}`: {shown}");
    }
}

#[test]
fn the_bank_is_compiled_into_exactly_what_it_means() {
    let bank = Fixture::read("bank");
    let resolved = bank.resolved();
    let compiled = compile(&resolved, &bank.sources, &mut Diagnostics::new()).expect("the bank compiles");
    let (proof, said) = said(&resolved, &compiled, &bank.sources);
    assert!(said.is_empty(), "{said:?}");
    let sidecars = resolved.units.iter().filter(|governed| governed.unit.data_plane.is_some());
    let workloads: usize = sidecars.map(|governed| governed.unit.workloads.len()).sum();
    assert_eq!((proof.workloads, proof.behind, proof.unmeshed), (workloads, 0, 0));
}

#[test]
fn files_that_are_lost_are_missed() {
    let bank = Fixture::read("bank");
    let resolved = bank.resolved();
    let sound = compile(&resolved, &bank.sources, &mut Diagnostics::new()).expect("the bank compiles");
    // What ceilings deny is granted by nothing as long as the ALLOW stands: it is a second lock, and one may be lost.
    let decides = |path: &&String| {
        path.contains("10-identity/") && path.contains("authentication--")
            || path.contains("30-allow/")
                && (path.contains("authorizationpolicy--ringfence-allow-") || path.contains("networkpolicy--"))
    };
    let paths: Vec<&String> = sound.files.keys().filter(decides).collect();
    assert!(paths.len() > 150, "{} files decide", paths.len());
    for path in paths.iter().step_by(9) {
        let mut lost = sound.clone();
        lost.files.remove(*path);
        assert!(!said(&resolved, &lost, &bank.sources).1.is_empty(), "{path} was not missed");
    }
}

#[test]
fn faults_of_the_emitter_are_caught_with_a_request() {
    plant(
        "bank",
        &[
            ("peerauthentication", "mode: STRICT", "mode: PERMISSIVE", "otherwise than the policy"),
            ("peerauthentication", "mode: STRICT", "mode: DISABLE", "otherwise than the policy"),
            ("ringfence-allow-card-vault", "principals:", "notPrincipals:", "more than the policy"),
            ("ringfence-allow-card-vault", "action: ALLOW", "action: AUDIT", "refuse what the policy grants"),
            (
                "ringfence-allow-card-vault",
                "kind: AuthorizationPolicy",
                "kind: WasmPlugin",
                "refuse what the policy grants",
            ),
            ("ringfence-allow", "ports:", "notPorts:", "more than the policy"),
            ("ringfence-allow", "methods:", "notMethods:", "more than the policy"),
            ("ringfence-allow", "ports:", "unknown:", "more than the policy"),
            ("ringfence-allow", "sa/", "sa/x", "refuse what the policy grants"),
            (
                "peerauthentication--ringfence-",
                "portLevelMtls:",
                "portLevelMtls:\n    \"9999\":\n      mode: DISABLE",
                "otherwise than the policy",
            ),
            ("ringfence-allow-card-vault", "ports:", "ports:\n              - \"9999\"", "more than the policy"),
            ("requestauthentication", "jwksUri: \"https://", "jwksUri: \"https://evil.", "take tokens"),
            ("20-deny", "action: DENY", "action: ALLOW", "more than the policy"),
            ("networkpolicy--ringfence-card-vault", "protocol: TCP", "protocol: UDP", "stops what the policy grants"),
        ],
    );
}

#[test]
fn faults_at_gateways_are_caught_with_a_request() {
    let gateway = "istio-ingress--gateway--edge";
    let policy = "istio-ingress--authorizationpolicy--ringfence-edge-edge";
    plant(
        "bank",
        &[
            (policy, "request.auth.claims[iss]", "request.auth.claims[sub]", "does not let in"),
            (
                policy,
                "key: \"request.auth.claims[iss]\"\n          values",
                "key: \"request.auth.claims[iss]\"\n          notValues",
                "lets in more",
            ),
            (policy, "action: ALLOW", "action: AUDIT", "lets in more"),
            (policy, "istio: edge-gateway", "istio: other", "lets in more"),
            (
                "istio-ingress--requestauthentication--ringfence-edge-edge",
                "jwksUri: \"https://",
                "jwksUri: \"https://evil.",
                "takes tokens",
            ),
            ("platform.edge.public-api", "name: public-api", "name: partner-api", "does not let in"),
            ("platform.edge.public-api", "value: /healthz", "value: /health", "does not let in"),
            ("platform.edge.public-api", "sectionName: at-api.acme.example", "sectionName: at-none", "does not let in"),
            (gateway, "hostname: api.acme.example", "hostname: api.evil.example", "does not let in"),
            (gateway, "protocol: HTTPS", "protocol: HTTP", "lets in more"),
            (
                "istio-ingress--gateway--partner",
                "tls-terminate-mode: MUTUAL",
                "tls-terminate-mode: SIMPLE",
                "lets in more",
            ),
            (gateway, "- edge\n", "- other\n", "does not let in"),
        ],
    );
    plant(
        "edge",
        &[
            ("shop.web.public-api", "uri: /v1/", "uri: /v2/", "rewrites paths"),
            ("shop.web.public-api", "replacePrefixMatch: /v1", "replacePrefixMatch: /v2", "rewrites paths"),
            (
                "ingress--gateway--ringfence-edge",
                "minProtocolVersion: TLSV1_2",
                "minProtocolVersion: TLSV1_0",
                "lets in more",
            ),
            ("ingress--gateway--ringfence-partner", "mode: MUTUAL", "mode: SIMPLE", "lets in more"),
            ("shop.web.vault", "sniHosts:\n            - vault", "sniHosts:\n            - volt", "does not let in"),
            ("referencegrant", "kind: ListenerSet", "kind: Gateway", "does not let in"),
        ],
    );
}

#[test]
fn faults_on_the_way_out_are_caught() {
    let policy = "authorizationpolicy--ringfence-egress-cards-out";
    plant(
        "bank",
        &[
            (policy, "sa/card-authorizer", "sa/card-other", "stop"),
            ("networkpolicy--ringfence-egress-cards-out", "port: 443", "port: 444", "stop"),
            ("gateway--ringfence-cards-out", "./authorize.cardnetwork.example", "./other.example", "stop"),
        ],
    );
}
