//! What the output folder holds now, and whose it is.
//!
//! In: the folder. Out: our files with their bytes, everybody else's by name, and from the two of them what has to
//! change. It exists so that one place decides what is ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::{HEADER, OutputError, Written};

/// An entry that is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Foreign {
    /// A file.
    File,
    /// A link.
    Link,
    /// A folder with nothing in it.
    EmptyFolder,
}

/// The content of the output folder.
#[derive(Debug, Default)]
pub(super) struct Present {
    /// Whether the folder is there at all.
    pub(super) exists: bool,
    /// Our files.
    pub(super) ours: BTreeMap<String, Vec<u8>>,
    /// Everything else, by its path below the folder.
    pub(super) foreign: BTreeMap<PathBuf, Foreign>,
    /// Every folder with its permissions, the output folder itself as `""`.
    pub(super) folders: BTreeMap<PathBuf, fs::Permissions>,
}

impl Present {
    /// Reads the folder at `out`, which need not exist.
    ///
    /// # Errors
    /// When something in it cannot be read, or is neither file, folder nor link.
    pub(super) fn read(out: &Path) -> Result<Self, OutputError> {
        let mut present = Self::default();
        match fs::metadata(out) {
            Ok(metadata) => present.folders.insert(PathBuf::new(), metadata.permissions()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(present),
            Err(error) => return Err(OutputError::system("read", out, &error)),
        };
        present.exists = true;
        let mut todo = vec![PathBuf::new()];
        while let Some(folder) = todo.pop() {
            let place = out.join(&folder);
            let mut is_empty = true;
            for entry in fs::read_dir(&place).map_err(|error| OutputError::system("read", &place, &error))? {
                is_empty = false;
                let entry = entry.map_err(|error| OutputError::system("read", &place, &error))?;
                let below = folder.join(entry.file_name());
                if present
                    .add(out, below.clone())
                    .map_err(|error| OutputError::system("read", &entry.path(), &error))?
                {
                    todo.push(below);
                }
            }
            if is_empty && folder != Path::new("") {
                present.foreign.insert(folder, Foreign::EmptyFolder);
            }
        }
        Ok(present)
    }

    /// Adds one entry; tells whether it is a folder to look into.
    fn add(&mut self, out: &Path, below: PathBuf) -> io::Result<bool> {
        let place = out.join(&below);
        let metadata = fs::symlink_metadata(&place)?;
        if metadata.is_dir() {
            self.folders.insert(below, metadata.permissions());
            return Ok(true);
        }
        if metadata.is_symlink() {
            self.foreign.insert(below, Foreign::Link);
        } else if !metadata.is_file() {
            return Err(io::Error::other("it is neither a file, a folder nor a link; move it away"));
        } else if let Some(path) = portable(&below).filter(|path| may_be_ours(path)) {
            match read_if_ours(&path, &place)? {
                Some(bytes) => drop(self.ours.insert(path, bytes)),
                None => drop(self.foreign.insert(below, Foreign::File)),
            }
        } else {
            self.foreign.insert(below, Foreign::File);
        }
        Ok(false)
    }

    /// Says what has to change for the folder to hold `files`.
    pub(super) fn plan(&self, files: &BTreeMap<String, String>) -> Written {
        let mut written = Written::default();
        for (path, text) in files {
            match self.ours.get(path) {
                None => written.created.push(path.clone()),
                Some(bytes) if bytes == text.as_bytes() => written.unchanged += 1,
                Some(_) => written.changed.push(path.clone()),
            }
        }
        let gone = self.ours.keys().filter(|path| !files.contains_key(*path) && !self.is_valid_signature(path, files));
        written.removed = gone.cloned().collect();
        written
    }

    /// Tells whether `path` is the signature over a lock that stays as it is: signing is not part of every run.
    pub(super) fn is_valid_signature(&self, path: &str, files: &BTreeMap<String, String>) -> bool {
        let Some(cluster) = path.strip_suffix(".sigstore.json") else { return false };
        let lock = format!("{cluster}.lock.json");
        self.ours.get(&lock).is_some_and(|bytes| files.get(&lock).is_some_and(|text| text.as_bytes() == bytes))
    }

    /// Lists the entries of others that stand where one of `files`, or a folder it needs, belongs.
    pub(super) fn in_the_way(&self, files: &BTreeMap<String, String>) -> Vec<String> {
        let paths: BTreeSet<&Path> = files.keys().map(Path::new).collect();
        let needed: BTreeSet<&Path> = paths.iter().flat_map(|path| path.ancestors().skip(1)).collect();
        let in_the_way = |(path, kind): &(&PathBuf, &Foreign)| {
            let blocks =
                **kind != Foreign::EmptyFolder && (paths.contains(path.as_path()) || needed.contains(path.as_path()));
            // A folder that holds something of theirs stands where a file of ours belongs.
            blocks || path.ancestors().skip(1).any(|folder| paths.contains(folder))
        };
        self.foreign.iter().filter(in_the_way).map(|(path, _)| path.display().to_string()).collect()
    }
}

/// Refuses files that could not be told to be ours when they are found again, or that lie outside the folder.
pub(super) fn check_produced(files: &BTreeMap<String, String>) -> Result<(), OutputError> {
    for (path, text) in files {
        let is_plain = path.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.contains('\\'));
        if !is_plain || !may_be_ours(path) || !is_ours(path, text.as_bytes()) {
            return Err(OutputError::Unmarked(path.clone()));
        }
    }
    Ok(())
}

/// Tells whether files of ours live at such a path.
fn may_be_ours(path: &str) -> bool {
    ["clusters/", "delivery/"].iter().any(|top| path.starts_with(top)) || is_ours_by_path(path)
}

/// JSON has no comments to carry a header, so its place makes it ours.
fn is_ours_by_path(path: &str) -> bool {
    path.starts_with(".ringfence/") && path.ends_with(".json")
}

fn is_ours(path: &str, bytes: &[u8]) -> bool {
    // A checkout on Windows may have turned the line ends round.
    let after = bytes.strip_prefix(HEADER.as_bytes());
    is_ours_by_path(path)
        || after.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"\n") || rest.starts_with(b"\r\n"))
}

/// Reads a file, but only so much of one that is not ours as it takes to see that.
fn read_if_ours(path: &str, place: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut file = fs::File::open(place)?;
    let mut bytes = Vec::new();
    file.by_ref().take(HEADER.len() as u64 + 2).read_to_end(&mut bytes)?;
    if !is_ours(path, &bytes) {
        return Ok(None);
    }
    file.read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Returns a path with `/` between its parts, if it can be written so.
fn portable(path: &Path) -> Option<String> {
    let parts: Option<Vec<_>> = path.iter().map(|part| part.to_str()).collect();
    Some(parts?.join("/"))
}
