//! Reads and writes YAML: the one door for every document, ours or foreign.
//!
//! In: a file of [`Sources`] and a [`Profile`]. Out: its [`Document`]s, each value with the bytes it was written in, and
//! a diagnostic for everything that two readers of the field could understand differently. It exists because a tool that
//! proves things must read exactly what Kubernetes clients read: where that cannot be had, the text is refused.

mod anchors;
mod build;
mod characters;
mod dialects;
pub mod emit;
mod escapes;
mod events;
mod faults;
mod go;
mod mapping;
mod node;
mod refusals;
mod scalar;
mod shape;
mod split;

#[cfg(test)]
mod tests;

use crate::diagnostics::Diagnostics;
use crate::source::{FileId, Sources};

pub use node::{Document, Entry, Mapping, Node, Value};

/// How many containers may stand inside each other, in what is read and in what is written.
pub const MAX_DEPTH: usize = 64;

/// Whose documents are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Our own: what any YAML reader could take for something else is refused.
    Policy,
    /// Foreign Kubernetes manifests: read as kubectl reads them, or refused.
    Manifest,
}

/// Reads every document of a file; null and empty documents are skipped.
///
/// A document with an error is reported and left out; the documents around it are still read.
pub fn read(sources: &Sources, file: FileId, profile: Profile, diagnostics: &mut Diagnostics) -> Vec<Document> {
    let source = sources.file(file);
    let mut budget = anchors::Budget::for_text(source.text());
    let mut documents = Vec::new();
    for piece in split::pieces(source.text()) {
        let place = build::Place { file, offset: piece.offset, length: piece.length };
        let marker = build::Place { file, offset: piece.marker_offset, length: piece.marker.len() };
        let checked = [
            characters::check(piece.marker, source, marker, diagnostics),
            piece.check(place, diagnostics),
            characters::check(&piece.text, source, place, diagnostics),
        ];
        if checked.iter().all(Result::is_ok)
            && let Some(root) = build::document(&piece.text, place, profile, &mut budget, diagnostics)
        {
            documents.push(Document { root });
        }
    }
    documents
}
