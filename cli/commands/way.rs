//! From what is there to what was compiled: the old end, and what of a plan is taken.
//!
//! In: files that lie in an output folder or on a branch. Out: [`Old`], which a step is partly made of, and [`Taken`]. A step keeps
//! what was there, so that it is signed only where that was.

use std::collections::BTreeMap;

use ringfence_compiler::compile::Compiled;
use ringfence_signing::key::PublicKey;
use ringfence_signing::release::folder;
use ringfence_signing::verify::{Refusal, Trust, folder as signed};
use ringfence_verifier::rollout::{Files, Next};

use super::project_keys;
use crate::args::Rollout;
use crate::exit::Failure;
use crate::output;
use crate::project::Project;

/// Output that is there.
pub(super) struct Old {
    files: BTreeMap<String, Vec<u8>>,
    texts: Files,
    /// Where it lies, in words.
    place: String,
}

/// What of a plan is taken.
pub(super) enum Taken {
    /// What was compiled.
    Target,
    /// A step, which stands in the place of what was compiled.
    Step,
    /// Nothing, and why.
    Refused(&'static str),
}

impl Old {
    /// Reads it; nothing where none of it is ours.
    ///
    /// # Errors
    /// When something in it is no text: what cannot be read is not absent.
    pub fn of(files: BTreeMap<String, Vec<u8>>, place: &str) -> Result<Option<Self>, Failure> {
        let mut texts = Files::new();
        for (path, bytes) in &files {
            let text = String::from_utf8(bytes.clone()).map_err(|_| {
                Failure::new(format!("`{path}` in `{place}` is no text, so that no way from it is known"))
            })?;
            texts.insert(path.clone(), text);
        }
        let is_ours = |text: &String| text.starts_with(output::HEADER);
        Ok(texts.values().any(is_ours).then(|| Self { files, texts, place: place.to_owned() }))
    }

    /// Returns its texts.
    pub fn texts(&self) -> &Files {
        &self.texts
    }

    /// Refuses what is not as somebody trusted signed it: those whom the project trusts, and who signs now. Until when that holds
    /// is no matter: it is there.
    ///
    /// # Errors
    /// When something of a cluster that is compiled is not.
    pub fn is_signed(&self, project: &Project, compiled: &Compiled, signer: &PublicKey) -> Result<(), Failure> {
        let mut keys = project.parsed.as_ref().map_or_else(|| Ok(Vec::new()), project_keys)?;
        keys.push(signer.clone());
        let today = project.as_of.to_string();
        let trust = Trust { keys: &keys, today: &today, newest: None };
        for cluster in compiled.objects.keys().filter(|cluster| self.holds(cluster)) {
            let refusals = signed::check(cluster, &self.files, &trust).err().unwrap_or_default();
            let mut refusals = refusals.iter().filter(|refusal| !matches!(refusal, Refusal::Stale { .. }));
            if let Some(refusal) = refusals.next() {
                return Err(Failure::new(format!(
                    "a step keeps what is in `{}`, and that is not signed for cluster `{cluster}`: {refusal}",
                    self.place
                ))
                .help("sign first what is there, from the commit it was compiled from; without `--sign` the step is written all the same"));
            }
        }
        Ok(())
    }

    fn holds(&self, cluster: &str) -> bool {
        self.files.keys().any(|path| path.starts_with(&folder(cluster)))
    }
}

impl Taken {
    /// Takes what is next, as far as that was asked for.
    pub fn of(next: &Next, how: Rollout, compiled: &mut Compiled) -> Self {
        match (next, how) {
            (Next::Target, _) | (_, Rollout::Direct) => Self::Target,
            (Next::Step(_, files), Rollout::TwoPhase) => {
                // All that is of clusters, and nothing else.
                compiled.files.retain(|path, _| !path.starts_with("clusters/") && !path.ends_with(".lock.json"));
                compiled.files.extend(files.iter().map(|(path, text)| (path.clone(), text.clone())));
                Self::Step
            }
            (Next::Step(..), Rollout::Check) => Self::Refused("access would be open on the way that neither end opens"),
            (Next::Nothing(_), Rollout::Check | Rollout::TwoPhase) => {
                Self::Refused("no way there is known on which nothing opens that neither end opens")
            }
        }
    }
}
