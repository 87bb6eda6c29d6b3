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

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use ringfence_compiler::shape::scalar::Text as _;
use ringfence_compiler::spec::names::Day;

use crate::tree::Moment;

pub use self::delivery::{Drift, Key, KeyAction, Publish, PublishGit, PublishTo, Push, Sign, Signing, Verify};
pub use self::difference::{ChangeFormat, Comparing, Diff, Impact};
pub use self::doctor::Doctor;
pub use self::findings::{Findings, Form as FindingsForm, Level, Output};
pub use self::movement::{Blast, Drawing, Paths, Posture};
pub use self::reach::{Changes, Reach};

/// The exit codes, below the help of every command that reads policy.
const EXITS: &str = "\
Exit codes:
  0  nothing to object; warnings are allowed
  1  errors in the policy, or a difference
  2  could not run: bad usage, unreadable input, an unknown revision
  3  no policy to look at: an empty gate must not pass";

/// The exit codes of `reach`.
const REACH_EXITS: &str = "\
Exit codes:
  0  answered
  1  answered, and something that was read is wrong
  2  could not run: bad usage, unreadable input, an unknown workload
  3  there is nothing to look at
 10  denied, with --exit-code";

/// The exit codes of `diff` and `impact`.
const DIFF_EXITS: &str = "\
Exit codes:
  0  compared
  1  something that was read is wrong; with --exit-code also: somebody gains access, or may
  2  could not run: bad usage, unreadable input, an unknown revision or statement
  3  there is nothing to look at";

/// The exit codes of `verify`.
const VERIFY_EXITS: &str = "\
Exit codes:
  0  all of it is what was signed
  1  some of it is refused
  2  could not run: bad usage, an unreadable key or folder
  3  nothing is there to look at";

/// The exit codes of `drift`.
const DRIFT_EXITS: &str = "\
Exit codes:
  0  what runs is what was signed
  1  it is not, or what lies there as signed is refused
  2  could not run: bad usage, unreadable input, an unknown cluster
  3  there is nothing to look at";

/// The exit codes of `doctor`.
const DOCTOR_EXITS: &str = "\
Exit codes:
  0  all of it can work
  1  something is broken or stale
  2  could not run
  3  there is no project";

/// The exit codes of `init`.
const INIT_EXITS: &str = "\
Exit codes:
  0  made
  1  the manifests cannot be read
  2  could not run: a file would have been overwritten
  3  there are no manifests to begin with";

/// The exit codes, below the help of every command that does not.
const SHORT_EXITS: &str = "\
Exit codes:
  0  done
  2  could not run";

