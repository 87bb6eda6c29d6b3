//! The `ringfence` command.
#![allow(dead_code, unused_imports, reason = "the commands that use these modules follow")]

mod output;
mod report;
mod tree;

fn main() {}
