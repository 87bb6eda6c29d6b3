//! What pod templates give whoever gets into a container: the node, Secrets, tokens.
//!
//! In: nodes of manifests. Out: [`Template`], with the place of each line. Nothing is judged here: `movement` says what leads where.

use std::collections::BTreeMap;

use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::{Node, Value};

use super::volumes::Claim;
use super::{sequence, template};

/// Labels and taints of nodes with the keys of the whole cluster (kubernetes.io "Well-Known Labels, Annotations and Taints"), the last
/// two those of RKE.
pub const CONTROL_PLANE: [&str; 4] = [
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
    "node-role.kubernetes.io/controlplane",
    "node-role.kubernetes.io/etcd",
];

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// What a pod template says.
#[derive(Debug, Clone, Default)]
pub struct Template {
    /// Whether the token of its account is mounted, where it says.
    pub automount: Option<(bool, Span)>,
    /// Where it asks for the processes of its node.
    pub host_pid: Option<Span>,
    /// The labels that its node must have.
    pub placement: BTreeMap<String, String>,
    /// What lets its pods on nodes of the control plane, beside those labels: where it says so, and what it says.
    pub beside_control: Option<(Span, &'static str)>,
    /// Whether one pod runs on each node that fits.
    pub is_on_each_node: bool,
    /// Its containers, of every kind.
    pub containers: Vec<Container>,
    /// Its volumes.
    pub volumes: Vec<Volume>,
    /// The Secrets that its node reads for it and its containers do not have: those for images and for mounting volumes.
    pub of_node: Vec<(String, Span)>,
    /// The ConfigMaps that are in its files and variables.
    pub settings: Vec<(String, Span)>,
}

/// A container.
#[derive(Debug, Clone, Default)]
pub struct Container {
    /// What it is called.
    pub name: String,
    /// Where it asks to be privileged.
    pub privileged: Option<Span>,
    /// What it adds to the rights of its processes, without `CAP_`.
    pub capabilities: Vec<(String, Span)>,
    /// Whether its processes surely do not run as root.
    pub is_not_root: bool,
    /// The Secrets in its variables.
    pub secrets: Vec<(String, Span)>,
    /// The volumes in its files.
    pub mounts: Vec<Mount>,
}

/// A volume in the files of a container.
#[derive(Debug, Clone)]
pub struct Mount {
    /// The volume.
    pub volume: String,
    /// Whether nothing may be written there.
    pub is_read_only: bool,
}

/// A volume.
#[derive(Debug, Clone)]
pub struct Volume {
    /// What it is called.
    pub name: String,
    /// What is in it, each with its place.
    pub holds: Vec<(Held, Span)>,
}

/// What is in a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Files of the node.
    Host(String),
    /// A Secret.
    Secret(String),
    /// A token of the account of the pod, which is surely for the API server, or may be.
    Token {
        /// Whether it is surely for the API server.
        is_sure: bool,
    },
    /// What is behind a claim of a volume.
    Claimed(Claim),
}

impl Template {
    /// Reads what an object says of its pods; `None` where it has none.
    pub(super) fn read(root: &Node, kind: &str) -> Option<Self> {
        const KINDS: [&str; 9] = [
            "Pod",
            "Deployment",
            "StatefulSet",
            "DaemonSet",
            "ReplicaSet",
            "ReplicationController",
            "Job",
            "CronJob",
            "Rollout",
        ];
        let spec = template(root, kind).filter(|_| KINDS.contains(&kind))?.get("spec")?;
        let of_pod = spec.get("securityContext");
        let containers = ["containers", "initContainers", "ephemeralContainers"].into_iter();
        let containers = containers.flat_map(|field| sequence(spec.get(field)));
        let volumes = sequence(spec.get("volumes"));
        let settings = volumes.iter().flat_map(settings_of_volume);
        let settings = settings.chain(containers.clone().flat_map(settings_of_container)).collect();
        // A StatefulSet claims volumes for each of its pods, by its own name and a number.
        let claims = sequence(root.get("spec").and_then(|spec| spec.get("volumeClaimTemplates")));
        let claimed = claims.iter().filter_map(|claim| {
            let name = claim.get("metadata")?.get("name")?;
            let holds = vec![(Held::Claimed(Claim::read(claim, "", "")), name.span)];
            Some(Volume { name: name.as_str()?.to_owned(), holds })
        });
        Some(Self {
            automount: flag(spec.get("automountServiceAccountToken")),
            host_pid: is_set(spec.get("hostPID")),
            placement: placement(spec),
            beside_control: beside_control(spec),
            is_on_each_node: kind == "DaemonSet",
            containers: containers.map(|container| Container::read(container, of_pod)).collect(),
            volumes: volumes.iter().filter_map(Volume::read).chain(claimed).collect(),
            of_node: pull_secrets(spec).chain(volumes.iter().flat_map(mounted_with)).collect(),
            settings,
        })
    }

