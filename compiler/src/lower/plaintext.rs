//! Ports that admit plaintext: nobody there shows an identity, so what goes by it holds for nobody.
//!
//! In: a unit and its modes. Out: an error for each deny that can be walked past, and for each grant that admits nobody.

use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::lowering as code;
use crate::requests::{Clause, Field, RequestSet};
use crate::resolve::Governed;
use crate::resolve::access::{Bound, Grant};
use crate::resolve::interval::Step;
use crate::resolve::statements::Origin;
use crate::resolve::units::MESH_PORTS;
use crate::resolve::world::World;
use crate::spec::cluster::DataPlane;

/// Refuses grants by identity on ports that admit plaintext alone: they would admit nobody. A port past the proxy is
/// NetworkPolicy's, which goes by pods.
pub(super) fn check_grants(governed: &Governed<'_>, plane: DataPlane, diagnostics: &mut Diagnostics) {
    let (unit, mtls) = (&governed.unit, &governed.settings.mtls);
    let bypassed = |port: u16| unit.workloads.iter().all(|workload| workload.is_past_the_proxy(plane, port));
    let silent = |port: &&u16| !mtls.value.at(**port).mtls && !MESH_PORTS.contains(*port) && !bypassed(**port);
    let dead = |clause: &Clause| match &clause.ports {
        _ if clause.identities.is_any() => None,
        Field::Only(ports) => ports.iter().find(silent).map(|port| format!("port {port}")),
        Field::Any if unit.ports.is_empty() => (!mtls.value.rest.mtls).then(|| "every port".to_owned()),
        Field::Any => unit.ports.keys().all(|port| silent(&port)).then(|| "every port".to_owned()),
    };
    let said = mtls.steps.iter().rev().find_map(|step| match step {
        Step::Written(statement) => Some(statement.origin.span),
        _ => None,
    });
    for grant in governed.access.grants.iter().filter(|grant| !grant.on_trial) {
        let Some(ports) = grant.set.clauses().iter().find_map(dead) else { continue };
        let nobody = code::UNENFORCEABLE.at(
            grant.origin.span,
            format!("{ports} of `{}` admits plaintext alone, where no caller shows an identity", unit.name),
        );
        let nobody = nobody.label("admits nobody");
        let nobody = match said {
            Some(span) => nobody.and(span, "keeps mTLS out"),
            None => nobody,
        };
        diagnostics.report(nobody.help("write `permissive` or `strict` for the port, or grant addresses with `cidr:`"));
    }
}

/// Refuses denies by identity where a caller without one is admitted in plaintext: it would walk past them by showing none.
/// Addresses outside every cluster's `podCidrs` and `nodeCidrs` are nobody's pods, so a grant to them lets no denied workload
/// through; where a cluster does not say which its pods have, any address may be one.
pub(super) fn check_denies(world: &World<'_>, governed: &Governed<'_>, diagnostics: &mut Diagnostics) {
    let mtls = &governed.settings.mtls.value;
    let open = |clause: &&Clause| {
        let plaintext = match &clause.ports {
            Field::Any => mtls.rest.plaintext || mtls.ports.values().any(|arrivals| arrivals.plaintext),
            Field::Only(ports) => ports.iter().any(|port| mtls.at(*port).plaintext),
        };
        let reached = clause.addresses.is_any() || clause.addresses.patterns().any(|net| world.may_be_pods(net));
        clause.identities.is_any() && plaintext && reached
    };
    let nameless = |set: &RequestSet| RequestSet::from_clauses(set.clauses().iter().filter(open).cloned());
    let enforced = governed.access.grants.iter().filter(|grant| !grant.on_trial);
    let open: Vec<(&Grant, RequestSet)> =
        enforced.map(|grant| (grant, nameless(&grant.set))).filter(|(_, set)| !set.is_empty()).collect();
    let mut refuse = |origin: &Origin, set: &RequestSet| {
        let named =
            RequestSet::from_clauses(set.clauses().iter().filter(|clause| !clause.identities.is_any()).cloned());
        let Some((grant, _)) = open.iter().find(|(_, open)| open.meets(&named).is_some()) else { return };
        let evaded = code::UNENFORCEABLE.at(
            origin.span,
            format!("`{}` admits plaintext, where a caller shows no identity to deny it by", governed.unit.name),
        );
        diagnostics.report(
            evaded
                .label("can be walked past")
                .and(grant.origin.span, "admits callers without an identity")
                .help("require mTLS on the port, or grant named callers alone"),
        );
    };
    for deny in governed.access.denies.iter().filter(|deny| !deny.on_trial) {
        refuse(&deny.origin, &deny.set);
    }
    for ceiling in governed.access.ceilings.iter().filter(|ceiling| !ceiling.on_trial) {
        if let Bound::Never(never) = &ceiling.bound {
            refuse(&ceiling.origin, &never.callers);
        }
    }
}
