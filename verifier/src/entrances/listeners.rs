//! Listeners, and the pods that listen.
//!
//! In: Gateways of either kind. Out: [`Entrance`]s. Istio's Gateways are about pods with labels in any namespace; a Gateway of the
//! Gateway API is about those of a Service it names, or has some made. Pods that no manifest and no facts show are unknown, and
//! listen all the same: most repositories do not hold the gateway itself.

use std::collections::BTreeMap;

use ringfence_compiler::inventory::{KubernetesService, Labels, Opened, OwnProxy, Workload};
use ringfence_compiler::spec::cluster::{DataPlane, GatewayRole};

use super::attached::takes;
use super::behind::fronted;
use super::{Attaches, Entrance, Listening, Pods};
use crate::istio::read::selects;
use crate::kubernetes::fits::Fits;
use crate::model::{Model, Stranger, numbered};
use crate::reach::is_gateway;
use crate::request::Identity;
use crate::routing::Routing;
use crate::routing::gateway::IstioGateway;
use crate::routing::gateway_api::{Listener, Parent};

/// Finds the listeners.
pub(super) fn of(model: &Model<'_>, routing: &Routing) -> Vec<Entrance> {
    let mut all = Vec::new();
    for gateway in &routing.gateways {
        all.extend(of_istio(model, gateway));
    }
    for parent in routing.parents.iter().filter(|parent| parent.of.is_none()) {
        let sets = routing.parents.iter().filter(|set| {
            set.of
                .as_ref()
                .is_some_and(|(namespace, name)| *namespace == parent.object.namespace && *name == parent.object.name)
        });
        let pods = pods_of(model, parent);
        all.extend(parent.listeners.iter().map(|listener| attached(parent, listener, &pods, model, routing, None)));
        for set in sets {
            let taken = takes(&parent.allows_sets, &parent.object.namespace, &set.object.namespace, model).may();
            let refused =
                (!taken).then(|| format!("{} takes no ListenerSet of {}", parent.object, set.object.namespace));
            let here = set.listeners.iter();
            all.extend(here.map(|listener| attached(set, listener, &pods, model, routing, refused.clone())));
        }
    }
    // Of Gateways that no manifest shows the facts still say that others make them.
    for set in routing.parents.iter().filter(|set| set.of.is_some()) {
        let of = set.of.as_ref();
        let is_it = |parent: &&Parent| {
            of.is_some_and(|(namespace, name)| *namespace == parent.object.namespace && *name == parent.object.name)
        };
        if routing.parents.iter().any(|parent| is_it(&parent)) {
            continue;
        }
        let pods = of.map(|(namespace, name)| shared(model, namespace, name)).unwrap_or_default();
        all.extend(set.listeners.iter().map(|listener| attached(set, listener, &pods, model, routing, None)));
    }
    all
}

/// The pods of a gateway, and how its Service is opened.
pub(super) type Found = (Pods, Vec<KubernetesService>);

fn of_istio(model: &Model<'_>, gateway: &IstioGateway) -> Vec<Entrance> {
    let workloads = model.workloads().enumerate();
    let is_meant = |workload: &Workload| match gateway.selector.is_empty() {
        true => is_gateway(workload),
        false => selects(&gateway.selector, &workload.labels),
    };
    let meant = workloads.filter(|(_, workload)| is_meant(workload));
    let (shown, sidecars): (Vec<_>, Vec<_>) =
        meant.partition(|(_, workload)| runs_a_gateway(model, workload) != Fits::No);
    let shown = shown.into_iter().map(|(at, _)| Pods::Workload(at));
    let known = facts(model)
        .into_iter()
        .filter(|(_, role, _)| *role != Some(GatewayRole::EastWest) || !gateway.selector.is_empty());
    let (labelled, unlabelled): (Vec<_>, Vec<_>) = known.partition(|(_, _, stranger)| stranger.labels.is_some());
    let labelled = labelled
        .into_iter()
        .filter(|(_, _, stranger)| stranger.labels.as_ref().is_some_and(|labels| selects(&gateway.selector, labels)));
    let known = |(_, _, stranger)| Pods::Known(Box::new(stranger));
    let mut pods: Vec<Pods> = shown.chain(labelled.map(known)).collect();
    // Where sidecars alone are selected, nothing listens: they have no listeners of gateways.
    let mut shut = None;
    if let ([], [(_, first), ..]) = (pods.as_slice(), sidecars.as_slice()) {
        shut = Some(format!(
            "it selects {}/{}, whose proxy is a sidecar and has no listeners of gateways",
            first.namespace, first.name
        ));
        pods.extend(sidecars.iter().map(|(at, _)| Pods::Workload(*at)));
    }
    // Of those without labels it may be any, and where none is left, pods of which nobody knows.
    if pods.is_empty() {
        pods.extend(unlabelled.into_iter().map(known));
    }
    if pods.is_empty() {
        pods.push(Pods::Unknown(gateway.selector.clone()));
    }
    let entrance = |server: &crate::routing::gateway::Server| {
        let pods = pods.iter().map(|pods| listening(model, pods, server.port));
        let redirects = server.redirects.then(|| "plaintext is redirected to TLS".to_owned());
        Entrance {
            object: gateway.object.clone(),
            name: String::new(),
            span: server.span,
            port: server.port,
            speaks: server.speaks,
            tls: server.tls.clone(),
            hosts: server.hosts.iter().map(|(_, dns)| dns.clone()).collect(),
            pods: pods.collect(),
            shut: shut.clone().or(redirects),
            perhaps: None,
            is_missing: false,
            gateway: None,
            attaches: Attaches::Bound(server.hosts.clone()),
        }
    };
    gateway.servers.iter().map(entrance).collect()
}