    /// Returns what is in a mount.
    pub fn held(&self, mount: &Mount) -> impl Iterator<Item = &(Held, Span)> {
        self.volumes.iter().filter(|volume| volume.name == mount.volume).flat_map(|volume| &volume.holds)
    }

    /// Takes in what another template says, where nobody can tell them apart.
    pub(super) fn join(&mut self, other: Self) {
        self.automount = match (self.automount, other.automount) {
            (Some((false, _)), said) => said,
            (said, Some((false, _))) => said,
            (Some(on), Some(_)) => Some(on),
            _ => None,
        };
        self.host_pid = self.host_pid.or(other.host_pid);
        self.beside_control = self.beside_control.or(other.beside_control);
        self.placement.retain(|key, value| other.placement.get(key) == Some(value));
        self.containers.extend(other.containers);
        self.volumes.extend(other.volumes);
        self.of_node.extend(other.of_node);
        self.settings.extend(other.settings);
    }
}

impl Container {
    fn read<'n>(node: &'n Node, of_pod: Option<&'n Node>) -> Self {
        let own = node.get("securityContext");
        let said = |field: &str| own.and_then(|own| own.get(field)).or_else(|| of_pod.and_then(|pod| pod.get(field)));
        // On Windows this is what `privileged` is elsewhere (kubernetes.io "Create a Windows HostProcess Pod").
        let windows = |node: Option<&'n Node>| node.and_then(|node| node.get("windowsOptions")?.get("hostProcess"));
        let host_process = windows(own).or_else(|| windows(of_pod));
        let added = own.and_then(|own| own.get("capabilities")?.get("add"));
        let capability = |word: &Node| {
            let text = word.as_str()?.to_ascii_uppercase();
            Some((text.strip_prefix("CAP_").unwrap_or(&text).to_owned(), word.span))
        };
        let from_variables =
            sequence(node.get("env")).iter().filter_map(|variable| variable.get("valueFrom")?.get("secretKeyRef"));
        let from_all = sequence(node.get("envFrom")).iter().filter_map(|all| all.get("secretRef"));
        let is_other_user = |node: &Node| matches!(&node.value, Value::Number(user) if user.as_u64() != Some(0));
        Self {
            name: node.get("name").and_then(Node::as_str).unwrap_or_default().to_owned(),
            privileged: is_set(own.and_then(|own| own.get("privileged"))).or_else(|| is_set(host_process)),
            capabilities: sequence(added).iter().filter_map(capability).collect(),
            is_not_root: flag(said("runAsNonRoot")).is_some_and(|(on, _)| on)
                || said("runAsUser").is_some_and(is_other_user),
            secrets: from_variables.chain(from_all).filter_map(named).collect(),
            // A volume that is a disk as it is counts like its files: `readOnly` is no field of those.
            mounts: sequence(node.get("volumeMounts"))
                .iter()
                .chain(sequence(node.get("volumeDevices")))
                .map(|mount| Mount {
                    volume: mount.get("name").and_then(Node::as_str).unwrap_or_default().to_owned(),
                    is_read_only: is_set(mount.get("readOnly")).is_some(),
                })
                .collect(),
        }
    }
}

impl Volume {
    fn read(node: &Node) -> Option<Self> {
        let text = |node: Option<&Node>| node.and_then(Node::as_str).map(str::to_owned);
        let mut holds = Vec::new();
        let mut add = |of: &Node| {
            if let Some(host) = of.get("hostPath") {
                holds.extend(text(host.get("path")).map(|path| (Held::Host(path), host.span)));
            }
            if let Some(secret) = of.get("secret") {
                // A volume says `secretName`, a part of a projected one `name`.
                let name = text(secret.get("secretName")).or_else(|| text(secret.get("name")));
                holds.extend(name.map(|name| (Held::Secret(name), secret.span)));
            }
            if let Some(token) = of.get("serviceAccountToken") {
                let audience = token.get("audience").and_then(Node::as_str).unwrap_or_default();
                let is_sure = audience.is_empty() || audience.contains("kubernetes.default");
                // One for the authority of the mesh is no use elsewhere. For whom the API server takes others its flags say.
                holds.extend((audience != "istio-ca").then_some((Held::Token { is_sure }, token.span)));
            }
            if let Some(claim) = of.get("persistentVolumeClaim") {
                let name = text(claim.get("claimName")).unwrap_or_default();
                holds.push((Held::Claimed(Claim { name, ..Claim::default() }), claim.span));
            }
            if let Some(claim) = of.get("ephemeral").and_then(|of| of.get("volumeClaimTemplate")) {
                holds.push((Held::Claimed(Claim::read(claim, "", "")), claim.span));
            }
        };
        add(node);
        sequence(node.get("projected").and_then(|projected| projected.get("sources"))).iter().for_each(&mut add);
        Some(Self { name: text(node.get("name"))?, holds })
    }
}

