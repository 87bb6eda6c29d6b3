//! What a person may type.
//!
//! In: the words after `ringfence`. Out: [`Args`]. Help, completions and the reference in `docs/cli.md` all come from the
//! declarations here.

mod delivery;
mod difference;
mod doctor;
mod findings;
mod movement;
mod reach;
#[macro_use]
mod verb;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use ringfence_compiler::shape::scalar::Text as _;
use ringfence_compiler::spec::names::Day;

use crate::tree::Moment;

pub use self::delivery::{Drift, Key, KeyAction, Publish, PublishGit, PublishTo, Push, Sign, Signing, Verify};
pub use self::difference::{ChangeFormat, Comparing, Diff, Impact};
pub use self::doctor::Doctor;
pub use self::findings::{Findings, Form as FindingsForm, Level, Output};
pub use self::movement::{Blast, Drawing, Paths, Posture};
pub use self::reach::{Changes, Reach};
use self::verb::EXITS;
pub use self::verb::Verb;

/// Compiles zero-trust policy to Istio and Kubernetes manifests, and says what is wrong with it.
#[derive(Debug, Parser)]
#[command(name = "ringfence", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = after!(EXITS, "ringfence init my-policy", "ringfence check", "ringfence compile --out out"))]
pub struct Args {
    /// When to use colour: `auto` asks the terminal, `NO_COLOR` and `CLICOLOR_FORCE`.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Colour,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, and as variables say.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How a project is read.
#[derive(Debug, Clone, clap::Args)]
pub struct Reading {
    /// Resolves for this day; the day of the commit when absent.
    #[arg(long, value_name = "DATE", value_parser = day, env = "RINGFENCE_AS_OF", hide_env_values = true)]
    pub as_of: Option<Day>,
    /// Reads this git revision, without a checkout.
    #[arg(long, value_name = "REV")]
    pub at: Option<String>,
    /// Reads what is staged in git: what the next commit holds, whatever lies on disk.
    #[arg(long, conflicts_with = "at")]
    pub staged: bool,
    /// Shows notes as well, which are otherwise only counted in text.
    #[arg(long, short)]
    pub verbose: bool,
    /// How many threads to use; `RAYON_NUM_THREADS`, or as many as there are cores, when absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

impl Reading {
    /// Returns when the input is looked at.
    #[must_use]
    pub fn moment(&self) -> Moment<'_> {
        match &self.at {
            Some(revision) => Moment::At(revision),
            None if self.staged => Moment::Staged,
            None => Moment::OnDisk,
        }
    }
}

/// How an answer is written down.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Form {
    /// How to write the answer down.
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "RINGFENCE_FORMAT", hide_env_values = true)]
    pub format: FormatName,
}

/// The formats of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// For people: excerpts with every place underlined.
    Text,
    /// For editors and `grep`: `path:line:col: severity[code] message`.
    Concise,
    /// For programs: one versioned document.
    Json,
}

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
pub struct Init {
    /// The folder to make it in.
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// A folder of rendered manifests, with a folder a cluster; `inventory` in FOLDER when it is there.
    #[arg(long, value_name = "DIR")]
    pub inventory: Option<PathBuf>,
}

/// Arguments of `check`.
#[derive(Debug, Clone, clap::Args)]
pub struct Check {
    /// A folder or file of the project, or of plain manifests; the nearest `ringfence.yaml` upward from here when absent.
    pub path: Option<PathBuf>,
    /// A `Cluster` document with the facts about plain manifests: trust domain, namespaces in the mesh, gateways.
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,
    /// Checks each revision that git is about to push, as it tells a pre-push hook on standard input, and pre-commit and prek in
    /// `PRE_COMMIT_TO_REF`; `HEAD` where nobody says.
    #[arg(long, conflicts_with_all = ["at", "staged"])]
    pub pushed: bool,
    /// Checks again whenever a file changes, until it is interrupted.
    #[arg(long, conflicts_with_all = ["at", "staged", "pushed", "write_baseline"])]
    pub watch: bool,
    /// Leaves out what takes longest: the proof of the manifests, and the search for statements that decide nothing.
    #[arg(long)]
    pub fast: bool,
    #[command(flatten)]
    pub findings: Findings,
    #[command(flatten)]
    pub reading: Reading,
}

/// Arguments of `compile`.
#[derive(Debug, clap::Args)]
pub struct Compile {
    /// A folder or file of the project; the nearest `ringfence.yaml` upward from here when absent.
    pub path: Option<PathBuf>,
    /// The folder to write; the project's `output` when absent.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Writes nothing and compares with what is there.
    #[arg(long, conflicts_with = "rollout")]
    pub check: bool,
    /// What to do where the way from what is there to what is written opens access for a moment.
    #[arg(long, value_name = "HOW", default_value = "direct")]
    pub rollout: Rollout,
    /// Signs what is written, by this key: a file, `env://VARIABLE`, or `command:PROGRAM`.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true, conflicts_with = "check")]
    pub sign: Option<String>,
    #[command(flatten)]
    pub signing: Signing,
    #[command(flatten)]
    pub findings: Findings,
    #[command(flatten)]
    pub reading: Reading,
}

