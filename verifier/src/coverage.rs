//! How far each field of each object is followed.
//!
//! In: nothing. Out: [`KINDS`], one declared list, and the page made of it. It exists so that nobody has to guess what an answer
//! takes into account; a test holds it against the fields that the CRDs have.

use std::fmt::Write as _;

/// How far something is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Exactly.
    Exact,
    /// It is not read; answers admit at least as much as there is.
    Wider,
    /// What it is about is answered with "depends".
    Depends,
    /// It is not read, and says nothing about who reaches whom.
    Without,
    /// It is not read, and may change an answer either way.
    Ignored,
}

impl How {
    /// Returns the words of the page.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Wider => "over-approximate",
            Self::Depends => "depends",
            Self::Without => "of no effect",
            Self::Ignored => "not followed",
        }
    }
}

/// Fields that are followed alike.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The fields below `spec`; `[]` is any item of a list, `*` any key.
    pub fields: &'static [&'static str],
    /// How far.
    pub how: How,
    /// What there is to say.
    pub note: &'static str,
    /// Rows of `fixtures/semantics/authorization.yaml` that pin it.
    pub pinned: &'static [&'static str],
}

/// A kind of object.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// Its group.
    pub group: &'static str,
    /// What there is to say of it as a whole.
    pub note: &'static str,
    /// Its fields.
    pub rows: &'static [Row],
}

const fn row(fields: &'static [&'static str], how: How, note: &'static str, pinned: &'static [&'static str]) -> Row {
    Row { fields, how, note, pinned }
}

const TARGETS: Row = row(
    &[
        "targetRef.group",
        "targetRef.kind",
        "targetRef.name",
        "targetRef.namespace",
        "targetRefs[].group",
        "targetRefs[].kind",
        "targetRefs[].name",
        "targetRefs[].namespace",
    ],
    How::Depends,
    "a sidecar passes over such a policy; gateways and waypoints are answered with \"depends\"",
    &["a sidecar ignores a policy with targetRefs"],
);

/// Fields that hold a selector of labels, with the fields of one below them.
pub const SELECTORS: [&str; 3] = ["podSelector", "namespaceSelector", "namespaces"];

