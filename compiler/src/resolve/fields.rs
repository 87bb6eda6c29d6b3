//! The order of each field: what "permits a subset of" means for it.

use std::collections::{BTreeMap, BTreeSet};

use super::interval::{Bounds, Lattice};
use crate::spec::authentication::MtlsMode;
use crate::spec::mandates::{EgressMode, MtlsSetting};

/// How traffic may arrive at a port: a subset of {plaintext, mTLS}.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arrivals {
    /// Plaintext is admitted.
    pub plaintext: bool,
    /// mTLS is admitted.
    pub mtls: bool,
}

impl From<MtlsMode> for Arrivals {
    fn from(mode: MtlsMode) -> Self {
        match mode {
            MtlsMode::Strict => Self { plaintext: false, mtls: true },
            MtlsMode::Permissive => Self { plaintext: true, mtls: true },
            MtlsMode::Disable => Self { plaintext: true, mtls: false },
        }
    }
}

impl Arrivals {
    /// Returns the mode that admits exactly this; `None` for nothing at all.
    #[must_use]
    pub fn mode(self) -> Option<MtlsMode> {
        match (self.plaintext, self.mtls) {
            (false, true) => Some(MtlsMode::Strict),
            (true, true) => Some(MtlsMode::Permissive),
            (true, false) => Some(MtlsMode::Disable),
            (false, false) => None,
        }
    }
}

impl Lattice for Arrivals {
    fn meet(&self, other: &Self) -> Self {
        Self { plaintext: self.plaintext && other.plaintext, mtls: self.mtls && other.mtls }
    }

    fn join(&self, other: &Self) -> Self {
        Self { plaintext: self.plaintext || other.plaintext, mtls: self.mtls || other.mtls }
    }

    fn is_void(&self) -> bool {
        !self.plaintext && !self.mtls
    }
}

/// A value for every port: one for those that are named, one for the rest. Ordered port by port.
#[derive(Debug, Clone)]
pub struct ByPort<V> {
    /// The value of every port that is not named.
    pub rest: V,
    /// The values of the ports that are.
    pub ports: BTreeMap<u16, V>,
}

impl<V: PartialEq> PartialEq for ByPort<V> {
    fn eq(&self, other: &Self) -> bool {
        let named = self.ports.keys().chain(other.ports.keys());
        self.rest == other.rest && named.into_iter().all(|port| self.at(*port) == other.at(*port))
    }
}

impl<V> ByPort<V> {
    /// Makes the same value for every port.
    pub fn all(value: V) -> Self {
        Self { rest: value, ports: BTreeMap::new() }
    }

    /// Returns the value of a port.
    pub fn at(&self, port: u16) -> &V {
        self.ports.get(&port).unwrap_or(&self.rest)
    }

    fn zip(&self, other: &Self, join: impl Fn(&V, &V) -> V) -> Self {
        let named: BTreeSet<u16> = self.ports.keys().chain(other.ports.keys()).copied().collect();
        let ports = named.into_iter().map(|port| (port, join(self.at(port), other.at(port)))).collect();
        Self { rest: join(&self.rest, &other.rest), ports }
    }
}

impl<V: Lattice> Lattice for ByPort<V> {
    fn meet(&self, other: &Self) -> Self {
        self.zip(other, V::meet)
    }

    fn join(&self, other: &Self) -> Self {
        self.zip(other, V::join)
    }

    fn is_void(&self) -> bool {
        self.rest.is_void() || self.ports.values().any(V::is_void)
    }
}

/// Inbound mTLS, port by port.
pub type Mtls = ByPort<Arrivals>;

impl From<&MtlsSetting> for Mtls {
    fn from(setting: &MtlsSetting) -> Self {
        let ports = setting.ports.iter().map(|(port, mode)| (*port, mode.value.into())).collect();
        Self { rest: setting.mode.into(), ports }
    }
}

impl Mtls {
    /// Returns the bounds of the field; the built-in is strict.
    #[must_use]
    pub fn bounds() -> Bounds<Self> {
        Bounds {
            bottom: Self::all(Arrivals { plaintext: false, mtls: false }),
            top: Self::all(MtlsMode::Permissive.into()),
            built_in: Self::all(MtlsMode::Strict.into()),
        }
    }

