//! What `ringfence.yaml` says of delivery, with every key read.
//!
//! In: the field `delivery` and the tree. Out: [`Delivery`], or an error at the place that asks for what cannot be: a
//! controller that would apply what it cannot verify, a key that is none, two clusters in one place.

use std::collections::{BTreeMap, BTreeSet};

use super::add_file;
use crate::delivery::openpgp::PublicKey;
use crate::delivery::{ArgoCd, Delivery, Git, Oci, Trust, argocd, flux, openpgp, pem, ssh};
use crate::diagnostics::codes::parse as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::document::Policy;
use crate::source::{Sources, Spanned};
use crate::spec::delivery::{CLUSTER, DeliverySpec, Release, TrustSpec};
use crate::spec::project::ProjectSpec;
use crate::tree::Tree;

/// The shortest interval of a Kustomization (kustomize-controller 1.9, docs/spec/v1/kustomizations.md, "Interval").
const SHORTEST: u64 = 60_000;

/// Reads what is said of delivery; nothing where nothing is said or something was reported.
pub(super) fn read(
    tree: &dyn Tree,
    project: &ProjectSpec,
    policy: &Policy,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Delivery> {
    let written = project.delivery.as_ref()?;
    let spec = &written.value;
    let trust = match &spec.trust {
        Some(spec) => Keys { tree, sources, diagnostics }.read(spec),
        None => Some(Trust::default()),
    };
    let mut checks = vec![places(written, policy, diagnostics)];
    if let Some(trust) = &trust {
        checks.push(of_flux(spec, trust, diagnostics));
        checks.push(of_argocd(spec, trust, diagnostics));
    }
    if checks.iter().any(Result::is_err) {
        return None;
    }
    Some(Delivery {
        git: spec.git.as_ref().map(|git| Git {
            url: git.value.url.value.0.clone(),
            branch: git.value.branch.as_ref().map_or_else(|| format!("rendered/{CLUSTER}"), |it| it.value.0.clone()),
            path: git.value.path.as_ref().map_or_else(|| format!("clusters/{CLUSTER}"), |it| it.value.0.clone()),
            secret: git.value.secret.as_ref().map(|name| name.value.0.clone()),
        }),
        oci: spec.oci.as_ref().map(|oci| Oci {
            url: oci.value.url.value.0.clone(),
            secret: oci.value.secret.as_ref().map(|name| name.value.0.clone()),
        }),
        trust: trust?,
        flux: spec.flux.as_ref().map(|flux| flux.value.version.value),
        argocd: spec.argocd.as_ref().map(|argocd| ArgoCd {
            version: argocd.value.version.value,
            project: argocd.value.project.as_ref().map_or_else(|| "ringfence".to_owned(), |name| name.value.0.clone()),
        }),
        interval: spec.interval.as_ref().map_or_else(|| "10m".to_owned(), |interval| interval.value.0.clone()),
    })
}

/// Checks where the output goes.
fn places(written: &Spanned<DeliverySpec>, policy: &Policy, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
    let spec = &written.value;
    let mut found = Ok(());
    if spec.git.is_none() && spec.oci.is_none() {
        let missing = code::MISSING_FIELD.at(written.span, "delivery says neither `git` nor `oci`");
        found = Err(diagnostics.report(
            missing.label("published nowhere").help("say where the output is published: `git`, `oci`, or both"),
        ));
    }
    if let Some(interval) = spec.interval.as_ref().filter(|interval| interval.value.milliseconds() < SHORTEST) {
        let short = code::INVALID_VALUE.at(interval.span, format!("`{}` is shorter than a minute", interval.value));
        found = Err(diagnostics.report(short.label("too short").help("Flux wants a minute or more: `1m`")));
    }
    if let Some(git) = &spec.git {
        let says = |text: Option<&str>| text.is_none_or(|text| text.contains(CLUSTER));
        let branch = git.value.branch.as_ref().map(|branch| branch.value.0.as_str());
        let path = git.value.path.as_ref().map(|path| path.value.0.as_str());
        if !says(branch) && !says(path) && policy.clusters.len() > 1 {
            let same = code::INVALID_VALUE.at(git.span, "several clusters would have one branch and one folder");
            found = Err(diagnostics.report(
                same.label(format!("neither says `{CLUSTER}`"))
                    .help(format!("write `{CLUSTER}` in `branch` or in `path`")),
            ));
        }
    }
    if spec.flux.is_some() || spec.argocd.is_some() {
        // Objects are named after clusters, and names of objects are in small letters.
        for cluster in &policy.clusters {
            let name = &cluster.metadata.name;
            if name.value.0.chars().any(|c| c.is_ascii_uppercase()) {
                let capital = code::INVALID_VALUE.at(name.span, format!("`{}` cannot name an object", name.value));
                found =
                    Err(diagnostics.report(capital.label("has capital letters").help(
                        "name the cluster in small letters: what is written below `delivery/` is named after it",
                    )));
            }
        }
    }
    found
}

/// Checks that Flux can verify what it fetches.
fn of_flux(spec: &DeliverySpec, trust: &Trust, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
    let Some(flux) = &spec.flux else { return Ok(()) };
    let version = &flux.value.version;
    old("Flux", version, flux::OLDEST, diagnostics)?;
    let ssh = !trust.ssh.is_empty();
    let (lacks, help) = match (&spec.oci, &spec.git) {
        (Some(_), _) if trust.cosign.is_empty() => {
            ("no key for artifacts, which Flux fetches", "name a file with a public key in `trust.cosign`".to_owned())
        }
        (None, Some(_)) if trust.pgp.is_empty() && ssh && version.value < flux::SSH => (
            "SSH keys alone, which this Flux does not know",
            format!("name an OpenPGP key in `trust.pgp`, or install Flux {} or later", flux::SSH),
        ),
        (None, Some(_)) if trust.pgp.is_empty() && !ssh => (
            "no key for commits, which Flux fetches",
            "name files in `trust.pgp` or `trust.ssh`; of an id alone Flux has no key".to_owned(),
        ),
        _ => return Ok(()),
    };
    let unverified = code::UNVERIFIED_DELIVERY.at(flux.span, format!("trust has {lacks}"));
    Err(diagnostics.report(unverified.label("would apply what it cannot verify").help(help)))
}

/// Checks that Argo CD can verify what it fetches, or fetches it by its digest.
fn of_argocd(spec: &DeliverySpec, trust: &Trust, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
    let Some(argocd) = &spec.argocd else { return Ok(()) };
    let version = &argocd.value.version;
    let oldest = if spec.git.is_none() { argocd::ARTIFACTS } else { argocd::OLDEST };
    old("Argo CD", version, oldest, diagnostics)?;
    if spec.git.is_some() && trust.pgp.is_empty() && trust.pgp_ids.is_empty() {
        let unverified = code::UNVERIFIED_DELIVERY
            .at(argocd.span, "trust has no OpenPGP key, and Argo CD verifies no other signature of a commit");
        return Err(diagnostics.report(
            unverified
                .label("would apply what it cannot verify")
                .help("name a file or an id in `trust.pgp`, or publish by `oci` alone, where the digest is pinned"),
        ));
    }
    Ok(())
}

fn old(what: &str, version: &Spanned<Release>, oldest: Release, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
    if version.value >= oldest {
        return Ok(());
    }
    let old = code::INVALID_VALUE.at(version.span, format!("{what} {} is too old for this", version.value));
    Err(diagnostics.report(old.label("too old").help(format!("{what} {oldest} or later can do what is asked here"))))
}

/// Reads files of keys.
struct Keys<'a> {
    tree: &'a dyn Tree,
    sources: &'a mut Sources,
    diagnostics: &'a mut Diagnostics,
}

