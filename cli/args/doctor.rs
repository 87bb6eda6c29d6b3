//! What a person may type after `doctor`.

use std::path::PathBuf;

use super::Form;

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
pub struct Doctor {
    /// A folder or file of the project; the nearest `ringfence.yaml` upward from here when absent.
    pub path: Option<PathBuf>,
    #[command(flatten)]
    pub form: Form,
}
