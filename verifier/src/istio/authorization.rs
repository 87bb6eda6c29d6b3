//! An AuthorizationPolicy, as it is written (istio/api `security/v1beta1/authorization_policy.proto`).

use std::collections::BTreeSet;

use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::inventory::Labels;
use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::Node;

use super::read::{Fields, TargetRef, selector};

/// An AuthorizationPolicy.
#[derive(Debug, Clone)]
pub struct AuthorizationPolicy {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where its name was written.
    pub span: Span,
    /// The lines of policy it says it was compiled from.
    pub source: Option<String>,
    /// The labels of the pods it is about; `None` and empty mean every pod.
    pub selector: Labels,
    /// What it is attached to, at gateways and waypoints.
    pub targets: Vec<TargetRef>,
    /// What happens to requests it matches.
    pub action: Action,
    /// Who is asked, for [`Action::Custom`].
    pub provider: Option<String>,
    /// Whether it is only tried (`istio.io/dry-run`).
    pub dry_run: bool,
    /// Whether it has fields that its kind does not have, so that nobody can tell what the cluster has of it.
    pub doubtful: bool,
    /// Its rules. A policy without rules matches nothing; one empty rule matches everything.
    pub rules: Vec<Rule>,
}

/// What a policy does with a request it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Admits it, and makes its workload refuse what no such policy admits.
    Allow,
    /// Refuses it.
    Deny,
    /// Notes it.
    Audit,
    /// Asks a provider.
    Custom,
}

/// One rule: one of the sources, one of the operations and every condition.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Where it was written.
    pub span: Span,
    /// Sources, of which one is enough; none asks nothing.
    pub sources: Vec<Source>,
    /// Operations, of which one is enough; none asks nothing.
    pub operations: Vec<Operation>,
    /// Conditions, all of them.
    pub conditions: Vec<Condition>,
}

/// What is asked of one attribute: one of `values`, none of `not_values`; empty lists ask nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// One of these.
    pub values: Vec<String>,
    /// None of these.
    pub not_values: Vec<String>,
}

impl Values {
    /// Tells whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.not_values.is_empty()
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// Identities of peers.
    pub principals: Values,
    /// Issuer and subject of tokens.
    pub request_principals: Values,
    /// Namespaces of peers.
    pub namespaces: Values,
    /// Service accounts of peers: `name`, in the policy's namespace, or `namespace/name`.
    pub service_accounts: Values,
    /// Trust domains of peers.
    pub trust_domains: Values,
    /// Addresses of peers.
    pub ip_blocks: Values,
    /// Addresses by the word of trusted proxies.
    pub remote_ip_blocks: Values,
}

/// What a request is about.
#[derive(Debug, Clone, Default)]
pub struct Operation {
    /// Hosts.
    pub hosts: Values,
    /// Ports.
    pub ports: Values,
    /// Methods.
    pub methods: Values,
    /// Paths.
    pub paths: Values,
}

/// A further condition.
#[derive(Debug, Clone)]
pub struct Condition {
    /// The attribute.
    pub key: String,
    /// What is asked of it.
    pub values: Values,
}

impl AuthorizationPolicy {
    /// Reads one.
    ///
    /// # Errors
    /// When a field has not its type, which is reported.
    pub fn read(root: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let object = Fields::of(root);
        let (metadata, spec) = (object.child("metadata", diagnostics)?, object.child("spec", diagnostics)?);
        let action = match spec.text("action", diagnostics)?.as_deref() {
            None | Some("ALLOW") => Action::Allow,
            Some("DENY") => Action::Deny,
            Some("AUDIT") => Action::Audit,
            Some("CUSTOM") => Action::Custom,
            Some(other) => return Err(spec.refuse("action", &format!("`{other}` is no action"), diagnostics)),
        };
        let annotations = metadata.child("annotations", diagnostics)?;
        // strconv.ParseBool; what it does not know is false (istio/istio pilot/pkg/security/authz/builder/builder.go).
        let dry_run = annotations.text("istio.io/dry-run", diagnostics)?;
        let dry_run = dry_run.is_some_and(|word| ["1", "t", "T", "TRUE", "true", "True"].contains(&word.as_str()));
        // A rule that is null is passed over (builder.go: "skipped nil rule").
        let written = spec.list("rules", diagnostics)?.into_iter().filter(Fields::is_there);
        let rules: Vec<_> = written.map(|rule| Rule::read(&rule, diagnostics)).collect();
        Ok(Self {
            namespace: metadata.namespace(diagnostics)?,
            name: metadata.required("name", diagnostics)?,
            span: metadata.span_of("name"),
            source: metadata.source(),
            selector: selector(&spec, diagnostics)?,
            targets: TargetRef::read(&spec, diagnostics)?,
            action,
            provider: spec.child("provider", diagnostics)?.text("name", diagnostics)?,
            dry_run,
            doubtful: false,
            rules: rules.into_iter().collect::<Result<_, _>>()?,
        })
    }
}

impl AuthorizationPolicy {
    /// Returns the ports that its rules name, in operations and in conditions.
    #[must_use]
    pub fn ports(&self) -> BTreeSet<u16> {
        let operations = self.rules.iter().flat_map(|rule| &rule.operations).map(|operation| &operation.ports);
        let conditions = self.rules.iter().flat_map(|rule| &rule.conditions);
        let conditions = conditions.filter(|condition| condition.key == "destination.port").map(|one| &one.values);
        let written = operations.chain(conditions).flat_map(|ports| ports.values.iter().chain(&ports.not_values));
        written.filter_map(|port| port.parse().ok()).filter(|port| *port > 0).collect()
    }
}

impl Rule {
    fn read(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let mut rule = Self { span: fields.span(), sources: vec![], operations: vec![], conditions: vec![] };
        for item in fields.list("from", diagnostics)? {
            let source = item.child("source", diagnostics)?;
            let values = |name: &str, not: &str, diagnostics: &mut Diagnostics| values(&source, name, not, diagnostics);
            rule.sources.push(Source {
                principals: values("principals", "notPrincipals", diagnostics)?,
                request_principals: values("requestPrincipals", "notRequestPrincipals", diagnostics)?,
                namespaces: values("namespaces", "notNamespaces", diagnostics)?,
                service_accounts: values("serviceAccounts", "notServiceAccounts", diagnostics)?,
                trust_domains: values("trustDomains", "notTrustDomains", diagnostics)?,
                ip_blocks: values("ipBlocks", "notIpBlocks", diagnostics)?,
                remote_ip_blocks: values("remoteIpBlocks", "notRemoteIpBlocks", diagnostics)?,
            });
        }
        for item in fields.list("to", diagnostics)? {
            let operation = item.child("operation", diagnostics)?;
            rule.operations.push(Operation {
                hosts: values(&operation, "hosts", "notHosts", diagnostics)?,
                ports: values(&operation, "ports", "notPorts", diagnostics)?,
                methods: values(&operation, "methods", "notMethods", diagnostics)?,
                paths: values(&operation, "paths", "notPaths", diagnostics)?,
            });
        }
        for item in fields.list("when", diagnostics)? {
            rule.conditions.push(Condition {
                key: item.required("key", diagnostics)?,
                values: values(&item, "values", "notValues", diagnostics)?,
            });
        }
        Ok(rule)
    }
}

fn values(fields: &Fields<'_>, name: &str, not: &str, diagnostics: &mut Diagnostics) -> Result<Values, Reported> {
    Ok(Values { values: fields.texts(name, diagnostics)?, not_values: fields.texts(not, diagnostics)? })
}
