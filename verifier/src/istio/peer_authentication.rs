//! PeerAuthentications, and the mode they make together at each port (istio/istio
//! `pilot/pkg/security/authn/policy_applier.go`, `ComposePeerAuthentication`).

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::inventory::Labels;
use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::Node;

use super::read::{Fields, selector, selects};

/// How peers are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// With a certificate only.
    Strict,
    /// With and without one.
    Permissive,
    /// Without one only.
    Disable,
}

impl Mode {
    /// Tells whether peers with a certificate are taken.
    #[must_use]
    pub fn mtls(self) -> bool {
        self != Self::Disable
    }

    /// Tells whether peers without one are.
    #[must_use]
    pub fn plaintext(self) -> bool {
        self != Self::Strict
    }
}

/// A PeerAuthentication.
#[derive(Debug, Clone)]
pub struct PeerAuthentication {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where its name was written.
    pub span: Span,
    /// The lines of policy it says it was compiled from.
    pub source: Option<String>,
    /// The labels of the pods it is about; empty means every pod.
    pub selector: Labels,
    /// Whether it has fields that its kind does not have, so that nobody can tell what the cluster has of it.
    pub doubtful: bool,
    /// The mode; `None` leaves it to whoever is above.
    pub mode: Option<Mode>,
    /// Modes of single ports of the workload; `None` leaves it to the mode of the same policy.
    pub ports: BTreeMap<u16, Option<Mode>>,
}

impl PeerAuthentication {
    /// Reads one.
    ///
    /// # Errors
    /// When a field has not its type, which is reported.
    pub fn read(root: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let object = Fields::of(root);
        let (metadata, spec) = (object.child("metadata", diagnostics)?, object.child("spec", diagnostics)?);
        let mut ports = BTreeMap::new();
        for (key, fields) in spec.entries("portLevelMtls", diagnostics)? {
            match key.parse() {
                Ok(port) => _ = ports.insert(port, mode(&fields, diagnostics)?),
                Err(_) => return Err(spec.refuse("portLevelMtls", &format!("`{key}` is no port"), diagnostics)),
            }
        }
        Ok(Self {
            namespace: metadata.namespace(diagnostics)?,
            name: metadata.required("name", diagnostics)?,
            span: metadata.span_of("name"),
            source: metadata.source(),
            selector: selector(&spec, diagnostics)?,
            doubtful: false,
            mode: mode(&spec.child("mtls", diagnostics)?, diagnostics)?,
            ports,
        })
    }
}

fn mode(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Option<Mode>, Reported> {
    match fields.text("mode", diagnostics)?.as_deref() {
        None | Some("UNSET") => Ok(None),
        Some("STRICT") => Ok(Some(Mode::Strict)),
        Some("PERMISSIVE") => Ok(Some(Mode::Permissive)),
        Some("DISABLE") => Ok(Some(Mode::Disable)),
        Some(other) => Err(fields.refuse("mode", &format!("`{other}` is no mode"), diagnostics)),
    }
}

/// The modes of a workload's ports.
///
/// Of several policies of one scope the oldest counts, and no repository knows which that is: then every mode that could
/// come out is here.
#[derive(Debug, Clone, PartialEq)]
pub struct Modes {
    /// Each way it can be.
    ways: Vec<Way>,
}

#[derive(Debug, Clone, PartialEq)]
struct Way {
    rest: Mode,
    ports: BTreeMap<u16, Mode>,
}

impl Modes {
    /// Composes the policies that a workload of a namespace falls under, as its sidecar takes them.
    #[must_use]
    pub fn compose<'a>(
        policies: impl Iterator<Item = &'a PeerAuthentication>,
        namespace: &str,
        labels: &Labels,
        root_namespace: &str,
    ) -> Self {
        Self::composed(policies, (namespace, labels, root_namespace), Way::of)
    }

    /// Composes them as ztunnel is told about them.
    #[must_use]
    pub fn in_ambient<'a>(
        policies: impl Iterator<Item = &'a PeerAuthentication>,
        namespace: &str,
        labels: &Labels,
        root_namespace: &str,
    ) -> Self {
        Self::composed(policies, (namespace, labels, root_namespace), Way::in_ambient)
    }

    fn composed<'a>(
        policies: impl Iterator<Item = &'a PeerAuthentication>,
        (namespace, labels, root_namespace): (&str, &Labels, &str),
        make: fn([Option<&PeerAuthentication>; 3]) -> Way,
    ) -> Self {
        let scopes = scopes(policies, namespace, labels, root_namespace);
        let each = |scope: &[&'a PeerAuthentication]| -> Vec<Option<&'a PeerAuthentication>> {
            if scope.is_empty() { vec![None] } else { scope.iter().copied().map(Some).collect() }
        };
        let [mesh, of_namespace, of_workload] = scopes;
        let mut ways = Vec::new();
        for mesh in each(&mesh) {
            for of_namespace in each(&of_namespace) {
                for of_workload in each(&of_workload) {
                    let way = make([mesh, of_namespace, of_workload]);
                    if !ways.contains(&way) {
                        ways.push(way);
                    }
                }
            }
        }
        Self { ways }
    }

    /// Returns every mode a port can have.
    #[must_use]
    pub fn at(&self, port: u16) -> BTreeSet<Mode> {
        self.ways.iter().map(|way| way.at(port)).collect()
    }

    /// Returns the ports that have a mode of their own.
    #[must_use]
    pub fn ports(&self) -> BTreeSet<u16> {
        self.ways.iter().flat_map(|way| way.ports.keys().copied()).collect()
    }
}

