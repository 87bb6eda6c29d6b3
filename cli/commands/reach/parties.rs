//! Who is meant by what was typed.
//!
//! In: a word or two. Out: callers and workloads of a cluster: one, several or none. Policies of a project have names for
//! their nodes and services, and those work here as well.

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::inventory::Workload;
use ringfence_compiler::resolve::Resolved;
use ringfence_compiler::resolve::world::WorkloadRef;
use ringfence_compiler::shape::scalar::Text as _;
use ringfence_compiler::source::{SourceFile, Sources, Span, Spanned};
use ringfence_compiler::spec::reference::{NodePath, Reference};
use ringfence_verifier::matrix;
use ringfence_verifier::model::{Model, Stranger};
use ringfence_verifier::reach::Caller;
use ringfence_verifier::request::Identity;

use super::services::{self, Target};
use crate::exit::Failure;

/// The words for everybody, inside and outside.
const ANY: [&str; 3] = ["any", "anyone", "*"];

/// A caller and what it is called.
#[derive(Clone)]
pub(in crate::commands) struct Party<'a> {
    pub name: String,
    pub caller: Caller<'a>,
}

impl<'a> Party<'a> {
    /// Returns the caller that an identity stands for which nobody holds.
    pub fn invented(stranger: &'a Stranger) -> Self {
        Self { name: stranger.name.clone(), caller: Caller::Stranger(stranger) }
    }
}

/// A cluster as names are looked up in it.
pub(in crate::commands) struct Scope<'s, 'a> {
    pub cluster: &'a str,
    /// The names of all clusters.
    pub clusters: &'s [&'s str],
    pub model: &'a Model<'a>,
    pub resolved: Option<&'s Resolved<'a>>,
}

/// Splits `shop/db:8080` into the workload and the port; `port` is what was said of it elsewhere.
pub(in crate::commands) fn split(text: &str, port: Option<u16>) -> Result<(String, Option<u16>), Failure> {
    // The first colon after a node leads to a service: `/payments/checkout:api:8080`.
    let begin = if text.starts_with('/') { text.find(':').map_or(text.len(), |at| at + 1) } else { 0 };
    let (service, rest) = text.split_at_checked(begin).unwrap_or((text, ""));
    let (name, written) = match rest.rsplit_once(':') {
        None => (text.to_owned(), None),
        Some((name, number)) => match number.parse() {
            Ok(number) => (format!("{service}{name}"), Some(number)),
            // `ledger:api` is a service of a node.
            Err(_)
                if begin == 0 && !name.contains([':', '/']) && !number.starts_with(|it: char| it.is_ascii_digit()) =>
            {
                (text.to_owned(), None)
            }
            Err(_) => {
                return Err(Failure::new(format!("`{number}` is no port"))
                    .help("name the port of the workload by its number, as in `shop/db:8080`"));
            }
        },
    };
    // What follows the service of a node may be its port: `/payments:8080`.
    let (name, port) = match (written, port) {
        (Some(one), Some(other)) if one != other => {
            return Err(Failure::new(format!("`{text}` and `--port {other}` name two ports")));
        }
        (one, other) => {
            let node_port = name.strip_prefix('/').and_then(|name| name.split_once(':'));
            match node_port.map(|(node, number)| (node, number.parse::<u16>())) {
                Some((node, Ok(number))) => (format!("/{node}"), Some(number)),
                _ => (name, one.or(other)),
            }
        }
    };
    match port {
        Some(0) => {
            Err(Failure::new("nothing listens on port 0").help("ports are 1 to 65535; leave it out to ask for all"))
        }
        _ => Ok((name, port)),
    }
}

/// Says what is wrong with a caller that was meant as a block of addresses and is none.
pub(in crate::commands) fn misspelt_block(text: &str) -> Option<Failure> {
    let block = text.strip_prefix("cidr:").unwrap_or(text);
    let (address, _) = block.split_once('/').unwrap_or((block, ""));
    // Names of workloads have a slash as well, and no namespace looks like an address.
    let meant = address.parse::<IpAddr>().is_ok() || text.starts_with("cidr:");
    let is_one = block.parse::<IpNet>().is_ok() || block.parse::<IpAddr>().is_ok();
    (meant && !is_one).then(|| {
        Failure::new(format!("`{block}` is no block of addresses"))
            .help("write `10.0.0.0/8` with a length of 0 to 32, or `2001:db8::/32` with one of 0 to 128")
    })
}

