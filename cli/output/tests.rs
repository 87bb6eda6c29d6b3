//! Whatever happens, the folder is the old tree or the new one.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::*;

type Files = BTreeMap<String, String>;

/// Makes files of ours; a line of text each, under the header where the path wants one.
fn files(list: &[(&str, &str)]) -> Files {
    let text = |path: &str, text: &str| {
        if path.ends_with(".json") { format!("{text}\n") } else { format!("{HEADER}\n{text}\n") }
    };
    list.iter().map(|(path, line)| ((*path).to_owned(), text(path, line))).collect()
}

/// Reads every file and link below a folder.
fn tree(folder: &Path) -> Files {
    let mut found = Files::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(place) = todo.pop() {
        for entry in fs::read_dir(place).unwrap() {
            let entry = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&entry).unwrap();
            if metadata.is_dir() {
                todo.push(entry);
                continue;
            }
            let text = if metadata.is_symlink() {
                format!("-> {}", fs::read_link(&entry).unwrap().display())
            } else {
                fs::read_to_string(&entry).unwrap()
            };
            found.insert(entry.strip_prefix(folder).unwrap().to_str().unwrap().to_owned(), text);
        }
    }
    found
}

fn put(out: &Path, path: &str, text: &str) {
    fs::create_dir_all(out.join(path).parent().unwrap()).unwrap();
    fs::write(out.join(path), text).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn here() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let out = fs::canonicalize(folder.path()).unwrap().join("out");
    (folder, out)
}

fn write_plain(out: &Path, files: &Files) -> Result<Written, OutputError> {
    write(out, Surroundings::default(), files)
}

#[test]
fn a_folder_is_created_changed_and_cleaned() {
    let (parent, out) = here();
    let first =
        files(&[("clusters/a/1/x.yaml", "one"), ("clusters/a/2/y.yaml", "two"), (".ringfence/a.lock.json", "{}")]);
    let written = write_plain(&out, &first).unwrap();
    assert_eq!((written.created.len(), written.unchanged), (3, 0));
    assert_eq!(tree(&out), first);
    let second =
        files(&[("clusters/a/1/x.yaml", "ONE"), ("clusters/b/z.yaml", "three"), (".ringfence/a.lock.json", "{}")]);
    let written = write_plain(&out, &second).unwrap();
    assert_eq!(written.created, ["clusters/b/z.yaml"]);
    assert_eq!(written.changed, ["clusters/a/1/x.yaml"]);
    assert_eq!(written.removed, ["clusters/a/2/y.yaml"]);
    assert_eq!(written.unchanged, 1);
    assert_eq!(tree(&out), second);
    assert!(!out.join("clusters/a/2").exists(), "a folder we emptied goes away");
    assert_eq!(names(parent.path()), ["out"], "nothing is left beside it");
}

#[test]
fn parents_of_a_new_folder_are_made() {
    let (_parent, out) = here();
    let wanted = files(&[("clusters/a/x.yaml", "one")]);
    write_plain(&out.join("deep/er"), &wanted).unwrap();
    assert_eq!(tree(&out.join("deep/er")), wanted);
}

#[test]
fn an_unchanged_folder_is_not_touched() {
    use std::time::SystemTime;
    let (_parent, out) = here();
    let wanted = files(&[("clusters/a/x.yaml", "one"), ("delivery/flux/a.yaml", "two")]);
    write_plain(&out, &wanted).unwrap();
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let places = [out.clone(), out.join("clusters/a"), out.join("clusters/a/x.yaml")];
    for place in &places {
        fs::File::open(place).unwrap().set_modified(long_ago).unwrap();
    }
    assert!(write_plain(&out, &wanted).unwrap().is_unchanged());
    for place in &places {
        assert_eq!(fs::metadata(place).unwrap().modified().unwrap(), long_ago, "{}", place.display());
    }
    // A change elsewhere leaves the time of a file that stays as it is.
    write_plain(&out, &files(&[("clusters/a/x.yaml", "one"), ("delivery/flux/a.yaml", "2")])).unwrap();
    assert_eq!(fs::metadata(&places[2]).unwrap().modified().unwrap(), long_ago);
}

