//! An output folder on disk, as far as signatures are about it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// Reads everything that a signature may be about, by its path. What is no plain file cannot be what was signed.
///
/// # Errors
/// When something is neither file nor folder, or the system refuses.
pub fn read(place: &Path) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let mut files = BTreeMap::new();
    let mut folders = vec![PathBuf::from("clusters"), PathBuf::from(".ringfence")];
    let fail = |path: &Path, error: &io::Error| Failure::new(format!("cannot read `{}`: {error}", path.display()));
    while let Some(below) = folders.pop() {
        let folder = place.join(&below);
        if fs::symlink_metadata(&folder).is_ok_and(|it| it.is_symlink()) {
            return Err(Failure::new(format!("`{}` is a link, and only files are signed", folder.display())));
        }
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(fail(&folder, &error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| fail(&folder, &error))?;
            let (path, name) = (entry.path(), below.join(entry.file_name()));
            let kind = entry.file_type().map_err(|error| fail(&path, &error))?;
            if kind.is_dir() {
                folders.push(name);
                continue;
            }
            if !kind.is_file() {
                return Err(Failure::new(format!(
                    "`{}` is a link or a device, and only files are signed",
                    path.display()
                )));
            }
            let parts: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
            files.insert(parts.join("/"), bounded(&path).map_err(|error| fail(&path, &error))?);
        }
    }
    Ok(files)
}

/// As many bytes as a file may have: what is larger was not signed, and is not read to find that out.
const MOST: u64 = 64 << 20;

/// Reads a file, if it is one and not larger than anything that is signed.
///
/// # Errors
/// When it is, or the system refuses.
pub fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let refuse = |why: &str| Err(io::Error::other(why.to_owned()));
    // To open a pipe waits until somebody writes to it.
    if !fs::metadata(path)?.is_file() {
        return refuse("it is no file");
    }
    let file = fs::File::open(path)?;
    let mut bytes = Vec::new();
    if file.metadata()?.len() > MOST {
        return refuse("it is larger than anything that is signed");
    }
    // It may grow while it is read.
    file.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST {
        return refuse("it is larger than anything that is signed");
    }
    Ok(bytes)
}

/// Returns the clusters that anything in a folder is about.
#[must_use]
pub fn clusters(files: &BTreeMap<String, Vec<u8>>) -> BTreeSet<String> {
    let of = |path: &str| -> Option<String> {
        if let Some(below) = path.strip_prefix("clusters/") {
            // A file among the folders of clusters is of none, and was not signed.
            return Some(below.split_once('/').map_or(below, |(cluster, _)| cluster).to_owned());
        }
        let name = path.strip_prefix(".ringfence/")?;
        let name = name.strip_suffix(".lock.json").or_else(|| name.strip_suffix(".sigstore.json"))?;
        Some(name.to_owned())
    };
    files.keys().filter_map(|path| of(path)).collect()
}