/// Sorts policies by how much they are about: the mesh, the namespace, the workload.
fn scopes<'a>(
    policies: impl Iterator<Item = &'a PeerAuthentication>,
    namespace: &str,
    labels: &Labels,
    root_namespace: &str,
) -> [Vec<&'a PeerAuthentication>; 3] {
    let (mut mesh, mut of_namespace, mut of_workload) = (Vec::new(), Vec::new(), Vec::new());
    for policy in policies {
        if policy.selector.is_empty() {
            if policy.namespace == root_namespace {
                mesh.push(policy);
            } else if policy.namespace == namespace {
                of_namespace.push(policy);
            }
        } else if policy.namespace == namespace && namespace != root_namespace && selects(&policy.selector, labels) {
            of_workload.push(policy);
        }
    }
    [mesh, of_namespace, of_workload]
}

/// Returns the policies that make the mode of a port: those of the innermost scope that says something of it.
#[must_use]
pub fn deciding<'a>(
    policies: impl Iterator<Item = &'a PeerAuthentication>,
    namespace: &str,
    labels: &Labels,
    root_namespace: &str,
    port: u16,
) -> Vec<&'a PeerAuthentication> {
    let [mesh, of_namespace, of_workload] = scopes(policies, namespace, labels, root_namespace);
    let speaks = |policy: &&PeerAuthentication| policy.mode.is_some();
    let of_port = |policy: &&PeerAuthentication| speaks(policy) || policy.ports.get(&port).is_some_and(Option::is_some);
    let of_workload: Vec<_> = of_workload.into_iter().filter(of_port).collect();
    let wider = [of_namespace, mesh].into_iter().map(|scope| scope.into_iter().filter(speaks).collect());
    std::iter::once(of_workload).chain(wider).find(|scope: &Vec<_>| !scope.is_empty()).unwrap_or_default()
}

impl Way {
    /// Joins the policies of mesh, namespace and workload: the innermost that says something decides, and only that of the
    /// workload speaks of ports.
    fn of(scopes: [Option<&PeerAuthentication>; 3]) -> Self {
        let rest =
            scopes.into_iter().flatten().filter_map(|policy| policy.mode).next_back().unwrap_or(Mode::Permissive);
        let [_, _, of_workload] = scopes;
        let ports = of_workload.map_or_else(BTreeMap::new, |policy| {
            policy.ports.iter().map(|(port, mode)| (*port, mode.unwrap_or(rest))).collect()
        });
        Self { rest, ports }
    }

    /// What ztunnel is told (istio/istio `pilot/pkg/serviceregistry/ambient/authorization.go`): it always takes peers with a
    /// certificate, so that DISABLE is PERMISSIVE, and STRICT is a denial of those without one.
    fn in_ambient(scopes: [Option<&PeerAuthentication>; 3]) -> Self {
        let as_told = |strict: bool| if strict { Mode::Strict } else { Mode::Permissive };
        let [mesh, of_namespace, of_workload] = scopes;
        let said = |policy: Option<&PeerAuthentication>| policy.and_then(|policy| policy.mode);
        let above = said(of_namespace).or(said(mesh)) == Some(Mode::Strict);
        let Some(policy) = of_workload else { return Self { rest: as_told(above), ports: BTreeMap::new() } };
        let opened = policy.ports.values().any(|mode| *mode == Some(Mode::Permissive));
        let inherits = policy.mode.is_none() && above;
        if inherits && opened && of_namespace.is_some_and(|policy| policy.mode.is_none()) {
            // The exception replaces the denial, and is then left out because the namespace says nothing of its own.
            return Self { rest: Mode::Permissive, ports: BTreeMap::new() };
        }
        // Where the mode comes from above, DISABLE alone makes no exception.
        let excepts = !inherits || opened;
        let of_port = |mode: Mode| as_told(mode == Mode::Strict || !excepts);
        let ports = policy.ports.iter().filter_map(|(port, mode)| Some((*port, of_port((*mode)?)))).collect();
        Self { rest: as_told(policy.mode.map_or(above, |mode| mode == Mode::Strict)), ports }
    }

