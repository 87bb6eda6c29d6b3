//! From what holds to the files a GitOps controller syncs: the last arrow of the compiler.
//!
//! In: [`Resolved`]. Out: [`Compiled`], every file with its text, ready to be written or compared.

use std::collections::BTreeMap;

use crate::diagnostics::{Diagnostics, Reported};
use crate::resolve::Resolved;
use crate::source::Sources;

/// Every file of the output, and what can be said of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// Texts by path below the output folder.
    pub files: BTreeMap<String, String>,
    /// How many objects of each kind went to each cluster.
    pub objects: BTreeMap<String, BTreeMap<String, usize>>,
}

/// Compiles for every cluster.
///
/// # Errors
/// When something was reported.
pub fn compile(
    _resolved: &Resolved<'_>,
    _sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Result<Compiled, Reported> {
    diagnostics.check()?;
    Ok(Compiled { files: BTreeMap::new(), objects: BTreeMap::new() })
}