/// Every kind whose fields are read.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "AuthorizationPolicy",
        group: "security.istio.io",
        note: "At sidecars, and in ambient mode as `fixtures/semantics/ambient.yaml` says. At gateways where `reach` and `exposed` come from outside, as `fixtures/semantics/gateways.yaml` says; otherwise gateways are answered with \"depends\".",
        rows: &[
            row(
                &["action"],
                How::Exact,
                "AUDIT decides nothing; CUSTOM is \"depends\", for its provider decides",
                &["DENY is asked before ALLOW", "AUDIT decides nothing, and brings no default deny"],
            ),
            row(
                &["provider.name"],
                How::Depends,
                "what a provider says no file tells",
                &[
                    "CUSTOM with a provider nobody knows denies what it matches",
                    "two CUSTOM providers deny what either matches",
                ],
            ),
            row(
                &["selector.matchLabels"],
                How::Exact,
                "",
                &[
                    "all labels of a selector have to be there, and an empty selector selects all",
                    "a selector in the root namespace selects in every namespace",
                ],
            ),
            TARGETS,
            row(
                &["rules[].from[].source.principals[]", "rules[].from[].source.notPrincipals[]"],
                How::Exact,
                "with the aliases of the trust domain",
                &["a principal is compared whole", "a negative match holds for a plaintext peer"],
            ),
            row(
                &["rules[].from[].source.namespaces[]", "rules[].from[].source.notNamespaces[]"],
                How::Exact,
                "",
                &["a namespace may have stars anywhere"],
            ),
            row(
                &["rules[].from[].source.serviceAccounts[]", "rules[].from[].source.notServiceAccounts[]"],
                How::Exact,
                "",
                &["a service account without a namespace is of the policy's, in any trust domain"],
            ),
            row(
                &["rules[].from[].source.trustDomains[]", "rules[].from[].source.notTrustDomains[]"],
                How::Exact,
                "",
                &["trust domains are whole words, prefixes or suffixes"],
            ),
            row(
                &["rules[].from[].source.requestPrincipals[]", "rules[].from[].source.notRequestPrincipals[]"],
                How::Exact,
                "",
                &["a request principal is split at its last slash"],
            ),
            row(
                &["rules[].from[].source.ipBlocks[]", "rules[].from[].source.notIpBlocks[]"],
                How::Wider,
                "a caller may come from any address",
                &["ipBlocks are of the connection, single addresses and ranges, of both families"],
            ),
            row(
                &["rules[].from[].source.remoteIpBlocks[]", "rules[].from[].source.notRemoteIpBlocks[]"],
                How::Wider,
                "a caller may name any address",
                &["remoteIpBlocks are of the client that a proxy in front names, ipBlocks are not"],
            ),
            row(
                &["rules[].to[].operation.hosts[]", "rules[].to[].operation.notHosts[]"],
                How::Exact,
                "",
                &["hosts are compared with their port"],
            ),
            row(
                &["rules[].to[].operation.ports[]", "rules[].to[].operation.notPorts[]"],
                How::Exact,
                "ports of the workload",
                &["ports are of the workload"],
            ),
            row(
                &["rules[].to[].operation.methods[]", "rules[].to[].operation.notMethods[]"],
                How::Exact,
                "",
                &["methods are exact, prefixes or suffixes as well"],
            ),
            row(
                &["rules[].to[].operation.paths[]", "rules[].to[].operation.notPaths[]"],
                How::Exact,
                "as the proxy sees them, after normalisation; a template that no Envoy takes is \"depends\"",
                &[
                    "one segment for {*}, whole segments only",
                    "a template with an empty segment gets past the webhook, and no Envoy takes it",
                ],
            ),
            row(
                &["rules[].when[].key", "rules[].when[].values[]", "rules[].when[].notValues[]"],
                How::Exact,
                "`experimental.envoy.filters.*` and the scheme of a request are \"depends\"; `source.ip`, `remote.ip` and `destination.ip` as above",
                &[
                    "source conditions mean what the fields of a source mean",
                    "a header is looked up whatever its case, its value is not",
                    "a claim matches a string, an element of a list, or a word of scope",
                ],
            ),
        ],
    },
    Kind {
        name: "PeerAuthentication",
        group: "security.istio.io",
        note: "Of several of one scope each may be the one that counts; where that matters the answer is \"depends\".",
        rows: &[
            row(
                &["selector.matchLabels"],
                How::Exact,
                "in the root namespace a policy with a selector is passed over, as Istio does",
                &[],
            ),
            row(&["mtls.mode", "portLevelMtls.*.mode"], How::Exact, "", &[]),
        ],
    },
    Kind {
        name: "RequestAuthentication",
        group: "security.istio.io",
        note: "A caller is taken to hold any token that an accepted issuer could sign.",
        rows: &[
            row(
                &["selector.matchLabels"],
                How::Exact,
                "",
                &["the rules of every policy that selects a workload are alternatives"],
            ),
            TARGETS,
            row(
                &["jwtRules[].issuer", "jwtRules[].audiences[]"],
                How::Exact,
                "",
                &[
                    "the audiences of a rule are checked with the token",
                    "audiences are compared without a scheme and without a slash at their end",
                ],
            ),
            row(
                &["jwtRules[].jwks", "jwtRules[].jwksUri", "jwtRules[].jwks_uri", "jwtRules[].timeout"],
                How::Wider,
                "the keys are taken to be there",
                &[],
            ),
            row(
                &[
                    "jwtRules[].fromHeaders[].name",
                    "jwtRules[].fromHeaders[].prefix",
                    "jwtRules[].fromParams[]",
                    "jwtRules[].fromCookies[]",
                    "jwtRules[].forwardOriginalToken",
                ],
                How::Wider,
                "a token is taken to arrive where it is looked for; that places are as meant is compared for a project's own output",
                &[
                    "a location of its own replaces the usual ones",
                    "a valid token is taken off the request before policies look at it, unless it is forwarded",
                ],
            ),
            row(
                &["jwtRules[].spaceDelimitedClaims[]"],
                How::Wider,
                "a claim may have any values",
                &["claims are words where a rule says so"],
            ),
            row(
                &[
                    "jwtRules[].outputClaimToHeaders[].header",
                    "jwtRules[].outputClaimToHeaders[].claim",
                    "jwtRules[].outputPayloadToHeader",
                ],
                How::Wider,
                "a header that a token fills may have any value; `mesh/trusted-header` reads them",
                &["a header that a token fills cannot be brought along"],
            ),
            row(&["jwtRules[].presence"], How::Wider, "newer than what is read: a request without a token passes", &[]),
        ],
    },
    Kind {
        name: "NetworkPolicy",
        group: "networking.k8s.io",
        note: "At both ends of a connection. Pods on the node's network are \"depends\" where a policy would refuse.",
        rows: &[
            row(&["podSelector"], How::Exact, "", &[]),
            row(&["policyTypes[]"], How::Exact, "", &[]),
            row(
                &[
                    "ingress[].from[].podSelector",
                    "ingress[].from[].namespaceSelector",
                    "egress[].to[].podSelector",
                    "egress[].to[].namespaceSelector",
                ],
                How::Exact,
                "",
                &[],
            ),
            row(
                &[
                    "ingress[].from[].ipBlock.cidr",
                    "ingress[].from[].ipBlock.except[]",
                    "egress[].to[].ipBlock.cidr",
                    "egress[].to[].ipBlock.except[]",
                ],
                How::Depends,
                "exact for blocks outside the cluster; \"depends\" where addresses of pods may lie within",
                &[],
            ),
            row(
                &[
                    "ingress[].ports[].port",
                    "ingress[].ports[].endPort",
                    "ingress[].ports[].protocol",
                    "egress[].ports[].port",
                    "egress[].ports[].endPort",
                    "egress[].ports[].protocol",
                ],
                How::Exact,
                "of TCP; UDP and SCTP are not asked about",
                &[],
            ),
        ],
    },
    Kind {
        name: "ClusterNetworkPolicy",
        group: "policy.networking.k8s.io",
        note: "AdminNetworkPolicy and BaselineAdminNetworkPolicy alike, in their words. At one priority with different outcomes: \"depends\".",
        rows: &[
            row(&["tier", "priority"], How::Exact, "", &[]),
            row(&["subject.namespaces", "subject.pods"], How::Exact, "", &[]),
            row(&["ingress[].action", "egress[].action"], How::Exact, "", &[]),
            row(&["ingress[].name", "egress[].name"], How::Without, "", &[]),
            row(
                &[
                    "ingress[].from[].namespaces",
                    "ingress[].from[].pods",
                    "egress[].to[].namespaces",
                    "egress[].to[].pods",
                ],
                How::Exact,
                "",
                &[],
            ),
            row(
                &["egress[].to[].networks[]"],
                How::Depends,
                "exact for blocks outside the cluster; \"depends\" where addresses of pods may lie within",
                &[],
            ),
            row(
                &["egress[].to[].nodes", "egress[].to[].domainNames[]"],
                How::Depends,
                "who has such an address no file tells; a peer of an unknown word as well",
                &[],
            ),
            row(
                &["ingress[].protocols[]", "egress[].protocols[]", "ingress[].ports[]", "egress[].ports[]"],
                How::Exact,
                "of TCP",
                &[],
            ),
        ],
    },
];

