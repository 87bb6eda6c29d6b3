//! The real binary, from the outside: what it prints, what it writes, how it ends.
//!
//! In: fixtures, and copies of them that are broken on purpose. Each run has an environment of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

#[path = "cli/answers.rs"]
mod answers;
#[path = "cli/delivery.rs"]
mod delivery;
#[path = "cli/diff.rs"]
mod diff;
#[path = "cli/doctor.rs"]
mod doctor;
#[path = "cli/exposed.rs"]
mod exposed;
#[path = "cli/forms.rs"]
mod forms;
#[path = "cli/gate.rs"]
mod gate;
#[path = "cli/init.rs"]
mod init;
#[path = "cli/manifests.rs"]
mod manifests;
#[path = "cli/movement.rs"]
mod movement;
#[path = "cli/output.rs"]
mod output;
#[path = "cli/people.rs"]
mod people;
#[path = "cli/reach.rs"]
mod reach;
#[path = "cli/fake/registry.rs"]
mod registry;
#[path = "cli/repository.rs"]
mod repository;
#[path = "cli/runner.rs"]
mod runner;
#[path = "cli/steps.rs"]
mod steps;
#[path = "cli/verdicts.rs"]
mod verdicts;
