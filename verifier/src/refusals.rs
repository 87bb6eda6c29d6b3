//! What the API server and Istio's webhook refuse, though each of its fields has its type.
//!
//! In: objects as they are written. Out: a report for each thing that is refused, at its place. The cluster does not have such an
//! object, so whoever asks leaves it out. The rules are those of istio/istio `pkg/config/validation/validation.go` and
//! `pkg/config/security/security.go`, of the schemas of its kinds, and of kubernetes/kubernetes
//! `pkg/apis/networking/validation/validation.go`; `tests/oracle/refusals.sh` compares the two.

mod authorization;
mod istio;
mod network;
mod values;

use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::{Node, Value};

use crate::deciding::Deciding;

/// Says what is refused of an object of a kind that decides.
///
/// # Errors
/// When something is, which is reported.
pub fn refused(kind: Deciding, root: &Node, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
    let metadata = root.get("metadata");
    let text = |name: &str| metadata.and_then(|metadata| metadata.get(name)?.as_str()).unwrap_or_default();
    let name = match text("namespace") {
        "" => text("name").to_owned(),
        namespace => format!("{namespace}/{}", text("name")),
    };
    let by = if kind.group() == "security.istio.io" { "Istio" } else { "Kubernetes" };
    let mut objections = Objections { by, subject: format!("{} `{name}`", kind.name()), diagnostics, found: None };
    objections.object(root, kind.name());
    let nothing = Node { value: Value::Null, span: root.span };
    let spec = root.get("spec").unwrap_or(&nothing);
    match kind {
        Deciding::Authorization => authorization::object(spec, &mut objections),
        Deciding::Peers => istio::peers(spec, &mut objections),
        Deciding::Tokens => istio::tokens(spec, &mut objections),
        Deciding::Network => network::policy(spec, &mut objections),
        Deciding::Tier(tier) => network::tier(tier.name(), root, spec, &mut objections),
    }
    objections.found.map_or(Ok(()), Err)
}

/// What is held against an object.
struct Objections<'d> {
    by: &'static str,
    subject: String,
    diagnostics: &'d mut Diagnostics,
    found: Option<Reported>,
}

impl Objections<'_> {
    fn say(&mut self, span: Span, why: impl AsRef<str>) {
        let found = code::REFUSED_OBJECT
            .at(span, format!("{} refuses {}: {}", self.by, self.subject, why.as_ref()))
            .label("refused")
            .help("the cluster does not have the object, and answers leave it out");
        self.found = Some(self.diagnostics.report(found));
    }

    /// What holds for objects of every kind.
    fn object(&mut self, root: &Node, kind: &str) {
        let version = root.get("apiVersion");
        if let Some((node, group, version)) =
            version.and_then(|node| node.as_str()?.split_once('/').map(|(group, version)| (node, group, version)))
        {
            let served: &[&str] = match group {
                "security.istio.io" => &["v1", "v1beta1"],
                "networking.k8s.io" => &["v1"],
                // The tiers still change: a cluster may well have a later version.
                _ => return self.names(root),
            };
            if !served.contains(&version) {
                self.say(node.span, format!("there is no {kind} of `{group}/{version}`, write `{group}/v1`"));
            }
        }
        self.names(root);
    }

    fn names(&mut self, root: &Node) {
        let metadata = root.get("metadata");
        if let Some((name, node)) = metadata.and_then(|metadata| text(metadata.get("name")?))
            && !values::is_subdomain(name)
        {
            self.say(node.span, format!("`{name}` is no name of an object"));
        }
        if let Some((name, node)) = metadata.and_then(|metadata| text(metadata.get("namespace")?))
            && !name.is_empty()
            && !values::is_dns_label(name)
        {
            self.say(node.span, format!("`{name}` is no name of a namespace"));
        }
    }
}

/// Returns a field that is there and not null.
fn field<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    node.get(name).filter(|node| node.value != Value::Null)
}

/// Returns the items of a list; none where the field is something else, which whoever reads it says.
fn items<'n>(node: &'n Node, name: &str) -> &'n [Node] {
    field(node, name).and_then(Node::as_sequence).unwrap_or_default()
}

/// Returns the texts of a list.
fn texts<'n>(node: &'n Node, name: &str) -> Vec<(&'n str, &'n Node)> {
    items(node, name).iter().filter_map(text).collect()
}

fn text(node: &Node) -> Option<(&str, &Node)> {
    Some((node.as_str()?, node))
}
