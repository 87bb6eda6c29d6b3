//! A tree as it lies on disk.
//!
//! In: a folder. Out: its files as git would see them. Inside a checkout `.gitignore` counts, except for a file that is
//! tracked all the same and for a folder that is asked for by name (rendered manifests, say); hidden files and nested
//! repositories never count. A personal ignore file (`~/.config/git/ignore`, `.git/info/exclude`) changes nothing, so
//! that every machine compiles the same. A link to a file is a file; the files behind a link to a folder are listed
//! where they really are; a link out of the root stops the listing.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, WalkBuilder};
use ringfence_compiler::tree::{Tree, TreeError};

use super::link::{Node, Place, resolve};
use super::project::git_root;
use super::{is_hidden_below, join, rename};

/// A folder and everything below it.
#[derive(Debug)]
pub struct Directory {
    root: PathBuf,
    /// What git tracks below the root, so that an ignore rule hides no file of the project.
    tracked: Vec<String>,
}

impl Directory {
    /// Opens the folder at `root`, links in its own path followed.
    ///
    /// # Errors
    /// When there is no such folder, or the git index beside it cannot be read.
    pub fn open(root: &Path) -> Result<Self, TreeError> {
        let root = fs::canonicalize(root).map_err(|error| at(&root.display().to_string(), &error))?;
        if !root.is_dir() {
            return Err(TreeError { path: root.display().to_string(), reason: "it is not a folder".to_owned() });
        }
        let tracked = git_root(&root).map_or_else(|| Ok(Vec::new()), |git| tracked_below(&git, &root))?;
        Ok(Self { root, tracked })
    }

    fn look(&self, path: &str) -> Result<Node, TreeError> {
        let place = self.root.join(path);
        let kind = match fs::symlink_metadata(&place) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if is_absence(&error) => return Ok(Node::Nothing),
            Err(error) => return Err(at(path, &error)),
        };
        if kind.is_symlink() {
            let target = fs::read_link(&place).map_err(|error| at(path, &error))?;
            return target.to_str().map(|target| Node::Link(target.to_owned())).ok_or_else(|| not_utf8(path, &target));
        }
        Ok(if kind.is_file() {
            Node::File
        } else if kind.is_dir() {
            Node::Folder
        } else {
            Node::Nothing
        })
    }

    /// Returns the path from the root of an entry that is a file, or a link that stands for one.
    fn listed(&self, entry: &DirEntry) -> Result<Option<String>, TreeError> {
        let kind = entry.file_type();
        let is_link = kind.is_some_and(|kind| kind.is_symlink());
        // The start of the walk, a folder, is an entry too.
        if entry.depth() == 0 || !(is_link || kind.is_some_and(|kind| kind.is_file())) {
            return Ok(None);
        }
        let path = self.below_root(entry.path())?;
        if !is_link {
            return Ok(Some(path));
        }
        match resolve(&path, |place| self.look(place))? {
            // A broken link is listed, so that whoever asks for the file hears of it.
            Place::File(_) | Place::Nothing | Place::BrokenLink => Ok(Some(path)),
            Place::Folder(_) => Ok(None),
        }
    }

    /// Tells whether a tracked path that an ignore rule hides is there, as itself and not behind a link.
    fn is_listable(&self, path: &str) -> Result<bool, TreeError> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        match resolve(folder, |place| self.look(place))? {
            Place::Folder(real) if real == folder => {}
            _ => return Ok(false),
        }
        match self.look(&join(folder, name))? {
            Node::File => Ok(true),
            Node::Link(_) => Ok(!matches!(resolve(path, |place| self.look(place))?, Place::Folder(_))),
            Node::Folder | Node::Nothing => Ok(false),
        }
    }

    fn below_root(&self, path: &Path) -> Result<String, TreeError> {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        let mut parts = Vec::new();
        for part in below {
            parts.push(part.to_str().ok_or_else(|| not_utf8(&below.to_string_lossy(), below))?);
        }
        Ok(parts.join("/"))
    }

    fn walk(&self, folder: &str) -> Result<BTreeSet<String>, TreeError> {
        let mut builder = WalkBuilder::new(self.root.join(folder));
        builder
            .follow_links(false)
            .ignore(false)
            .git_global(false)
            .git_exclude(false)
            // Outside a checkout `.gitignore` has no say, least of all one in a home folder above.
            .require_git(true)
            .filter_entry(|entry| entry.depth() == 0 || !is_nested_repository(entry));
        let mut paths = BTreeSet::new();
        for entry in builder.build() {
            let entry = entry.map_err(|error| TreeError { path: folder.to_owned(), reason: error.to_string() })?;
            paths.extend(self.listed(&entry)?);
        }
        Ok(paths)
    }
}

