//! What gateways let in, and who gets out, through the commands people type.

use insta::assert_snapshot;

use crate::runner::{DAY, ringfence};

#[test]
fn exposed_lists_every_opening_with_the_route_that_makes_it() {
    let ran = ringfence(&["exposed", "fixtures/edge", "--as-of", DAY]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_snapshot!(ran.out);
}

#[test]
fn exposed_speaks_json_and_a_line_each() {
    let json = ringfence(&["exposed", "fixtures/bank", "--as-of", DAY, "--format", "json"]).json();
    let listeners = json["clusters"][0]["listeners"].as_array().unwrap();
    let openings: Vec<_> = listeners.iter().flat_map(|it| it["openings"].as_array().unwrap()).collect();
    let bare: Vec<_> = openings
        .iter()
        .filter(|opening| opening["leads"].as_array().unwrap().iter().any(|led| led["withoutToken"] != "denied"))
        .map(|opening| opening["matches"].as_str().unwrap())
        .collect();
    assert_eq!(
        bare,
        [
            "api.acme.example /v1/rates",
            "api.acme.example /healthz",
            "mobile.acme.example /acme.mobile.v1.Session/Open",
            // Its Gateway is not among the manifests.
            "status.acme.example /v1/*",
        ]
    );
    let lines = ringfence(&["exposed", "fixtures/bank", "--as-of", DAY, "--format", "concise"]);
    // A line for each workload that an opening leads to, and one for an opening that leads out.
    let clusters = json["clusters"].as_array().unwrap().iter();
    let listeners = clusters.flat_map(|cluster| cluster["listeners"].as_array().unwrap());
    let leads = listeners.flat_map(|listener| listener["openings"].as_array().unwrap());
    let expected: usize = leads.map(|opening| opening["leads"].as_array().unwrap().len().max(1)).sum();
    assert_eq!(lines.out.lines().count(), expected, "{}", lines.out);
}

#[test]
fn reach_from_the_internet_follows_each_hop() {
    let ask = |words: &[&str]| {
        let place = ["--mesh", "fixtures/edge", "--as-of", DAY];
        ringfence(&[&["reach", "internet"], words, &place].concat())
    };
    let ran = ask(&["west:web/api-v1", "GET", "https://api.acme.example/old/x"]);
    assert_eq!(ran.code, 0, "{}", ran.all());
    assert_snapshot!(without_commits(&ran.out));
    for (request, expected) in [
        (["GET", "https://api.acme.example/v1/x"], "allowed"),
        (["GET", "https://api.acme.example/admin"], "denied"),
        (["GET", "https://other.example/v1"], "denied"),
        (["GET", "https://x.partners.acme.example/v1"], "allowed"),
    ] {
        let words = [&["west:web/api-v1", "--port", "8080"], &request[..], &["--format", "json"]].concat();
        let json = ask(&words).json();
        assert_eq!(json["answers"][0]["reach"], expected, "{request:?}");
    }
}

#[test]
fn a_request_is_typed_as_people_write_it() {
    let check = |words: &[&str], expected: &str| {
        let ran = ringfence(&[&["reach", "internet", "web/api-v1"], words, &["--mesh", "fixtures/edge"]].concat());
        assert!(ran.err.contains(expected), "{words:?}: {}", ran.all());
    };
    check(&["/v1", "/v2"], "is a second path");
    check(&["GET", "POST"], "is a second method");
    check(&["get"], "did you mean `GET`?");
    check(&["https://a.example/x", "--host", "b.example"], "name two hosts");
}

#[test]
fn reach_to_a_host_outside_follows_the_way_out() {
    let ran = ringfence(&[
        "reach",
        "prod-east:payments-cards/card-authorizer",
        "host:authorize.cardnetwork.example",
        "--mesh",
        "fixtures/bank",
        "--as-of",
        DAY,
    ]);
    assert_eq!(ran.code, 0, "{}", ran.all());
    let out = without_commits(&ran.out);
    for part in
        ["reaches authorize.cardnetwork.example port 443", "straight shut", "by way of gateway:cards-out: allowed"]
    {
        assert!(out.contains(part), "{out}");
    }
    let ran =
        ringfence(&["reach", "any", "host:authorize.cardnetwork.example", "--mesh", "fixtures/bank", "--as-of", DAY]);
    let reached: Vec<&str> = ran.out.lines().filter(|line| !line.contains(": denied")).collect();
    assert!(
        !reached.is_empty()
            && reached.iter().all(|line| {
                // What a machine outside Kubernetes calls nothing here keeps.
                line.contains("payments-cards/card-authorizer") || line.contains("mainframe/books")
            }),
        "{reached:?}"
    );
    let ran = ringfence(&[
        "reach",
        "prod-east:retail-web/storefront",
        "host:evil.example",
        "--mesh",
        "fixtures/bank",
        "--as-of",
        DAY,
        "--exit-code",
    ]);
    assert_eq!(ran.code, 10, "{}", ran.all());
}

#[test]
fn a_host_is_asked_about_at_every_port_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {app: web}}\nspec: {containers: [{name: a}]}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: out, namespace: shop}\nspec: {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 8443}, {port: 80}]}]}\n---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: far, namespace: shop}\nspec: {hosts: [\"*.far.example\"], ports: [{number: 443, name: tls, protocol: TLS}, {number: 8443, name: other, protocol: TLS}]}\n";
    std::fs::write(folder.path().join("a.yaml"), manifests).unwrap();
    let ask = |host: &str| {
        ringfence(&["reach", "shop/web", host, "--mesh", folder.path().to_str().unwrap(), "--format", "concise"])
    };
    let check = |host: &str, ports: &str, expected: &[&str]| {
        let ran = ask(host);
        let found: Vec<&str> = ran.out.lines().filter_map(|line| line.split("-> ").nth(1)?.split(';').next()).collect();
        assert_eq!(found, expected, "{}", ran.all());
        assert_eq!(ran.err.contains("asked of"), !ports.is_empty(), "{}", ran.err);
        assert!(ran.err.contains(ports), "{}", ran.err);
    };
    check(
        "host:api.far.example",
        "ports 443, 8443, which ServiceEntries",
        &["api.far.example:443: denied", "api.far.example:8443: allowed"],
    );
    check("host:else.example", "ports 80, 443, nothing", &["else.example:80: allowed", "else.example:443: denied"]);
    check("host:api.far.example:443", "", &["api.far.example:443: denied"]);
}

#[test]
fn what_others_let_in_is_said_to_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a, namespace: shop}\n---\n";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec: {containers: [{name: a, ports: [{containerPort: 80}]}]}\n";
    std::fs::write(folder.path().join("a.yaml"), [ingress, pod].concat()).unwrap();
    let place = folder.path().to_str().unwrap();
    for words in [&["exposed", place][..], &["reach", "internet", "web", "--mesh", place]] {
        let ran = ringfence(words);
        assert!(ran.err.contains("1 of kind Ingress are not followed"), "{}", ran.all());
    }
}

/// Takes off who wrote a line, which is of the checkout.
fn without_commits(text: &str) -> String {
    let line = |line: &str| match line.split_once(" (") {
        Some((before, after)) if after.ends_with(')') && before.contains("policy/") => before.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
