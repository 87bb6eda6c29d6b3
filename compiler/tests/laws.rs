//! The laws of the language, on whole random repositories.
//!
//! In: small repositories as plain data ([`repository`], [`generate`]). Each is written as files ([`files`]), compiled, and
//! held against what its documents mean request by request ([`meaning`]) and against what a mesh and a network plugin do
//! with the objects that came out ([`authorization`], [`network`]), each of them written without the compiler's algebra.
//! The laws stand in a file each: [`safety`], [`layout`], [`monotony`], [`translation`], [`exceptions`], [`consent`],
//! [`flows`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

#[path = "laws/authorization.rs"]
mod authorization;
#[path = "laws/consent.rs"]
mod consent;
#[path = "laws/examine.rs"]
mod examine;
#[path = "laws/exceptions.rs"]
mod exceptions;
#[path = "laws/files.rs"]
mod files;
#[path = "laws/flows.rs"]
mod flows;
#[path = "laws/generate.rs"]
mod generate;
#[path = "laws/layout.rs"]
mod layout;
#[path = "laws/meaning.rs"]
mod meaning;
#[path = "laws/monotony.rs"]
mod monotony;
#[path = "laws/network.rs"]
mod network;
#[path = "laws/patterns.rs"]
mod patterns;
#[path = "laws/repository.rs"]
mod repository;
#[path = "laws/safety.rs"]
mod safety;
mod support;
#[path = "laws/translation.rs"]
mod translation;
#[path = "laws/universe.rs"]
mod universe;
