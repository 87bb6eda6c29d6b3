//! The four levels of the tree: organization, tenant, workspace, group.

use indexmap::IndexMap;

use super::mandates::{Defaults, Mandates};
use super::names::{Name, Owner};
use crate::shape::record;
use crate::shape::scalar::{Text, text_shape};
use crate::source::Spanned;

record! {
    /// Who answers for a node, concern by concern. Owners accumulate down the tree.
    pub struct Owners {
        /// Who answers for what may talk to what.
        pub security: Vec<Spanned<Owner>>,
        /// Who answers for how traffic is routed.
        pub traffic: Vec<Spanned<Owner>>,
        /// Who answers for what is exposed.
        pub gateway: Vec<Spanned<Owner>>,
    }
}

record! {
    /// The root of the tree: the whole company.
    pub struct OrganizationSpec {
        /// The members of each team, by address: who may stand behind `team:<name>`.
        pub teams: IndexMap<String, Vec<String>>,
        /// Who answers for it.
        pub owners: Owners,
        /// What nobody below can relax.
        pub mandates: Mandates,
        /// What holds below where nothing else is said.
        pub defaults: Defaults,
        /// Profiles attached here.
        pub profiles: Vec<Spanned<Name>>,
    }
}

record! {
    /// A line of business, or a set of teams.
    pub struct TenantSpec {
        /// Who answers for it.
        pub owners: Owners,
        /// What nobody below can relax.
        pub mandates: Mandates,
        /// What holds below where nothing else is said.
        pub defaults: Defaults,
        /// Profiles attached here.
        pub profiles: Vec<Spanned<Name>>,
    }
}

record! {
    /// A team's slice of clusters and namespaces.
    pub struct WorkspaceSpec {
        /// The namespaces that belong to this workspace and to no other, as `cluster/namespace`, with `*` for any run of letters.
        pub namespaces: crate::shape::OneOrMany<Spanned<NamespaceClaim>>,
        /// Who answers for it.
        pub owners: Owners,
        /// What nobody below can relax; a workspace needs a delegation for it.
        pub mandates: Mandates,
        /// What holds below where nothing else is said.
        pub defaults: Defaults,
        /// Profiles attached here.
        pub profiles: Vec<Spanned<Name>>,
    }
}

record! {
    /// A part of a workspace that wants settings of its own. Groups may nest.
    pub struct GroupSpec {
        /// The services of the workspace that belong to this group and to no other beside it, by name, with `*` for any run of letters.
        pub services: crate::shape::OneOrMany<Spanned<Glob>>,
        /// Who answers for it.
        pub owners: Owners,
        /// What nobody below can relax; a group needs a delegation for it.
        pub mandates: Mandates,
        /// What holds below where nothing else is said; a group needs a delegation for it.
        pub defaults: Defaults,
        /// Profiles attached here.
        pub profiles: Vec<Spanned<Name>>,
    }
}

/// A name with `*` for any run of letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob(pub String);

impl Glob {
    /// Tells whether the whole of `name` fits.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
            return false;
        };
        let mut parts = parts.peekable();
        if parts.peek().is_none() {
            return rest.is_empty();
        }
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return rest.ends_with(part);
            }
            match rest.find(part) {
                Some(at) => rest = rest.get(at + part.len()..).unwrap_or(""),
                None => return false,
            }
        }
        true
    }
}

impl Text for Glob {
    const WHAT: &'static str = "a name, with `*` for any run of letters";
    const PATTERN: &'static str = "^[A-Za-z0-9.*-]+$";
    const EXAMPLE: &'static str = "ledger-*";

    fn parse(text: &str) -> Result<Self, String> {
        let fits = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-.*".contains(c));
        if fits { Ok(Self(text.to_owned())) } else { Err(format!("`{text}` cannot name anything")) }
    }
}
text_shape!(Glob, "Glob");

/// Namespaces of clusters: `prod-east/payments-*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespaceClaim {
    /// The clusters.
    pub cluster: Glob,
    /// The namespaces in each of them.
    pub namespace: Glob,
}

impl std::fmt::Display for NamespaceClaim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.cluster.0, self.namespace.0)
    }
}

impl Text for NamespaceClaim {
    const WHAT: &'static str = "a claim of namespaces";
    const PATTERN: &'static str = "^[A-Za-z0-9.*-]+/[A-Za-z0-9.*-]+$";
    const EXAMPLE: &'static str = "prod-east/payments";

    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((cluster, namespace)) => {
                Ok(Self { cluster: Glob::parse(cluster)?, namespace: Glob::parse(namespace)? })
            }
            None => Err(format!("`{text}` is not `cluster/namespace`")),
        }
    }
}
text_shape!(NamespaceClaim, "NamespaceClaim");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_run_of_letters() {
        let cases = [
            ("a*", "a", true),
            ("a*", "abc", true),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*a", "a", false),
            ("*", "", true),
            ("a", "ab", false),
            ("*b*", "abc", true),
            ("a*b*c", "axbyc", true),
            ("a*b*c", "acb", false),
            ("a*ab", "ab", false),
            ("**", "x", true),
        ];
        for (glob, name, expected) in cases {
            assert_eq!(Glob(glob.to_owned()).matches(name), expected, "{glob} {name}");
        }
    }
}
