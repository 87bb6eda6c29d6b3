//! Trials in ambient mode: where the mesh is too old to know of them, an object on trial would be enforced.
//!
//! In: a unit in ambient mode. Out: an error for each statement on trial, unless its cluster says a version that leaves it
//! alone. A mandate on trial becomes no object there instead: what it would refuse is reported when policy is compiled.

use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::lowering as code;
use crate::resolve::Governed;
use crate::resolve::world::Cluster;
use crate::spec::cluster::DataPlane;

/// The first minor version none of whose releases hands an AuthorizationPolicy on trial to ztunnel as one in force
/// (istio/istio: pull request 55414, which came after 1.25.0).
const SAFE: u32 = 26;

/// Tells whether objects on trial may be emitted for workloads of a plane.
pub(super) fn is_safe(cluster: &Cluster<'_>, plane: DataPlane) -> bool {
    let said = cluster.document.spec.istio_version.as_ref();
    plane == DataPlane::Sidecar || said.and_then(|said| minor(&said.value)).is_some_and(|minor| minor >= SAFE)
}

/// Reads the minor version of `1.26` or `1.26.3`; of a later major version, one above all.
fn minor(version: &str) -> Option<u32> {
    let mut parts = version.trim_start_matches('v').split(['.', '-']);
    match parts.next()?.parse().ok()? {
        0 => None,
        1 => parts.next()?.parse().ok(),
        2u32.. => Some(u32::MAX),
    }
}

/// Refuses grants and denies on trial where they would be in force.
pub(super) fn check(governed: &Governed<'_>, cluster: &Cluster<'_>, diagnostics: &mut Diagnostics) {
    let on_trial = governed.access.grants.iter().chain(&governed.access.denies).filter(|statement| statement.on_trial);
    let document = cluster.document;
    for statement in on_trial {
        let enforced = code::UNENFORCEABLE.at(
            statement.origin.span,
            format!(
                "`{}` is in ambient mode, where Istio before 1.{SAFE} enforces what is on trial",
                governed.unit.name
            ),
        );
        let enforced = enforced.label("would be in force at once");
        let enforced = match &document.spec.istio_version {
            Some(said) => enforced.and(said.span, "the version"),
            None => enforced.and(document.metadata.name.span, "does not say its `istioVersion`"),
        };
        diagnostics.report(enforced.help(format!(
            "write `istioVersion: \"1.{SAFE}\"` or later in the Cluster where that is so, or leave the workload out"
        )));
    }
}

#[cfg(test)]
mod tests {
    use super::minor;

    #[test]
    fn the_minor_version_is_read() {
        let cases = [
            ("1.26", Some(26)),
            ("1.25.3", Some(25)),
            ("v1.29.0-rc.1", Some(29)),
            ("1.27-alpha", Some(27)),
            ("2.0", Some(u32::MAX)),
            ("1", None),
            ("0.8", None),
            ("latest", None),
            ("", None),
        ];
        for (version, expected) in cases {
            assert_eq!(minor(version), expected, "{version}");
        }
    }
}
