//! The language: each kind of document as people write it.
//!
//! In: nothing but the declarations here. Out: one `…Spec` type a kind, each its own reader and JSON Schema. It exists so
//! that the whole vocabulary stands in one place, a noun a file, before anything is looked up or decided.

pub mod access;
pub mod assertion;
pub mod authentication;
pub mod authority;
pub mod cluster;
pub mod delivery;
pub mod egress;
pub mod exposure;
pub mod mandates;
pub mod names;
pub mod node;
pub mod pattern;
pub(crate) mod patterns;
pub mod project;
pub mod raw;
pub mod reference;
pub mod route;
pub mod service;
pub mod virtual_machine;
pub mod zone;

/// The only version of the language so far.
pub const API_VERSION: &str = "ringfence/v1alpha1";