#[test]
fn what_others_keep_there_stays() {
    let (_parent, out) = here();
    put(&out, "README.md", "mine");
    put(&out, "clusters/a/notes.yaml", "# mine\n");
    put(&out, "clusters/a/old.yaml", &format!("{HEADER}\r\nold"));
    put(&out, "examples/copy.yaml", &format!("{HEADER}\n"));
    put(&out, ".ringfence/README", "mine");
    fs::create_dir_all(out.join("empty/folder")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", out.join("clusters/link")).unwrap();
    let before = tree(&out);
    let wanted = files(&[("clusters/a/new.yaml", "new")]);
    let written = write_plain(&out, &wanted).unwrap();
    assert_eq!(
        (written.created, written.removed),
        (vec!["clusters/a/new.yaml".to_owned()], vec!["clusters/a/old.yaml".to_owned()])
    );
    let mut expected = before;
    expected.remove("clusters/a/old.yaml");
    expected.extend(wanted);
    assert_eq!(tree(&out), expected);
    assert!(out.join("empty/folder").is_dir());
}

#[test]
fn a_file_of_somebody_else_is_never_overwritten() {
    fn check(theirs: &[&str], ours: &str, expected: Option<&[&str]>) {
        let (parent, out) = here();
        for path in theirs {
            put(&out, path, "mine");
        }
        let before = tree(&out);
        let found = write_plain(&out, &files(&[(ours, "x"), ("clusters/other.yaml", "y")]));
        match expected {
            Some(paths) => {
                assert_eq!(
                    found,
                    Err(OutputError::Foreign(paths.iter().map(|path| (*path).to_owned()).collect())),
                    "{ours}"
                );
                assert_eq!(tree(&out), before);
                assert_eq!(names(parent.path()), ["out"]);
            }
            None => drop(found.unwrap()),
        }
    }
    check(&["clusters/a.yaml"], "clusters/a.yaml", Some(&["clusters/a.yaml"]));
    check(&["clusters/a"], "clusters/a/x.yaml", Some(&["clusters/a"]));
    check(&["clusters"], "clusters/a/x.yaml", Some(&["clusters"]));
    check(&["clusters/a/b.yaml", "clusters/a/c"], "clusters/a", Some(&["clusters/a/b.yaml", "clusters/a/c"]));
    check(&[".ringfence/a.lock.json"], ".ringfence/a.lock.json", None);
}

#[test]
fn what_could_not_be_recognised_later_is_refused() {
    let check = |path: &str, text: &str| {
        let (_parent, out) = here();
        let wanted = BTreeMap::from([(path.to_owned(), text.to_owned())]);
        assert_eq!(write_plain(&out, &wanted), Err(OutputError::Unmarked(path.to_owned())));
        assert!(!out.exists());
    };
    check("clusters/a.yaml", "a: 1\n");
    check("clusters/a.yaml", &format!("{HEADER} really\n"));
    check("elsewhere/a.yaml", &format!("{HEADER}\n"));
    check("clusters/../../a.yaml", &format!("{HEADER}\n"));
    check("/clusters/a.yaml", &format!("{HEADER}\n"));
    check("clusters//a.yaml", &format!("{HEADER}\n"));
}

#[test]
fn a_signature_stays_for_as_long_as_its_lock() {
    let (_parent, out) = here();
    let first =
        files(&[("clusters/a/x.yaml", "one"), (".ringfence/a.lock.json", "1"), (".ringfence/b.lock.json", "1")]);
    write_plain(&out, &first).unwrap();
    put(&out, ".ringfence/a.sigstore.json", "signed");
    put(&out, ".ringfence/b.sigstore.json", "signed");
    assert!(write_plain(&out, &first).unwrap().is_unchanged());
    assert_eq!(compare(&out, &first).unwrap(), []);
    let second =
        files(&[("clusters/a/x.yaml", "two"), (".ringfence/a.lock.json", "2"), (".ringfence/b.lock.json", "1")]);
    assert_eq!(write_plain(&out, &second).unwrap().removed, [".ringfence/a.sigstore.json"]);
    assert!(out.join(".ringfence/b.sigstore.json").exists());
}

#[test]
fn comparing_names_each_difference_and_touches_nothing() {
    let (parent, out) = here();
    let wanted = files(&[
        ("clusters/a.yaml", "a"),
        ("clusters/b.yaml", "b"),
        ("clusters/c.yaml", "c"),
        ("clusters/e.yaml", "e"),
    ]);
    let list = |found: Vec<Difference>| {
        found.into_iter().map(|it| format!("{} {}", it.kind.word(), it.path)).collect::<Vec<_>>()
    };
    assert_eq!(list(compare(&out, &wanted).unwrap()).len(), 4);
    assert_eq!(names(parent.path()), [] as [&str; 0]);
    for (path, text) in files(&[("clusters/b.yaml", "b"), ("clusters/c.yaml", "old"), ("clusters/d.yaml", "d")]) {
        put(&out, &path, &text);
    }
    put(&out, "clusters/e.yaml", "somebody's");
    let before = tree(&out);
    let expected =
        ["missing clusters/a.yaml", "changed clusters/c.yaml", "extra clusters/d.yaml", "changed clusters/e.yaml"];
    assert_eq!(list(compare(&out, &wanted).unwrap()), expected);
    assert_eq!(tree(&out), before);
    assert_eq!(names(parent.path()), ["out"]);
}

#[test]
fn a_folder_that_is_no_place_for_output_is_refused() {
    let (_parent, top) = here();
    let repository = top.join("repository");
    for folder in
        ["repository/policies/org", "repository/.git", "repository/plain", "other/.git", "bare/refs", "bare/objects"]
    {
        fs::create_dir_all(top.join(folder)).unwrap();
    }
    put(&top, "repository/file", "");
    put(&top, "bare/HEAD", "");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("plain", repository.join("link")).unwrap();
        std::os::unix::fs::symlink("policies", repository.join("alias")).unwrap();
    }
    let policies = [repository.join("policies")];
    let around = Surroundings { repository: Some(&repository), policies: &policies };
    let check = |out: &str, expected: &str| {
        let found = write(&top.join(out), around, &files(&[("clusters/a.yaml", "a")]));
        match found {
            Err(OutputError::Refused { reason, .. }) => assert!(reason.contains(expected), "{out}: {reason}"),
            other => panic!("{out}: {other:?}"),
        }
    };
    check("repository", "root of a git repository");
    check("repository/policies/..", "root of a git repository");
    check("other", "root of a git repository");
    check("", "holds the whole repository");
    check("repository/policies", "where policy is read from");
    check("repository/policies/org/out", "it is inside");
    check("repository/file", "it is not a folder");
    check("repository/.git/out", "git keeps its own files");
    check("other/.git", "git keeps its own files");
    check("bare/out", "git keeps its own files");
    check("repository/missing/../policies", "leads through `..`");
    if cfg!(unix) {
        check("repository/link", "symbolic link");
        check("repository/link/", "symbolic link");
        check("repository/alias/out", "it is inside");
    }
    write(&repository.join("plain/out"), around, &files(&[("clusters/a.yaml", "a")])).unwrap();
}

