//! From a tree of zero-trust policy to the manifests a mesh enforces.

pub mod diagnostics;
pub mod requests;
pub mod source;
