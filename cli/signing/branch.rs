//! A branch that holds what was compiled and nothing else.
//!
//! In: files, and what to say of them. Out: a commit on top of the branch, signed by the user's own git. It is made of
//! pieces, so that neither the checkout nor the index of a person is touched.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, ObjectType, TreeWalkMode, TreeWalkResult};
use ringfence_signing::release::Origin;

use crate::exit::Failure;
use crate::tree;

/// What a commit says of what it holds.
pub struct Message<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// Where the policy comes from.
    pub origin: &'a Origin,
    /// Why the history before it is sealed, where it is.
    pub seal: Option<&'a str>,
}

impl Message<'_> {
    /// Returns the text. Trailers say from which commit the policy is, and for Argo CD's `strict` mode why it need not look further
    /// back (argo-cd `util/git`: `Argocd-gpg-seal`).
    fn text(&self) -> String {
        let mut text = format!("Deliver cluster {}\n", self.cluster);
        let seal = self.seal.map(|reason| reason.split_whitespace().collect::<Vec<_>>().join(" "));
        let trailers = [
            ("Ringfence-Version", Some(env!("CARGO_PKG_VERSION").to_owned())),
            ("Ringfence-Source", self.origin.source.clone()),
            ("Ringfence-Revision", self.origin.revision.clone()),
            ("Argocd-gpg-seal", seal),
        ];
        for (at, (name, value)) in trailers.into_iter().filter_map(|(name, value)| Some((name, value?))).enumerate() {
            if at == 0 {
                text.push('\n');
            }
            text.push_str(&format!("{name}: {value}\n"));
        }
        text
    }
}

/// What a commit of ours says first of itself.
const TRAILER: &str = "Ringfence-Version: ";

/// A branch of the repository that the project lies in.
pub struct Branch {
    root: PathBuf,
    name: String,
    /// The commit it is at.
    tip: Option<String>,
    /// Whether that is one of ours, by what it says and that somebody signed it.
    is_ours: bool,
}

impl Branch {
    /// Opens a branch, which need not be there yet.
    ///
    /// # Errors
    /// When there is no repository or git, the name is no name of a branch, or the branch is the one that is checked out.
    pub fn open(root: &Path, name: &str) -> Result<Self, Failure> {
        let mut branch = Self { root: root.to_owned(), name: name.to_owned(), tip: None, is_ours: true };
        branch.git(&["check-ref-format", "--branch", name], None)?;
        // A checkout that is not told would look as if everything in it had been deleted.
        let full = format!("refs/heads/{name}");
        let trees = branch.git(&["worktree", "list", "--porcelain"], None)?;
        if trees.lines().any(|line| line.strip_prefix("branch ") == Some(&full)) {
            return Err(Failure::new(format!("branch `{name}` is checked out")).help("name another with `--branch`"));
        }
        let found = branch.git(&["for-each-ref", "--format=%(objectname)", &full], None)?;
        branch.tip = Some(found.trim().to_owned()).filter(|tip| !tip.is_empty());
        if branch.tip.is_none() {
            branch.is_nowhere_else()?;
        }
        if let Some(tip) = &branch.tip {
            let commit = branch.git(&["cat-file", "commit", tip], None)?;
            let (head, said) = commit.split_once("\n\n").unwrap_or((&commit, ""));
            let is_signed = head.lines().any(|line| line.starts_with("gpgsig"));
            branch.is_ours = is_signed && said.lines().any(|line| line.starts_with(TRAILER));
        }
        Ok(branch)
    }

    /// Refuses to begin anew what a remote has already: that history would be lost, or the push refused.
    fn is_nowhere_else(&self) -> Result<(), Failure> {
        let pattern = format!("refs/remotes/*/{}", self.name);
        let found = self.git(&["for-each-ref", "--format=%(refname:short)", &pattern], None)?;
        let Some(remote) = found.lines().next() else { return Ok(()) };
        Err(Failure::new(format!("branch `{}` is at a remote and not here", self.name))
            .help(format!("`git branch {} {remote}` first: each commit goes on top of the one before", self.name)))
    }

