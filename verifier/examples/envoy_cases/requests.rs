//! Random requests: few names, odd spellings, and tokens at every place.

use serde_json::{Map, Value, json};

use crate::random::Random;

pub(super) const ISSUERS: [&str; 3] = ["https://a.example", "https://b.example/x", "c"];
const DOMAINS: [&str; 3] = ["cluster.local", "td.example", "old.example"];
const NAMESPACES: [&str; 4] = ["shop", "shop-dev", "bank", "istio-system"];
const ACCOUNTS: [&str; 4] = ["web", "web.v2", "db", "default"];
const SUBJECTS: [&str; 4] = ["ann", "bob", "svc/x", "anna"];
const SEGMENTS: [&str; 22] = [
    "a", "a", "a", "b", "b", "c", "", ".", "..", "..", "%2e", ".%2E", "%61", "a%2Fb", "a%5cb", "A", "a*b", "{x}",
    "b;x", "..;", "..;x=1", ".;",
];
const FORWARDED: [&str; 8] = [
    "10.1.2.3",
    "8.8.8.8, 10.1.2.3",
    "10.1.2.3,8.8.8.8",
    "fd00::1",
    "unknown",
    "10.1.2.3:80",
    "[fd00::1]",
    "10.1.2.3, ",
];

/// Makes a request; a plain one sends no header twice, and nothing else that versions of Envoy disagree about.
pub(super) fn request(http: bool, plain: bool, random: &mut Random) -> Value {
    let addresses = ["10.1.2.3", "10.2.0.1", "192.168.7.7", "8.8.8.8", "fd00::1", "2001:db8::1"];
    let address = random.one(&addresses);
    // Where nobody reads HTTP, nobody reads `X-Forwarded-For`.
    let remote = if !http || random.chance(80) { address } else { random.one(&addresses) };
    let destinations = if address.contains(':') { ["fd00::1", "fd01::1"] } else { ["10.1.2.3", "10.244.0.10"] };
    let mut headers = headers(plain, random);
    let mut method = random.one(&["GET", "POST", "PUT", "DELETE", "OPTIONS"]);
    if random.chance(5) {
        headers.push(json!(["origin", random.one(&["x", ""])]));
        headers.push(json!(["access-control-request-method", "GET"]));
        method = "OPTIONS";
    }
    let sni = if random.chance(60) { None } else { Some(random.one(&["a.example", "b.example", "A.example"])) };
    let mut request = json!({
        "identity": identity(random),
        "address": address,
        "remoteAddress": remote,
        "destination": random.one(&destinations),
        "sni": sni,
        "method": method,
        "path": target(plain, random),
        "host": random.one(&["a.example", "A.Example", "a.example:8080", "b.example", "c.org", "x.a.example"]),
        "token": token(random),
    });
    tokens(&mut request, &mut headers, plain, random);
    request["headers"] = headers.into();
    request
}

fn identity(random: &mut Random) -> Value {
    if random.chance(20) {
        return Value::Null;
    }
    let (domain, namespace, account) = (random.one(&DOMAINS), random.one(&NAMESPACES), random.one(&ACCOUNTS));
    let form = if random.chance(95) { 0 } else { 1 + random.below(3) };
    let identity = match form {
        0 => format!("{domain}/ns/{namespace}/sa/{account}"),
        1 => format!("{domain}/x/ns/{namespace}/sa/{account}"),
        2 => format!("{domain}/ns/{namespace}/k/v/sa/{account}/z"),
        _ => format!("{domain}/{account}"),
    };
    identity.into()
}

fn headers(plain: bool, random: &mut Random) -> Vec<Value> {
    let mut headers: Vec<Value> = Vec::new();
    for name in ["x-team", "x-color"] {
        for _ in 0..if plain { random.below(2) } else { [0, 0, 1, 1, 2][random.below(5)] } {
            headers.push(json!([name, random.one(&["red", "blue", "Red", "red blue", "r"])]));
        }
    }
    if random.chance(10) {
        headers.push(json!(["x-forwarded-for", random.one(&FORWARDED)]));
        if !plain && random.chance(20) {
            headers.push(json!(["X-Forwarded-For", random.one(&FORWARDED)]));
        }
    }
    // Older versions leave what a token of another rule would fill.
    if !plain && random.chance(10) {
        headers.push(json!([random.one(&["x-user", "x-payload"]), random.one(&["red", "ann"])]));
    }
    if random.chance(5) {
        headers.push(json!(["cookie", "other=x; b"]));
    }
    if !plain && random.chance(2) {
        headers.push(json!(["host", "b.example"]));
    }
    headers
}

/// Writes a path, with or without a query, and now and then a whole URL.
fn target(plain: bool, random: &mut Random) -> String {
    let mut path = String::new();
    for _ in 0..[0, 1, 1, 1, 2, 2, 2, 3, 4][random.below(9)] {
        let segment = random.one(&SEGMENTS);
        path.push_str(if random.chance(95) { "/" } else { random.one(&["//", "\\", "/%2f"]) });
        // Only the newest versions take parameters off dots.
        path.push_str(if plain && segment.contains(".;") { "b" } else { segment });
    }
    if !path.starts_with('/') {
        path.insert(0, '/');
    }
    if random.chance(15) {
        path.push_str(random.one(&["?q=1", "?q=/b", "?", "?b=2&a=%41&q=1", "?a&q=1"]));
    }
    if random.chance(4) {
        path.push_str(random.one(&["#x", "#"]));
    }
    if random.chance(3) {
        path.insert_str(0, random.one(&["http://a.example", "http://B.example:80"]));
    }
    path
}

/// Puts more tokens where rules may look for them.
fn tokens(request: &mut Value, headers: &mut Vec<Value>, plain: bool, random: &mut Random) {
    if random.chance(70) {
        return;
    }
    for _ in 0..1 + random.below(2) {
        let one = token(random);
        if one.is_null() {
            continue;
        }
        if random.chance(35) {
            let name = random.one(&["access_token", "jwt", "b=2&jwt", "q"]);
            let suffix = random.one(&["", "&q=1", "&a=%2f"]);
            request["path"] = json!({ "prefix": format!("/a?{name}="), "token": one, "suffix": suffix });
            continue;
        }
        let (name, prefix, suffix) = match random.below(4) {
            0 => ("x-jwt", "", ""),
            1 => ("x-two", random.one(&["T ", "T ", "no"]), ""),
            2 => ("authorization", random.one(&["Bearer ", "Bearer  ", "x Bearer ", "bearer "]), ""),
            _ => ("cookie", random.one(&["sid=", "a=b; sid=\"", "other="]), random.one(&["", "\"", "; z=1"])),
        };
        let taken = name == "authorization" && !request["token"].is_null();
        if !plain || !(taken || headers.iter().any(|header| header[0] == name)) {
            headers.push(json!([name, { "token": one, "prefix": prefix, "suffix": suffix }]));
        }
    }
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
