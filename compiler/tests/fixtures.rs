//! Every scenario of `fixtures/` compiles without an error.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

mod support;

use support::{folder, run};

#[test]
fn bookinfo_compiles() {
    let outcome = run(&folder("fixtures/bookinfo"), "2026-11-22");
    assert_eq!(outcome.said(), "");
}

#[test]
fn bank_compiles() {
    let outcome = run(&folder("fixtures/bank"), "2026-11-22");
    assert_eq!(outcome.said(), "");
}

#[test]
fn edge_compiles() {
    let outcome = run(&folder("fixtures/edge"), "2026-11-22");
    assert_eq!(outcome.said(), "");
}
