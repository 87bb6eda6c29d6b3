//! Who can reach what, and why.
//!
//! In: what the compiler made of a policy tree, or plain manifests. Out: who reaches what, gate by gate ([`reach`],
//! [`matrix`]), the proof that manifests mean what the policy means ([`translation`]), and what is true of its assertions
//! ([`assertions`]).

pub mod admission;
pub mod arrival;
pub mod assertions;
pub mod checks;
pub mod coverage;
pub mod deciding;
pub mod difference;
pub mod engine;
pub mod entrances;
pub mod evaluate;
pub mod exact;
pub mod fleet;
pub mod glob;
pub mod identities;
pub mod idle;
pub mod intervals;
pub mod istio;
pub mod kubernetes;
pub mod matrix;
pub mod meant;
mod memo;
pub mod model;
pub mod movement;
pub mod network;
pub mod outward;
pub mod policies;
pub mod reach;
pub mod redundant;
pub mod refusals;
pub mod request;
pub mod residual;
pub mod rollout;
pub mod routing;
pub mod spoken;
pub mod surroundings;
pub mod translation;
pub mod unknown;
pub mod waypoints;
mod words;