/// Returns the Secrets with which images are taken, of a pod or of an account.
pub(super) fn pull_secrets(of: &Node) -> impl Iterator<Item = (String, Span)> + use<'_> {
    sequence(of.get("imagePullSecrets")).iter().filter_map(named)
}

/// Returns the Secrets with which a node mounts a volume.
fn mounted_with(volume: &Node) -> Vec<(String, Span)> {
    let by_reference = [
        ("csi", "nodePublishSecretRef"),
        ("cephfs", "secretRef"),
        ("flexVolume", "secretRef"),
        ("iscsi", "secretRef"),
        ("rbd", "secretRef"),
        ("scaleIO", "secretRef"),
        ("storageos", "secretRef"),
    ];
    let found = by_reference.iter().filter_map(|(kind, field)| named(volume.get(kind)?.get(field)?));
    let of_azure = volume.get("azureFile").and_then(|azure| azure.get("secretName"));
    let of_azure = of_azure.and_then(|name| Some((name.as_str()?.to_owned(), name.span)));
    found.chain(of_azure).collect()
}

/// Returns the ConfigMaps in a volume.
fn settings_of_volume(volume: &Node) -> Vec<(String, Span)> {
    let sources = sequence(volume.get("projected").and_then(|projected| projected.get("sources")));
    [volume].into_iter().chain(sources).filter_map(|of| named(of.get("configMap")?)).collect()
}

/// Returns the ConfigMaps in the variables of a container.
fn settings_of_container(container: &Node) -> Vec<(String, Span)> {
    let variables = sequence(container.get("env")).iter();
    let one = variables.filter_map(|variable| named(variable.get("valueFrom")?.get("configMapKeyRef")?));
    let all = sequence(container.get("envFrom")).iter().filter_map(|all| named(all.get("configMapRef")?));
    one.chain(all).collect()
}

fn named(of: &Node) -> Option<(String, Span)> {
    let name = of.get("name")?;
    Some((name.as_str()?.to_owned(), name.span))
}

/// Returns the labels that a node must have, whatever else is preferred. What expressions ask for is not known.
fn placement(spec: &Node) -> BTreeMap<String, String> {
    let selector = spec.get("nodeSelector").and_then(Node::as_mapping);
    let entries = selector.map_or(&[][..], |selector| selector.entries());
    let mut labels: BTreeMap<String, String> =
        entries.iter().filter_map(|entry| Some((entry.key.value.clone(), entry.value.as_str()?.to_owned()))).collect();
    if let Some(node) = spec.get("nodeName").and_then(Node::as_str) {
        labels.insert("kubernetes.io/hostname".to_owned(), node.to_owned());
    }
    labels
}

/// Returns what lets pods on nodes of the control plane: they are put there, or do not mind the taint that keeps others away
/// (kubernetes.io "Taints and Tolerations"). Which node has which name no file tells.
fn beside_control(spec: &Node) -> Option<(Span, &'static str)> {
    if let Some(name) = spec.get("nodeName") {
        return Some((name.span, "names its node, which may be one of the control plane"));
    }
    let is_role = |text: &str| CONTROL_PLANE.contains(&text);
    let terms = spec.get("affinity").and_then(|all| all.get("nodeAffinity")?.get(REQUIRED)?.get("nodeSelectorTerms"));
    let expressions = sequence(terms).iter().flat_map(|term| sequence(term.get("matchExpressions")));
    let asks = |expression: &&Node| {
        let word = |field: &str| expression.get(field).and_then(Node::as_str);
        word("key").is_some_and(is_role) && !matches!(word("operator"), Some("DoesNotExist" | "NotIn"))
    };
    if let Some(expression) = expressions.into_iter().find(asks) {
        return Some((expression.span, "asks for a node of the control plane"));
    }
    let tolerates = |toleration: &&Node| {
        let key = toleration.get("key").and_then(Node::as_str).unwrap_or_default();
        key.is_empty() || is_role(key)
    };
    let toleration = sequence(spec.get("tolerations")).iter().find(tolerates)?;
    Some((toleration.span, "lets it on nodes of the control plane"))
}

fn flag(node: Option<&Node>) -> Option<(bool, Span)> {
    match node.map(|node| (&node.value, node.span)) {
        Some((Value::Bool(on), span)) => Some((*on, span)),
        _ => None,
    }
}

fn is_set(node: Option<&Node>) -> Option<Span> {
    flag(node).filter(|(on, _)| *on).map(|(_, span)| span)
}