#[test]
fn a_second_run_at_once_is_told_so_and_a_dead_one_stops_nobody() {
    let (parent, out) = here();
    let wanted = files(&[("clusters/a.yaml", "a")]);
    let held = Lock::take(&out).unwrap();
    let found = write_plain(&out, &wanted);
    assert_eq!(found, Err(OutputError::Busy { folder: out.display().to_string(), holder: Some(std::process::id()) }));
    assert!(!out.exists());
    drop(held);
    assert_eq!(names(parent.path()), [] as [&str; 0]);
    put(parent.path(), ".out.ringfence.lock", "99999999\n");
    write_plain(&out, &wanted).unwrap();
    assert_eq!(names(parent.path()), ["out"]);
}

#[test]
fn leftovers_of_a_killed_run_are_cleared_and_nothing_of_others_with_them() {
    let (parent, out) = here();
    let wanted = files(&[("clusters/a.yaml", "a")]);
    write_plain(&out, &wanted).unwrap();
    // Killed right after the trees changed places, with a note that somebody had just left in the old one.
    put(parent.path(), ".out.ringfence-new/clusters/a.yaml", &format!("{HEADER}\nolder\n"));
    put(parent.path(), ".out.ringfence-new/clusters/note.md", "mine");
    assert!(write_plain(&out, &wanted).unwrap().is_unchanged());
    assert_eq!(fs::read_to_string(out.join("clusters/note.md")).unwrap(), "mine");
    assert_eq!(names(parent.path()), ["out"]);
    // Killed between two renames.
    fs::rename(&out, parent.path().join(".out.ringfence-old")).unwrap();
    put(parent.path(), ".out.ringfence-new/clusters/a.yaml", &format!("{HEADER}\nnewer\n"));
    assert!(write_plain(&out, &wanted).unwrap().is_unchanged());
    assert_eq!(names(parent.path()), ["out"]);
}