/// Says whether the pods of a workload run the proxy of a gateway, which alone has listeners: labels do not make it so.
fn runs_a_gateway(model: &Model<'_>, workload: &Workload) -> Fits {
    let cluster = model.cluster();
    let facts = cluster.document.spec.gateways.values().map(|gateway| &gateway.value);
    let mut facts = facts.map(|it| (it.namespace.value.0.as_str(), it.service_account.value.0.as_str()));
    let is_made = workload.labels.contains_key("gateway.networking.k8s.io/gateway-name");
    if workload.proxy == Some(OwnProxy::Gateway)
        || is_made
        || facts.any(|it| it == (&workload.namespace, &workload.service_account))
    {
        return Fits::Yes;
    }
    let labels = cluster.inventory.namespaces.get(&workload.namespace);
    let namespace_asks = labels.and_then(|labels| labels.get("istio-injection")).is_some_and(|word| word == "enabled");
    let asks = workload.injection == Some(true) || namespace_asks;
    let is_sidecar = workload.proxy == Some(OwnProxy::Sidecar)
        || asks && workload.machine.is_none() && model.plane(workload) == Some(DataPlane::Sidecar);
    if is_sidecar { Fits::No } else { Fits::Perhaps }
}

/// Returns the gateways of the facts that no workload shows, with their roles.
fn facts(model: &Model<'_>) -> Vec<(String, Option<GatewayRole>, Stranger)> {
    let gateways = &model.cluster().document.spec.gateways;
    let mut all = Vec::new();
    for (name, gateway) in gateways {
        let called = format!("gateway:{name}");
        let role = gateway.value.role.as_ref().map(|role| role.value);
        let found = model.strangers().iter().find(|stranger| stranger.name == called);
        all.extend(found.map(|stranger| (name.clone(), role, stranger.clone())));
    }
    all
}

/// Says at which port pods listen, and how they are opened there: Services lead a port to another of the pods.
fn listening(model: &Model<'_>, pods: &Pods, port: u16) -> Listening {
    let inventory = model.cluster().inventory;
    let (services, workload): (Vec<&KubernetesService>, Option<&Workload>) = match pods {
        Pods::Workload(at) => match inventory.workloads.get(*at) {
            Some(workload) => (model.services(workload).collect(), Some(workload)),
            None => (Vec::new(), None),
        },
        Pods::Known(stranger) => {
            let here = inventory.services_in(&stranger.identity.namespace).iter();
            let labels = stranger.labels.as_ref();
            let fronts = |it: &&KubernetesService| {
                !it.selector.is_empty() && labels.is_some_and(|own| selects(&it.selector, own))
            };
            (here.filter(fronts).collect(), None)
        }
        Pods::Unknown(_) => (Vec::new(), None),
    };
    let mut opened: Vec<Opened> = services.iter().filter_map(|service| service.opened).collect();
    opened.sort_unstable();
    let ports = services.iter().flat_map(|service| &service.ports).filter(|it| it.port == port);
    let led = ports.flat_map(|it| match (&it.target, workload) {
        (target, Some(workload)) => numbered(workload, target).into_iter().collect::<Vec<_>>(),
        (ringfence_compiler::spec::access::Port::Number(number), None) => vec![*number],
        _ => Vec::new(),
    });
    let led = led.into_iter().next().unwrap_or(port);
    let doubt = workload.filter(|workload| runs_a_gateway(model, workload) == Fits::Perhaps);
    let doubt =
        doubt.map(|it| format!("no file tells whether {}/{} runs the proxy of a gateway", it.namespace, it.name));
    Listening { pods: pods.clone(), port: led, opened: opened.first().copied(), doubt }
}

