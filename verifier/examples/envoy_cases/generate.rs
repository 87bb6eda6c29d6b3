//! Random cases: few names, so that policies and requests meet, and every form of value that Istio reads in its own way.

use serde_json::{Map, Value, json};

/// A stream of numbers that looks random and is the same everywhere (SplitMix64).
pub(super) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("a small number")
    }

    /// Tells whether something happens that happens so many times in a hundred.
    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn some(&mut self, of: &[&str], most: usize) -> Vec<String> {
        let count = 1 + self.below(most);
        (0..count).map(|_| self.one(of).to_owned()).collect()
    }
}

const DOMAINS: [&str; 3] = ["cluster.local", "td.example", "old.example"];
const NAMESPACES: [&str; 4] = ["shop", "shop-dev", "bank", "istio-system"];
const ACCOUNTS: [&str; 4] = ["web", "web.v2", "db", "default"];
const ISSUERS: [&str; 3] = ["https://a.example", "https://b.example/x", "c"];
const SUBJECTS: [&str; 4] = ["ann", "bob", "svc/x", "anna"];

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
const PATHS: [&str; 17] = [
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
];
const PORTS: [&str; 3] = ["8080", "9090", "0"];
const TEXTS: [&str; 8] = ["red", "blue", "re*", "*ed", "*", "r*d", "red blue", "Red"];
const KEYS: [&str; 17] = [
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
];

/// Makes a case.
pub(super) fn case(id: &str, random: &mut Random) -> Value {
    let http = random.chance(85);
    let mut objects = Vec::new();
    for number in 0..1 + random.below(4) {
        objects.push(policy(number, random));
    }
    if http && random.chance(30) {
        for number in 0..1 + random.below(2) {
            objects.push(authentication(number, random));
        }
    }
    let aliases: Vec<&str> = if random.chance(30) { vec!["old.example"] } else { vec![] };
    let requests: Vec<Value> = (0..100).map(|_| request(http, random)).collect();
    json!({
        "id": id,
        "mesh": { "trustDomain": random.one(&["cluster.local", "td.example"]), "trustDomainAliases": aliases },
        "objects": objects,
        "workload": { "namespace": "shop", "labels": { "app": "web" } },
        "port": 8080,
        "protocol": if http { "http" } else { "tcp" },
        "requests": requests,
    })
}

fn policy(number: usize, random: &mut Random) -> Value {
    let action = random.one(&["ALLOW", "ALLOW", "ALLOW", "DENY", "DENY", "AUDIT"]);
    let mut spec = Map::new();
    spec.insert("action".to_owned(), action.into());
    if random.chance(30) {
        spec.insert("selector".to_owned(), json!({ "matchLabels": { "app": random.one(&["web", "web", "db"]) } }));
    }
    let least = usize::from(action == "DENY");
    let rules: Vec<Value> = (0..least + random.below(3)).map(|_| rule(random)).collect();
    if !rules.is_empty() {
        spec.insert("rules".to_owned(), rules.into());
    }
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), format!("p{number}").into());
    metadata.insert("namespace".to_owned(), random.one(&["shop", "shop", "shop", "istio-system", "bank"]).into());
    if action != "AUDIT" && random.chance(10) {
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
                rule["audiences"] = random.some(&["red", "blue"], 2).into();
            }
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

fn request(http: bool, random: &mut Random) -> Value {
    let identity = if random.chance(80) {
        let (domain, namespace, account) = (random.one(&DOMAINS), random.one(&NAMESPACES), random.one(&ACCOUNTS));
        format!("{domain}/ns/{namespace}/sa/{account}").into()
    } else {
        Value::Null
    };
    let addresses = ["10.1.2.3", "10.2.0.1", "192.168.7.7", "8.8.8.8", "fd00::1", "2001:db8::1"];
    let address = random.one(&addresses);
    // Where nobody reads HTTP, nobody reads `X-Forwarded-For`.
    let remote = if !http || random.chance(80) { address } else { random.one(&addresses) };
    let mut headers: Vec<Value> = Vec::new();
    for name in ["x-team", "x-color"] {
        for _ in 0..[0, 0, 1, 1, 2][random.below(5)] {
            headers.push(json!([name, random.one(&["red", "blue", "Red", "red blue", "r"])]));
        }
    }
    json!({
        "identity": identity,
        "address": address,
        "remoteAddress": remote,
        "destination": random.one(if address.contains(':') { &["fd00::1", "fd01::1"] } else { &["10.1.2.3", "10.244.0.10"] }),
        "sni": if random.chance(60) { Value::Null } else { random.one(&["a.example", "b.example"]).into() },
        "method": random.one(&["GET", "POST", "PUT", "DELETE"]),
        "path": random.one(&["/", "/a", "/a/b", "/ab", "/a/b/c/d", "/b", "/a/", "/a/b?q=/b", "/A", "/a*b", "/x/b", "//b"]),
        "host": random.one(&["a.example", "A.Example", "a.example:8080", "b.example", "c.org", "x.a.example"]),
        "headers": headers,
        "token": token(random),
    })
}

fn token(random: &mut Random) -> Value {
    match random.below(10) {
        0..=4 => Value::Null,
        5 => "invalid".into(),
        _ => {
            let words = |random: &mut Random| -> Value {
                match random.below(3) {
                    0 => random.one(&["red", "blue", "red blue"]).into(),
                    1 => random.some(&["red", "blue", "Red"], 3).into(),
                    _ => Value::Null,
                }
            };
            let mut claims = Map::new();
            for name in ["groups", "scope"] {
                let value = words(random);
                if !value.is_null() {
                    claims.insert(name.to_owned(), value);
                }
            }
            if random.chance(40) {
                claims.insert("realm".to_owned(), json!({ "roles": random.some(&["red", "blue"], 2) }));
            }
            let mut token = json!({ "iss": random.one(&ISSUERS), "claims": claims });
            if random.chance(80) {
                token["sub"] = random.one(&SUBJECTS).into();
            }
            if random.chance(60) {
                token["aud"] = random.some(&["red", "blue"], 2).into();
            }
            if random.chance(30) {
                token["azp"] = random.one(&["red", "blue"]).into();
            }
            token
        }
    }
}
