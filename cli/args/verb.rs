//! The commands, with what stands below the help of each: examples, and how it ends.

use clap::Subcommand;

use super::{
    Blast, Check, Checks, Compile, Completions, Diff, Doctor, Drift, Effective, Explain, Exposed, Impact, Init, Key,
    Man, Matrix, Paths, Patterns, Posture, Publish, Push, Reach, Schema, Sign, Verify,
};

/// The exit codes, below the help of every command that reads policy.
pub(super) const EXITS: &str = "\
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
