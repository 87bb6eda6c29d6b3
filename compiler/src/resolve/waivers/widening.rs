//! What an exception widens its mandate to.
//!
//! In: `widenTo` and the field that is waived. Out: [`Widening`], in the terms of that field.

use std::collections::BTreeSet;

use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::resolve::fields::Arrivals;
use crate::shape::scalar::Text;
use crate::source::Spanned;
use crate::spec::authentication::MtlsMode;
use crate::spec::authority::ExceptionSpec;
use crate::spec::mandates::EgressMode;
use crate::spec::reference::Reference;

/// What a mandate is widened to, in terms of its field.
#[derive(Debug, Clone, PartialEq)]
pub enum Widening {
    /// Of `mtls`.
    Mtls(Arrivals),
    /// Of `egress`.
    Egress(EgressMode),
    /// Of `trustDomains`, `jwt.issuers` and `raw`.
    Words(BTreeSet<String>),
    /// Of `access`.
    Callers(Vec<Spanned<Reference>>),
}

/// Reads what an exception widens to.
pub(super) fn read(spec: &ExceptionSpec, diagnostics: &mut Diagnostics) -> Result<Widening, Reported> {
    let words = &spec.widen_to.value.0;
    match spec.waives.value.field.as_str() {
        "mtls" => one_of(spec, MtlsMode::WORDS, diagnostics).map(|mode| Widening::Mtls(mode.into())),
        "egress" => one_of(spec, EgressMode::WORDS, diagnostics).map(Widening::Egress),
        "access" => {
            let mut callers = Vec::new();
            for word in words {
                let reference = Reference::parse(&word.value).map_err(|reason| {
                    diagnostics.report(code::EXCEPTION_INVALID.at(word.span, reason).label("no caller"))
                })?;
                callers.push(Spanned::new(reference, word.span));
            }
            Ok(Widening::Callers(callers))
        }
        _ => Ok(Widening::Words(words.iter().map(|word| word.value.clone()).collect())),
    }
}

/// Returns the one of some modes that is named, alone.
fn one_of<M: Copy>(spec: &ExceptionSpec, known: &[(&str, M)], diagnostics: &mut Diagnostics) -> Result<M, Reported> {
    if let [word] = spec.widen_to.value.0.as_slice()
        && let Some((_, mode)) = known.iter().find(|(known, _)| *known == word.value)
    {
        return Ok(*mode);
    }
    let list = known.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let message = format!("`{}` is widened to one of {list}", spec.waives.value.field);
    Err(diagnostics.report(code::EXCEPTION_INVALID.at(spec.widen_to.span, message).label("none of them")))
}
