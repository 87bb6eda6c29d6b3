//! What all policies of the network together say of one end of a connection.
//!
//! In: the policies about a pod, and the other end. Out: [`Passage`]: whether it passes, and what decided. The tier of
//! administrators is asked first, by priority; then NetworkPolicies, which decide wherever one is about the pod; then the
//! baseline. Where manifests do not tell, every way it may go is followed.

use std::collections::BTreeSet;

use ipnet::IpNet;
use ringfence_compiler::source::Span;

use super::fits::Fits;
use super::network_policy::{NetworkPolicy, PeerMatch};
use super::peer::Peer;
use super::port::Server;
use super::tier_policy::{Action, Kind, Tier, TierPeer, TierPolicy, TierRule};

/// Which end of a connection is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The server's: what arrives.
    Ingress,
    /// The client's: what leaves.
    Egress,
}

/// The policies that may be about a pod, each with whether it is.
#[derive(Debug, Clone, Default)]
pub struct About<'a> {
    /// Of the tiers, by tier, then priority.
    pub tiers: Vec<(Fits, &'a TierPolicy)>,
    /// NetworkPolicies.
    pub network: Vec<(Fits, &'a NetworkPolicy)>,
}

impl About<'_> {
    /// Tells whether no policy says anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tiers.is_empty() && self.network.is_empty()
    }

    /// Returns the blocks of addresses that rules of one direction name. Addresses that lie in, meet and miss the same of
    /// them are the same to these policies.
    #[must_use]
    pub fn blocks(&self, direction: Direction) -> Vec<IpNet> {
        let tiers = self.tiers.iter().flat_map(|(_, policy)| policy.rules(direction));
        let tiers = tiers.flat_map(|rule| &rule.peers).flat_map(TierPeer::blocks);
        let network = self.network.iter().flat_map(|(_, policy)| policy.rules(direction).into_iter().flatten());
        let network = network.flat_map(|rule| &rule.peers).flat_map(PeerMatch::blocks);
        tiers.chain(network).copied().collect::<BTreeSet<IpNet>>().into_iter().collect()
    }
}

/// What policies say of one end of a connection.
#[derive(Debug, Clone, Copy)]
pub enum Passage<'a> {
    /// It passes.
    Open(By<'a>),
    /// It may pass by the one, and be stopped by the other.
    Unsure {
        /// By what it may pass.
        open: By<'a>,
        /// By what it may be stopped.
        shut: By<'a>,
    },
    /// It is stopped.
    Shut(By<'a>),
}

impl Passage<'_> {
    /// Joins what is said of two, of which a connection is with one.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Open(_), Self::Open(_)) | (Self::Shut(_), Self::Shut(_)) => self,
            (Self::Open(open), Self::Shut(shut)) | (Self::Shut(shut), Self::Open(open)) => Self::Unsure { open, shut },
            (unsure @ Self::Unsure { .. }, _) | (_, unsure @ Self::Unsure { .. }) => unsure,
        }
    }
}

/// What decides.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// No policy is about it.
    Nobody,
    /// The cluster is said to enforce no such policies.
    NotEnforced,
    /// Whether policies are asked at all is for the network plugin: a pod on its node's network.
    Plugin,
    /// A rule of a NetworkPolicy lets it pass.
    NetworkPolicy(&'a NetworkPolicy, Span),
    /// NetworkPolicies are about the pod, and none lets it pass.
    NoNetworkPolicy,
    /// A rule of a tier.
    Tier(Decision<'a>),
}

/// A rule of a tier that decides.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    /// Its policy.
    pub policy: &'a TierPolicy,
    /// The rule.
    pub rule: &'a TierRule,
    /// A policy that decides otherwise and is of the same rank: nobody can tell which is asked first.
    pub rival: Option<&'a TierPolicy>,
}

/// The ways it may go.
#[derive(Debug, Default)]
struct Ways<'a> {
    open: Option<By<'a>>,
    shut: Option<By<'a>>,
}

