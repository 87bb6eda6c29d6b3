//! What a node mandates and what it defaults to: the fields of the merge algebra.

use std::collections::BTreeMap;

use super::access::{Condition, Source};
use super::authentication::MtlsMode;
use super::exposure::{Audience, Hostname, TlsVersion};
use super::names::{Day, Mode, Name, Owner};
use super::reference::Reference;
use crate::diagnostics::codes::parse as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::requests::PathPattern;
use crate::shape::scalar::Count;
use crate::shape::{OneOrMany, Shape, keywords, record, wrong_type};
use crate::source::Spanned;
use crate::yaml::{Node, Value};

record! {
    /// Bounds that nobody below can leave. `atMost` lowers the ceiling, `atLeast` raises the floor.
    pub struct Mandates {
        /// How traffic must arrive, on every port.
        pub mtls: Option<Spanned<MtlsMandate>>,
        /// Who may ever reach the workloads below, and who must always be able to.
        pub access: Option<Spanned<AccessMandate>>,
        /// The trust domains whose workloads may be named as callers.
        pub trust_domains: Option<Spanned<WordsMandate>>,
        /// Which tokens may be accepted, and whether one must be shown.
        pub jwt: Option<Spanned<JwtMandate>>,
        /// Whether workloads may call hosts that nobody declared, which hosts may be declared, and through which gateways.
        pub egress: Option<Spanned<EgressMandate>>,
        /// Which hosts may be exposed, and to whom.
        pub exposure: Option<Spanned<ExposureMandate>>,
        /// What every workload below must also do.
        pub obligations: Option<Spanned<ObligationsMandate>>,
        /// Which kinds of hand-written objects may be carried through; none unless said.
        pub raw: Option<Spanned<RawMandate>>,
        /// What an exception to the mandates of this node needs.
        pub exceptions: Option<Spanned<ExceptionTerms>>,
    }
}

record! {
    /// Bounds on inbound mTLS. They cover every port.
    pub struct MtlsMandate {
        /// The widest mode allowed: `strict` admits mTLS alone, `permissive` both, `disable` plaintext alone.
        pub at_most: Option<Spanned<MtlsMode>>,
        /// The narrowest mode allowed.
        pub at_least: Option<Spanned<MtlsMode>>,
        /// Whether the bound is enforced or only reported.
        pub mode: Option<Mode>,
        /// The last day on which `mode: dryRun` holds; from the next the bound is enforced.
        pub until: Option<Spanned<Day>>,
    }
}

record! {
    /// Bounds on who reaches the workloads below.
    pub struct AccessMandate {
        /// The widest set of callers.
        pub from: Option<Spanned<SourcesMandate>>,
        /// The widest set of requests; a request outside every entry is denied, whatever is granted below.
        pub at_most: Option<Spanned<OneOrMany<Ceiling>>>,
        /// Requests that must always be admitted: probes, telemetry, break-glass.
        pub at_least: Option<Spanned<OneOrMany<Floor>>>,
        /// Whether a caller from another workspace must declare `uses` on its own side.
        pub cross_workspace: Option<Spanned<Consent>>,
        /// Whether a caller from another tenant must declare `uses` on its own side.
        pub cross_tenant: Option<Spanned<Consent>>,
        /// Whether the bound is enforced or only reported.
        pub mode: Option<Mode>,
        /// The last day on which `mode: dryRun` holds; from the next the bound is enforced.
        pub until: Option<Spanned<Day>>,
    }
}

record! {
    /// A bound on callers.
    pub struct SourcesMandate {
        /// Nobody but these, whatever is granted below.
        pub at_most: Spanned<OneOrMany<Spanned<Source>>>,
    }
}

record! {
    /// One set of requests within a ceiling.
    pub struct Ceiling {
        /// The callers; anyone when absent.
        pub from: Option<OneOrMany<Spanned<Source>>>,
        /// Which of their requests.
        pub condition: Condition => flat,
    }
}