    /// Returns the words people read: `strict`, or `strict, permissive on 2121`.
    #[must_use]
    pub fn words(&self) -> String {
        let word = |arrivals: &Arrivals| arrivals.mode().map_or("nothing", MtlsMode::word);
        let named = self.ports.iter().filter(|(_, arrivals)| **arrivals != self.rest);
        named.fold(word(&self.rest).to_owned(), |words, (port, arrivals)| format!("{words}, {} on {port}", word(arrivals)))
    }
}

/// What a workload may call: a chain, registry-only below any.
impl Lattice for EgressMode {
    fn meet(&self, other: &Self) -> Self {
        *self.min(other)
    }

    fn join(&self, other: &Self) -> Self {
        *self.max(other)
    }
}

/// Returns the bounds of egress; the built-in is registry-only.
#[must_use]
pub fn egress_bounds() -> Bounds<EgressMode> {
    Bounds { bottom: EgressMode::RegistryOnly, top: EgressMode::Any, built_in: EgressMode::RegistryOnly }
}

/// A set of words under a ceiling: issuers, trust domains, kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// Every word.
    All,
    /// These.
    Only(BTreeSet<String>),
}

impl Lattice for Words {
    fn meet(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, words) | (words, Self::All) => words.clone(),
            (Self::Only(one), Self::Only(two)) => Self::Only(one & two),
        }
    }

    fn join(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Only(one), Self::Only(two)) => Self::Only(one | two),
        }
    }
}

/// Obligations: more of them permits less, so the order is turned round.
impl Lattice for BTreeSet<String> {
    fn meet(&self, other: &Self) -> Self {
        self | other
    }

    fn join(&self, other: &Self) -> Self {
        self & other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn obeys_the_laws<V: Lattice + std::fmt::Debug>(a: &V, b: &V, c: &V) {
        assert_eq!(a.meet(b), b.meet(a));
        assert_eq!(a.join(b), b.join(a));
        assert_eq!(a.meet(&b.meet(c)), a.meet(b).meet(c));
        assert_eq!(a.join(&b.join(c)), a.join(b).join(c));
        assert_eq!(a.meet(a), *a);
        assert_eq!(a.meet(&a.join(b)), *a);
        assert_eq!(a.join(&a.meet(b)), *a);
        assert_eq!(a.meet(&b.join(c)), a.meet(b).join(&a.meet(c)));
        assert!(a.meet(b).within(a) && a.within(&a.join(b)));
    }

    fn mtls() -> impl Strategy<Value = Mtls> {
        let arrivals = || (any::<bool>(), any::<bool>()).prop_map(|(plaintext, mtls)| Arrivals { plaintext, mtls });
        (arrivals(), prop::collection::btree_map(1..4u16, arrivals(), 0..3)).prop_map(|(rest, ports)| ByPort { rest, ports })
    }

    fn words() -> impl Strategy<Value = Words> {
        let some = prop::collection::btree_set("[abc]", 0..3).prop_map(Words::Only);
        prop_oneof![1 => Just(Words::All), 4 => some]
    }

    proptest! {
        #[test]
        fn mtls_is_a_distributive_lattice(a in mtls(), b in mtls(), c in mtls()) {
            obeys_the_laws(&a, &b, &c);
        }

        #[test]
        fn words_are_a_distributive_lattice(a in words(), b in words(), c in words()) {
            obeys_the_laws(&a, &b, &c);
        }
    }

    #[test]
    fn egress_is_a_chain() {
        obeys_the_laws(&EgressMode::Any, &EgressMode::RegistryOnly, &EgressMode::Any);
        assert!(EgressMode::RegistryOnly.within(&EgressMode::Any));
    }

    #[test]
    fn strict_and_disable_have_nothing_in_common() {
        let mode = |mode: MtlsMode| Mtls::all(mode.into());
        assert!(mode(MtlsMode::Strict).meet(&mode(MtlsMode::Disable)).is_void());
        assert!(mode(MtlsMode::Strict).within(&mode(MtlsMode::Permissive)));
        assert!(!mode(MtlsMode::Strict).within(&mode(MtlsMode::Disable)));
    }
}