/// Says whether the policies about a pod let a connection pass.
#[must_use]
pub fn passage<'a>(about: &About<'a>, direction: Direction, peer: Peer<'_>, server: Server<'_>) -> Passage<'a> {
    let mut ways = Ways::default();
    let connection = Connection { direction, peer, server };
    let on = connection.tier(about, Tier::Admin, &mut ways)
        && connection.network(about, &mut ways)
        && connection.tier(about, Tier::Baseline, &mut ways);
    if on {
        ways.open.get_or_insert(By::Nobody);
    }
    match (ways.open, ways.shut) {
        (Some(open), Some(shut)) => Passage::Unsure { open, shut },
        (None, Some(shut)) => Passage::Shut(shut),
        (open, None) => Passage::Open(open.unwrap_or(By::Nobody)),
    }
}

/// One end of a connection.
struct Connection<'p> {
    direction: Direction,
    peer: Peer<'p>,
    server: Server<'p>,
}

impl Connection<'_> {
    /// Asks a tier; tells whether the next one may be asked.
    fn tier<'a>(&self, about: &About<'a>, tier: Tier, ways: &mut Ways<'a>) -> bool {
        let here = about.tiers.iter().filter(|(selected, policy)| policy.tier == tier && selected.may());
        let here: Vec<(Fits, &'a TierPolicy)> = here.copied().collect();
        // Nothing says how the old kinds and the new one are ranked among each other.
        let mixed = here.iter().any(|(_, policy)| policy.kind == Kind::Cluster)
            && here.iter().any(|(_, policy)| policy.kind != Kind::Cluster);
        let mut next = false;
        for rivals in here.chunk_by(|(_, one), (_, other)| mixed || one.priority == other.priority) {
            let mut found: Vec<(Action, &TierPolicy, &TierRule)> = Vec::new();
            let mut through = true;
            for (selected, policy) in rivals {
                through &= self.outcomes(*selected, policy, &mut found);
            }
            for (action, policy, rule) in &found {
                let other = found.iter().find(|(other, of, _)| other != action && !std::ptr::eq(*of, *policy));
                let decision = By::Tier(Decision { policy, rule, rival: other.map(|(_, policy, _)| *policy) });
                match action {
                    Action::Accept => _ = ways.open.get_or_insert(decision),
                    Action::Deny => _ = ways.shut.get_or_insert(decision),
                    Action::Pass => next = true,
                }
            }
            if !through {
                return next;
            }
        }
        true
    }

    /// Adds what a policy may do, were it asked first; tells whether it may do nothing.
    fn outcomes<'a>(
        &self,
        selected: Fits,
        policy: &'a TierPolicy,
        found: &mut Vec<(Action, &'a TierPolicy, &'a TierRule)>,
    ) -> bool {
        for rule in policy.rules(self.direction) {
            // Of a policy of which nobody knows what the cluster made of it, any rule may mean anything.
            let fits = if policy.doubtful { Fits::Perhaps } else { rule.fits(self.peer, self.server) };
            let mut fits = fits.min(selected);
            match rule.action {
                Action::Accept if rule.may_fail_closed() => fits = fits.min(Fits::Perhaps),
                Action::Deny | Action::Pass if rule.may_fail_closed() => found.push((Action::Deny, policy, rule)),
                _ => {}
            }
            if fits.may() {
                found.push((rule.action, policy, rule));
            }
            if fits == Fits::Yes {
                return false;
            }
        }
        true
    }

    /// Asks NetworkPolicies; tells whether the next tier may be asked.
    fn network<'a>(&self, about: &About<'a>, ways: &mut Ways<'a>) -> bool {
        let mut isolated = Fits::No;
        let mut widest: Option<(Fits, By<'a>)> = None;
        let mut refusing = false;
        for (selected, policy) in &about.network {
            let Some(rules) = policy.rules(self.direction).filter(|_| selected.may()) else { continue };
            isolated = isolated.max(*selected);
            let mut lets = Fits::No;
            for rule in rules {
                let fits = rule.fits(&policy.namespace, self.peer, self.server);
                lets = lets.max(fits);
                let surely = fits.min(*selected);
                if surely.may() && widest.is_none_or(|(before, _)| before < surely) {
                    widest = Some((surely, By::NetworkPolicy(policy, rule.span)));
                }
            }
            refusing |= lets != Fits::Yes;
        }
        if refusing && widest.is_none_or(|(lets, _)| lets != Fits::Yes) {
            ways.shut.get_or_insert(By::NoNetworkPolicy);
        }
        if let Some((_, by)) = widest {
            ways.open.get_or_insert(by);
        }
        isolated != Fits::Yes
    }
}