    fn at(&self, port: u16) -> Mode {
        self.ports.get(&port).copied().unwrap_or(self.rest)
    }
}

#[cfg(test)]
mod tests {
    use ringfence_compiler::source::{SourceFile, Sources, Span};

    use super::*;

    fn labels(app: &str) -> Labels {
        if app.is_empty() { Labels::new() } else { Labels::from([("app".to_owned(), app.to_owned())]) }
    }

    /// A policy: its namespace, the `app` it selects or nothing, its mode and those of ports.
    type Written = (&'static str, &'static str, Option<Mode>, &'static [(u16, Option<Mode>)]);

    #[test]
    fn the_innermost_policy_that_says_something_decides() {
        const STRICT: Option<Mode> = Some(Mode::Strict);
        const PERMISSIVE: Option<Mode> = Some(Mode::Permissive);
        const DISABLE: Option<Mode> = Some(Mode::Disable);
        let cases: [(&[Written], &[Mode], &[Mode]); 14] = [
            (&[], &[Mode::Permissive], &[Mode::Permissive]),
            (&[("root", "", STRICT, &[])], &[Mode::Strict], &[Mode::Strict]),
            (&[("root", "", STRICT, &[]), ("shop", "", PERMISSIVE, &[])], &[Mode::Permissive], &[Mode::Permissive]),
            (&[("root", "", STRICT, &[]), ("shop", "", None, &[])], &[Mode::Strict], &[Mode::Strict]),
            (&[("shop", "", STRICT, &[]), ("shop", "web", DISABLE, &[])], &[Mode::Disable], &[Mode::Disable]),
            (&[("shop", "", STRICT, &[]), ("shop", "db", DISABLE, &[])], &[Mode::Strict], &[Mode::Strict]),
            (&[("bank", "", STRICT, &[])], &[Mode::Permissive], &[Mode::Permissive]),
            // One of the root namespace with a selector is about nobody else.
            (&[("root", "web", STRICT, &[])], &[Mode::Permissive], &[Mode::Permissive]),
            (&[("shop", "web", STRICT, &[(8080, PERMISSIVE)])], &[Mode::Permissive], &[Mode::Strict]),
            (&[("shop", "web", STRICT, &[(8080, None)])], &[Mode::Strict], &[Mode::Strict]),
            (
                &[("shop", "", STRICT, &[]), ("shop", "web", None, &[(8080, DISABLE)])],
                &[Mode::Disable],
                &[Mode::Strict],
            ),
            // Without a selector nobody reads modes of ports.
            (&[("shop", "", STRICT, &[(8080, DISABLE)])], &[Mode::Strict], &[Mode::Strict]),
            // Nobody knows which of two is older.
            (
                &[("shop", "", STRICT, &[]), ("shop", "", PERMISSIVE, &[])],
                &[Mode::Strict, Mode::Permissive],
                &[Mode::Strict, Mode::Permissive],
            ),
            (
                &[("shop", "web", STRICT, &[]), ("shop", "web", STRICT, &[(8080, DISABLE)])],
                &[Mode::Strict, Mode::Disable],
                &[Mode::Strict],
            ),
        ];
        let nowhere = Span::new(Sources::new().add(SourceFile::new("a.yaml", Vec::new())), 0, 0);
        for (at, (written, at_port, elsewhere)) in cases.into_iter().enumerate() {
            let policies: Vec<PeerAuthentication> = written
                .iter()
                .map(|(namespace, app, mode, ports)| PeerAuthentication {
                    doubtful: false,
                    namespace: (*namespace).to_owned(),
                    name: "a".to_owned(),
                    span: nowhere,
                    source: None,
                    selector: labels(app),
                    mode: *mode,
                    ports: ports.iter().copied().collect(),
                })
                .collect();
            let modes = Modes::compose(policies.iter(), "shop", &labels("web"), "root");
            assert_eq!(modes.at(8080), at_port.iter().copied().collect(), "case {at}");
            assert_eq!(modes.at(9090), elsewhere.iter().copied().collect(), "case {at}");
        }
    }
}
