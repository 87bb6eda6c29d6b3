//! A checkout and its commit are the same tree.

use std::fs;

use git2::{IndexAddOption, Signature, Time};

use super::super::Directory;
use super::*;

fn open(place: &Path, rev: &str, folder: &str) -> Result<Revision, TreeError> {
    let repository = repository::open(place).map_err(|error| refuse(&place.display().to_string(), &error))?;
    Revision::of(repository, rev, folder)
}

/// Commits everything in `folder` that git does not ignore, and `forced` besides, at `seconds` since 1970.
fn commit(folder: &Path, forced: &[&str], seconds: i64) {
    let repository = Repository::init(folder).unwrap();
    let mut index = repository.index().unwrap();
    let mut skip_nested = |path: &Path, _: &[u8]| i32::from(path.starts_with("vendored"));
    index.add_all(["*"], IndexAddOption::DEFAULT, Some(&mut skip_nested)).unwrap();
    for path in forced {
        index.add_path(Path::new(path)).unwrap();
    }
    index.write().unwrap();
    let tree = index.write_tree().unwrap();
    let who = Signature::new("A", "a@example.com", &Time::new(seconds, 0)).unwrap();
    let parents: Vec<_> = repository.head().ok().and_then(|head| head.peel_to_commit().ok()).into_iter().collect();
    let parents: Vec<_> = parents.iter().collect();
    repository.commit(Some("HEAD"), &who, &who, "x", &repository.find_tree(tree).unwrap(), &parents).unwrap();
}

fn write(folder: &Path, path: &str, text: &str) {
    let place = folder.join(path);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(place, text).unwrap();
}

fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, ".gitignore", "/ignored\n*.log\n");
    write(root, ".github/workflow.yaml", "hidden");
    write(root, "ringfence.yaml", "top");
    write(root, "crlf.yaml", "a: 1\r\nb: 2\r\n");
    write(root, "a/b/c/deep.yaml", "deep");
    write(root, "a/.gitignore", "skip.yaml\n");
    write(root, "a/skip.yaml", "ignored by the nested file");
    write(root, "a-b.yaml", "sorts before a/");
    write(root, "ignored/x.yaml", "ignored");
    write(root, "ignored/kept.yaml", "tracked all the same");
    write(root, "ä/ü ö.yaml", "names beyond ASCII");
    write(root, "empty.yaml", "");
    write(root, "run.sh", "#!/bin/sh\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, symlink};
        fs::set_permissions(root.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("../crlf.yaml", root.join("a/link.yaml")).unwrap();
        symlink("a", root.join("folder-link")).unwrap();
        symlink("nowhere.yaml", root.join("broken.yaml")).unwrap();
    }
    // A nested repository, as a submodule is.
    write(root, "vendored/inner.yaml", "inner");
    commit(&root.join("vendored"), &[], 0);
    commit(root, &["ignored/kept.yaml", "vendored"], 1_700_000_000);
    folder
}

#[test]
fn a_clean_checkout_and_its_commit_list_and_read_the_same() {
    let folder = repository();
    for below in ["", "a", "a/b"] {
        let directory = Directory::open(&folder.path().join(below)).unwrap();
        let opened = open(folder.path(), "HEAD", below).unwrap();
        let of_project = Revision::of_project(&folder.path().join(below), "HEAD");
        for revision in [Ok(opened), of_project] {
            let trees: [&dyn Tree; 2] = [&directory, &revision.unwrap()];
            for list in ["", "a", "a/b", "folder-link", "missing", "run.sh", ".github"] {
                let [left, right] = trees.map(|tree| tree.list(list));
                assert_eq!(left, right, "list {list:?} below {below:?}");
                for path in left.unwrap_or_default() {
                    let [left, right] = trees.map(|tree| tree.read(&path));
                    assert_eq!(left, right, "{path}");
                }
            }
            for path in ["", "a", "x", "folder-link/b/c/deep.yaml", "../x", ".gitignore", "run.sh/x", "broken.yaml"] {
                let [left, right] = trees.map(|tree| tree.read(path));
                assert_eq!(left, right, "{path}");
            }
        }
    }
    let revision = open(folder.path(), "HEAD", "").unwrap();
    let mut expected = vec!["a-b.yaml", "a/b/c/deep.yaml"];
    if cfg!(unix) {
        expected.extend(["a/link.yaml", "broken.yaml"]);
    }
    expected.extend(["crlf.yaml", "empty.yaml", "ignored/kept.yaml", "ringfence.yaml", "run.sh", "ä/ü ö.yaml"]);
    assert_eq!(revision.list("").unwrap(), expected);
    assert_eq!(revision.read("crlf.yaml").unwrap().unwrap(), b"a: 1\r\nb: 2\r\n");
}

#[test]
fn a_link_below_a_folder_must_stay_below_it() {
    let folder = repository();
    let error = open(folder.path(), "HEAD", "a").unwrap().list("");
    if cfg!(unix) {
        assert_eq!(error, Directory::open(&folder.path().join("a")).unwrap().list(""));
        assert_eq!(error.unwrap_err().to_string(), "cannot read `link.yaml`: it leads out of the root of the tree");
    }
}

