//! Arguments of `reach`, and of every command that asks what if.

use std::path::PathBuf;

use super::{Form, Reading, header};

/// Arguments of `reach`.
#[derive(Debug, clap::Args)]
pub struct Reach {
    /// Who calls: a workload (`shop/web`, `web`, `shop/*`, `east:shop/web`), addresses (`10.0.0.0/8`), `outside`, `any`, an identity
    /// (`spiffe://cluster.local/ns/shop/sa/web`); in a project also a node (`/payments`) or service (`/payments/checkout:api`).
    pub from: String,
    /// A workload or a Kubernetes Service and a port of it (`shop/db:8080`, `shop/*`, `any`), in a project also a node or
    /// service; every port it has when that is absent. A port that only a Service has stands for where it leads.
    pub to: String,
    /// A policy project or a folder of plain manifests; the nearest `ringfence.yaml` upward from here when absent.
    #[arg(long, value_name = "PATH")]
    pub mesh: Option<PathBuf>,
    /// A file with a Cluster document: what manifests cannot tell about plain ones.
    #[arg(long, value_name = "FILE", requires = "mesh")]
    pub facts: Option<PathBuf>,
    /// Asks for this request: a method, a path or both, or a URL (`GET /v1/cards`, `https://api.example/v1/cards`).
    #[arg(value_name = "REQUEST", num_args = 0..=2, conflicts_with_all = ["method", "path"])]
    pub request: Vec<String>,
    /// Asks for this port of the workload or its Service.
    #[arg(long, value_name = "N")]
    pub port: Option<u16>,
    /// Asks for requests with this method.
    #[arg(long)]
    pub method: Option<String>,
    /// Asks for requests of this path; a star at its begin or end stands for anything.
    #[arg(long)]
    pub path: Option<String>,
    /// Asks for requests of this host; a star at its begin or end stands for anything.
    #[arg(long)]
    pub host: Option<String>,
    /// Asks for requests with this header; may be given several times. Values of one name arrive joined by commas.
    #[arg(long, value_name = "NAME=VALUE", value_parser = header)]
    pub header: Vec<(String, String)>,
    #[command(flatten)]
    pub changes: Changes,
    /// What if the caller also held the key of this workload; may be given several times.
    #[arg(long, value_name = "SERVICE")]
    pub compromised: Vec<String>,
    /// Ends with 10 when all of it is denied.
    #[arg(long)]
    pub exit_code: bool,
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    pub reading: Reading,
}

/// What is asked about instead of what is there.
#[derive(Debug, clap::Args)]
pub struct Changes {
    /// What if the documents of this file were there: policy or objects, of the same kind and name replaced, else added.
    #[arg(long, value_name = "[NODE=]FILE")]
    pub with: Vec<String>,
    /// What if this statement, object or rule were not there: `/payments#mtls`, `/payments/read-only#allow.2`,
    /// `NetworkPolicy/shop/db`, `AuthorizationPolicy/shop/db#2`, or what stands at a line: `policy/access.yaml:8`.
    #[arg(long, value_name = "RULE")]
    pub without: Vec<String>,
}

impl Changes {
    /// Tells whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.with.is_empty() && self.without.is_empty()
    }

    /// Says what is assumed.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let with = self.with.iter().map(|file| format!("with {file}"));
        with.chain(self.without.iter().map(|rule| format!("without {rule}"))).collect()
    }
}
