//! What a finding is called from run to run.
//!
//! In: diagnostics. Out: an id each, the same as long as its code, file, line of text and sentence are, wherever in the file that
//! line moves to. Baselines, SARIF and comments on pull requests know findings by it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ringfence_compiler::diagnostics::Diagnostic;
use ringfence_compiler::source::Sources;
use sha2::{Digest as _, Sha256};

/// Gives each of these, which are sorted, its id: 16 hexadecimal digits. Those that are the same in all but their place are
/// counted in their order.
#[must_use]
pub fn identified<'d>(listed: Vec<Cow<'d, Diagnostic>>, sources: &Sources) -> Vec<(String, Cow<'d, Diagnostic>)> {
    let mut seen: BTreeMap<[u8; 32], u32> = BTreeMap::new();
    let one = |diagnostic: Cow<'d, Diagnostic>| {
        let mut hash = Sha256::new();
        let (path, line) = place(&diagnostic, sources);
        for part in [diagnostic.code().id, path, line, diagnostic.message()] {
            hash.update(part.as_bytes());
            // No text holds it, so that two lists of parts are never one text.
            hash.update([0]);
        }
        let known: [u8; 32] = hash.finalize().into();
        let count = seen.entry(known).or_default();
        *count += 1;
        let mut hash = Sha256::new();
        hash.update(known);
        hash.update(count.to_be_bytes());
        (hex(&hash.finalize()), diagnostic)
    };
    listed.into_iter().map(one).collect()
}

/// Returns the path a finding is about, and the line it begins on, without what is around it.
pub fn place<'s>(diagnostic: &Diagnostic, sources: &'s Sources) -> (&'s str, &'s str) {
    let Some(span) = diagnostic.span() else { return ("", "") };
    let file = sources.file(span.file);
    let (line, _) = file.position(span.start);
    let start = file.line_starts().get(line - 1).copied().unwrap_or_default() as usize;
    let text = file.text().get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    (file.path(), text.trim())
}

/// Writes the first bytes of a digest down.
pub fn hex(digest: &[u8]) -> String {
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