impl Keys<'_> {
    /// Reads every file before failing on the first, so that all faults are told.
    fn read(mut self, spec: &TrustSpec) -> Option<Trust> {
        let is_id = |entry: &&Spanned<String>| openpgp::id(&entry.value).is_some();
        let (ids, files): (Vec<_>, Vec<_>) = spec.pgp.iter().partition(is_id);
        let cosign = self.all(spec.cosign.iter(), pem::read);
        let pgp = self.all(files.into_iter(), openpgp::read);
        let ssh = self.all(spec.ssh.iter(), ssh::read);
        let (cosign, pgp, ssh) = (cosign?, pgp?, ssh?);
        let known: BTreeSet<&String> =
            pgp.values().flat_map(|key: &PublicKey| std::iter::once(&key.id).chain(&key.subkeys)).collect();
        let pgp_ids =
            ids.into_iter().filter_map(|entry| openpgp::id(&entry.value)).filter(|id| !known.contains(id)).collect();
        Some(Trust { cosign, pgp, pgp_ids, ssh })
    }

    fn all<'e, T>(
        &mut self,
        entries: impl Iterator<Item = &'e Spanned<String>>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<BTreeMap<String, T>> {
        let (mut keys, mut failed) = (BTreeMap::new(), false);
        for entry in entries {
            let name = stem(&entry.value);
            match self.one(entry, &parse) {
                Ok(_) if keys.contains_key(&name) => {
                    let twice = code::UNUSABLE_KEY.at(entry.span, format!("two files of keys would be `{name}`"));
                    self.diagnostics.report(
                        twice.label("the second one").help("name files so that they differ before the last dot"),
                    );
                    failed = true;
                }
                Ok(key) => drop(keys.insert(name, key)),
                Err(_) => failed = true,
            }
        }
        (!failed).then_some(keys)
    }

    fn one<T>(&mut self, entry: &Spanned<String>, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, Reported> {
        let path = &entry.value;
        let is_below = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !is_below {
            let invalid = code::INVALID_VALUE.at(entry.span, format!("`{path}` is not a file of this repository"));
            return Err(self.diagnostics.report(
                invalid.label("not a path below this file").help("write a relative path without `.` and `..`"),
            ));
        }
        let said = self.diagnostics.len();
        let Some(file) = add_file(self.tree, path, self.sources, self.diagnostics) else {
            let missing = code::UNUSABLE_KEY.at(entry.span, format!("there is no `{path}`"));
            let missing = missing.label("no such file").help("name a file from the folder of `ringfence.yaml`");
            // Where the system refused, it has said why.
            let reported = self.diagnostics.since(said).is_empty().then_some(missing);
            return Err(self.diagnostics.report(reported.unwrap_or_else(|| {
                code::UNUSABLE_KEY.at(entry.span, format!("`{path}` cannot be read")).label("not read")
            })));
        };
        parse(self.sources.file(file).text()).map_err(|reason| {
            let unusable = code::UNUSABLE_KEY.at(entry.span, format!("`{path}` {}", sentence(&reason)));
            self.diagnostics.report(
                unusable
                    .label("not what is wanted here")
                    .help("`docs/delivery.md` says which keys go where, and how to export them"),
            )
        })
    }
}

/// Puts a reason that begins with a line after the name of its file.
fn sentence(reason: &str) -> String {
    if reason.starts_with("line ") { format!("cannot be handed on, {reason}") } else { reason.to_owned() }
}

/// Returns the name of a file without its extension, in the letters that a key of a Secret may have.
fn stem(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let stem = if stem.is_empty() { name } else { stem };
    stem.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect()
}
