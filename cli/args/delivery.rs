//! What a person may type about keys, signatures and delivery.

use std::path::PathBuf;

use clap::Subcommand;
use ringfence_compiler::spec::names::Day;

use super::{Comparing, Findings, FormatName, Reading, Rollout, day};

/// What signs, and what it says of where the policy comes from.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Signing {
    /// For a key that a program holds: the public half, a file or `env://VARIABLE`.
    #[arg(long, value_name = "PUBLIC")]
    pub public_key: Option<String>,
    /// Signs what lies here although no commit holds it, without the name of one.
    #[arg(long)]
    pub allow_dirty: bool,
    /// The address of the policy repository to name in artifacts; that of the remote `origin` when absent.
    #[arg(long, value_name = "URL")]
    pub source: Option<String>,
    /// The key; set by each command, which calls it what reads best there.
    #[arg(skip)]
    pub key: Option<String>,
}

/// Arguments of `key`.
#[derive(Debug, clap::Args)]
pub struct Key {
    /// What to do.
    #[command(subcommand)]
    pub action: KeyAction,
}

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum KeyAction {
    /// Makes a key: the private half, and beside it the public half as FILE.pub.
    Generate {
        /// The file of the private half, which must not be there yet.
        #[arg(default_value = "ringfence.key")]
        file: PathBuf,
        /// Writes it without a passphrase, as PKCS#8: for a store that encrypts by itself.
        #[arg(long)]
        plain: bool,
    },
    /// Prints the public half of a key.
    Public {
        /// The key: a file or `env://VARIABLE`.
        #[arg(allow_hyphen_values = true)]
        key: String,
    },
    /// Takes a key of openssl or cosign over into a file of its own.
    Import {
        /// The key: a file or `env://VARIABLE`.
        #[arg(allow_hyphen_values = true)]
        key: String,
        /// The file to write, which must not be there yet.
        #[arg(default_value = "ringfence.key")]
        file: PathBuf,
        /// Writes it without a passphrase, as PKCS#8.
        #[arg(long)]
        plain: bool,
    },
}

/// Arguments of `sign`.
#[derive(Debug, clap::Args)]
pub struct Sign {
    /// A folder or file of the project; the nearest `ringfence.yaml` upward from here when absent.
    pub path: Option<PathBuf>,
    /// The key: a file, `env://VARIABLE`, or `command:PROGRAM` that gets the bytes and answers with a signature in DER.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true, env = "RINGFENCE_KEY", hide_env_values = true)]
    pub key: String,
    #[command(flatten)]
    pub signing: Signing,
    /// The folder that was written; the project's `output` when absent.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub findings: Findings,
    #[command(flatten)]
    pub reading: Reading,
}

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// An output folder, a checkout of a rendered branch, or an OCI layout; the project's `output` when absent.
    pub folder: Option<PathBuf>,
    /// A public key to trust, a file or `env://VARIABLE`; may be repeated. Those of the project's `delivery.trust.cosign` when
    /// absent.
    #[arg(long, value_name = "PUBLIC")]
    pub key: Vec<String>,
    /// Checks this cluster alone; all that are there when absent. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub cluster: Vec<String>,
    /// A file that keeps in mind what was accepted, so that nothing older is accepted again.
    #[arg(long, value_name = "FILE")]
    pub known: Option<PathBuf>,
    /// Checks as on this day; today when absent.
    #[arg(long, value_name = "DATE", value_parser = day, env = "RINGFENCE_AS_OF", hide_env_values = true)]
    pub as_of: Option<Day>,
    /// How to write the answer down.
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "RINGFENCE_FORMAT", hide_env_values = true)]
    pub format: FormatName,
}

/// Arguments of `publish`.
#[derive(Debug, clap::Args)]
pub struct Publish {
    /// Where to.
    #[command(subcommand)]
    pub to: PublishTo,
}

/// Where output can be published.
#[derive(Debug, Subcommand)]
pub enum PublishTo {
    /// Commits what is compiled to a branch for each cluster, signed by your own git.
    Git(PublishGit),
}

/// Arguments of `publish git`.
#[derive(Debug, clap::Args)]
pub struct PublishGit {
    /// A folder or file of the project; the nearest `ringfence.yaml` upward from here when absent.
    pub path: Option<PathBuf>,
    /// The branch of each cluster, where `{cluster}` stands for its name; `delivery.git.branch` of the project, or
    /// `rendered/{cluster}`, when absent.
    #[arg(long, value_name = "BRANCH")]
    pub branch: Option<String>,
    /// Publishes this cluster alone; all when absent. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub cluster: Vec<String>,
    /// What to do where the way from what is on the branches to what is published opens access for a moment.
    #[arg(long, value_name = "HOW", default_value = "direct")]
    pub rollout: Rollout,
    /// Seals the history before each commit, and why: Argo CD then looks no further back.
    #[arg(long, value_name = "REASON")]
    pub seal: Option<String>,
    /// Also puts a signature over every file beside them, by this key: a file, `env://VARIABLE` or `command:PROGRAM`.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true, env = "RINGFENCE_KEY", hide_env_values = true)]
    pub key: Option<String>,
    #[command(flatten)]
    pub signing: Signing,
    #[command(flatten)]
    pub findings: Findings,
    #[command(flatten)]
    pub reading: Reading,
}

/// Arguments of `push`.
#[derive(Debug, clap::Args)]
pub struct Push {
    /// Where to, as in `oci://registry.example/acme/policy`; `delivery.oci.url` of the project when absent.
    pub repository: Option<String>,
    /// The OCI layout to push; `oci` in the project's `output` when absent.
    #[arg(long, value_name = "DIR")]
    pub layout: Option<PathBuf>,
    /// Pushes this cluster alone; all that are there when absent. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub cluster: Vec<String>,
    /// Speaks HTTP without TLS, as to a registry on this machine.
    #[arg(long)]
    pub plain_http: bool,
}

/// Arguments of `drift`.
#[derive(Debug, clap::Args)]
pub struct Drift {
    /// What runs in the cluster: a folder or file of manifests, as `kubectl get -o yaml` prints them.
    pub dump: PathBuf,
    /// The cluster; may be left out where only one was signed.
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// A public key to trust, a file or `env://VARIABLE`; may be repeated. Those of the project's `delivery.trust.cosign` when
    /// absent.
    #[arg(long, value_name = "PUBLIC")]
    pub key: Vec<String>,
    /// The output folder that was signed; the project's `output` when absent.
    #[arg(long, value_name = "DIR")]
    pub signed: Option<PathBuf>,
    /// A file with a Cluster document: what manifests cannot tell; that of the project when absent.
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,
    /// A folder or file of the project; the nearest `ringfence.yaml` upward from here when absent.
    #[arg(long, value_name = "PATH")]
    pub project: Option<PathBuf>,
    #[command(flatten)]
    pub how: Comparing,
}