/// Joins examples and exit codes.
macro_rules! after {
    ($exits:expr, $($line:literal),* $(,)?) => {
        format!("Examples:\n{}\n{}", concat!($("  ", $line, "\n"),*), $exits)
    };
}

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

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Makes a policy repository that compiles at once.
    #[command(after_help = after!(
        INIT_EXITS,
        "ringfence init my-policy                         from nothing, with a small example",
        "ringfence init my-policy --inventory rendered/   from manifests, one workspace a namespace",
    ))]
    Init(Init),
    /// Reads, resolves and compiles in memory, and says everything that is wrong.
    #[command(after_help = after!(
        EXITS,
        "ringfence check",
        "ringfence check fixtures/bank --format concise",
        "ringfence check --at main",
        "ringfence check --watch                again whenever a file changes",
        "ringfence check --staged --fast        what the next commit holds, for a hook",
        "ringfence check -o sarif=out.sarif -o markdown=out.md",
        "ringfence check rendered/              plain Istio and Kubernetes manifests",
        "ringfence check --as-of 2027-02-16     would it still hold on that day?",
    ))]
    Check(Check),
    /// Checks, then writes the manifests that a GitOps controller syncs.
    #[command(after_help = after!(
        EXITS,
        "ringfence compile",
        "ringfence compile fixtures/bank --out target/bank",
        "ringfence compile --check              is what is committed up to date?",
        "ringfence compile --sign ringfence.key",
        "ringfence compile --rollout two-phase  in steps, none of which opens anything for a moment",
    ))]
    Compile(Compile),
    /// Makes keys, and shows their public half.
    #[command(after_help = after!(
        SHORT_EXITS,
        "ringfence key generate --plain                       ringfence.key and ringfence.key.pub",
        "ringfence key public ringfence.key",
        "ringfence key import cosign.key",
    ))]
    Key(Key),
    /// Signs what lies in the output folder, once it is compiled again to the same bytes.
    #[command(after_help = after!(
        EXITS,
        "ringfence sign --key ringfence.key",
        "ringfence sign --key env://SIGNING_KEY",
        "ringfence sign --key 'command:vault-sign policy' --public-key policy.pub",
    ))]
    Sign(Sign),
    /// Checks a folder or an artifact against its signature.
    #[command(after_help = after!(
        VERIFY_EXITS,
        "ringfence verify                      by the keys that ringfence.yaml trusts",
        "ringfence verify --key ringfence.key.pub",
        "ringfence verify out --key ringfence.key.pub --known accepted.json",
        "ringfence verify out/oci --key ringfence.key.pub --cluster prod-east",
    ))]
    Verify(Verify),
    /// Puts what is compiled where a GitOps controller finds it.
    #[command(after_help = after!(
        EXITS,
        "ringfence publish git",
        "ringfence publish git --cluster prod-east --branch live/{cluster}",
    ))]
    Publish(Publish),
    /// Compares what runs in a cluster with what was signed for it, by what they admit.
    #[command(after_help = after!(
        DRIFT_EXITS,
        "ringfence drift dump.yaml --cluster prod-east --key ringfence.key.pub",
        "ringfence drift dumps/prod-east --cluster prod-east --key ringfence.key.pub --format json",
    ))]
    Drift(Drift),
    /// Pushes signed artifacts to a registry.
    #[command(after_help = after!(
        EXITS,
        "ringfence push                        to `delivery.oci.url` of ringfence.yaml",
        "ringfence push oci://registry.example/acme/policy",
        "ringfence push oci://localhost:5000/policy --plain-http",
    ))]
    Push(Push),
    /// Shows what holds at a node or service, and which line made it so.
    #[command(after_help = after!(
        EXITS,
        "ringfence effective /payments",
        "ringfence effective /payments/checkout:api",
        "ringfence effective api --project fixtures/bank --format json",
    ))]
    Effective(Effective),
    /// Says whether a workload can reach another, and what decides at each gate on the way.
    #[command(after_help = after!(
        REACH_EXITS,
        "ringfence reach shop/web shop/db:8080",
        "ringfence reach outside frontend --mesh rendered/",
        "ringfence reach web db --method GET --path '/admin/*' --exit-code",
        "ringfence reach internet shop/api GET /v1/cards    through which gateway and route",
        "ringfence reach any shop/db                        everybody who reaches it",
        "ringfence reach /payments any                      whom a tenant reaches",
        "ringfence reach web db --with draft.yaml           what a change would do",
    ))]
    Reach(Box<Reach>),
    /// Lists who reaches each port of each workload.
    #[command(after_help = after!(
        EXITS,
        "ringfence matrix rendered/                plain Istio and Kubernetes manifests",
        "ringfence matrix fixtures/bookinfo        what a policy project compiles to",
        "ringfence matrix rendered/ --format csv",
        "ringfence matrix rendered/ --format dot | dot -Tsvg",
    ))]
    Matrix(Matrix),
    /// Lists what gateways let in from outside, and which route leads it where.
    #[command(after_help = after!(
        EXITS,
        "ringfence exposed fixtures/bank",
        "ringfence exposed rendered/ --format json",
    ))]
    Exposed(Exposed),
    /// Says how far an attacker gets who has taken a workload or an identity.
    #[command(after_help = after!(
        EXITS,
        "ringfence blast shop/web rendered/",
        "ringfence blast internet fixtures/bank",
        "ringfence blast spiffe://cluster.local/ns/shop/sa/web rendered/ --format json",
    ))]
    Blast(Blast),
    /// Lists the cheapest ways of an attacker, and what all ways go through.
    #[command(after_help = after!(
        EXITS,
        "ringfence paths internet shop/db rendered/",
        "ringfence paths /platform/edge /payments/cards:vault-db fixtures/bank --count 5",
        "ringfence paths shop/web shop/db rendered/ --most network --sure",
        "ringfence paths internet shop/db rendered/ --draw mermaid",
    ))]
    Paths(Paths),
    /// Says how easy the mesh is to move in, and what makes it so.
    #[command(after_help = after!(
        EXITS,
        "ringfence posture",
        "ringfence posture fixtures/bank --format json",
        "ringfence posture rendered/ --jewel shop/db --jewel label:tier=data",
        "ringfence posture fixtures/bank --without /payments/read-only#allow.2   what if?",
    ))]
    Posture(Posture),
    /// Says what a change means: access gained, lost and moved, with a request each.
    #[command(after_help = after!(
        DIFF_EXITS,
        "ringfence diff                                  what lies on disk against HEAD",
        "ringfence diff main...                          this branch since it left main",
        "ringfence diff v1..v2 rendered/                 plain manifests at two revisions",
        "ringfence diff --before old/ --after new/       two folders",
        "ringfence diff main... --format markdown        a comment for the pull request",
        "ringfence diff --staged --exit-code             for a hook: does this commit open anything?",
    ))]
    Diff(Diff),
    /// Says what would change if a statement, an object or a rule went.
    #[command(after_help = after!(
        DIFF_EXITS,
        "ringfence impact /payments#mtls",
        "ringfence impact policies/shop/access.yaml:12",
        "ringfence impact AuthorizationPolicy/shop/db#2 rendered/",
    ))]
    Impact(Impact),
    /// Explains the code of a diagnostic.
    #[command(after_help = after!(
        SHORT_EXITS,
        "ringfence explain resolve/widens-mandate",
        "ringfence explain widens-mandate",
    ))]
    Explain(Explain),
    /// Lists every code a diagnostic can have.
    #[command(after_help = after!(SHORT_EXITS, "ringfence checks", "ringfence checks --format json"))]
    Checks(Checks),
    /// Lists the patterns that ship with the tool, or shows one of them.
    #[command(after_help = after!(
        SHORT_EXITS,
        "ringfence patterns",
        "ringfence patterns database-per-service",
        "ringfence patterns worker > policy/patterns.yaml     to change it for oneself",
    ))]
    Patterns(Patterns),
    /// Prints or writes the JSON Schemas of the language.
    #[command(after_help = after!(
        SHORT_EXITS,
        "ringfence schema                       the schema of any policy document",
        "ringfence schema tenant",
        "ringfence schema --out .ringfence/schemas",
    ))]
    Schema(Schema),
    /// Says what is here, and whether it can work.
    #[command(after_help = after!(
        DOCTOR_EXITS,
        "ringfence doctor",
        "ringfence doctor fixtures/bank --format json",
    ))]
    Doctor(Doctor),
    /// Prints a script that completes commands in a shell.
    #[command(after_help = after!(
        SHORT_EXITS,
        "ringfence completions bash > ~/.local/share/bash-completion/completions/ringfence",
        "ringfence completions fish > ~/.config/fish/completions/ringfence.fish",
        "ringfence completions nushell > ringfence.nu",
    ))]
    Completions(Completions),
    /// Prints the manual page, or writes one for each command.
    #[command(after_help = after!(
        SHORT_EXITS,
        "ringfence man | man -l -",
        "ringfence man --out ~/.local/share/man/man1",
    ))]
    Man(Man),
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
    /// Checks the revision that git is about to push, which pre-commit and prek name in `PRE_COMMIT_TO_REF`; `HEAD` where they do not.
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
    #[arg(long)]
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
