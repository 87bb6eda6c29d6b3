//! The two doors on random repositories: whatever compiles is proved to mean what it was compiled from.
//!
//! The repositories are those of the compiler's laws.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    reason = "the helpers of a test fail like the test, and this one needs some of those it shares"
)]

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestError, TestRunner};
use ringfence_compiler::compile::compile;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::parse::parse;
use ringfence_compiler::resolve::resolve;
use ringfence_compiler::shape::scalar::Text;
use ringfence_compiler::source::Sources;
use ringfence_compiler::spec::names::Day;
use ringfence_verifier::translation::prove;

use crate::files::Layout;
use crate::repository::TODAY;

#[path = "../../compiler/tests/laws/files.rs"]
mod files;
#[path = "../../compiler/tests/laws/generate.rs"]
mod generate;
#[path = "../../compiler/tests/laws/repository.rs"]
mod repository;
#[path = "../../compiler/tests/support/mod.rs"]
mod support;

#[test]
fn whatever_compiles_means_what_it_was_compiled_from() {
    let proved = Cell::new(0);
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    let check = |repository: repository::Repository| {
        let files = repository.files(&Layout::plain());
        let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
        let Ok(parsed) = parse(&files, &mut sources, &mut diagnostics) else { return Ok(()) };
        let Ok(resolved) = resolve(&parsed, Day::parse(TODAY).unwrap(), &mut diagnostics) else { return Ok(()) };
        let Ok(compiled) = compile(&resolved, &sources, &mut diagnostics) else { return Ok(()) };
        let mut said = Diagnostics::new();
        let proof = prove(&resolved, &compiled, &mut said);
        proved.set(proved.get() + proof.ports);
        match said.sorted(&sources).first() {
            None => Ok(()),
            Some(first) => Err(TestCaseError::fail(format!(
                "{}: {}\n{}",
                first.message(),
                first.help_text().unwrap_or_default(),
                files
                    .iter()
                    .map(|(path, text)| format!("# {path}\n{}", String::from_utf8_lossy(text)))
                    .collect::<String>(),
            ))),
        }
    };
    let ended = TestRunner::new(config).run(&generate::repository(), check);
    match ended {
        Ok(()) => {}
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(TestError::Abort(reason)) => panic!("no more cases: {reason}"),
    }
    assert!(proved.get() > 500, "only {} ports were proved: the law shows nothing", proved.get());
}
