//! One request of one caller at a time, judged without any of the sets that answers are made of.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "the helpers of a test fail like the test")]

use std::collections::BTreeMap;

use ringfence_verifier::engine::chain;
use ringfence_verifier::engine::envoy::Reads;
use ringfence_verifier::evaluate::{Ruling, rule};
use ringfence_verifier::fleet::{Destination, Fleet};
use ringfence_verifier::matrix::name;
use ringfence_verifier::model::Model;
use ringfence_verifier::reach::{Caller, Reach};
use ringfence_verifier::request::{HeaderName, Http, Identity, Request, Shown, Token};

/// Returns every caller by its name, with its position and identity.
pub fn callers<'m>(fleet: &Fleet<'m>) -> BTreeMap<String, (u32, Option<Identity>)> {
    let named = (0..).zip(fleet.callers()).map(|(position, calling)| match calling.caller {
        Caller::Workload(workload) => (name(workload), (position, fleet.models()[0].identity(workload))),
        Caller::Stranger(stranger) => (stranger.name.clone(), (position, Some(stranger.identity.clone()))),
        _ => ("outside".to_owned(), (position, None)),
    });
    named.collect()
}

/// Judges one request of one caller: whether it surely gets through, and whether it may.
pub fn judge(
    fleet: &Fleet<'_>,
    to: &Destination<'_>,
    caller: &(u32, Option<Identity>),
    request: &Request,
) -> [bool; 2] {
    let network = fleet.passing(to).map_or(Reach::Allowed, |reaching| reaching.of(caller.0));
    let model: &Model<'_> = fleet.models()[to.cluster];
    let (surely, perhaps) = if model.is_guarded(to.workload, to.port) {
        let (policies, root) = (model.policies(), model.cluster().root_namespace());
        let (namespace, labels) = (&to.workload.namespace, &to.workload.labels);
        let selected = policies.authorizing(namespace, labels, root);
        let tokens = model.tokens(to.workload);
        let (mut surely, mut perhaps) = (true, false);
        for mode in model.modes(to.workload).at(to.port) {
            for reads in model.readings(to.workload, to.port).iter().copied() {
                let chain = chain(&selected, reads, model.mesh());
                let own =
                    caller.1.iter().filter(|identity| model.mesh().trust_domains.contains(&identity.trust_domain));
                let own = own.filter(|_| mode.mtls()).map(|identity| Some(identity.clone().into()));
                let rulings: Vec<_> = own
                    .chain(mode.plaintext().then_some(None))
                    .map(|peer| {
                        let mut request = Request { peer, ..request.clone() };
                        if let Some(http) = &mut request.http {
                            let refused = match &http.token {
                                Shown::Signed(token) => {
                                    !tokens.iter().any(|rule| token.text("iss") == Some(&rule.issuer))
                                }
                                _ => false,
                            };
                            if tokens.is_empty() || reads != Reads::Http {
                                http.token = Shown::Nothing;
                            } else if refused {
                                return Ruling::NotAllowed;
                            }
                        }
                        rule(&chain, &request)
                    })
                    .collect();
                surely &= rulings.iter().any(|ruling| matches!(ruling, Ruling::Allowed(_) | Ruling::AllowedByNone));
                perhaps |= rulings.iter().any(|ruling| !matches!(ruling, Ruling::Denied(_) | Ruling::NotAllowed));
            }
        }
        (surely, perhaps)
    } else {
        (true, true)
    };
    [surely && network == Reach::Allowed, perhaps && network != Reach::Denied]
}

/// A few requests that the policies of these worlds tell apart.
pub fn requests(port: u16) -> Vec<Request> {
    let mut requests = Vec::new();
    let token =
        Token([("iss", "https://i"), ("sub", "s")].map(|(k, v)| (k.to_owned(), v.into())).into_iter().collect());
    for (method, path) in [("GET", "/a/x"), ("GET", "/b"), ("POST", "/a/x"), ("POST", "/")] {
        for host in ["web", "else"] {
            for header in [None, Some("a")] {
                for (shown, address) in [(false, "10.1.2.3"), (true, "192.0.2.1"), (false, "192.0.2.1")] {
                    for sni in [None, Some("abc")] {
                        let header = header.map(|value| (HeaderName::new("x"), vec![value.to_owned()]));
                        let token = if shown { Shown::Signed(token.clone()) } else { Shown::Nothing };
                        requests.push(Request {
                            peer: None,
                            address: address.parse().unwrap(),
                            remote: address.parse().unwrap(),
                            destination: "192.0.2.2".parse().unwrap(),
                            port,
                            sni: sni.map(str::to_owned),
                            http: Some(Http {
                                method: method.to_owned(),
                                path: path.to_owned(),
                                query: None,
                                host: host.to_owned(),
                                headers: header.into_iter().collect(),
                                token,
                            }),
                        });
                    }
                }
            }
        }
    }
    requests
}