/// Kinds of which no field is followed, with what that means.
pub const OTHERS: &[(&str, &str, How, &str)] = &[
    ("Gateway, VirtualService", "networking.istio.io", How::Wider, "what gateways let in; subsets are not told apart"),
    (
        "Sidecar",
        "networking.istio.io",
        How::Wider,
        "`ingress` says how ports are read, and is \"depends\" with `tls` or `captureMode: NONE`; what a caller's own proxy would refuse is no boundary, and `mesh/left-out` names callees that `egress` leaves out",
    ),
    (
        "ServiceEntry",
        "networking.istio.io",
        How::Wider,
        "with a `workloadSelector` it says what ports speak; what a caller's own proxy would refuse is no boundary; `mesh/foreign-host`, `mesh/rival-service-entries` and others read hosts and `exportTo`",
    ),
    (
        "DestinationRule",
        "networking.istio.io",
        How::Wider,
        "a caller is taken to show its certificate where it has one, and to leave it out where that gets it further",
    ),
    (
        "WorkloadEntry, WorkloadGroup",
        "networking.istio.io",
        How::Depends,
        "machines are callers and destinations by identity and address; whether a proxy stands before one is known of those that registered themselves, of groups, and where `ringfence/proxy` says so",
    ),
    (
        "Role, ClusterRole, RoleBinding, ClusterRoleBinding",
        "rbac.authorization.k8s.io",
        How::Without,
        "`mesh/rights-over-policy` and `mesh/trusted-with-policy` name whose holders may change what is read here",
    ),
    ("EnvoyFilter", "networking.istio.io", How::Ignored, "`mesh/not-modelled` names each"),
    ("WasmPlugin", "extensions.istio.io", How::Ignored, "`mesh/not-modelled` names each"),
    ("TrafficExtension", "extensions.istio.io", How::Ignored, "newer than what is read"),
    ("ProxyConfig", "networking.istio.io", How::Without, ""),
    ("Telemetry", "telemetry.istio.io", How::Without, ""),
    (
        "Gateway, HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, ReferenceGrant",
        "gateway.networking.k8s.io",
        How::Wider,
        "what gateways let in; query parameters and regular expressions are \"depends\"",
    ),
];