/// What to do where a roll-out opens access for a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rollout {
    /// Write the new output, and say what opens.
    Direct,
    /// Write nothing, and end with 1.
    Check,
    /// Write the next step by which nothing opens, and say how to go on.
    TwoPhase,
}

/// Arguments of `effective`.
#[derive(Debug, clap::Args)]
pub struct Effective {
    /// A node by its path (`/payments`) or a service (`/payments/checkout:api`, `api`).
    #[arg(value_name = "NODE|SERVICE")]
    pub subject: String,
    /// A folder or file of the project; the nearest `ringfence.yaml` upward from here when absent.
    #[arg(long, value_name = "PATH")]
    pub project: Option<PathBuf>,
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    pub reading: Reading,
}

/// Arguments of `matrix`.
#[derive(Debug, clap::Args)]
pub struct Matrix {
    /// A policy project or a folder of plain manifests; the nearest `ringfence.yaml` upward from here when absent.
    pub path: Option<PathBuf>,
    /// A file with a Cluster document: what manifests cannot tell about plain ones.
    #[arg(long, value_name = "FILE", requires = "path")]
    pub facts: Option<PathBuf>,
    /// The same as `--format csv`.
    #[arg(long, conflicts_with = "format")]
    pub csv: bool,
    /// How to write the answer down.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: MatrixFormat,
    #[command(flatten)]
    pub reading: Reading,
}

/// Arguments of `exposed`.
#[derive(Debug, clap::Args)]
pub struct Exposed {
    /// A policy project or a folder of plain manifests; the nearest `ringfence.yaml` upward from here when absent.
    pub path: Option<PathBuf>,
    /// A file with a Cluster document: what manifests cannot tell about plain ones.
    #[arg(long, value_name = "FILE", requires = "path")]
    pub facts: Option<PathBuf>,
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    pub reading: Reading,
}

/// The formats of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MatrixFormat {
    /// For people: a line for each port, with everybody who reaches it.
    Text,
    /// A line for each caller that reaches a port, or may.
    Concise,
    /// A line for each caller and port, with commas.
    Csv,
    /// For programs: one versioned document.
    Json,
    /// For Graphviz: an arrow from each caller to each workload it reaches.
    Dot,
}

impl Matrix {
    /// Returns how what is wrong with the input is written down.
    #[must_use]
    pub fn form(&self) -> FormatName {
        match self.format {
            MatrixFormat::Json => FormatName::Json,
            MatrixFormat::Concise | MatrixFormat::Csv | MatrixFormat::Dot => FormatName::Concise,
            MatrixFormat::Text => FormatName::Text,
        }
    }
}

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub struct Explain {
    /// A code, with or without its stage.
    pub code: String,
    /// How to write the answer down.
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "RINGFENCE_FORMAT", hide_env_values = true)]
    pub format: FormatName,
}

/// Arguments of `checks`.
#[derive(Debug, clap::Args)]
pub struct Checks {
    /// How to write the answer down.
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "RINGFENCE_FORMAT", hide_env_values = true)]
    pub format: FormatName,
}

/// Arguments of `patterns`.
#[derive(Debug, clap::Args)]
pub struct Patterns {
    /// A pattern: its document, with what it closes and what it leaves open.
    pub name: Option<String>,
    /// How to write the answer down.
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "RINGFENCE_FORMAT", hide_env_values = true)]
    pub format: FormatName,
}

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
pub struct Schema {
    /// A kind of document, `project` for `ringfence.yaml`, `findings` for reports of `check` and `compile`, or `difference` for those of
    /// `diff`; any policy document when absent.
    pub kind: Option<String>,
    /// Writes the schemas to this folder: all of them, or that of KIND.
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// The shell.
    pub shell: Shell,
}

/// The shells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// The shell of most systems.
    Bash,
    /// Elvish.
    Elvish,
    /// Fish.
    Fish,
    /// Nushell.
    Nushell,
    /// PowerShell.
    Powershell,
    /// Zsh.
    Zsh,
}

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub struct Man {
    /// Writes a page for each command to this folder.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as in `x-tenant=gold`")?;
    Ok((name.to_ascii_lowercase(), value.to_owned()))
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).map_err(|error| format!("{error}; write it as in 2027-02-15"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_declarations_do_not_contradict_each_other() {
        Args::command().debug_assert();
    }
}
