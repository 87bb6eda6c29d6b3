//! What a person may type about changes: `diff` and `impact`.

use std::path::PathBuf;

use clap::ValueEnum;
use ringfence_compiler::spec::names::Day;

use super::{Output, day};

/// Arguments of `diff`.
#[derive(Debug, clap::Args)]
pub struct Diff {
    /// Two git revisions, `BASE..HEAD`, or since they parted, `BASE...HEAD`; or one, which is compared with what lies on disk.
    /// `HEAD` when absent.
    #[arg(value_name = "RANGE", conflicts_with_all = ["before", "after"])]
    pub range: Option<String>,
    /// A policy project or a folder of plain manifests; the nearest `ringfence.yaml` upward from here when absent.
    #[arg(conflicts_with_all = ["before", "after"])]
    pub path: Option<PathBuf>,
    /// Compares this folder, a project or manifests, with that of `--after`; no git is asked.
    #[arg(long, value_name = "DIR", requires = "after")]
    pub before: Option<PathBuf>,
    /// The folder after the change.
    #[arg(long, value_name = "DIR", requires = "before")]
    pub after: Option<PathBuf>,
    /// A file with a Cluster document: what manifests cannot tell about plain ones. It holds for both sides.
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,
    /// Compares with what is staged in git, rather than with what lies on disk.
    #[arg(long, conflicts_with_all = ["before", "after"])]
    pub staged: bool,
    #[command(flatten)]
    pub how: Comparing,
}

/// Arguments of `impact`.
#[derive(Debug, clap::Args)]
pub struct Impact {
    /// A statement (`/payments#mtls`, `/payments/checkout/read-only`) or an entry of one (`/payments/read-only#allow.2`), an object
    /// (`NetworkPolicy/shop/db`), a rule (`AuthorizationPolicy/shop/db#2`), or the line where one stands
    /// (`policies/payments/access.yaml:12`).
    pub statement: String,
    /// A policy project or a folder of plain manifests; the nearest `ringfence.yaml` upward from here when absent.
    pub path: Option<PathBuf>,
    /// A file with a Cluster document: what manifests cannot tell about plain ones.
    #[arg(long, value_name = "FILE", requires = "path")]
    pub facts: Option<PathBuf>,
    /// Reads this git revision, without a checkout.
    #[arg(long, value_name = "REV")]
    pub at: Option<String>,
    #[command(flatten)]
    pub how: Comparing,
}

/// How two sides are compared, and how the change is written down.
#[derive(Debug, clap::Args)]
pub struct Comparing {
    /// Ends with 1 when somebody gains access, or may.
    #[arg(long)]
    pub exit_code: bool,
    /// Resolves both sides for this day; the day of the later commit when absent.
    #[arg(long, value_name = "DATE", value_parser = day, env = "RINGFENCE_AS_OF", hide_env_values = true)]
    pub as_of: Option<Day>,
    /// How to write the change down.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ChangeFormat,
    /// Writes the change to a file as well, as in `markdown=comment.md`; may be repeated.
    #[arg(long, short, value_name = "FORMAT=FILE", value_parser = Output::<ChangeFormat>::parse)]
    pub output: Vec<Output<ChangeFormat>>,
    /// Lists everything, however much it is.
    #[arg(long, short)]
    pub verbose: bool,
    /// How many threads to use; `RAYON_NUM_THREADS`, or as many as there are cores, when absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// The formats of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ChangeFormat {
    /// For people: a block for each change, with a request.
    Text,
    /// A line for each change.
    Concise,
    /// For programs: one versioned document.
    Json,
    /// For a comment on a pull request: a table.
    Markdown,
    /// For code scanning, SARIF 2.1.0: what is opened.
    Sarif,
    /// For the log of a GitHub workflow: an annotation for each way that is opened.
    Github,
}
