//! The objects of Istio that decide who may reach whom, as they are written.
//!
//! In: nodes of manifests. Out: typed objects with their places. What an engine makes of them is not said here.

pub mod authorization;
pub mod peer_authentication;
pub mod read;
pub mod request_authentication;
pub mod sidecar;