#[test]
fn an_older_revision_is_read_while_the_checkout_moves_on() {
    let folder = repository();
    write(folder.path(), "ringfence.yaml", "changed");
    fs::remove_file(folder.path().join("crlf.yaml")).unwrap();
    let head = open(folder.path(), "HEAD", "").unwrap();
    assert_eq!(head.read("ringfence.yaml").unwrap().unwrap(), b"top");
    assert!(head.read("crlf.yaml").unwrap().is_some());
    commit(folder.path(), &[], 1_700_086_400);
    let before = open(folder.path(), "HEAD~1", "").unwrap();
    assert_eq!(before.read("ringfence.yaml").unwrap().unwrap(), b"top");
    let now = open(folder.path(), "HEAD", "").unwrap();
    assert_eq!(now.read("ringfence.yaml").unwrap().unwrap(), b"changed");
}

#[test]
fn what_is_staged_is_neither_the_commit_nor_the_disk() {
    let folder = repository();
    let repository = Repository::open(folder.path()).unwrap();
    let mut index = repository.index().unwrap();
    write(folder.path(), "ringfence.yaml", "staged");
    index.add_path(Path::new("ringfence.yaml")).unwrap();
    write(folder.path(), "ringfence.yaml", "later");
    index.remove_path(Path::new("a/b/c/deep.yaml")).unwrap();
    write(folder.path(), "untracked.yaml", "new");
    index.write().unwrap();
    let staged = Revision::staged(folder.path()).unwrap();
    assert_eq!(staged.read("ringfence.yaml").unwrap().unwrap(), b"staged");
    assert_eq!(staged.read("a/b/c/deep.yaml").unwrap(), None);
    assert_eq!(staged.read("untracked.yaml").unwrap(), None);
    let (staged, head) = (staged.list("").unwrap(), open(folder.path(), "HEAD", "").unwrap().list("").unwrap());
    let gone: Vec<_> = head.iter().filter(|path| !staged.contains(path)).collect();
    assert_eq!(gone, ["a/b/c/deep.yaml"]);
    // Below a folder, paths begin there.
    let below = Revision::staged(&folder.path().join("a")).unwrap();
    assert!(below.read("b/c/deep.yaml").unwrap().is_none() && below.read("skip.yaml").unwrap().is_none());
}

#[test]
fn a_merge_that_is_not_resolved_has_nothing_staged() {
    let folder = repository();
    let repository = Repository::open(folder.path()).unwrap();
    let mut index = repository.index().unwrap();
    let mut entry = index.get_path(Path::new("ringfence.yaml"), 0).unwrap();
    index.remove_path(Path::new("ringfence.yaml")).unwrap();
    entry.flags = (entry.flags & !(STAGE_MASK << STAGE_SHIFT)) | (2 << STAGE_SHIFT);
    index.add(&entry).unwrap();
    index.write().unwrap();
    let error = Revision::staged(folder.path()).err().unwrap();
    assert!(error.to_string().contains("a merge is not resolved here"), "{error}");
}

#[test]
fn many_threads_read_one_revision() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..200 {
        write(folder.path(), &format!("{}/{number}.yaml", number % 7), &number.to_string());
    }
    commit(folder.path(), &[], 0);
    let revision = open(folder.path(), "HEAD", "").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for path in revision.list("").unwrap() {
                    let number = path.rsplit_once('/').unwrap().1.trim_end_matches(".yaml");
                    assert_eq!(revision.read(&path).unwrap().unwrap(), number.as_bytes());
                }
            });
        }
    });
}

#[test]
fn what_is_not_there_is_named() {
    let folder = repository();
    let refused = |rev: &str, below: &str| open(folder.path(), rev, below).err().unwrap().to_string();
    assert!(refused("nope", "").starts_with("cannot read `nope`: no such git revision: "), "{}", refused("nope", ""));
    assert_eq!(refused("HEAD", "nope"), "cannot read `nope`: revision `HEAD` has no such folder");
    assert_eq!(refused("HEAD", "crlf.yaml"), "cannot read `crlf.yaml`: revision `HEAD` has no such folder");
    let bare = tempfile::tempdir().unwrap();
    assert!(open(bare.path(), "HEAD", "").is_err());
}

#[test]
fn dates_are_days_in_utc() {
    let check = |seconds, expected: &str| assert_eq!(day(seconds), expected);
    check(0, "1970-01-01");
    check(-1, "1969-12-31");
    check(86_399, "1970-01-01");
    check(951_782_400, "2000-02-29");
    check(951_868_800, "2000-03-01");
    check(1_700_000_000, "2023-11-14");
    check(4_107_542_400, "2100-03-01");
    check(-2_208_988_800, "1900-01-01");
}

#[test]
fn a_commit_has_a_day() {
    let folder = repository();
    let root = folder.path();
    assert_eq!(commit_day(root, None).as_deref(), Some("2023-11-14"));
    assert_eq!(commit_day(&root.join("a"), Some("HEAD")).as_deref(), Some("2023-11-14"));
    assert_eq!(commit_day(root, Some("nope")), None);
    let outside = tempfile::tempdir().unwrap();
    assert_eq!(commit_day(outside.path(), None), None);
    Repository::init(outside.path()).unwrap();
    assert_eq!(commit_day(outside.path(), None), None);
}
