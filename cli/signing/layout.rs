//! The OCI layout on disk: `oci/` in the output folder.
//!
//! In: a folder. Out: a [`Layout`], and the other way round. Blobs are written before the index that names them, each under another
//! name first, so that a run that is killed leaves a layout that is whole.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ringfence_signing::layout::Layout;

use super::folder::bounded;
use crate::exit::Failure;

/// Its folder in the output.
pub const FOLDER: &str = "oci";

/// Reads the layout in a folder; an empty one where there is no folder.
///
/// # Errors
/// When it holds something else.
pub fn read(folder: &Path) -> Result<Layout, Failure> {
    let mut files = BTreeMap::new();
    let blobs = folder.join("blobs/sha256");
    for path in [folder.join("oci-layout"), folder.join("index.json")].into_iter().chain(listed(&blobs)?) {
        match bounded(&path) {
            Ok(bytes) => {
                let below = path.strip_prefix(folder).unwrap_or(&path);
                let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
                files.insert(parts.join("/"), bytes);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failure("read", &path, &error)),
        }
    }
    Layout::read(files).map_err(|error| Failure::new(format!("`{}`: {error}", folder.display())))
}

/// Writes a layout to a folder, in which nothing is removed.
///
/// # Errors
/// When the system refuses.
pub fn write(folder: &Path, layout: &Layout) -> Result<(), Failure> {
    for (path, bytes) in layout.files() {
        let place = folder.join(&path);
        if fs::read(&place).is_ok_and(|there| there == bytes) {
            continue;
        }
        let parent = place.parent().unwrap_or(folder);
        let part = parent.join(".ringfence-part");
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&part, &bytes))
            .and_then(|()| fs::rename(&part, &place))
            .map_err(|error| failure("write", &place, &error))?;
    }
    Ok(())
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failure("read", folder, &error)),
    };
    entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(|error| failure("read", folder, &error))
}

fn failure(action: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot {action} `{}`: {error}", path.display()))
}
