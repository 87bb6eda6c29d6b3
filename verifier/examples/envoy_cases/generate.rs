//! Random cases: few names, so that policies and requests meet, and every form of value that Istio reads in its own way.

use serde_json::{Map, Value, json};

use crate::random::Random;
use crate::requests::{self, ISSUERS};

const PRINCIPALS: [&str; 15] = [
    "*",
    "cluster.local/ns/shop/sa/web",
    "td.example/ns/shop/sa/web",
    "old.example/ns/bank/sa/db",
    "*/ns/shop/sa/web",
    "*/sa/db",
    "cluster.local/*",
    "cluster.local/ns/shop*",
    "cluster.local/ns/bank/sa/*",
    "spiffe://cluster.local/ns/shop/sa/web",
    "*local/ns/shop/sa/web",
    "other/ns/shop/sa/web",
    "sa/web",
    "*/sa/web.v2",
    "td.example/ns/*",
];
const REQUEST_PRINCIPALS: [&str; 12] = [
    "*",
    "https://a.example/ann",
    "https://a.example/*",
    "*/ann",
    "*/*",
    "c/bob",
    "https://b.example/x/bob",
    "https://a*",
    "*ann",
    "c*",
    "https://b.example/x/svc/x",
    "*example/bob",
];
const SOURCE_NAMESPACES: [&str; 7] = ["shop", "bank", "shop*", "*shop", "*", "s*p", "sh.p"];
const SERVICE_ACCOUNTS: [&str; 5] = ["web", "shop/web", "bank/db", "default", "shop-dev/web.v2"];
const TRUST_DOMAINS: [&str; 6] = ["cluster.local", "td.example", "*", "*.example", "cluster*", "old.example"];
const BLOCKS: [&str; 8] =
    ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "192.168.1.1/16", "::/0", "fd00::/8", "fd00::1", "0.0.0.0/0"];
const HOSTS: [&str; 8] =
    ["a.example", "A.example", "a.example:*", "*.example", "a.*", "*", "b.example", "a.example:8080"];
const METHODS: [&str; 6] = ["GET", "POST", "*", "P*", "*T", "DELETE"];
const PATHS: [&str; 21] = [
    "/",
    "/a",
    "/a/b",
    "/a*",
    "*b",
    "*",
    "/a/*",
    "/a*b",
    "*a*",
    "/{*}",
    "/a/{*}",
    "/a/{**}",
    "/{**}",
    "/{*}/b",
    "/a/{*}/c/{**}",
    "/A",
    "/{**}/b",
    "/%61",
    "/a%2Fb",
    "/a//b",
    "/%7Bx%7D",
];
const PORTS: [&str; 3] = ["8080", "9090", "0"];
const TEXTS: [&str; 8] = ["red", "blue", "re*", "*ed", "*", "r*d", "red blue", "Red"];
const VALUES_OF_PARTS: [&str; 9] = ["GET", "OPTIONS", "a.example", "*.Example", "/a", "/a?*", "*q=1", "*", "/*"];
const KEYS: [&str; 27] = [
    "request.headers[x-team]",
    "request.headers[X-Color]",
    "source.ip",
    "remote.ip",
    "source.namespace",
    "source.serviceAccount",
    "source.principal",
    "source.trustDomain",
    "request.auth.principal",
    "request.auth.audiences",
    "request.auth.presenter",
    "request.auth.claims[groups]",
    "request.auth.claims[realm][roles]",
    "request.auth.claims[scope]",
    "destination.ip",
    "destination.port",
    "connection.sni",
    "request.headers[:authority]",
    "request.headers[Host]",
    "request.headers[:method]",
    "request.headers[:path]",
    "request.headers[x-user]",
    "request.headers[x-user]",
    "request.headers[x-payload]",
    "request.headers[authorization]",
    "request.headers[authorization]",
    "request.headers[x-jwt]",
];

/// Makes a case; `plain` leaves out what versions of Envoy are known to disagree about.
pub(super) fn case(id: &str, plain: bool, random: &mut Random) -> Value {
    let http = random.chance(85);
    let mut objects = Vec::new();
    for number in 0..1 + random.below(4) {
        objects.push(policy(number, random));
    }
    if http && random.chance(30) {
        for number in 0..1 + random.below(2) {
            objects.push(authentication(number, random));
        }
        if random.chance(30) {
            objects.extend(filled());
        }
    }
    let aliases: Vec<&str> = if random.chance(30) { vec!["old.example"] } else { vec![] };
    let requests: Vec<Value> = (0..100).map(|_| requests::request(http, plain, random)).collect();
    let normalizations = ["BASE", "BASE", "BASE", "NONE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"];
    json!({
        "id": id,
        "mesh": {
            "trustDomain": random.one(&["cluster.local", "td.example"]),
            "trustDomainAliases": aliases,
            "pathNormalization": random.one(&normalizations),
        },
        "objects": objects,
        "workload": { "namespace": "shop", "labels": { "app": "web" } },
        "port": 8080,
        "protocol": if http { "http" } else { "tcp" },
        "requests": requests,
    })
}

