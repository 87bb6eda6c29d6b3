//! Why anybody should believe the verifier: it is held against itself, done another way.
//!
//! - `second` judges random policies with decision diagrams and a walk over texts of its own;
//! - `worlds` judges every request of a small world one by one, and `meshes` every pair of small meshes by rules written
//!   down a second time;
//! - `laws` changes meshes in ways whose effect is known beforehand;
//! - `faults` shows that all of this notices mistakes.
//!
//! Everything is drawn from seeds, so that a failure names the world it was found in. `TRUST_TIMES=20` asks about twenty times
//! as many worlds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test"
)]

mod bdd;
mod cases;
mod faults;
#[path = "../../examples/envoy_cases/generate.rs"]
mod generate;
mod laws;
mod mesh;
mod meshes;
mod naive;
#[path = "../../examples/envoy_cases/random.rs"]
mod random;
#[path = "../../examples/envoy_cases/requests.rs"]
mod requests;
mod second;
#[path = "../support/mod.rs"]
mod support;
mod texts;
mod worlds;

/// Returns as many seeds as a test asks for, or more if the environment wants more.
fn seeds(count: u64) -> std::ops::Range<u64> {
    let times = std::env::var("TRUST_TIMES").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    0..count * times
}