#[test]
fn a_file_that_arrives_while_the_new_tree_is_built_is_carried_over() {
    for method in [Method::Exchange, Method::TwoRenames] {
        let (parent, out) = here();
        put(&out, "kept.md", "kept");
        put(&out, "edited.md", "before");
        let wanted = files(&[("clusters/a.yaml", "a")]);
        let present = Present::read(&out).unwrap();
        let staged = stage::build(&out, &present, &wanted, &present.plan(&wanted)).unwrap();
        put(&out, "late/note.md", "late");
        put(&out, "edit", "after");
        fs::rename(out.join("edit"), out.join("edited.md")).unwrap();
        swap::put_in_place(&staged, &out, &present, method).unwrap();
        let mut expected = wanted;
        for (path, text) in [("kept.md", "kept"), ("edited.md", "after"), ("late/note.md", "late")] {
            expected.insert(path.to_owned(), text.to_owned());
        }
        assert_eq!(tree(&out), expected, "{method:?}");
        assert_eq!(names(parent.path()), ["out"]);
    }
}

/// Two trees that share some files, differ in some, and each have some of their own.
fn versions() -> [Files; 2] {
    [0, 1].map(|version| {
        let file = |number: usize| match number % 3 {
            0 => (format!("clusters/a/{}/{number}.yaml", number % 7), format!("{HEADER}\nshared: {number}\n")),
            1 => (format!("clusters/a/{}/{number}.yaml", number % 7), format!("{HEADER}\nversion: {version}\n")),
            _ => (format!("clusters/v{version}/{number}.yaml"), format!("{HEADER}\nown: {number}\n")),
        };
        (0..90).map(file).chain([(".ringfence/a.lock.json".to_owned(), format!("{version}\n"))]).collect()
    })
}

const WRITE_TO: &str = "RINGFENCE_TEST_WRITE_TO";
const WRITE_BY: &str = "RINGFENCE_TEST_WRITE_BY";

/// Does nothing in a normal run; as a child of the test below it writes until it is killed.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(out) = std::env::var_os(WRITE_TO) else { return };
    let method = if std::env::var(WRITE_BY).unwrap() == "exchange" { Method::Exchange } else { Method::TwoRenames };
    loop {
        for version in versions() {
            write_by(Path::new(&out), Surroundings::default(), &version, method).unwrap();
        }
    }
}

/// Kills a writing child `times` times; returns how often no folder stood under the name.
fn kill(out: &Path, method: &str, times: u64) -> usize {
    let [old, new] = versions().map(|mut files| {
        files.insert("notes.md".to_owned(), "mine".to_owned());
        files
    });
    put(out, "notes.md", "mine");
    write_plain(out, &versions()[0]).unwrap();
    let mut missing = 0;
    for turn in 0..times {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "output::tests::child_that_writes_until_it_is_killed"])
            .env(WRITE_TO, out)
            .env(WRITE_BY, method)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Starting takes some milliseconds, a turn of the loop a few; the steps spread the kills over all of it.
        std::thread::sleep(Duration::from_micros(15_000 + turn * 7_919 % 30_000));
        assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
        if !out.exists() {
            missing += 1;
            assert_eq!(method, "two renames");
            swap::recover(out).unwrap();
        }
        let found = tree(out);
        assert!(found == old || found == new, "turn {turn}: neither the old tree nor the new one");
    }
    write_plain(out, &versions()[1]).unwrap();
    assert_eq!(tree(out), new);
    missing
}

#[test]
fn a_killed_run_leaves_the_old_tree_or_the_new_one() {
    let (parent, out) = here();
    assert_eq!(kill(&out, "exchange", 60), 0);
    assert_eq!(names(parent.path()), ["out"]);
}

#[test]
fn a_run_killed_between_two_renames_is_repaired_by_the_next() {
    let (parent, out) = here();
    kill(&out, "two renames", 30);
    assert_eq!(names(parent.path()), ["out"]);
}