fn policy(number: usize, random: &mut Random) -> Value {
    let actions =
        ["ALLOW", "ALLOW", "ALLOW", "ALLOW", "ALLOW", "ALLOW", "DENY", "DENY", "DENY", "DENY", "AUDIT", "CUSTOM"];
    let action = random.one(&actions);
    let mut spec = Map::new();
    if action == "CUSTOM" {
        // No mesh of ours knows a provider.
        spec.insert("provider".to_owned(), json!({ "name": random.one(&["one", "two"]) }));
    }
    spec.insert("action".to_owned(), action.into());
    if random.chance(30) {
        spec.insert("selector".to_owned(), json!({ "matchLabels": { "app": random.one(&["web", "web", "db"]) } }));
    }
    let least = usize::from(matches!(action, "DENY" | "CUSTOM"));
    let rules: Vec<Value> = (0..least + random.below(3)).map(|_| rule(random)).collect();
    if !rules.is_empty() {
        spec.insert("rules".to_owned(), rules.into());
    }
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), format!("p{number}").into());
    metadata.insert("namespace".to_owned(), random.one(&["shop", "shop", "shop", "istio-system", "bank"]).into());
    if matches!(action, "ALLOW" | "DENY") && random.chance(10) {
        let word = random.one(&["true", "false", "1", "yes"]);
        metadata.insert("annotations".to_owned(), json!({ "istio.io/dry-run": word }));
    }
    object("AuthorizationPolicy", metadata, spec)
}

fn object(kind: &str, metadata: Map<String, Value>, spec: Map<String, Value>) -> Value {
    json!({ "apiVersion": "security.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec })
}

fn rule(random: &mut Random) -> Value {
    let mut rule = Map::new();
    if random.chance(70) {
        let sources: Vec<Value> = (0..1 + random.below(2)).map(|_| json!({ "source": source(random) })).collect();
        rule.insert("from".to_owned(), sources.into());
    }
    if random.chance(60) {
        let operations: Vec<Value> =
            (0..1 + random.below(2)).map(|_| json!({ "operation": operation(random) })).collect();
        rule.insert("to".to_owned(), operations.into());
    }
    if random.chance(40) {
        let conditions: Vec<Value> = (0..1 + random.below(2)).map(|_| condition(random)).collect();
        rule.insert("when".to_owned(), conditions.into());
    }
    rule.into()
}

/// Adds one of a pair of fields, or both.
fn add(fields: &mut Map<String, Value>, name: &str, not: &str, values: &[&str], random: &mut Random) {
    let positive = random.chance(75);
    if positive {
        fields.insert(name.to_owned(), random.some(values, 2).into());
    }
    if !positive || random.chance(15) {
        fields.insert(not.to_owned(), random.some(values, 2).into());
    }
}

fn source(random: &mut Random) -> Value {
    let mut fields = Map::new();
    for _ in 0..1 + random.below(2) {
        match random.below(7) {
            0 => add(&mut fields, "requestPrincipals", "notRequestPrincipals", &REQUEST_PRINCIPALS, random),
            1 => add(&mut fields, "namespaces", "notNamespaces", &SOURCE_NAMESPACES, random),
            2 => add(&mut fields, "serviceAccounts", "notServiceAccounts", &SERVICE_ACCOUNTS, random),
            3 => add(&mut fields, "trustDomains", "notTrustDomains", &TRUST_DOMAINS, random),
            4 => add(&mut fields, "ipBlocks", "notIpBlocks", &BLOCKS, random),
            5 => add(&mut fields, "remoteIpBlocks", "notRemoteIpBlocks", &BLOCKS, random),
            _ => add(&mut fields, "principals", "notPrincipals", &PRINCIPALS, random),
        }
    }
    fields.into()
}

fn operation(random: &mut Random) -> Value {
    let mut fields = Map::new();
    for _ in 0..1 + random.below(2) {
        match random.below(5) {
            0 => add(&mut fields, "hosts", "notHosts", &HOSTS, random),
            1 => add(&mut fields, "methods", "notMethods", &METHODS, random),
            2 => add(&mut fields, "ports", "notPorts", &PORTS, random),
            _ => add(&mut fields, "paths", "notPaths", &PATHS, random),
        }
    }
    fields.into()
}

fn condition(random: &mut Random) -> Value {
    let key = random.one(&KEYS);
    let values: &[&str] = match key {
        "source.ip" | "remote.ip" | "destination.ip" => &BLOCKS,
        "source.namespace" => &SOURCE_NAMESPACES,
        "source.serviceAccount" => &SERVICE_ACCOUNTS,
        "source.principal" => &PRINCIPALS,
        "source.trustDomain" => &TRUST_DOMAINS,
        "request.auth.principal" => &REQUEST_PRINCIPALS,
        "destination.port" => &PORTS,
        "connection.sni" => &HOSTS,
        "request.headers[x-user]" => &["*", "ann", "red", "blue"],
        "request.headers[x-payload]" | "request.headers[authorization]" | "request.headers[x-jwt]" => {
            &["*", "Bearer *", "red"]
        }
        _ if key.contains("[:") || key.contains("Host") => &VALUES_OF_PARTS,
        _ => &TEXTS,
    };
    let mut fields = Map::new();
    fields.insert("key".to_owned(), key.into());
    add(&mut fields, "values", "notValues", values, random);
    fields.into()
}

fn authentication(number: usize, random: &mut Random) -> Value {
    let rules: Vec<Value> = (0..1 + random.below(2))
        .map(|_| {
            let mut rule = json!({ "issuer": random.one(&ISSUERS), "jwks": "TEST" });
            if random.chance(30) {
                rule["audiences"] = random.some(&["red", "blue", "https://red/"], 2).into();
            }
            places(&mut rule, random);
            outputs(&mut rule, random);
            rule
        })
        .collect();
    let mut spec = Map::new();
    spec.insert("jwtRules".to_owned(), rules.into());
    if random.chance(30) {
        spec.insert("selector".to_owned(), json!({ "matchLabels": { "app": random.one(&["web", "db"]) } }));
    }
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), format!("r{number}").into());
    metadata.insert("namespace".to_owned(), random.one(&["shop", "istio-system", "bank"]).into());
    object("RequestAuthentication", metadata, spec)
}

