//! `verify`: whether a folder or an artifact is what was signed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use ringfence_signing::key::PublicKey;
use ringfence_signing::layout::Layout;
use ringfence_signing::verify::{Refusal, Trust, artifact, folder};
use serde_json::{Value, json};

use super::{settings, trusted};
use crate::args::{FormatName, Verify};
use crate::console;
use crate::exit::{Exit, Failure};
use crate::project::shown;
use crate::signing::known::Known;
use crate::signing::{self, layout, time};

/// What came of one cluster.
struct Checked {
    cluster: String,
    /// What was checked: `folder` or `artifact`.
    what: &'static str,
    outcome: Result<Accepted, Vec<Refusal>>,
}

#[derive(Default)]
struct Accepted {
    files: usize,
    digest: Option<String>,
    revision: Option<String>,
    created: Option<String>,
    not_after: Option<String>,
    attested: Vec<String>,
}

/// Runs the command.
pub(super) fn run(args: &Verify) -> Result<Exit, Failure> {
    let keys = trusted(&args.key, Path::new("."))?;
    let today = match args.as_of {
        Some(day) => day.to_string(),
        None => today()?,
    };
    let place = match &args.folder {
        Some(folder) => folder.clone(),
        None => settings(Path::new("."))?.output,
    };
    if !place.is_dir() {
        return Err(Failure::no_input(format!("there is no folder `{}`", place.display())));
    }
    let mut known = args.known.as_deref().map(Known::read).transpose()?;
    let checked = if place.join("oci-layout").is_file() {
        artifacts(&layout::read(&place)?, &args.cluster, (&keys, &today), known.as_mut())
    } else {
        folders(&place, args, (&keys, &today), known.as_mut())?
    };
    if checked.is_empty() {
        return Err(Failure::no_input(format!(
            "`{}` holds neither output of ringfence nor an OCI layout with any",
            place.display()
        )));
    }
    let refused = checked.iter().any(|one| one.outcome.is_err());
    say(&place, &checked, args.format)?;
    if let (Some(known), false) = (&known, refused) {
        known.write()?;
    }
    Ok(if refused { Exit::Findings } else { Exit::Clean })
}

/// Checks every cluster in an output folder, and its artifact where one lies there as well.
fn folders(
    place: &Path,
    args: &Verify,
    (keys, today): (&[PublicKey], &str),
    mut known: Option<&mut Known>,
) -> Result<Vec<Checked>, Failure> {
    let files = signing::folder::read(place)?;
    let layout = layout::read(&place.join(layout::FOLDER))?;
    let mut checked = Vec::new();
    let mut there = signing::folder::clusters(&files);
    if args.cluster.is_empty() && !there.is_empty() {
        // What was accepted before and is gone is missing, not unknown.
        there.extend(known.iter().flat_map(|known| known.clusters()).map(str::to_owned));
    }
    for cluster in wanted(&there, &args.cluster)? {
        let newest = known.as_ref().and_then(|known| known.newest(&cluster)).map(str::to_owned);
        let trust = Trust { keys, today, newest: newest.as_deref() };
        let outcome = folder::check(&cluster, &files, &trust).map(|it| Accepted {
            files: it.files,
            revision: it.revision,
            created: it.created,
            not_after: it.not_after,
            ..Accepted::default()
        });
        if let (Ok(Accepted { created: Some(created), .. }), Some(known)) = (&outcome, known.as_mut()) {
            known.accepted(&cluster, created);
        }
        let is_accepted = outcome.is_ok();
        checked.push(Checked { cluster: cluster.clone(), what: "folder", outcome });
        if layout.named(&cluster).is_some() {
            let below = ringfence_signing::release::folder(&cluster);
            let own = files.iter().filter(|(path, _)| path.starts_with(&below));
            let own: BTreeMap<String, Vec<u8>> = own.map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
            let outcome = artifact::check(&cluster, &layout, &trust).and_then(|accepted| {
                // What is wrong with the folder was said of the folder.
                let differing = if is_accepted { artifact::compare(&accepted, &own) } else { Vec::new() };
                if differing.is_empty() { Ok(of_artifact(accepted)) } else { Err(differing) }
            });
            checked.push(Checked { cluster, what: "artifact", outcome });
        }
    }
    Ok(checked)
}

