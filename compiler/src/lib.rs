//! From a tree of zero-trust policy to the manifests a mesh enforces.

pub mod diagnostics;
pub mod document;
pub mod inventory;
pub mod level;
pub mod parse;
pub mod requests;
pub mod resolve;
pub mod schema;
pub mod shape;
pub mod source;
pub mod spec;
pub mod tree;
pub mod yaml;