/// Returns the caller that an identity stands for whom no manifest shows.
pub(in crate::commands) fn invented(text: &str) -> Result<Option<Stranger>, Failure> {
    let Some(name) = text.strip_prefix("spiffe://") else { return Ok(None) };
    match name.split('/').collect::<Vec<_>>().as_slice() {
        [domain, "ns", namespace, "sa", account] => Ok(Some(Stranger {
            name: name.to_owned(),
            identity: Identity::new(*domain, *namespace, *account),
            labels: None,
        })),
        _ => Err(Failure::new(format!("`{text}` is no identity of a workload"))
            .help("write `spiffe://cluster.local/ns/NAMESPACE/sa/ACCOUNT`")),
    }
}

/// Tells whether what was typed may stand for several.
pub(in crate::commands) fn is_open(text: &str) -> bool {
    text.contains('*') || ANY.contains(&text)
}

/// Tells whether who calls may be outside.
pub(in crate::commands) fn may_be_outside(from: &str) -> bool {
    let text = from.strip_prefix("cidr:").unwrap_or(from);
    let is_block = text.parse::<IpNet>().is_ok() || text.parse::<IpAddr>().is_ok();
    let last = from.rsplit(':').next().unwrap_or(from);
    is_block || ANY.contains(&from) || last == matrix::OUTSIDE || last == "internet"
}

impl<'a> Scope<'_, 'a> {
    /// Takes the name of this cluster from the begin of a name; `None` where it is that of another.
    fn here<'t>(&self, text: &'t str) -> Option<&'t str> {
        match text.split_once(':') {
            Some((cluster, name)) if cluster == self.cluster => Some(name),
            Some((cluster, _)) if self.clusters.contains(&cluster) => None,
            _ => Some(text),
        }
    }

    /// Finds callers; `invented` is the one that an identity stands for, whose holders are meant.
    pub fn callers(&self, text: &str, invented: Option<&'a Stranger>) -> Vec<Party<'a>> {
        let Some(text) = self.here(text) else { return Vec::new() };
        let outside = || {
            let block = "0.0.0.0/0".parse().ok().map(Caller::Outside);
            block.map(|caller| Party { name: matrix::OUTSIDE.to_owned(), caller })
        };
        let of = |workload: &'a Workload| Party { name: matrix::name(workload), caller: Caller::Workload(workload) };
        let stranger =
            |stranger: &'a Stranger| Party { name: stranger.name.clone(), caller: Caller::Stranger(stranger) };
        if text == matrix::OUTSIDE || text == "internet" {
            return outside().into_iter().collect();
        }
        if ANY.contains(&text) {
            let strangers = self.model.strangers().iter().map(stranger);
            return self.model.workloads().map(of).chain(strangers).chain(outside()).collect();
        }
        let text = text.strip_prefix("cidr:").unwrap_or(text);
        let address = text.parse::<IpAddr>().map(IpNet::from);
        if let Ok(block) = text.parse::<IpNet>().map(|block| block.trunc()).or(address) {
            return vec![Party { name: text.to_owned(), caller: Caller::Outside(block) }];
        }
        if let Some(invented) = invented {
            let shown = self
                .model
                .workloads()
                .filter(|workload| self.model.identity(workload).as_ref() == Some(&invented.identity));
            let shown = shown.map(of);
            let known = self.model.strangers().iter().filter(|known| known.identity == invented.identity);
            return shown.chain(known.map(stranger)).collect();
        }
        let strangers = self.model.strangers().iter().filter(|stranger| fits(text, &stranger.name)).map(stranger);
        if let Some(gateway) = text.strip_prefix("gateway:") {
            let facts = self.model.cluster().document.spec.gateways.get(gateway).map(|facts| &facts.value);
            let shown = self.model.workloads().filter(|workload| {
                facts.is_some_and(|facts| {
                    facts.namespace.value.0 == workload.namespace
                        && facts.service_account.value.0 == workload.service_account
                })
            });
            return shown.map(of).chain(strangers).collect();
        }
        self.workloads(text).into_iter().map(of).chain(strangers).collect()
    }

    /// Finds workloads.
    pub fn workloads(&self, text: &str) -> Vec<&'a Workload> {
        self.targets(text).into_iter().map(|target| target.workload).collect()
    }

    /// Finds workloads, by their own name or that of a Service in front of them.
    pub(in crate::commands::reach) fn targets(&self, text: &str) -> Vec<Target<'a>> {
        let Some(text) = self.here(text) else { return Vec::new() };
        let named = self.named(text);
        if named.is_empty() { services::behind(self.model, text) } else { named.into_iter().map(Target::of).collect() }
    }

    fn named(&self, text: &str) -> Vec<&'a Workload> {
        if ANY.contains(&text) {
            return self.model.workloads().collect();
        }
        if text.starts_with('/') {
            return self.of_policy(text);
        }
        let named: Vec<&Workload> = self
            .model
            .workloads()
            .filter(|workload| fits(text, &matrix::name(workload)) || fits(text, &workload.name))
            .collect();
        if named.is_empty() { self.of_policy(text) } else { named }
    }

    /// Finds the workloads of a node or a service of the policy tree.
    fn of_policy(&self, text: &str) -> Vec<&'a Workload> {
        let Some(world) = self.resolved.map(|resolved| &resolved.world) else { return Vec::new() };
        let Ok(reference) = Reference::parse(text) else { return Vec::new() };
        // What cannot be found is said by who asks, for every cluster at once.
        let (mut said, mut typed) = (Diagnostics::new(), Sources::new());
        let file = typed.add(SourceFile::new("command line", text.as_bytes().to_vec()));
        let reference = Spanned::new(reference, Span::new(file, 0, text.len()));
        let services = world.services_of(&reference, &NodePath::root(), &mut said).unwrap_or_default();
        let mut members: Vec<&WorkloadRef<'_>> = services
            .iter()
            .filter_map(|index| world.services.get(*index))
            .flat_map(|service| &service.workloads)
            .filter(|member| member.cluster == self.cluster)
            .collect();
        members.sort();
        members.dedup();
        let inventory = self.model.cluster().inventory;
        members.into_iter().filter_map(|member| inventory.workloads.get(member.index)).collect()
    }
}