    /// Returns the files on it, by path.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn files(&self) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
        let fail =
            |error: git2::Error| Failure::new(format!("cannot read branch `{}`: {}", self.name, error.message()));
        let mut files = BTreeMap::new();
        let Some(tip) = &self.tip else { return Ok(files) };
        let repository = tree::repository::open(&self.root).map_err(fail)?;
        let tree = repository.revparse_single(tip).and_then(|tip| tip.peel_to_tree()).map_err(fail)?;
        let mut wrong = None;
        tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
            if entry.kind() == Some(ObjectType::Blob) {
                let path = format!("{folder}{}", String::from_utf8_lossy(entry.name_bytes()));
                match entry.to_object(&repository).and_then(|object| object.peel_to_blob()) {
                    Ok(blob) => drop(files.insert(path, blob.content().to_vec())),
                    Err(error) => wrong = Some(error),
                }
            }
            TreeWalkResult::Ok
        })
        .map_err(fail)?;
        wrong.map_or(Ok(files), |error| Err(fail(error)))
    }

    /// Tells whether nothing is on it yet.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.tip.is_none()
    }

    /// Tells whether git knows who signed the commit that it is at.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.tip.as_ref().is_some_and(|tip| self.git(&["verify-commit", tip], None).is_ok())
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Commits files, by path, in the place of what the branch holds; nothing where it holds the same already.
    ///
    /// # Errors
    /// When git refuses, or somebody else moved the branch meanwhile.
    pub fn commit(&self, files: BTreeMap<&str, &str>, message: &Message<'_>) -> Result<Option<String>, Failure> {
        let tree = self.tree(&files)?;
        // On top of somebody's work it would look as if that had been deleted; and nobody would look past a commit nobody signed.
        if !self.is_ours && message.seal.is_none() {
            return Err(Failure::new(format!(
                "the last commit of branch `{}` is none that this command signed",
                self.name
            ))
            .help("name another branch, or take that commit back; `--seal REASON` builds on it all the same"));
        }
        if let Some(tip) = &self.tip
            && self.is_ours
            && self.git(&["rev-parse", &format!("{tip}^{{tree}}")], None)?.trim() == tree
        {
            return Ok(None);
        }
        let mut words = vec!["commit-tree", "-S", tree.as_str()];
        if let Some(tip) = &self.tip {
            words.extend(["-p", tip]);
        }
        let commit = self.git(&words, Some(message.text().as_bytes())).map_err(|failure| {
            failure
                .help("git signs with the key it is set up for: see `user.signingkey` and `gpg.format` in its settings")
        })?;
        let commit = commit.trim().to_owned();
        let full = format!("refs/heads/{}", self.name);
        // The last word is where it is believed to be: all zeros for nowhere.
        let before = self.tip.clone().unwrap_or_else(|| "0".repeat(commit.len()));
        self.git(&["update-ref", "-m", "ringfence publish", &full, &commit, &before], None)?;
        Ok(Some(commit))
    }

    /// Writes a tree and its blobs.
    fn tree(&self, files: &BTreeMap<&str, &str>) -> Result<String, Failure> {
        let fail = |error: git2::Error| Failure::new(format!("cannot write to the repository: {}", error.message()));
        let repository = tree::repository::open(&self.root).map_err(fail)?;
        let mut tree = TreeUpdateBuilder::new();
        for (path, text) in files {
            tree.upsert(*path, repository.blob(text.as_bytes()).map_err(fail)?, FileMode::Blob);
        }
        let empty = repository.treebuilder(None).and_then(|builder| builder.write()).map_err(fail)?;
        let empty = repository.find_tree(empty).map_err(fail)?;
        Ok(tree.create_updated(&repository, &empty).map_err(fail)?.to_string())
    }

    /// Runs git and returns what it wrote.
    fn git(&self, words: &[&str], input: Option<&[u8]>) -> Result<String, Failure> {
        let fail = |error: &dyn std::fmt::Display| {
            Failure::new(format!("`git {}`: {error}", words.first().copied().unwrap_or_default()))
        };
        let mut child = Command::new("git")
            .arg("-C")
            .arg(&self.root)
            .args(words)
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| fail(&error))?;
        if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
            // One that does not want it says why by how it ends.
            let _ = pipe.write_all(input);
        }
        let output = child.wait_with_output().map_err(|error| fail(&error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(fail(&said.trim()));
        }
        String::from_utf8(output.stdout).map_err(|error| fail(&error))
    }
}
