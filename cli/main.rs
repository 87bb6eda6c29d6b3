//! The `ringfence` command.
//!
//! In: what a person typed. Out: an exit code: 0 nothing to object, 1 findings, 2 could not run, 3 nothing to look at, and
//! 10 denied for who asks `reach` that way. All that touches files, the clock, the environment and the terminal is in this crate.

mod args;
mod baseline;
mod commands;
mod console;
mod exit;
mod mesh;
mod output;
mod progress;
mod project;
mod registry;
mod report;
mod signing;
mod summary;
mod tree;

use std::process::ExitCode;

use clap::Parser as _;

/// Most of what a run makes is very many small texts.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let verdict = exit::guarded(|| {
        let args = args::Args::parse();
        console::use_colour(args.color);
        commands::run(args.verb)
    });
    ExitCode::from(verdict.code())
}