/// Finds the pods of a Gateway of the Gateway API.
fn pods_of(model: &Model<'_>, parent: &Parent) -> Vec<Found> {
    let inventory = model.cluster().inventory;
    if let Some((namespace, name)) = &parent.service {
        let service = inventory.services_in(namespace).iter().find(|service| service.name == *name);
        let shown: Vec<Found> = service
            .map(|service| fronted(model, service).map(|(at, _)| (Pods::Workload(at), vec![service.clone()])).collect())
            .unwrap_or_default();
        if !shown.is_empty() {
            return shown;
        }
        let gateways = &model.cluster().document.spec.gateways;
        let is_it = |(_, _, stranger): &&(String, Option<GatewayRole>, Stranger)| {
            let spec = gateways.get(stranger.name.trim_start_matches("gateway:"));
            spec.is_some_and(|it| {
                it.value.namespace.value.0 == *namespace
                    && it.value.service.as_ref().is_some_and(|own| own.value.0 == *name)
            })
        };
        if let Some((_, _, stranger)) = facts(model).iter().find(is_it) {
            return vec![(Pods::Known(Box::new(stranger.clone())), service.cloned().into_iter().collect())];
        }
        return vec![(Pods::Unknown(Labels::new()), service.cloned().into_iter().collect())];
    }
    // Pods are made for it; of those a dump of a cluster shows the workload.
    let made = model.workloads().enumerate().find(|(_, workload)| {
        let named = workload.labels.get("gateway.networking.k8s.io/gateway-name");
        workload.namespace == parent.object.namespace && named == Some(&parent.object.name)
    });
    if let Some((at, workload)) = made {
        return vec![(Pods::Workload(at), model.services(workload).cloned().collect())];
    }
    let identity = Identity::new(model.cluster().trust_domain(), &parent.object.namespace, &parent.account);
    let known = facts(model).into_iter().find(|(_, _, stranger)| stranger.identity == identity);
    // Of a class that is not Istio's nobody knows where its pods run.
    if known.is_none() && !parent.class.starts_with("istio") {
        return vec![(Pods::Unknown(Labels::new()), Vec::new())];
    }
    let name = known.map_or_else(|| format!("{}/{}", parent.object.namespace, parent.account), |(_, _, it)| it.name);
    let stranger = Stranger { name, identity, labels: Some(parent.labels.clone()) };
    vec![(Pods::Known(Box::new(stranger)), Vec::new())]
}

/// Finds the pods of a Gateway that others make and only the facts name.
pub(super) fn shared(model: &Model<'_>, namespace: &str, name: &str) -> Vec<Found> {
    let of_namespace =
        facts(model).into_iter().filter(|(own, _, it)| own == name && it.identity.namespace == namespace);
    let known: Vec<Found> = of_namespace.map(|(_, _, it)| (Pods::Known(Box::new(it)), Vec::new())).collect();
    if known.is_empty() { vec![(Pods::Unknown(BTreeMap::new()), Vec::new())] } else { known }
}

fn attached(
    parent: &Parent,
    listener: &Listener,
    pods: &[Found],
    model: &Model<'_>,
    routing: &Routing,
    refused: Option<String>,
) -> Entrance {
    let listens = |(pods, services): &Found| {
        let of_pods = listening(model, pods, listener.port);
        let opened = services.iter().filter_map(|service| service.opened).min();
        // What is made for a Gateway has a Service that is opened.
        let made = (parent.service.is_none() && services.is_empty()).then_some(Opened::LoadBalancer);
        Listening { opened: of_pods.opened.or(opened).or(made), ..of_pods }
    };
    let kind = parent.object.kind;
    let lent = |(namespace, name): &(String, String)| match *namespace == parent.object.namespace {
        true => Fits::Yes,
        false => {
            routing.lends(model.cluster().inventory, (kind, &parent.object.namespace), namespace, ("Secret", name))
        }
    };
    let unlent = |wanted: Fits| {
        let (namespace, name) = listener.secrets.iter().find(|secret| lent(secret) == wanted)?;
        let own = &parent.object.namespace;
        Some(format!("no ReferenceGrant of {namespace} lends the Secret {name} to a {kind} of {own}"))
    };
    Entrance {
        object: parent.object.clone(),
        name: listener.name.clone(),
        span: listener.span,
        port: listener.port,
        speaks: listener.speaks,
        tls: listener.tls.clone(),
        hosts: vec![listener.hostname.clone().unwrap_or_else(|| "*".to_owned())],
        pods: pods.iter().map(listens).collect(),
        shut: refused.or_else(|| unlent(Fits::No)),
        perhaps: unlent(Fits::Perhaps),
        is_missing: false,
        gateway: parent.of.clone().or_else(|| Some((parent.object.namespace.clone(), parent.object.name.clone()))),
        attaches: Attaches::Attached { allows: listener.allows.clone(), kinds: listener.kinds.clone() },
    }
}
