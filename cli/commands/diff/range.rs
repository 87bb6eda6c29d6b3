//! What is compared with what.
//!
//! In: what was typed: `BASE..HEAD`, `BASE...HEAD`, `BASE`, or two folders. Out: [`Range`].

use std::path::{Path, PathBuf};

use crate::args;
use crate::exit::Failure;
use crate::tree::repository::is_revision;
use crate::tree::revision::merge_base;

/// Two sides.
pub(super) struct Range {
    pub before: Side,
    pub after: Side,
    /// What a person calls the comparison.
    pub title: String,
}

/// One side: a place, and the revision it is looked at.
pub(in crate::commands) struct Side {
    pub place: Option<PathBuf>,
    pub revision: Option<String>,
    /// Whether it is what is staged.
    pub staged: bool,
    /// What a person calls it.
    pub name: String,
}

impl Side {
    /// Returns a side that is called so, and of which no revision is known.
    pub fn named(name: &str) -> Self {
        Self { place: None, revision: None, staged: false, name: name.to_owned() }
    }
}

impl Range {
    /// Reads what was typed. A single word that is a folder, and no range, is the place.
    ///
    /// # Errors
    /// When two revisions have no common ancestor, where that was asked for.
    pub fn of(args: &args::Diff) -> Result<Self, Failure> {
        if let (Some(before), Some(after)) = (&args.before, &args.after) {
            let side = |place: &Path| Side {
                place: Some(place.to_owned()),
                revision: None,
                staged: false,
                name: place.display().to_string(),
            };
            let (before, after) = (side(before), side(after));
            return Ok(Self { title: format!("{} to {}", before.name, after.name), before, after });
        }
        if let (Some(one), None) = (&args.range, &args.path)
            && Path::new(one).is_dir()
            && is_revision(Path::new("."), one)
        {
            return Err(Failure::new(format!("`{one}` is a folder and a revision"))
                .help(format!("write `{one} .` for the revision, and `./{one}` for the folder")));
        }
        let (range, place) = match (&args.range, &args.path) {
            (Some(one), None) if Path::new(one).is_dir() => ("HEAD", Some(PathBuf::from(one))),
            (range, path) => (range.as_deref().unwrap_or("HEAD"), path.clone()),
        };
        let folder = place.clone().unwrap_or_else(|| PathBuf::from("."));
        let or_head = |text: &str| if text.is_empty() { "HEAD".to_owned() } else { text.to_owned() };
        let (base, head) = match (range.split_once("..."), range.split_once("..")) {
            (Some((base, head)), _) => {
                let head = or_head(head);
                (merge_base(&folder, &or_head(base), &head).map_err(Failure::new)?, Some(head))
            }
            (None, Some((base, head))) => (or_head(base), Some(or_head(head))),
            (None, None) => (range.to_owned(), None),
        };
        if head.is_some() && args.staged {
            return Err(Failure::new(format!("`{range}` names both sides, and what is staged is neither"))
                .help("name one revision, or none"));
        }
        let here = if args.staged { "what is staged" } else { "what lies on disk" };
        let title = format!("{range}{}", if head.is_none() { format!(" to {here}") } else { String::new() });
        let after = Side {
            place: place.clone(),
            name: head.clone().unwrap_or_else(|| here.to_owned()),
            revision: head,
            staged: args.staged,
        };
        let before = Side { place, name: format!("`{base}`"), revision: Some(base), staged: false };
        Ok(Self { before, after, title })
    }
}