/// Checks every artifact of a layout, by its name.
fn artifacts(
    layout: &Layout,
    asked: &[String],
    (keys, today): (&[PublicKey], &str),
    mut known: Option<&mut Known>,
) -> Vec<Checked> {
    let is_ours =
        |name: &&str| !name.starts_with("sha256-") && (asked.is_empty() || asked.iter().any(|one| one == name));
    let mut names: BTreeSet<String> = layout.names().filter(is_ours).map(str::to_owned).collect();
    // One that was asked for and is not there is refused, not passed over.
    names.extend(asked.iter().cloned());
    if asked.is_empty() {
        names.extend(known.iter().flat_map(|known| known.clusters()).map(str::to_owned));
    }
    let mut checked = Vec::new();
    for cluster in names {
        let newest = known.as_ref().and_then(|known| known.newest(&cluster)).map(str::to_owned);
        let trust = Trust { keys, today, newest: newest.as_deref() };
        let outcome = artifact::check(&cluster, layout, &trust).map(of_artifact);
        if let (Ok(Accepted { created: Some(created), .. }), Some(known)) = (&outcome, known.as_mut()) {
            known.accepted(&cluster, created);
        }
        checked.push(Checked { cluster, what: "artifact", outcome });
    }
    checked
}

fn of_artifact(accepted: artifact::Accepted) -> Accepted {
    Accepted {
        files: accepted.files.len(),
        digest: Some(accepted.digest.to_string()),
        attested: accepted.attested,
        created: accepted.created,
        not_after: accepted.not_after,
        ..Accepted::default()
    }
}

fn wanted(there: &BTreeSet<String>, asked: &[String]) -> Result<Vec<String>, Failure> {
    if let Some(name) = asked.iter().find(|name| !there.contains(*name)) {
        return Err(
            Failure::new(format!("no cluster `{name}` is there")).did_you_mean(name, there.iter().map(String::as_str))
        );
    }
    Ok(if asked.is_empty() { there.iter().cloned().collect() } else { asked.to_vec() })
}

/// Returns today's date in UTC.
pub(super) fn today() -> Result<String, Failure> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_err(Failure::new)?.as_secs();
    let now = time(i64::try_from(seconds).map_err(Failure::new)?);
    Ok(now.split('T').next().unwrap_or_default().to_owned())
}

fn say(place: &Path, checked: &[Checked], format: FormatName) -> Result<(), Failure> {
    if format == FormatName::Json {
        let answer =
            json!({ "version": 1, "folder": shown(place), "checked": checked.iter().map(value).collect::<Vec<_>>() });
        return console::print(&format!("{answer:#}\n"));
    }
    let mut text = String::new();
    for Checked { cluster, what, outcome } in checked {
        match outcome {
            Ok(accepted) => text.push_str(&format!("{cluster}: {what} accepted, {}\n", words(accepted))),
            Err(refusals) => {
                for refusal in refusals {
                    text.push_str(&format!("{cluster}: {what} refused[{}]: {refusal}\n", refusal.word()));
                }
            }
        }
    }
    console::print(&text)
}

fn words(accepted: &Accepted) -> String {
    let mut words = vec![crate::summary::counted(accepted.files, "file")];
    words.extend(accepted.digest.clone());
    words
        .extend(accepted.revision.as_ref().map(|commit| format!("from commit {}", commit.get(..12).unwrap_or(commit))));
    words.extend(accepted.created.as_ref().map(|time| format!("made at {time}")));
    words.extend(accepted.not_after.as_ref().map(|day| format!("holds until {day}")));
    if !accepted.attested.is_empty() {
        words.push(format!("with {}", accepted.attested.join(" and ")));
    }
    words.join(", ")
}

fn value(checked: &Checked) -> Value {
    let Checked { cluster, what, outcome } = checked;
    let refusals: Vec<_> = outcome.as_ref().err().into_iter().flatten().collect();
    let refusals: Vec<Value> =
        refusals.iter().map(|one| json!({ "code": one.word(), "message": one.to_string() })).collect();
    let none = Accepted::default();
    let accepted = outcome.as_ref().unwrap_or(&none);
    json!({
        "cluster": cluster,
        "what": what,
        "accepted": outcome.is_ok(),
        "refusals": refusals,
        "files": accepted.files,
        "digest": accepted.digest,
        "revision": accepted.revision,
        "created": accepted.created,
        "notAfter": accepted.not_after,
        "attested": accepted.attested,
    })
}