/// Tells whether a name is what was typed, in which a star stands for anything but a slash.
fn fits(typed: &str, name: &str) -> bool {
    let Some((start, rest)) = typed.split_once('*') else { return typed == name };
    let Some(after) = name.strip_prefix(start) else { return false };
    let ends = after.char_indices().map(|(at, _)| at).chain([after.len()]);
    ends.take_while(|end| after.get(..*end).is_some_and(|skipped| !skipped.contains('/')))
        .any(|end| after.get(end..).is_some_and(|left| fits(rest, left)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_but_a_slash() {
        let cases = [
            ("shop/*", "shop/web", true),
            ("shop/*", "shops/web", false),
            ("*/web", "shop/web", true),
            ("w*", "web", true),
            ("w*", "shop/web", false),
            ("shop/w*b", "shop/web", true),
            ("shop/w*b", "shop/webs", false),
            ("*", "shop/web", false),
        ];
        for (typed, name, expected) in cases {
            assert_eq!(fits(typed, name), expected, "{typed} {name}");
        }
    }

    #[test]
    fn the_port_is_what_follows_the_workload() {
        let check = |text: &str, expected: (&str, Option<u16>)| {
            let (name, port) = split(text, None).unwrap();
            assert_eq!((name.as_str(), port), expected, "{text}");
        };
        check("shop/db", ("shop/db", None));
        check("shop/db:8080", ("shop/db", Some(8080)));
        check("shop/*:8080", ("shop/*", Some(8080)));
        check("/payments", ("/payments", None));
        check("/payments:8080", ("/payments", Some(8080)));
        check("/payments/checkout:api", ("/payments/checkout:api", None));
        check("/payments/checkout:api:8080", ("/payments/checkout:api", Some(8080)));
        check("ledger:api", ("ledger:api", None));
        check("ledger:api:80", ("ledger:api", Some(80)));
        assert!(split("shop/db:http", None).is_err());
        assert!(split("shop/db:80", Some(81)).is_err());
        assert!(split("db:65536", None).is_err());
        assert!(split("shop/db:0", None).is_err());
        assert!(split("shop/db", Some(0)).is_err());
    }

    #[test]
    fn a_block_that_is_none_is_told_from_a_name() {
        for wrong in ["10.0.0.0/33", "10.0.0.0/", "2001:db8::/129", "cidr:10.0.0/8", "10.0.0.1/shop"] {
            assert!(misspelt_block(wrong).is_some(), "{wrong}");
        }
        for fine in ["10.0.0.0/8", "10.0.0.1", "cidr:2001:db8::/32", "shop/web", "10/web", "any"] {
            assert!(misspelt_block(fine).is_none(), "{fine}");
        }
    }
}