record! {
    /// One set of requests that must always be admitted.
    pub struct Floor {
        /// The callers.
        pub from: OneOrMany<Spanned<Source>>,
        /// The workloads; every one below when absent.
        pub to: Option<OneOrMany<Spanned<Reference>>>,
        /// Which of their requests.
        pub condition: Condition => flat,
        /// Why it must always be admitted.
        pub reason: Option<String>,
    }
}

keywords! {
    /// Whether the caller's side must agree.
    pub enum Consent {
        /// The grant at the destination is enough.
        Destination = "destination",
        /// The caller must declare `uses` as well.
        Mutual = "mutual",
    }
}

record! {
    /// A bound on a set of words.
    pub struct WordsMandate {
        /// The widest set.
        pub at_most: Spanned<OneOrMany<Spanned<String>>>,
    }
}

record! {
    /// A bound on a set of paths.
    pub struct PathsMandate {
        /// The widest set.
        pub at_most: Spanned<OneOrMany<Spanned<PathPattern>>>,
    }
}

record! {
    /// Bounds on tokens.
    pub struct JwtMandate {
        /// The issuers whose tokens may be accepted.
        pub issuers: Option<Spanned<WordsMandate>>,
        /// Whether every request must show an accepted token.
        pub required: Option<Spanned<bool>>,
        /// The only paths that may be exempt from showing one.
        pub exempt: Option<Spanned<PathsMandate>>,
    }
}

keywords! {
    /// What a workload may call.
    pub enum EgressMode {
        /// Only what is declared.
        RegistryOnly = "registry-only",
        /// Any host.
        Any = "any",
    }
}

record! {
    /// A bound on what workloads may call.
    pub struct EgressMandate {
        /// The widest mode.
        pub at_most: Option<Spanned<EgressMode>>,
        /// The hosts that an Egress may name.
        pub hosts: Option<Spanned<HostsMandate>>,
        /// The gateways through which an Egress may lead; a direct way is none of them.
        pub via: Option<Spanned<WordsMandate>>,
    }
}

record! {
    /// Bounds on exposures.
    pub struct ExposureMandate {
        /// The hosts that may be exposed.
        pub hosts: Option<Spanned<HostsMandate>>,
        /// From where requests may come at most.
        pub audience: Option<Spanned<AudienceMandate>>,
        /// The only paths that may be exposed without a token: with or without what lies below.
        pub anonymous: Option<Spanned<PathsMandate>>,
        /// The oldest version of TLS that may be spoken.
        pub tls: Option<Spanned<TlsMandate>>,
    }
}

record! {
    /// A bound on hosts.
    pub struct HostsMandate {
        /// The widest set: hosts, and those below `*.`.
        pub at_most: Spanned<OneOrMany<Spanned<Hostname>>>,
    }
}

record! {
    /// A bound on audiences.
    pub struct AudienceMandate {
        /// The widest audience.
        pub at_most: Spanned<Audience>,
    }
}

record! {
    /// A bound on TLS.
    pub struct TlsMandate {
        /// The oldest version that may be spoken.
        pub at_least: Spanned<TlsVersion>,
    }
}

record! {
    /// What every workload below must also do. Obligations add up on the way down.
    pub struct ObligationsMandate {
        /// Telemetry providers of the mesh that must get an access log.
        pub access_log: Vec<Spanned<Name>>,
        /// External authorization providers of the mesh that must be asked.
        pub external_authorization: Vec<Spanned<Name>>,
    }
}

record! {
    /// A bound on hand-written objects.
    pub struct RawMandate {
        /// The kinds that may be carried through, such as `VirtualService`.
        pub kinds: WordsMandate,
    }
}

record! {
    /// What an exception to the mandates of a node needs.
    pub struct ExceptionTerms {
        /// Who may approve one.
        pub approvers: Vec<Spanned<Owner>>,
        /// How many of them must.
        pub approvals: Option<Spanned<Count<9>>>,
        /// The longest it may last, in days from the day it is granted.
        pub max_days: Option<Spanned<Count<3650>>>,
    }
}

