//! Traffic that a claim does not count.
//!
//! In: the `unless` of a claim. Out: for each caller, and for each listener of a gateway, the requests that are like none of its
//! alternatives: of each of them something does not hold.

use std::collections::BTreeSet;

use ringfence_compiler::requests::IdentityPattern;
use ringfence_compiler::shape::OneOrMany;
use ringfence_compiler::spec::assertion::Unless;
use ringfence_compiler::spec::reference::NodePath;

use super::claims::{listed, narrowed};
use super::terrain::{Terrain, Who};
use crate::engine::{Leaf, Test};
use crate::entrances::Entrance;
use crate::meant::patterns;
use crate::reach::Asked;
use crate::request::Identity;

/// What is asked for of a way through a gateway, by its listener and the identity of its pods.
pub(super) type ByGateway<'w> = dyn Fn(&Entrance, Option<&Identity>) -> Vec<Asked> + Sync + 'w;

/// What is asked for: one of these, straight or through a gateway.
pub(super) struct Wanted<'w, 't> {
    pub straight: &'w (dyn Fn(Who<'t>) -> Vec<Asked> + Sync),
    pub by_gateway: &'w ByGateway<'w>,
}

/// Traffic that does not count: what is like one of these.
pub(super) struct Exempt {
    alternatives: Vec<Alternative>,
}

/// Traffic of which all of this holds.
struct Alternative {
    via: Option<BTreeSet<IdentityPattern>>,
    token: bool,
    tls: bool,
    /// That it is not for the hosts, and not for the paths.
    others: Vec<Test>,
}

impl Exempt {
    pub fn of(terrain: &Terrain<'_>, unless: Option<&OneOrMany<Unless>>, node: &NodePath) -> Self {
        let not_one_of = |leaves: Vec<Leaf>| Test { leaves, negated: true };
        let alternative =
            |unless: &Unless| {
                let hosts = unless.hosts.as_ref().map(|hosts| {
                    not_one_of(hosts.0.iter().map(|host| Leaf::Host(patterns::host(&host.value))).collect())
                });
                let paths = unless.paths.as_ref().map(|paths| {
                    not_one_of(paths.0.iter().map(|path| Leaf::Path(patterns::path(&path.value))).collect())
                });
                let addresses = unless.addresses.as_ref().map(|addresses| {
                    not_one_of(addresses.0.iter().map(|block| Leaf::Address(block.value.0)).collect())
                });
                Alternative {
                    via: unless.via.as_ref().map(|via| terrain.patterns(via, node)),
                    token: unless.jwt.is_some(),
                    tls: unless.tls.is_some(),
                    others: hosts.into_iter().chain(paths).chain(addresses).collect(),
                }
            };
        Self { alternatives: listed(unless).map(alternative).collect() }
    }

    /// Returns which requests of a caller count, in parts; none where none do.
    pub fn straight(&self, terrain: &Terrain<'_>, from: Who<'_>) -> Vec<Asked> {
        self.left(narrowed(from, Asked::anything()), false, &|via| terrain.is_one_of(from, via))
    }

    /// Returns which requests count that come in at a listener.
    pub fn by_gateway(&self, listener: &Entrance, identity: Option<&Identity>) -> Vec<Asked> {
        let is_via = |via: &BTreeSet<IdentityPattern>| {
            identity.is_some_and(|identity| via.iter().any(|pattern| pattern.matches(identity)))
        };
        self.left(Asked::anything(), listener.tls.is_there(), &is_via)
    }

    /// Returns what is like none of the alternatives: of each something does not hold.
    fn left(&self, all: Asked, encrypted: bool, is_via: &dyn Fn(&BTreeSet<IdentityPattern>) -> bool) -> Vec<Asked> {
        let mut left = vec![all];
        for Alternative { via, token, tls, others } in &self.alternatives {
            if via.as_ref().is_some_and(|via| !is_via(via)) || (*tls && !encrypted) {
                continue;
            }
            let without = |asked: &Asked| {
                let bare = token.then(|| Asked { without_token: true, ..asked.clone() });
                let besides = others.iter().map(|test| {
                    let besides = [asked.besides.as_slice(), std::slice::from_ref(test)].concat();
                    Asked { besides, ..asked.clone() }
                });
                bare.into_iter().chain(besides).collect::<Vec<_>>()
            };
            left = left.iter().flat_map(without).collect();
        }
        left
    }
}

/// Puts traffic that does not count into words.
pub(super) fn condition(unless: &Unless) -> String {
    let via = unless.via.as_ref().map(|via| format!("via {}", via.value));
    let token = unless.jwt.as_ref().map(|_| "with an accepted token".to_owned());
    let tls = unless.tls.as_ref().map(|_| "with TLS at the gateway".to_owned());
    let addresses = unless.addresses.as_ref().map(|addresses| {
        let addresses: Vec<String> = addresses.0.iter().map(|block| block.value.0.to_string()).collect();
        format!("from {}", addresses.join(", "))
    });
    let hosts = unless.hosts.as_ref().map(|hosts| {
        let hosts: Vec<String> = hosts.0.iter().map(|host| host.value.to_string()).collect();
        format!("for {}", hosts.join(", "))
    });
    let paths = unless.paths.as_ref().map(|paths| {
        let paths: Vec<String> = paths.0.iter().map(|path| path.value.to_string()).collect();
        format!("at {}", paths.join(", "))
    });
    [via, addresses, token, tls, hosts, paths].into_iter().flatten().collect::<Vec<_>>().join(" ")
}