impl Tree for Directory {
    fn list(&self, folder: &str) -> Result<Vec<String>, TreeError> {
        let Place::Folder(real) = resolve(folder, |place| self.look(place))? else { return Ok(Vec::new()) };
        let mut paths = self.walk(&real)?;
        let prefix = join(&real, "");
        for path in self.tracked.iter().filter(|path| path.starts_with(&prefix) && !is_hidden_below(&real, path)) {
            if !paths.contains(path) && self.is_listable(path)? {
                paths.insert(path.clone());
            }
        }
        Ok(paths.into_iter().map(|path| rename(&path, &real, folder)).collect())
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TreeError> {
        match resolve(path, |place| self.look(place))? {
            Place::File(real) => fs::read(self.root.join(real)).map(Some).map_err(|error| at(path, &error)),
            Place::Folder(_) | Place::Nothing => Ok(None),
            Place::BrokenLink => Err(TreeError { path: path.to_owned(), reason: "it is a link to nothing".to_owned() }),
        }
    }
}

/// A repository inside this one, as a submodule is: git does not look inside, and neither do we.
fn is_nested_repository(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_dir()) && entry.path().join(".git").exists()
}

/// Reads the git index as a file: opening the whole repository would ask who owns it, which a reader need not know.
fn tracked_below(git: &Path, root: &Path) -> Result<Vec<String>, TreeError> {
    let Some(index) = index_file(git).filter(|index| index.is_file()) else { return Ok(Vec::new()) };
    let refuse = |error: git2::Error| TreeError {
        path: index.display().to_string(),
        reason: format!("the git index is not readable here: {}", error.message()),
    };
    let mut prefix = Vec::new();
    for part in root.strip_prefix(git).unwrap_or(Path::new("")) {
        let part = part.to_str().ok_or_else(|| not_utf8(&root.to_string_lossy(), root))?;
        prefix.extend_from_slice(part.as_bytes());
        prefix.push(b'/');
    }
    let mut paths = Vec::new();
    for entry in git2::Index::open(&index).map_err(refuse)?.iter() {
        let is_submodule = entry.mode & 0o170_000 == 0o160_000;
        let Some(below) = entry.path.strip_prefix(prefix.as_slice()).filter(|_| !is_submodule) else { continue };
        // A name that is not UTF-8 is refused by the walk, unless the file is gone or ignored.
        paths.extend(String::from_utf8(below.to_vec()).ok());
    }
    Ok(paths)
}

/// Finds the index of the checkout at `git`; in a linked worktree `.git` is a file that names the folder.
fn index_file(git: &Path) -> Option<PathBuf> {
    let place = git.join(".git");
    if place.is_dir() {
        return Some(place.join("index"));
    }
    let text = fs::read_to_string(place).ok()?;
    let folder = text.strip_prefix("gitdir:")?.trim();
    Some(git.join(folder).join("index"))
}

/// Tells whether the error means that there is no such file, rather than one that cannot be reached.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename)
        // A NUL in a path, which no file system has.
        || error.kind() == io::ErrorKind::InvalidInput
}

fn at(path: &str, error: &io::Error) -> TreeError {
    TreeError { path: path.to_owned(), reason: error.to_string() }
}

