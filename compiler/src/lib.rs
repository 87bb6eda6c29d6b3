//! From a tree of zero-trust policy to the manifests a mesh enforces.

pub mod compile;
pub mod diagnostics;
pub mod document;
pub mod emit;
pub mod inventory;
pub mod ir;
pub mod level;
pub mod lower;
pub mod parse;
pub mod requests;
pub mod resolve;
pub mod shape;
pub mod source;
pub mod spec;
pub mod tree;
pub mod yaml;
