//! Statements that decide nothing: what is reported can all go at once, and nothing else is admitted without it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test, which reads its own texts and fails where they are broken"
)]

use proptest::prelude::*;
use ringfence_compiler::compile::compile;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::parse::parse;
use ringfence_compiler::resolve::resolve;
use ringfence_compiler::resolve::world::Cluster;
use ringfence_compiler::shape::scalar::Text;
use ringfence_compiler::source::Sources;
use ringfence_compiler::spec::names::Day;
use ringfence_verifier::difference::Difference;
use ringfence_verifier::fleet::Fleet;
use ringfence_verifier::model::Model;
use ringfence_verifier::policies::Policies;
use ringfence_verifier::{redundant, translation};

#[path = "../../compiler/tests/support/mod.rs"]
mod support;

/// An entry of an Access: where the document is written, what it is about, and the entry.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    file: &'static str,
    to: &'static str,
    verb: &'static str,
    entry: String,
}

/// Four services of one workspace, the last of them without a proxy, and perhaps a default.
fn repository(entries: &[Entry], default: Option<&str>) -> support::Files {
    let mut files = support::files(include_str!("assertions/mesh.txt"));
    files.remove("policy/shop/front/access.yaml");
    files.insert("inventory/east/cron.yaml".to_owned(), CRON.as_bytes().to_vec());
    let tenant = "apiVersion: ringfence/v1alpha1\nkind: Tenant\nmetadata: {name: shop}\nspec: ";
    let spec = default.map_or("{}".to_owned(), |within| format!("{{defaults: {{access: {{within: {within}}}}}}}"));
    files.insert("policy/shop/tenant.yaml".to_owned(), format!("{tenant}{spec}\n").into_bytes());
    for (at, Entry { file, to, verb, entry }) in entries.iter().enumerate() {
        let text = files.entry((*file).to_owned()).or_default();
        text.extend(
            format!(
                "---\napiVersion: ringfence/v1alpha1\nkind: Access\nmetadata: {{name: e{at}}}\nspec:\n{to}  {verb}:\n    - {entry}\n"
            )
            .bytes(),
        );
    }
    files
}

