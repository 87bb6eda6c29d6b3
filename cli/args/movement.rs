//! Arguments of `blast`, `paths` and `posture`.

use std::path::PathBuf;

use clap::ValueEnum;
use ringfence_verifier::movement::edge::Class;

use super::{Changes, Form, Reading};

/// Arguments of `blast`.
#[derive(Debug, clap::Args)]
pub struct Blast {
    /// What was taken: a workload, a node or service of policy, `spiffe://…`, `sa:NAMESPACE/NAME`, `user:NAME`, `group:NAME`,
    /// `secret:NAMESPACE/NAME`, `nodes`, or `internet` for nothing at all.
    pub who: String,
    /// A policy project or a folder of plain manifests; the nearest `ringfence.yaml` upward from here when absent.
    pub path: Option<PathBuf>,
    /// Prints what takes it out of the mesh, and proves that it then reaches nothing: a Zone, or plain policies where there is no
    /// policy tree.
    #[arg(long, conflicts_with = "format")]
    pub quarantine: bool,
    /// Draws how far it gets as a graph instead: workloads by their namespaces, with how many are reached by which kind of step.
    #[arg(long, value_name = "LANGUAGE", conflicts_with_all = ["format", "quarantine"])]
    pub draw: Option<Drawing>,
    /// A file with a Cluster document: what manifests cannot tell about plain ones.
    #[arg(long, value_name = "FILE", requires = "path")]
    pub facts: Option<PathBuf>,
    #[command(flatten)]
    pub changes: Changes,
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    pub reading: Reading,
}

/// Arguments of `paths`.
#[derive(Debug, clap::Args)]
pub struct Paths {
    /// What an attacker has: a workload, a node or service of policy, `spiffe://…`, `sa:NAMESPACE/NAME`, `user:NAME`, `group:NAME`,
    /// `secret:NAMESPACE/NAME`, `nodes`, or `internet` for nothing yet.
    pub from: String,
    /// What it is after: the same, and also `zone:NAME`, `sensitivity:WORD`, `label:KEY=VALUE`, or `policies`.
    pub to: String,
    /// A policy project or a folder of plain manifests; the nearest `ringfence.yaml` upward from here when absent.
    pub path: Option<PathBuf>,
    /// How many ways to list.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub count: u16,
    /// The hardest steps to think of.
    #[arg(long, value_name = "CLASS", default_value = "exploit")]
    pub most: Hardest,
    /// Leaves out steps that hang on what no file tells.
    #[arg(long)]
    pub sure: bool,
    /// Also finds what so many edits can do at best: the lines without which the cheapest way costs most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=8))]
    pub budget: Option<u16>,
    /// Draws the ways as a graph instead.
    #[arg(long, value_name = "LANGUAGE", conflicts_with = "format")]
    pub draw: Option<Drawing>,
    /// A file with a Cluster document: what manifests cannot tell about plain ones.
    #[arg(long, value_name = "FILE", requires = "path")]
    pub facts: Option<PathBuf>,
    #[command(flatten)]
    pub changes: Changes,
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    pub reading: Reading,
}

/// Arguments of `posture`.
#[derive(Debug, clap::Args)]
pub struct Posture {
    /// A policy project or a folder of plain manifests; the nearest `ringfence.yaml` upward from here when absent.
    pub path: Option<PathBuf>,
    /// What matters most: a workload, `zone:NAME`, `sensitivity:WORD`, `label:KEY=VALUE`, `secret:NAMESPACE/NAME`, …; may be given
    /// several times. What Service documents call sensitive when absent.
    #[arg(long, value_name = "WHAT")]
    pub jewel: Vec<String>,
    /// How many steps from outside are few: fewer than these are a finding.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub near: u16,
    /// How many findings to list.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
    pub count: u16,
    /// A file with a Cluster document: what manifests cannot tell about plain ones.
    #[arg(long, value_name = "FILE", requires = "path")]
    pub facts: Option<PathBuf>,
    #[command(flatten)]
    pub changes: Changes,
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    pub reading: Reading,
}

/// The languages of graphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Drawing {
    /// For Graphviz.
    Dot,
    /// For Markdown on code hosts.
    Mermaid,
}

/// The hardest steps of an attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Hardest {
    /// To call what may be called.
    Network,
    /// To use identities and rights that are in hand.
    Identity,
    /// To break out of containers.
    Exploit,
}

impl Hardest {
    /// Returns the class of steps.
    #[must_use]
    pub fn class(self) -> Class {
        match self {
            Self::Network => Class::Network,
            Self::Identity => Class::Identity,
            Self::Exploit => Class::Exploit,
        }
    }
}