record! {
    /// What holds below where nothing else is said. Written here it must lie within the mandates; inherited it is clamped to them.
    pub struct Defaults {
        /// How traffic arrives: one mode, or one with other modes on some ports.
        pub mtls: Option<Spanned<MtlsSetting>>,
        /// Who reaches a workload that no statement of its own workspace names.
        pub access: Option<Spanned<AccessDefault>>,
        /// Whether workloads may call hosts that nobody declared.
        pub egress: Option<Spanned<EgressMode>>,
    }
}

record! {
    /// Who reaches a workload that no statement of its own workspace names.
    pub struct AccessDefault {
        /// Everyone in the same part of the tree.
        pub within: Spanned<Within>,
    }
}

keywords! {
    /// A part of the tree around a workload.
    pub enum Within {
        /// Nobody.
        Nobody = "nobody",
        /// The innermost group, or the workspace where there is none.
        Group = "group",
        /// The workspace.
        Workspace = "workspace",
        /// The tenant.
        Tenant = "tenant",
    }
}

/// How traffic arrives: one mode for every port, or one with other modes on some ports.
#[derive(Debug, Clone, PartialEq)]
pub struct MtlsSetting {
    /// The mode of every port that is not named.
    pub mode: MtlsMode,
    /// The modes of the ports that are; these are ports of the workload, not of a Service.
    pub ports: BTreeMap<u16, Spanned<MtlsMode>>,
}

record! {
    /// A mode with other modes on some ports.
    pub struct MtlsByPort {
        /// The mode of every port that is not named.
        pub mode: MtlsMode,
        /// The modes of some ports of the workload.
        pub ports: PortModes,
    }
}

/// Modes by the number of a port.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PortModes(pub BTreeMap<u16, Spanned<MtlsMode>>);

impl Shape for PortModes {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let Some(mapping) = node.as_mapping() else {
            return Err(diagnostics.report(wrong_type(node, "a mapping")));
        };
        let mut ports = BTreeMap::new();
        let mut reported = None;
        for entry in mapping.entries() {
            let port = &entry.key.value;
            // `080` and `+80` would be second spellings of a port that may stand there already.
            let number = port.parse::<u16>().ok().filter(|number| *number > 0 && number.to_string() == *port);
            match (number, Spanned::read(&entry.value, diagnostics)) {
                (Some(number), Ok(mode)) => {
                    ports.insert(number, mode);
                }
                (Some(_), Err(error)) => reported = Some(error),
                (None, _) => {
                    let invalid = code::INVALID_VALUE.at(entry.key.span, format!("`{port}` is not a port"));
                    let invalid = invalid.label("the mode of no port").help("a port is a number from 1 to 65535");
                    reported = Some(diagnostics.report(invalid));
                }
            }
        }
        reported.map_or(Ok(Self(ports)), Err)
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

impl schemars::JsonSchema for PortModes {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PortModes".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mode = generator.subschema_for::<MtlsMode>();
        let number = "^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$";
        schemars::json_schema!({
            "type": "object",
            "description": "Modes by the number of a port.",
            "propertyNames": { "pattern": number, "patternErrorMessage": "a port is a number from 1 to 65535" },
            "additionalProperties": mode,
        })
    }
}

impl Shape for MtlsSetting {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        match &node.value {
            Value::Mapping(_) => {
                let MtlsByPort { mode, ports } = MtlsByPort::read(node, diagnostics)?;
                Ok(Self { mode, ports: ports.0 })
            }
            _ => MtlsMode::read(node, diagnostics).map(|mode| Self { mode, ports: BTreeMap::new() }),
        }
    }
}

impl schemars::JsonSchema for MtlsSetting {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MtlsSetting".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (mode, by_port) = (generator.subschema_for::<MtlsMode>(), generator.subschema_for::<MtlsByPort>());
        schemars::json_schema!({ "anyOf": [mode, by_port] })
    }
}
