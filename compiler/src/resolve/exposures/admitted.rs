//! Whether an Access admits what a gateway lets in. An Exposure grants nothing: only Access does.

use super::{Exposed, Path, Place, gateway};
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::resolve as code;
use crate::requests::{Clause, Field, HostPattern, IdentityPattern, PathPattern, RequestSet};
use crate::resolve::Governed;
use crate::resolve::access::Access;
use crate::resolve::statements::Origin;
use crate::resolve::world::World;
use crate::spec::exposure::{ExposureSpec, TlsMode};

/// Reports each path of which nothing is admitted at the service behind it, with the Access that would.
pub(super) fn check(
    world: &World<'_>,
    exposed: &[Exposed<'_>],
    governed: &[Governed<'_>],
    diagnostics: &mut Diagnostics,
) {
    let mut said = std::collections::BTreeSet::new();
    for one in exposed {
        for path in &one.paths {
            let needed = needed(world, one, path);
            let units = path.target.units.iter().filter_map(|at| governed.get(*at));
            let shut: Vec<&Access> = units.map(|unit| &unit.access).filter(|it| !admits(it, &needed)).collect();
            if shut.is_empty() || !said.insert((one.document.span, path.span)) {
                continue;
            }
            // In an incident it has to compile.
            let quarantine =
                |access: &&Access| access.ceilings.iter().find(|it| it.suspends).map(|it| it.origin.clone());
            match shut.iter().find_map(quarantine).filter(|_| shut.iter().all(|it| quarantine(it).is_some())) {
                Some(by) => suspended(one, path, &by, diagnostics),
                None => report(one, path, diagnostics),
            }
        }
    }
}

/// Returns what the gateway sends to the service for this path.
fn needed(world: &World<'_>, exposed: &Exposed<'_>, path: &Path<'_>) -> RequestSet {
    let spec: &ExposureSpec = &exposed.document.spec;
    let identity = world.clusters.get(exposed.cluster).and_then(|cluster| {
        let gateway = gateway(cluster, &spec.gateway.value.0)?;
        let (namespace, account) = (gateway.namespace.value.0.as_str(), gateway.service_account.value.0.as_str());
        Some(IdentityPattern::exactly(cluster.trust_domain(), namespace, account))
    });
    let mut clause =
        Clause { identities: Field::only(identity), ports: Field::only([path.target.port]), ..Clause::any() };
    if exposed.tls.mode != TlsMode::Passthrough {
        clause.paths = Field::only(arriving(path));
        clause.hosts = Field::only(spec.hostnames.0.iter().filter_map(|host| HostPattern::parse(&host.value.0).ok()));
    }
    RequestSet::from_clauses([clause])
}

/// Returns the paths as they arrive at the service.
fn arriving(path: &Path<'_>) -> Vec<PathPattern> {
    let at = path.rewrite.as_ref().unwrap_or(&path.at.path);
    Place { path: at.clone(), exact: path.at.exact }.patterns()
}

/// Tells whether some of these requests are admitted. Where denies cut into what is granted in a way no set can say, they
/// are taken not to cut everything.
fn admits(access: &Access, needed: &RequestSet) -> bool {
    let granted = access.granted();
    match granted.intersect(needed) {
        Ok(both) => both.difference_witness(&access.denied()).is_some(),
        Err(_) => granted.meets(needed).is_some(),
    }
}

/// Says that a quarantine shuts what an exposure opens.
fn suspended(exposed: &Exposed<'_>, path: &Path<'_>, by: &Origin, diagnostics: &mut Diagnostics) {
    let gateway = &exposed.document.spec.gateway.value;
    let message = format!("`{}` admits nothing from gateway `{gateway}`: `{}` suspends it", path.target.name, by.id);
    let suspended = code::SUSPENDED_GRANT.at(path.span, message).label("exposed, and refused by the service");
    diagnostics.report(suspended.and(by.span, "the quarantine").help("it is back when the zone is gone"));
}

fn report(exposed: &Exposed<'_>, path: &Path<'_>, diagnostics: &mut Diagnostics) {
    let spec = &exposed.document.spec;
    let (gateway, target) = (&spec.gateway.value, &path.target);
    let quoted = |text: String| if text.contains(['*', '{']) { format!("\"{text}\"") } else { text };
    let http = exposed.tls.mode != TlsMode::Passthrough;
    let mut rule = format!("from: gateway:{gateway}, ports: [{}]", target.port);
    if http {
        let hosts: Vec<String> = spec.hostnames.0.iter().map(|host| quoted(host.value.0.clone())).collect();
        let paths: Vec<String> = arriving(path).iter().map(|path| quoted(path.to_string())).collect();
        rule = format!("{rule}, hosts: [{}], paths: [{}]", hosts.join(", "), paths.join(", "));
    }
    let what = if http { format!("`{}`", path.at) } else { "what it passes through".to_owned() };
    let closed = code::EXPOSED_TO_NOBODY
        .at(path.span, format!("`{}` admits nothing of {what} from gateway `{gateway}`", target.name))
        .label("exposed, and refused by the service")
        .and(target.span, "what answers");
    diagnostics.report(closed.help(format!(
        "an Exposure grants nothing: write an Access with `to: {}` and `allow: [{{{rule}}}]`",
        target.name
    )));
}
