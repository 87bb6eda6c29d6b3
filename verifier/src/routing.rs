//! The objects that say what gateways let in and where they lead it, as they are written.
//!
//! In: nodes of manifests. Out: [`Routing`]: Istio's Gateways and VirtualServices, and the kinds of the Gateway API, whose rules
//! are brought into one form ([`Rule`]). What follows from them at a gateway is for [`crate::entrances`].

pub mod destination_rule;
pub mod gateway;
pub mod gateway_api;
pub mod matching;
pub mod route;
pub mod service_entry;
pub mod virtual_service;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::inventory::{ClusterInventory, KubernetesService};
use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::Node;

use self::destination_rule::DestinationRule;
use self::gateway::IstioGateway;
use self::gateway_api::{Grant, Parent};
use self::matching::Match;
use self::route::Route;
use self::service_entry::ServiceEntry;
use self::virtual_service::VirtualService;
use crate::kubernetes::fits::Fits;

/// The objects of a cluster that route.
#[derive(Debug, Clone, Default)]
pub struct Routing {
    /// Istio's Gateways.
    pub gateways: Vec<IstioGateway>,
    /// VirtualServices.
    pub virtual_services: Vec<VirtualService>,
    /// Gateways and ListenerSets of the Gateway API, other than waypoints.
    pub parents: Vec<Parent>,
    /// Gateways of the Gateway API that are no way in.
    pub inner: Vec<Named>,
    /// Routes of the Gateway API.
    pub routes: Vec<Route>,
    /// DestinationRules.
    pub subsets: Vec<DestinationRule>,
    /// ServiceEntries.
    pub entries: Vec<ServiceEntry>,
    /// ReferenceGrants.
    pub grants: Vec<Grant>,
    /// Services that routes may lead to, beside those of the inventory.
    pub services: Vec<KubernetesService>,
}

/// Where an object was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where its name was written.
    pub span: Span,
    /// The lines of policy it says it was compiled from.
    pub source: Option<String>,
}

/// A rule of a route.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its position among those of its object.
    pub position: usize,
    /// Where it was written.
    pub span: Span,
    /// What it is about: one of these; never empty.
    pub matches: Vec<Match>,
    /// What becomes of a request.
    pub leads: Leads,
}

/// What becomes of a request that a rule is about.
#[derive(Debug, Clone)]
pub enum Leads {
    /// It goes to one of these, changed; to those that mirror it as well.
    To(Vec<Backend>, Rewriting),
    /// Another VirtualService says.
    Delegate(Delegate),
    /// The gateway answers it.
    Nowhere(&'static str),
}

/// A VirtualService that says where requests go, and what it gets of the one that asks it.
#[derive(Debug, Clone)]
pub struct Delegate {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How requests are changed where it does not say.
    pub rewriting: Rewriting,
    /// Who gets copies where it does not say.
    pub mirrors: Vec<Backend>,
}

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// The host, or the Service.
    pub target: Target,
    /// The version of it; `None` is all of them.
    pub subset: Option<String>,
    /// The port of the Service; `None` where it has one alone.
    pub port: Option<u16>,
    /// Whether it gets a copy, and nobody its answer.
    pub mirrors: bool,
    /// How requests to it alone are changed, after what its rule says.
    pub rewriting: Rewriting,
    /// Where it was written.
    pub span: Span,
}

/// Who gets requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A Service of Kubernetes, by namespace and name.
    Service(String, String),
    /// A host of another kind.
    Host(String),
    /// Something of a kind that is not known here.
    Other(String),
}

/// How a request is changed on its way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewriting {
    /// The path.
    pub path: Option<NewPath>,
    /// The host.
    pub host: Option<String>,
    /// Headers that are written, each with its value.
    pub set: Vec<(String, String)>,
    /// Headers to which a value is added.
    pub added: Vec<String>,
    /// Headers that are taken off.
    pub removed: Vec<String>,
}

impl Rewriting {
    /// Notes a header that is written; one of the host is the host (istio/istio `pilot/pkg/networking/core/route/route.go`).
    fn write(&mut self, name: String, value: String) {
        match name.eq_ignore_ascii_case("host") || name == ":authority" {
            true => self.host = Some(value),
            // What Envoy fills in nobody here can tell.
            false if value.contains('%') => self.added.push(name),
            false => self.set.push((name, value)),
        }
    }

    /// Returns this and what one backend changes besides. Of a header that both change, nobody here tells who has the last word.
    #[must_use]
    pub fn and(&self, own: &Self) -> Self {
        let mut both = self.clone();
        both.path = own.path.clone().or(both.path);
        both.host = own.host.clone().or(both.host);
        for (name, value) in &own.set {
            let is_it = |other: &String| other.eq_ignore_ascii_case(name);
            let differs = both.set.iter().any(|(other, theirs)| is_it(other) && theirs != value);
            if differs || both.removed.iter().any(is_it) {
                both.added.push(name.clone());
            } else {
                both.set.push((name.clone(), value.clone()));
            }
        }
        let removed = |name: &&String| both.set.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        let (unsure, removed): (Vec<&String>, Vec<&String>) = own.removed.iter().partition(removed);
        both.added.extend(own.added.iter().chain(unsure).cloned());
        both.removed.extend(removed.into_iter().cloned());
        both
    }
}

