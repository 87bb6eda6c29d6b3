//! The requests that the laws ask about.
//!
//! Everybody who could call (each identity there is, strangers, nobody) from two addresses, on each port; over HTTP in some
//! of all the shapes a request can have.

use std::collections::BTreeMap;

use proptest::prelude::*;
use ringfence_compiler::requests::{HeaderName, Identity, Request, Token};

use super::repository::*;

/// Which shapes of HTTP requests are asked about.
pub type Shapes = Vec<usize>;

pub fn shapes() -> impl Strategy<Value = Shapes> {
    prop::collection::vec(0..3 * 6 * 3 * 3 * 3usize, 12..20)
}

fn identities(repository: &Repository) -> Vec<Option<Identity>> {
    let mut all = vec![None];
    let mut domains: Vec<&str> = repository.clusters.iter().map(|cluster| cluster.trust_domain.as_str()).collect();
    domains.dedup();
    domains.push("other.example");
    for domain in domains {
        for service in &repository.services {
            all.push(Some(Identity::new(domain, &service.namespace, &service.account)));
            all.push(Some(Identity::new(domain, &service.namespace, "stranger")));
        }
        all.push(Some(Identity::new(domain, "elsewhere", "stranger")));
    }
    all.sort();
    all.dedup();
    all
}

fn shape(number: usize) -> Request {
    let mut rest = number;
    let mut pick = |count: usize| {
        let chosen = rest % count;
        rest /= count;
        chosen
    };
    let method = ["GET", "POST", "DELETE"][pick(3)];
    let path = ["/a", "/a/x", "/b/y", "/b/y/z", "/c", "/"][pick(6)];
    let host = ["api.example", "api.example:8080", "other.example"][pick(3)];
    let team = [None, Some("red"), Some("green")][pick(3)];
    let role = [None, Some("admin"), Some("guest")][pick(3)];
    let token = |role: &str| Token {
        issuer: ISSUER.to_owned(),
        subject: "somebody".to_owned(),
        audiences: [].into(),
        claims: [("role".to_owned(), [role.to_owned()].into())].into(),
    };
    Request {
        identity: None,
        address: [192, 0, 2, 1].into(),
        port: 8080,
        method: method.to_owned(),
        path: path.to_owned(),
        host: host.to_owned(),
        headers: team.map(|team| (HeaderName::new("x-team"), team.to_owned())).into_iter().collect(),
        token: role.map(token),
    }
}

/// A connection without HTTP.
fn connection(port: u16) -> Request {
    let nothing = String::new;
    Request {
        port,
        method: nothing(),
        path: nothing(),
        host: nothing(),
        headers: BTreeMap::new(),
        token: None,
        ..shape(0)
    }
}

/// Returns every request; tokens only where somebody accepts them, since any other is refused before.
pub fn universe(repository: &Repository, shapes: &Shapes) -> Vec<Request> {
    let accepted = !repository.authentications.is_empty();
    let mut kinds: Vec<Request> = shapes.iter().map(|number| shape(*number)).collect();
    kinds.retain(|kind| accepted || kind.token.is_none());
    kinds.extend([connection(9000), connection(7777)]);
    let mut all = Vec::new();
    for identity in identities(repository) {
        for address in [[10, 0, 0, 5], [192, 0, 2, 1]] {
            let asked =
                |kind: &Request| Request { identity: identity.clone(), address: address.into(), ..kind.clone() };
            all.extend(kinds.iter().map(asked));
        }
    }
    all
}
