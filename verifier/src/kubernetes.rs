//! The objects of Kubernetes that decide which connections a network lets through, as they are written.
//!
//! In: nodes of manifests. Out: typed objects with their places.

pub mod network_policy;
pub mod selector;