fn not_utf8(path: &str, name: &Path) -> TreeError {
    let reason = format!("`{}` is not valid UTF-8; rename it", name.to_string_lossy());
    TreeError { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let place = folder.path().join(path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, text).unwrap();
        }
        folder
    }

    #[test]
    fn lists_files_in_byte_order_without_hidden_and_ignored_ones() {
        let files = [
            ("b.yaml", ""),
            ("a/z.yaml", ""),
            ("a-b.yaml", ""),
            ("a/.hidden/x.yaml", ""),
            (".github/x.yaml", ""),
            ("a/tmp/x.yaml", ""),
            ("keep.tmp.yaml", ""),
            (".gitignore", "tmp/\n"),
            (".git/HEAD", ""),
        ];
        let folder = folder(&files);
        let tree = Directory::open(folder.path()).unwrap();
        assert_eq!(tree.list("").unwrap(), ["a-b.yaml", "a/z.yaml", "b.yaml", "keep.tmp.yaml"]);
        assert_eq!(tree.list("a").unwrap(), ["a/z.yaml"]);
        assert_eq!(tree.list("a/tmp").unwrap(), ["a/tmp/x.yaml"]);
        assert!(tree.list("missing").unwrap().is_empty());
        assert!(tree.list("b.yaml").unwrap().is_empty());
    }

    #[test]
    fn reads_a_file_and_nothing_else() {
        let folder = folder(&[("a/b.yaml", "x: 1\r\n")]);
        let tree = Directory::open(folder.path()).unwrap();
        assert_eq!(tree.read("a/b.yaml").unwrap().unwrap(), b"x: 1\r\n");
        for path in ["a", "", "c", "a/b.yaml/c", "a/\0"] {
            assert_eq!(tree.read(path), Ok(None), "{path:?}");
        }
        assert!(tree.read("../x").is_err());
        assert!(tree.read(&"x".repeat(5000)).unwrap().is_none());
    }

    #[test]
    fn a_missing_root_is_an_error() {
        assert!(Directory::open(Path::new("/nowhere/at/all")).is_err());
    }

    #[cfg(unix)]
    mod on_unix {
        use super::*;
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::fs::symlink;

        #[test]
        fn a_link_to_a_file_is_a_file_and_a_link_to_a_folder_is_not_walked() {
            let folder = folder(&[("base/a.yaml", "a")]);
            symlink("base", folder.path().join("alias")).unwrap();
            symlink("../base/a.yaml", folder.path().join("base/again.yaml")).unwrap();
            symlink("nowhere", folder.path().join("broken.yaml")).unwrap();
            let tree = Directory::open(folder.path()).unwrap();
            assert_eq!(tree.list("").unwrap(), ["base/a.yaml", "base/again.yaml", "broken.yaml"]);
            assert_eq!(tree.read("base/again.yaml").unwrap().unwrap(), b"a");
            assert_eq!(tree.read("broken.yaml").unwrap_err().reason, "it is a link to nothing");
            // A folder may be named by its link.
            assert_eq!(tree.list("alias").unwrap(), ["alias/a.yaml", "alias/again.yaml"]);
            assert_eq!(tree.read("alias/a.yaml").unwrap().unwrap(), b"a");
        }

        #[test]
        fn a_link_out_of_the_root_stops_the_listing() {
            let outside = folder(&[("secret.yaml", "s")]);
            for target in [outside.path().join("secret.yaml"), PathBuf::from("../x.yaml"), outside.path().to_owned()] {
                let inside = folder(&[("a.yaml", "")]);
                symlink(&target, inside.path().join("out.yaml")).unwrap();
                let tree = Directory::open(inside.path()).unwrap();
                assert_eq!(tree.list("").unwrap_err().path, "out.yaml");
                assert!(tree.read("out.yaml").is_err());
                assert!(tree.read("out.yaml/secret.yaml").is_err());
                assert_eq!(tree.read("a.yaml").unwrap().unwrap(), b"");
            }
        }

        #[test]
        fn a_name_that_is_not_utf8_is_named_in_the_error() {
            let folder = folder(&[("a.yaml", "")]);
            fs::write(folder.path().join(std::ffi::OsStr::from_bytes(b"b\xff.yaml")), "").unwrap();
            let error = Directory::open(folder.path()).unwrap().list("").unwrap_err();
            assert_eq!(
                error.to_string(),
                "cannot read `b\u{fffd}.yaml`: `b\u{fffd}.yaml` is not valid UTF-8; rename it"
            );
        }
    }
}