/// What becomes of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewPath {
    /// It is this.
    Whole(String),
    /// What it begins with, which is what was matched, is replaced.
    Beginning(String),
    /// Nobody here can tell.
    Unknown,
}

impl Routing {
    /// Reads an object if it is of one of these kinds. One that cannot be read is reported and left out.
    pub fn add(&mut self, root: &Node, diagnostics: &mut Diagnostics) {
        let text = |name: &str| root.get(name).and_then(Node::as_str).unwrap_or_default();
        let (group, _) = text("apiVersion").split_once('/').unwrap_or_default();
        match (group, text("kind")) {
            ("networking.istio.io", "Gateway") => self.gateways.extend(IstioGateway::read(root, diagnostics)),
            ("networking.istio.io", "VirtualService") => {
                self.virtual_services.extend(VirtualService::read(root, diagnostics));
            }
            ("networking.istio.io", "DestinationRule") => {
                self.subsets.extend(DestinationRule::read(root, diagnostics));
            }
            ("networking.istio.io", "ServiceEntry") => self.entries.extend(ServiceEntry::read(root, diagnostics)),
            ("gateway.networking.k8s.io" | "gateway.networking.x-k8s.io", kind) => match kind {
                "Gateway" | "ListenerSet" | "XListenerSet" => {
                    self.parents.extend(Parent::read(root, diagnostics).ok().flatten());
                    self.inner.extend(gateway_api::inner(root));
                }
                "ReferenceGrant" => self.grants.extend(Grant::read(root, diagnostics)),
                _ => self.routes.extend(Route::read(root, diagnostics).ok().flatten()),
            },
            ("", "Service") => {
                // What is wrong with it is said where the inventory is read.
                let service = KubernetesService::of_manifest(root, &mut Diagnostics::new());
                self.services.extend(service.ok());
            }
            _ => {}
        }
    }

    /// Tells whether nothing here routes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let routes = self.virtual_services.is_empty() && self.routes.is_empty();
        self.gateways.is_empty() && self.parents.is_empty() && routes
    }

    /// Says whether a ReferenceGrant of a namespace lends something to objects of another. Grants of a namespace of which nothing
    /// is at hand are elsewhere.
    #[must_use]
    pub fn lends(&self, inventory: &ClusterInventory, from: (&str, &str), namespace: &str, to: (&str, &str)) -> Fits {
        let here: Vec<&Grant> = self.grants.iter().filter(|grant| grant.object.namespace == namespace).collect();
        match here.iter().any(|grant| grant.lets(from, to)) {
            true => Fits::Yes,
            false if here.is_empty() && !inventory.namespaces.contains_key(namespace) => Fits::Perhaps,
            false => Fits::No,
        }
    }

    /// Brings the objects into an order that does not depend on that of files.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.gateways.sort_by(|a, b| a.object.cmp(&b.object));
        self.virtual_services.sort_by(|a, b| a.object.cmp(&b.object));
        self.parents.sort_by(|a, b| a.object.cmp(&b.object));
        self.inner.sort();
        self.routes.sort_by(|a, b| a.object.cmp(&b.object));
        self.subsets.sort_by(|a, b| a.object.cmp(&b.object));
        self.entries.sort_by(|a, b| a.object.cmp(&b.object));
        self.grants.sort_by(|a, b| a.object.cmp(&b.object));
        self.services.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        self
    }

    /// Adds the objects of others that are not here by kind, namespace and name.
    pub fn fill(&mut self, others: Self) {
        fn fill<T>(ours: &mut Vec<T>, theirs: Vec<T>, object: impl Fn(&T) -> &Named) {
            for one in theirs {
                let key = |named: &Named| (named.kind, named.namespace.clone(), named.name.clone());
                if ours.iter().all(|ours| key(object(ours)) != key(object(&one))) {
                    ours.push(one);
                }
            }
        }
        fill(&mut self.gateways, others.gateways, |it| &it.object);
        fill(&mut self.virtual_services, others.virtual_services, |it| &it.object);
        fill(&mut self.parents, others.parents, |it| &it.object);
        fill(&mut self.inner, others.inner, |it| it);
        fill(&mut self.routes, others.routes, |it| &it.object);
        fill(&mut self.subsets, others.subsets, |it| &it.object);
        fill(&mut self.entries, others.entries, |it| &it.object);
        fill(&mut self.grants, others.grants, |it| &it.object);
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

impl Target {
    /// Reads a host of Istio: a short name is a Service of a namespace.
    pub(crate) fn of_host(host: &str, namespace: &str) -> Self {
        let mut parts = host.split('.');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(name), None, _) => Self::Service(namespace.to_owned(), name.to_owned()),
            (Some(name), Some(its), Some("svc")) => Self::Service(its.to_owned(), name.to_owned()),
            _ => Self::Host(host.to_owned()),
        }
    }
}

/// Names a target in words.
impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Service(namespace, name) => write!(f, "Service {namespace}/{name}"),
            Self::Host(host) => write!(f, "host {host}"),
            Self::Other(what) => f.write_str(what),
        }
    }
}
