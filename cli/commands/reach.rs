//! `reach`: can it, and why: each gate on the way, and what decided there.
//!
//! In: callers and workloads, each one or many, and what is asked for. Out: where there is one of each, the whole way with
//! what decided at each gate; else lists of who reaches whom. What-if questions are asked twice, before and after.

mod answers;
mod grouped;
mod json;
mod outward;
pub(super) mod parties;
pub(super) mod places;
mod services;
pub(super) mod single;
mod wanted;
mod ways;
mod whatif;

use ringfence_verifier::reach::Reach;

use self::answers::{Answers, Question};
use self::places::Places;
use super::{conclude_answer, impact, say_assumed, say_unfollowed};
use crate::args::{self, FormatName};
use crate::console;
use crate::exit::{Exit, Failure};
use crate::mesh::Input;
use crate::project::below;
use crate::tree::blame::History;

/// Runs the command.
pub(super) fn run(args: &args::Reach) -> Result<Exit, Failure> {
    let mut input = Input::open(args.mesh.as_deref(), args.facts.as_deref(), &args.reading)?;
    if let Some(host) = outward::host(&args.to, args.port)? {
        return to_host(args, &mut input, &host);
    }
    let (to, port) = parties::split(&args.to, args.port)?;
    if let Some(failure) = parties::misspelt_block(&args.from) {
        return Err(failure);
    }
    let asked = wanted::wanted(args)?;
    let question = Question { from: &args.from, to: &to, port, asked, compromised: &args.compromised };
    let before = whatif::before(&input, args, &question)?;
    impact::change(&mut input, &args.changes)?;
    let meshes = input.meshes();
    if meshes.clusters.is_empty() {
        return conclude_answer(&args.reading, args.form.format, &meshes);
    }
    meshes.must_run()?;
    let models: Vec<_> = meshes.clusters.iter().map(|mesh| (mesh.name(), mesh.model())).collect();
    let invented = parties::invented(&args.from)?;
    let entrances = outward::entrances(&models);
    let answers = Answers::find(&meshes, &models, &entrances, &invented, &question)?;
    if answers.words().is_empty() {
        // Nothing was asked, and no answer is not "denied".
        return Err(Failure::new(format!("manifests show no port of `{to}`")).help("name one, as in `shop/db:8080`"));
    }
    let history = History::of(&input.root, args.reading.at.as_deref());
    let places =
        Places { sources: &input.sources, foreign: &input.foreign, history: &history, prefix: below(&input.root) };
    let assumed = whatif::Assumed::of(args, &input, before.as_ref(), &answers);
    console::print(&match args.form.format {
        FormatName::Json => json::render(&answers, &places, &assumed),
        FormatName::Concise => {
            console::note(assumed.text().trim_end());
            [single::lines_of(&answers), grouped::lines_of(&answers)].concat()
        }
        FormatName::Text => {
            let style = single::render(&answers, &places);
            let lists = grouped::render(&answers, args.reading.verbose);
            let parts = [style, lists, assumed.text()];
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
        }
    })?;
    say_assumed(&meshes);
    if parties::may_be_outside(&args.from) {
        say_unfollowed(&meshes);
    }
    let concluded = conclude_answer(&args.reading, args.form.format, &meshes)?;
    let denied = answers.words().values().all(|reach| *reach == Reach::Denied);
    Ok(if args.exit_code && denied { Exit::Denied } else { concluded })
}

/// Answers who reaches a host outside.
fn to_host(args: &args::Reach, input: &mut Input, (host, port): &outward::Wanted) -> Result<Exit, Failure> {
    impact::change(input, &args.changes)?;
    let meshes = input.meshes();
    if meshes.clusters.is_empty() {
        return conclude_answer(&args.reading, args.form.format, &meshes);
    }
    meshes.must_run()?;
    let models: Vec<_> = meshes.clusters.iter().map(|mesh| (mesh.name(), mesh.model())).collect();
    let entrances = outward::entrances(&models);
    let (ports, known) = match port {
        Some(port) => ([*port].into(), None),
        None => {
            let (ports, says) = outward::ports(&meshes, &entrances, host);
            (ports, Some(says))
        }
    };
    let answers = outward::find(&meshes, &models, &entrances, &args.from, host, &ports)?;
    if let Some(says) = known {
        let list: Vec<String> = ports.iter().map(u16::to_string).collect();
        let noun = if list.len() == 1 { "port" } else { "ports" };
        console::note(&format!("asked of {host}: {noun} {}, {says}", list.join(", ")));
    }
    let history = History::of(&input.root, args.reading.at.as_deref());
    let places =
        Places { sources: &input.sources, foreign: &input.foreign, history: &history, prefix: below(&input.root) };
    console::print(&outward::render(&answers, host, &places, args.form.format))?;
    say_assumed(&meshes);
    let concluded = conclude_answer(&args.reading, args.form.format, &meshes)?;
    Ok(if args.exit_code && outward::reach(&answers) == Reach::Denied { Exit::Denied } else { concluded })
}
