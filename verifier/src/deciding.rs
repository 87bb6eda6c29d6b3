//! The kinds of objects that decide who reaches whom.
//!
//! In: the kind and the group of an object. Out: [`Deciding`], the one list of them, so that whoever reads, counts or names such
//! objects speaks of the same.

use ringfence_compiler::yaml::Node;

use crate::kubernetes::tier_policy::Kind;

/// The kinds of objects that decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deciding {
    /// AuthorizationPolicy.
    Authorization,
    /// PeerAuthentication.
    Peers,
    /// RequestAuthentication.
    Tokens,
    /// NetworkPolicy.
    Network,
    /// A policy of a tier.
    Tier(Kind),
}

impl Deciding {
    /// Every kind, in the order in which people are told of them.
    pub const ALL: [Self; 7] = [
        Self::Authorization,
        Self::Peers,
        Self::Tokens,
        Self::Network,
        Self::Tier(Kind::Cluster),
        Self::Tier(Kind::Admin),
        Self::Tier(Kind::Baseline),
    ];

    /// Returns the kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the kind of an object.
    #[must_use]
    pub fn of(root: &Node) -> Option<Self> {
        let text = |name: &str| root.get(name).and_then(Node::as_str).unwrap_or_default();
        let (group, _) = text("apiVersion").split_once('/')?;
        Self::named(text("kind")).filter(|kind| kind.group() == group)
    }

    /// Returns its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Authorization => "AuthorizationPolicy",
            Self::Peers => "PeerAuthentication",
            Self::Tokens => "RequestAuthentication",
            Self::Network => "NetworkPolicy",
            Self::Tier(kind) => kind.name(),
        }
    }

    /// Returns its group.
    #[must_use]
    pub fn group(self) -> &'static str {
        match self {
            Self::Authorization | Self::Peers | Self::Tokens => "security.istio.io",
            Self::Network => "networking.k8s.io",
            Self::Tier(_) => "policy.networking.k8s.io",
        }
    }

    /// Tells whether its objects are of the whole cluster, and have no namespace.
    #[must_use]
    pub fn is_of_cluster(self) -> bool {
        matches!(self, Self::Tier(_))
    }
}
