//! From a tree of zero-trust policy to the manifests a mesh enforces.
//!
//! Each module is one box of the road, each verb one arrow:
//!
//! ```text
//! Tree --parse--> Parsed --resolve--> Resolved --lower--> ClusterPlan --emit--> Object --compile--> files
//! ```
//!
//! The library takes text and returns values. Files, clock, environment and printing belong to the command line.

pub mod compile;
pub mod delivery;
pub mod diagnostics;
pub mod document;
pub mod emit;
pub mod inventory;
pub mod ir;
pub mod level;
pub mod lower;
pub mod parse;
pub mod patterns;
pub mod requests;
pub mod resolve;
pub mod schema;
pub mod shape;
pub mod source;
pub mod spec;
pub mod tree;
pub mod yaml;
