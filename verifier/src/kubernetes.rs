//! The objects of Kubernetes that decide which connections a network lets through, and what they decide.
//!
//! In: nodes of manifests. Out: typed objects with their places ([`network_policy`], [`tier_policy`]), and for one connection
//! what they say at each end ([`network`], [`passage`]). What manifests do not tell is never guessed: it [`fits::Fits`] perhaps.

pub mod fits;
pub mod network;
pub mod network_policy;
pub mod passage;
pub mod peer;
pub mod port;
pub mod selector;
pub mod tier_policy;
pub(crate) mod tier_version;
