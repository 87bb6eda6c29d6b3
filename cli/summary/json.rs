//! The summary for programs: every key always there, in this order.

use ringfence_verifier::assertions::{Claim, Judgement, Step};
use ringfence_verifier::translation::Proof;
use serde_json::{Value, json};

use super::{Output, Statements, Summary, way};

impl Summary {
    /// Returns the summary as a JSON value.
    #[must_use]
    pub fn json(&self) -> Value {
        let (nodes, inventory, said) = (&self.nodes, &self.inventory, &self.statements);
        let exceptions: Vec<_> = self
            .exceptions
            .iter()
            .map(|it| {
                json!({
                    "name": it.name,
                    "node": it.node,
                    "waives": it.waives,
                    "until": it.until,
                    "daysLeft": it.days_left,
                })
            })
            .collect();
        let assertions: Vec<_> = self.assertions.iter().map(assertion).collect();
        json!({
            "organization": self.organization,
            "asOf": self.as_of,
            "nodes": { "tenants": nodes.tenants, "workspaces": nodes.workspaces, "groups": nodes.groups },
            "inventory": {
                "clusters": inventory.clusters,
                "namespaces": inventory.namespaces,
                "services": inventory.services,
                "workloads": inventory.workloads,
                "workloadsWithoutProxy": inventory.unmeshed,
            },
            "statements": {
                "mandates": said.mandates,
                "defaults": said.defaults,
                "grants": said.grants,
                "denies": said.denies,
                "uses": said.uses,
                "zones": said.zones,
                "delegations": said.delegations,
                "issuers": said.issuers,
                "exposures": said.exposures,
                "egresses": said.egresses,
                "routes": said.routes,
            },
            "objects": self.objects,
            "exceptions": exceptions,
            "assertions": assertions,
            "proved": self.proof.as_ref().map_or(Value::Null, |proof| proved(proof, said)),
            "output": self.output.as_ref().map_or(Value::Null, output),
            "rollout": self.way.as_ref().map_or(Value::Null, |(plan, next, _)| way::json(plan, next)),
            "signed": self.signed,
        })
    }
}

fn proved(proof: &Proof, said: &Statements) -> Value {
    json!({
        "workloads": proof.workloads,
        "ports": proof.ports,
        "network": {
            "connections": proof.connections,
            "workloadsWithoutProxy": proof.fenced,
            "portsPastTheProxy": proof.fenced_ports,
        },
        "exposures": proof.exposures,
        "egresses": proof.egresses,
        "notProved": {
            "portsPastTheProxy": proof.bypassed,
            "workloadsBehindWaypoints": proof.behind,
            "workloadsWithoutProxy": proof.unmeshed,
            "exposures": said.exposures.saturating_sub(proof.exposures),
            "egresses": said.egresses.saturating_sub(proof.egresses),
        },
    })
}

fn assertion(judgement: &Judgement) -> Value {
    let step = |step: &Step| {
        json!({
            "from": step.from,
            "to": step.to,
            "port": step.port,
            "request": step.request,
            "decided": step.decided,
            "statement": step.statement,
        })
    };
    let claim = |claim: &Claim| {
        let evidence = claim.verdict.evidence();
        json!({
            "field": claim.field,
            "claim": claim.text,
            "verdict": claim.verdict.word(),
            "because": evidence.map(|evidence| &evidence.because),
            "witness": evidence.map(|evidence| evidence.steps.iter().map(step).collect::<Vec<_>>()),
        })
    };
    json!({
        "name": judgement.name,
        "node": judgement.node,
        "controls": judgement.controls,
        "verdict": judgement.word(),
        "claims": judgement.claims.iter().map(claim).collect::<Vec<_>>(),
    })
}

fn output(output: &Output) -> Value {
    match output {
        Output::Written { folder, written } => json!({
            "folder": folder,
            "created": written.created,
            "changed": written.changed,
            "removed": written.removed,
            "unchanged": written.unchanged,
        }),
        Output::Compared { folder, differences, .. } => {
            let list: Vec<_> =
                differences.iter().map(|it| json!({ "path": it.path, "kind": it.kind.word() })).collect();
            json!({ "folder": folder, "differences": list })
        }
    }
}
