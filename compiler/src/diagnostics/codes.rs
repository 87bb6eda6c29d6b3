//! Every code there is, one file a stage.
//!
//! In: nothing. Out: a static [`Code`] for each kind of diagnostic, and the list of them that `ringfence checks` prints
//! and tests walk. A retired id stays in [`RETIRED`], so that none is used twice.

pub mod ignore;
pub mod inventory;
pub mod lowering;
pub mod mesh;
pub mod parse;
pub mod resolve;
pub mod verify;
pub mod yaml;

use super::Code;
#[cfg(test)]
use super::Severity;

/// Declares the codes of one stage: the static, its weight, its id, its line in the list and its page, without which
/// nothing compiles.
macro_rules! codes {
    ($($name:ident: $severity:ident = $id:literal, $summary:literal;)*) => {
        $(
            #[doc = $summary]
            pub static $name: $crate::diagnostics::Code = $crate::diagnostics::Code {
                id: $id,
                severity: $crate::diagnostics::Severity::$severity,
                summary: $summary,
                page: include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/../fixtures/broken/",
                    $id,
                    "/README.md"
                )),
            };
        )*
        /// Every code of this stage, in the order of declaration.
        pub(super) static ALL: &[&$crate::diagnostics::Code] = &[$(&$name),*];
    };
}
pub(crate) use codes;

/// Ids that were used once and never will be again.
pub static RETIRED: &[&str] = &[];

/// Returns every code, sorted by id.
#[must_use]
pub fn all() -> Vec<&'static Code> {
    let mut all: Vec<_> =
        [ignore::ALL, inventory::ALL, lowering::ALL, mesh::ALL, parse::ALL, resolve::ALL, verify::ALL, yaml::ALL]
            .into_iter()
            .flatten()
            .copied()
            .collect();
    all.sort_by_key(|code| code.id);
    all
}

/// Returns the code with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Code> {
    all().into_iter().find(|code| code.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_well_formed() {
        let all = all();
        for pair in all.windows(2) {
            assert_ne!(pair[0].id, pair[1].id);
        }
        for code in all {
            assert!(!RETIRED.contains(&code.id), "{} is retired", code.id);
            let parts: Vec<_> = code.id.split('/').collect();
            assert_eq!(parts.len(), 2, "{}", code.id);
            assert!(
                code.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "/-".contains(c)),
                "{}",
                code.id
            );
            assert!(matches!(code.severity, Severity::Error | Severity::Warning | Severity::Note));
        }
    }
}