const CRON: &str = "apiVersion: v1
kind: Service
metadata: {name: cron, namespace: shop}
spec: {selector: {app: cron}, ports: [{name: tcp, port: 9000}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cron, namespace: shop}
spec: {template: {metadata: {labels: {app: cron, sidecar.istio.io/inject: 'false'}}, spec: {serviceAccountName: cron, containers: [{name: a, ports: [{containerPort: 9000}]}]}}}
";

/// Resolves a repository and asks something of it; the second is what was reported, by place and words.
fn asked<T>(files: &support::Files, ask: impl FnOnce(&[(Cluster<'_>, Policies)]) -> T) -> (T, Vec<String>) {
    let (mut sources, mut said, mut found) = (Sources::new(), Diagnostics::new(), Diagnostics::new());
    let parsed = parse(files, &mut sources, &mut said).unwrap_or_else(|_| panic!("{:?}", said.sorted(&sources)));
    let resolved = resolve(&parsed, Day::parse("2026-11-22").unwrap(), &mut said)
        .unwrap_or_else(|_| panic!("{:?}", said.sorted(&sources)));
    let compiled = compile(&resolved, &sources, &mut said).unwrap_or_else(|_| panic!("{:?}", said.sorted(&sources)));
    redundant::check(&resolved, &mut found);
    let line = |one: &&ringfence_compiler::diagnostics::Diagnostic| {
        let label = &one.labels()[0];
        let others: Vec<_> =
            one.labels()[1..].iter().map(|by| format!("{} {}", sources.place(by.span), by.text)).collect();
        format!("{} {} ({})", sources.place(label.span), one.message(), others.join(", "))
    };
    let mut clusters = Vec::new();
    for (name, cluster) in &resolved.world.clusters {
        let facts = Cluster { document: cluster.document, inventory: cluster.inventory };
        clusters.push((facts, translation::read(name, &compiled, &mut said)));
    }
    (ask(&clusters), found.sorted(&sources).iter().map(line).collect())
}

fn models<'a>(clusters: &'a [(Cluster<'a>, Policies)]) -> Vec<Model<'a>> {
    let model = |(facts, policies): &'a (Cluster<'a>, Policies)| {
        Model::joining(Cluster { document: facts.document, inventory: facts.inventory }, policies)
    };
    clusters.iter().map(model).collect()
}

fn entry(file: &'static str, to: &'static str, verb: &'static str, entry: &str) -> Entry {
    Entry { file, to, verb, entry: entry.to_owned() }
}

const WORKSPACE: &str = "policy/shop/front/access.yaml";
const TENANT: &str = "policy/shop/access.yaml";
const CART: &str = "  to: cart\n";

/// Returns what is reported of entries about the cart, one of the tenant's last.
fn reported(entries: &[(&'static str, &'static str, &str)], default: Option<&str>) -> Vec<String> {
    let entries: Vec<_> = entries.iter().map(|(file, verb, text)| entry(file, CART, verb, text)).collect();
    asked(&repository(&entries, default), |_| ()).1
}

#[test]
fn a_statement_is_shown_with_what_decides_in_its_stead() {
    let two = [
        (WORKSPACE, "allow", "{from: web, ports: [8080]}"),
        (WORKSPACE, "allow", "{from: web, ports: [8080], methods: [GET]}"),
    ];
    assert_eq!(
        reported(&two, None),
        ["policy/shop/front/access.yaml:16 this grant admits nothing that others do not \
          (policy/shop/front/access.yaml:8 admitted by this)"]
    );
    // Of two that are the same the first stays.
    let same = [(WORKSPACE, "allow", "{from: web, ports: [8080]}"), (WORKSPACE, "allow", "{from: web, ports: [8080]}")];
    let found = reported(&same, None);
    assert!(found.len() == 1 && found[0].starts_with("policy/shop/front/access.yaml:16 "), "{found:?}");
    // Two together cover a third, and neither of them goes.
    let split = [
        (WORKSPACE, "allow", "{from: web, ports: [8080], methods: [GET, PUT]}"),
        (WORKSPACE, "allow", "{from: web, ports: [8080], methods: [GET]}"),
        (WORKSPACE, "allow", "{from: web, ports: [8080], methods: [PUT]}"),
    ];
    let found = reported(&split, None);
    let lines: Vec<&str> = found.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(lines, ["policy/shop/front/access.yaml:16", "policy/shop/front/access.yaml:24"], "{found:?}");
    let unadmitted = [
        (WORKSPACE, "allow", "{from: web, ports: [8080], methods: [GET]}"),
        (WORKSPACE, "deny", "{methods: [DELETE]}"),
    ];
    let found = reported(&unadmitted, None);
    assert!(
        found[0]
            .contains("this deny refuses what nothing admits (policy/shop/front/access.yaml:8 all that this admits"),
        "{found:?}"
    );
    let needed = [(WORKSPACE, "allow", "{from: web, ports: [8080]}"), (WORKSPACE, "deny", "{methods: [DELETE]}")];
    assert_eq!(reported(&needed, None), [""; 0]);
    let refused = [
        (WORKSPACE, "allow", "{from: web, ports: [8080]}"),
        (WORKSPACE, "deny", "{methods: [DELETE, PUT]}"),
        (WORKSPACE, "deny", "{methods: [PUT]}"),
    ];
    let found = reported(&refused, None);
    assert!(
        found[0].contains(
            ":24 this deny refuses nothing that others do not (policy/shop/front/access.yaml:16 refused by this)"
        ),
        "{found:?}"
    );
}

#[test]
fn the_last_statement_of_a_workspace_keeps_a_default_away() {
    let above = [
        (TENANT, "allow", "{from: /shop/front:web, ports: [8080]}"),
        (WORKSPACE, "allow", "{from: web, ports: [8080]}"),
    ];
    let covered = |default| {
        let [above, below] = above.map(|(file, verb, text)| (file, verb, text));
        let entries =
            [entry(above.0, "  to: /shop/front:cart\n", above.1, above.2), entry(below.0, CART, below.1, below.2)];
        asked(&repository(&entries, default), |_| ()).1
    };
    // Where it may go it goes, and not the one above, which is written first.
    for default in [None, Some("nobody")] {
        let found = covered(default);
        assert!(found.len() == 1 && found[0].starts_with("policy/shop/front/access.yaml:8 "), "{found:?}");
    }
    let found = covered(Some("tenant"));
    assert!(found.len() == 1 && found[0].starts_with("policy/shop/access.yaml:8 "), "{found:?}");
}

#[test]
fn who_comes_in_by_name_stays_beside_who_comes_in_by_address() {
    // A proxy refuses the database all of its entry, and yet the port is open for its pods by that entry alone: an address in a
    // NetworkPolicy is one of pods in the eyes of some plugins only.
    let entries = [
        (WORKSPACE, "allow", "{from: [db, 'cidr:198.51.100.0/24'], ports: [8080], methods: [GET], paths: [/a]}"),
        (WORKSPACE, "allow", "{from: ['cidr:198.51.100.0/24'], ports: [8080]}"),
        (WORKSPACE, "deny", "{from: [db], ports: [8080], methods: [GET]}"),
    ];
    assert_eq!(reported(&entries, None), [""; 0]);
    // Of addresses alone one covers another.
    let addresses = [
        (WORKSPACE, "allow", "{from: ['cidr:198.51.100.0/24'], ports: [8080], methods: [GET]}"),
        (WORKSPACE, "allow", "{from: ['cidr:198.51.100.0/24'], ports: [8080]}"),
    ];
    assert_eq!(reported(&addresses, None).len(), 1);
}

fn statements() -> impl Strategy<Value = Vec<Entry>> {
    let some = |of: &'static [&'static str]| proptest::sample::subsequence(of, 1..=of.len());
    let field = move |name: &'static str, of: &'static [&'static str]| {
        proptest::option::weighted(0.5, some(of))
            .prop_map(move |chosen| chosen.map_or(String::new(), |chosen| format!(", {name}: [{}]", chosen.join(", "))))
    };
    let callers = some(&["web", "cart", "db", "/ops/tools", "gateway:edge", "cidr:198.51.100.0/24"]);
    let http = (field("methods", &["GET", "POST"]), field("paths", &["/", "/a", "\"/a/{*}\""]));
    let about_cart =
        (prop_oneof![4 => Just("allow"), 1 => Just("deny")], callers, http).prop_map(|(verb, from, http)| {
            entry(WORKSPACE, CART, verb, &format!("{{from: [{}], ports: [8080]{}{}}}", from.join(", "), http.0, http.1))
        });
    let about_db =
        (prop_oneof![4 => Just("allow"), 1 => Just("deny")], some(&["web", "cart"]), field("ports", &["5432"]))
            .prop_map(|(verb, from, ports)| {
                entry(WORKSPACE, "  to: db\n", verb, &format!("{{from: [{}]{ports}}}", from.join(", ")))
            });
    let above =
        (some(&["/shop/front:web", "/shop/front"]), prop_oneof![Just("/shop/front:cart"), Just("/shop/front:db")])
            .prop_map(|(from, to)| {
                let to = if to.ends_with("db") { "  to: /shop/front:db\n" } else { "  to: /shop/front:cart\n" };
                entry(TENANT, to, "allow", &format!("{{from: [{}]}}", from.join(", ")))
            });
    // Beside what a proxy asks: a workload without one, and a port that none sees.
    let network = (prop_oneof![Just("  to: cron\n"), Just(CART)], some(&["web", "cart", "/ops/tools"]), 0..3_u8)
        .prop_map(|(to, from, ports)| {
            let own = if to == CART { 8080 } else { 9000 };
            let ports = [format!("{own}"), "15020".to_owned(), format!("{own}, 15020")][usize::from(ports)].clone();
            entry(WORKSPACE, to, "allow", &format!("{{from: [{}], ports: [{ports}]}}", from.join(", ")))
        });
    proptest::collection::vec(prop_oneof![4 => about_cart, 2 => about_db, 1 => above, 2 => network], 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_what_is_reported_the_same_is_admitted(
        entries in statements(),
        default in prop_oneof![Just(None), Just(Some("workspace")), Just(Some("tenant"))],
    ) {
        let files = repository(&entries, default);
        let place = |entry: &Entry| {
            let at = entries.iter().position(|one| std::ptr::eq(one, entry)).unwrap();
            // Each document has eight lines, and its entry is on the eighth.
            let before = entries[..at].iter().filter(|one| one.file == entry.file).count();
            format!("{}:{} ", entry.file, 8 * (before + 1))
        };
        let (_, reported) = asked(&files, |_| ());
        let is_reported = |entry: &Entry| reported.iter().any(|line| line.starts_with(&place(entry)));
        let rest: Vec<Entry> = entries.iter().filter(|entry| !is_reported(entry)).cloned().collect();
        prop_assert_eq!(rest.len() + reported.len(), entries.len(), "{:?}", &reported);
        let without = repository(&rest, default);
        asked(&files, |before| asked(&without, |after| {
            let (before, after) = (models(before), models(after));
            let difference = Difference::between(&Fleet::of(&before), &Fleet::of(&after));
            assert!(difference.is_empty(), "{:?}", difference.changes);
        }));
    }
}
