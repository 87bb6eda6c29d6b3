//! `reach`: can it, and why: each gate on the way, and what decided there.

mod render;

use ringfence_compiler::inventory::Workload;
use ringfence_verifier::matrix;
use ringfence_verifier::model::Model;
use ringfence_verifier::reach::{Asked, Caller, Reach, reach};

use self::render::Answered;
use super::{conclude_answer, say_assumed};
use crate::args;
use crate::console;
use crate::exit::{Exit, Failure};
use crate::mesh::Meshes;

/// Runs the command.
pub(super) fn run(args: &args::Reach) -> Result<Exit, Failure> {
    let meshes = Meshes::open(args.mesh.as_deref(), args.facts.as_deref(), &args.reading)?;
    if meshes.clusters.is_empty() {
        return conclude_answer(&args.reading, &meshes);
    }
    let (method, path, host) = (args.method.clone(), args.path.clone(), args.host.clone());
    let asked = Asked { method, path, host, ..Asked::anything() };
    let (to, port) = split(&args.to)?;
    let mut answered = Vec::new();
    let models: Vec<(&str, Model<'_>)> =
        meshes.clusters.iter().map(|(document, objects)| (document.name(), Model::of(document, objects))).collect();
    for (cluster, model) in &models {
        let (Some(target), Some(caller)) = (find(model, &to), caller(model, &args.from)) else { continue };
        let ports: Vec<u16> = match port {
            Some(port) => vec![port],
            None => model.ports(target).into_keys().collect(),
        };
        for port in ports {
            let answer = reach(model, caller, target, port, &asked);
            answered.push(Answered { cluster, from: &args.from, to: matrix::name(target), port, model, answer });
        }
    }
    if answered.is_empty() {
        return Err(nobody(&models, args, &to));
    }
    console::print(&render::render(&answered, args.reading.format))?;
    say_assumed(&meshes);
    let concluded = conclude_answer(&args.reading, &meshes)?;
    let denied = answered.iter().all(|one| one.answer.reach() == Reach::Denied);
    Ok(if args.exit_code && denied { Exit::Denied } else { concluded })
}

/// Splits `shop/db:8080` into the workload and the port.
fn split(text: &str) -> Result<(String, Option<u16>), Failure> {
    match text.rsplit_once(':') {
        None => Ok((text.to_owned(), None)),
        Some((name, port)) => match port.parse() {
            Ok(port) => Ok((name.to_owned(), Some(port))),
            Err(_) => Err(Failure::new(format!("`{port}` is no port"))
                .help("name the port of the workload by its number, as in `shop/db:8080`")),
        },
    }
}

/// Finds a workload by `namespace/name`, or by its name where only one has it.
fn find<'a>(model: &Model<'a>, text: &str) -> Option<&'a Workload> {
    let mut named = model.workloads().filter(|workload| matrix::name(workload) == text || workload.name == text);
    named.next().filter(|first| named.all(|other| matrix::name(other) == matrix::name(first)))
}

fn caller<'a>(model: &'a Model<'a>, text: &str) -> Option<Caller<'a>> {
    if text == matrix::OUTSIDE {
        return "0.0.0.0/0".parse().ok().map(Caller::Outside);
    }
    if let Ok(block) = text.parse() {
        return Some(Caller::Outside(block));
    }
    let stranger = || model.strangers().iter().find(|stranger| stranger.name == text).map(Caller::Stranger);
    find(model, text).map(Caller::Workload).or_else(stranger)
}

/// Says which of the two names is nobody's, or several workloads'.
fn nobody(models: &[(&str, Model<'_>)], args: &args::Reach, to: &str) -> Failure {
    let unknown = |text: &str| models.iter().all(|(_, model)| caller(model, text).is_none());
    let text = if unknown(&args.from) { &args.from } else { to };
    let names: Vec<String> =
        models.iter().flat_map(|(_, model)| model.workloads().map(matrix::name).collect::<Vec<_>>()).collect();
    let several = names.iter().filter(|name| name.ends_with(&format!("/{text}"))).count() > 1;
    if several {
        return Failure::new(format!("there are several workloads `{text}`")).help("write `namespace/name`");
    }
    if !unknown(text) && find_anywhere(models, text) {
        return Failure::new(format!("`{text}` and `{}` are in different clusters", args.from))
            .help("callers of other clusters are not followed yet");
    }
    Failure::new(format!("there is no workload `{text}`"))
        .help("write `namespace/name`, an address block, or `outside`")
        .did_you_mean(text, names.iter().map(String::as_str))
}

fn find_anywhere(models: &[(&str, Model<'_>)], text: &str) -> bool {
    models.iter().any(|(_, model)| find(model, text).is_some())
}
