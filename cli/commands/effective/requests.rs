//! A clause in the words of the policy: services instead of identities.
//!
//! In: a clause of a request set. Out: [`Requests`]. An identity two services share is shown as both, because both get what
//! is granted to either; one that no service has is shown as it is.

use std::collections::BTreeSet;
use std::fmt;

use ringfence_compiler::requests::{Clause, Field, IdentityPattern, TokenMatch};
use ringfence_compiler::resolve::world::World;

/// Some requests, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Requests {
    /// Who sends them.
    pub from: Vec<String>,
    /// To which ports; nothing for all.
    pub ports: Option<Vec<u16>>,
    /// With which methods; nothing for all.
    pub methods: Option<Vec<String>>,
    /// To which paths; nothing for all.
    pub paths: Option<Vec<String>>,
    /// To which hosts; nothing for all.
    pub hosts: Option<Vec<String>>,
    /// With which headers.
    pub headers: Vec<(String, Vec<String>)>,
    /// With which token; nothing where none is needed.
    pub token: Option<String>,
}

impl Requests {
    /// Puts a clause into words.
    pub(super) fn of(clause: &Clause, world: &World<'_>) -> Self {
        Self {
            from: names(clause, world),
            ports: match &clause.ports {
                Field::Any => None,
                Field::Only(ports) => Some(ports.iter().copied().collect()),
            },
            methods: listed(&clause.methods),
            paths: listed(&clause.paths),
            hosts: listed(&clause.hosts),
            headers: clause
                .headers
                .iter()
                .map(|(name, values)| (name.to_string(), listed(values).unwrap_or_default()))
                .collect(),
            token: token(&clause.token),
        }
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.from.join(", "))?;
        if let Some(ports) = &self.ports {
            let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
            write!(f, " on {} {}", if ports.len() == 1 { "port" } else { "ports" }, ports.join(", "))?;
        }
        let mut http = Vec::new();
        http.extend(self.methods.as_ref().map(|methods| methods.join(", ")));
        http.extend(self.paths.as_ref().map(|paths| paths.join(", ")));
        http.extend(self.hosts.as_ref().map(|hosts| format!("to host {}", hosts.join(", "))));
        http.extend(self.headers.iter().map(|(name, values)| format!("with {name}: {}", values.join(", "))));
        if !http.is_empty() {
            write!(f, ": {}", http.join(" "))?;
        }
        if let Some(token) = &self.token {
            write!(f, ", with a token {token}")?;
        }
        Ok(())
    }
}

fn listed<P: Ord + fmt::Display>(field: &Field<P>) -> Option<Vec<String>> {
    match field {
        Field::Any => None,
        Field::Only(patterns) => Some(patterns.iter().map(ToString::to_string).collect()),
    }
}

fn token(token: &TokenMatch) -> Option<String> {
    let TokenMatch::Required(clause) = token else { return None };
    let mut words = vec![format!("of {}", listed(&clause.issuers).map_or("any issuer".to_owned(), |it| it.join(", ")))];
    words.extend(listed(&clause.subjects).map(|subjects| format!("sub={}", subjects.join("|"))));
    words.extend(listed(&clause.audiences).map(|audiences| format!("aud={}", audiences.join("|"))));
    let claims = clause.claims.iter().filter_map(|(name, values)| Some((name, listed(values)?)));
    words.extend(claims.map(|(name, values)| format!("{name}={}", values.join("|"))));
    Some(words.join(" "))
}

/// Returns who sends the requests of a clause, by the names policy has for them.
pub(super) fn names(clause: &Clause, world: &World<'_>) -> Vec<String> {
    let addresses = || clause.addresses.patterns().map(|network| format!("cidr:{network}"));
    match (&clause.identities, &clause.addresses) {
        (Field::Any, Field::Any) => vec!["anyone".to_owned()],
        (Field::Any, Field::Only(_)) => addresses().collect(),
        (Field::Only(patterns), from) => {
            let mut names = identities(patterns, world);
            if !from.is_any() {
                // Both must hold, so neither may stand alone.
                let networks = addresses().collect::<Vec<_>>().join(", ");
                names = names.into_iter().map(|name| format!("{name} from {networks}")).collect();
            }
            names
        }
    }
}

fn identities(patterns: &BTreeSet<IdentityPattern>, world: &World<'_>) -> Vec<String> {
    let mesh: BTreeSet<_> = world
        .trust_domains()
        .into_iter()
        .map(|domain| IdentityPattern {
            trust_domain: ringfence_compiler::requests::Part::Exactly(domain.to_owned()),
            ..IdentityPattern::any()
        })
        .collect();
    if mesh == *patterns {
        return vec!["mesh".to_owned()];
    }
    let mut rest = patterns.clone();
    let mut names = Vec::new();
    // From the root down, so that the widest node that is wholly meant is named and none below it. Groups are their
    // services, which say more.
    let nodes: Vec<_> = world.nodes.keys().filter(|path| path.lineage().len() <= 3).collect();
    for path in &nodes {
        let theirs = world.identities_of_node(path);
        if !theirs.is_empty() && theirs.is_subset(&rest) {
            rest = &rest - &theirs;
            // A tenant with a single workspace means the same as that workspace, which says more.
            let same =
                nodes.iter().rev().find(|below| path.contains(below) && world.identities_of_node(below) == theirs);
            names.push(same.unwrap_or(path).to_string());
        }
    }
    let mut named = BTreeSet::new();
    for service in &world.services {
        let theirs = world.identities_of(service);
        if !theirs.is_empty() && theirs.is_subset(&rest) {
            named.extend(theirs);
            names.push(World::service_name(service));
        }
    }
    rest = &rest - &named;
    for cluster in world.clusters.values() {
        for (name, gateway) in &cluster.document.spec.gateways {
            let (namespace, account) = (&gateway.value.namespace.value.0, &gateway.value.service_account.value.0);
            let name = format!("gateway:{name}");
            if rest.remove(&IdentityPattern::exactly(cluster.trust_domain(), namespace, account))
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
    }
    names.extend(rest.iter().map(ToString::to_string));
    names
}