/// Returns the page.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(
        "# What is followed\n\n\
         How far answers about who reaches whom (`reach`, `matrix`, `check`, the proof) take each field into account:\n\n\
         - **exact**: all of it, and nothing but it;\n\
         - **over-approximate**: answers admit at least as much as there is, so that no \"denied\" is wrong;\n\
         - **depends**: what it is about is answered with \"depends\";\n\
         - **of no effect**: it says nothing about who reaches whom;\n\
         - **not followed**: it is not read, and may change an answer either way.\n\n\
         Rows in italics are those of [fixtures/semantics](../fixtures/semantics) that hold both the verifier and real Envoys to it.\n\
         This page is made of `verifier/src/coverage.rs`.\n",
    );
    for kind in KINDS {
        // Writing to a string cannot fail.
        let _ = write!(
            page,
            "\n## {}\n\n`{}`. {}\n\n| field | how far | |\n|---|---|---|\n",
            kind.name, kind.group, kind.note
        );
        for row in kind.rows {
            let fields: Vec<_> = row.fields.iter().map(|field| format!("`{field}`")).collect();
            let mut words: Vec<String> = Vec::new();
            if !row.note.is_empty() {
                words.push(row.note.to_owned());
            }
            words.extend(row.pinned.iter().map(|pinned| format!("*{}*", pinned.replace('*', "\\*"))));
            let _ = writeln!(page, "| {} | {} | {} |", fields.join("<br>"), row.how.words(), words.join("<br>"));
        }
    }
    page.push_str("\n## Other kinds\n\n| kind | group | how far | |\n|---|---|---|---|\n");
    for (kinds, group, how, note) in OTHERS {
        let _ = writeln!(page, "| {kinds} | `{group}` | {} | {note} |", how.words());
    }
    page.push_str("\nKinds that are named nowhere here are counted by `check`, and decide nothing that it knows of.\n");
    page
}