/// Names places where tokens are looked for: those where requests have some.
fn places(rule: &mut Value, random: &mut Random) {
    if random.chance(60) {
        return;
    }
    if random.chance(60) {
        let places = [
            json!({ "name": "x-jwt" }),
            json!({ "name": "X-Two", "prefix": "T " }),
            json!({ "name": "authorization", "prefix": "Bearer " }),
        ];
        rule["fromHeaders"] = (0..1 + random.below(2)).map(|_| random.one(&places)).collect();
    }
    if random.chance(40) {
        rule["fromParams"] = random.some(&["jwt", "access_token"], 2).into();
    }
    if random.chance(40) {
        rule["fromCookies"] = random.some(&["sid", "other"], 2).into();
    }
}

/// Makes two objects that meet in headers which a token fills or leaves, as those made alone hardly ever do.
fn filled() -> [Value; 2] {
    let of = |value: Value| value.as_object().cloned().unwrap_or_default();
    let metadata = || of(json!({ "name": "filled", "namespace": "shop" }));
    let fills = json!([{ "header": "x-user", "claim": "sub" }]);
    let rule = json!({ "issuer": ISSUERS[0], "jwks": "TEST", "outputClaimToHeaders": fills });
    let filled = json!({ "when": [{ "key": "request.headers[x-user]", "values": ["red", "ann"] }] });
    let kept = json!({ "when": [{ "key": "request.headers[authorization]", "values": ["Bearer *"] }] });
    [
        object("RequestAuthentication", metadata(), of(json!({ "jwtRules": [rule] }))),
        object("AuthorizationPolicy", metadata(), of(json!({ "action": "DENY", "rules": [filled, kept] }))),
    ]
}

/// Says what the server gets to see.
fn outputs(rule: &mut Value, random: &mut Random) {
    if random.chance(30) {
        rule["forwardOriginalToken"] = true.into();
    }
    if random.chance(40) {
        rule["outputClaimToHeaders"] = json!([{ "header": "X-User", "claim": random.one(&["groups", "sub", "none"]) }]);
    }
    if random.chance(30) {
        rule["outputPayloadToHeader"] = "x-payload".into();
    }
    if random.chance(15) {
        rule["spaceDelimitedClaims"] = json!(["groups"]);
    }
}
