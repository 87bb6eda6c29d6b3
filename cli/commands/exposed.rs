//! `exposed`: what gateways let in from outside, and which route leads it where.
//!
//! In: a policy project or plain manifests. Out: each listener of each gateway with what routes open there: host and path, where
//! it leads, and whether what stands behind admits it, with or without a token. Services that are opened to the outside without a
//! gateway come last.

mod render;

use std::collections::BTreeMap;

use ringfence_compiler::inventory::Opened;
use ringfence_verifier::entrances::{Entrances, Opening};
use ringfence_verifier::matrix;
use ringfence_verifier::model::{Model, numbered};
use ringfence_verifier::reach::{Asked, Behind, Caller, Gateways, Reach, Way, reach, through};

use super::{conclude_answer, say_assumed, say_unfollowed};
use crate::args;
use crate::console;
use crate::exit::{Exit, Failure};
use crate::mesh::{Input, Mesh};

/// What is open in one cluster.
struct Exposed<'a> {
    cluster: &'a str,
    entrances: &'a Entrances,
    /// What each opening leads to, by the position of the opening.
    ways: Vec<Vec<Led>>,
    straight: Vec<Straight>,
}

/// A workload that an opening leads to.
struct Led {
    /// The workload and its port.
    to: String,
    port: u16,
    /// The pods of the gateway.
    by: String,
    /// Whether something gets through.
    reach: Reach,
    /// Whether something gets through that shows no token.
    bare: Reach,
    /// Why it is not sure.
    doubts: Vec<String>,
}

/// A Service that is opened without a gateway.
struct Straight {
    service: String,
    port: u16,
    opened: Opened,
    to: String,
    at: u16,
    reach: Reach,
}

/// Runs the command.
pub(super) fn run(args: &args::Exposed) -> Result<Exit, Failure> {
    let input = Input::open(args.path.as_deref(), args.facts.as_deref(), &args.reading)?;
    let meshes = input.meshes();
    if meshes.clusters.is_empty() {
        return conclude_answer(&args.reading, args.form.format, &meshes);
    }
    let models: Vec<Model<'_>> = meshes.clusters.iter().map(Mesh::model).collect();
    let entrances = Entrances::of_mesh(&models);
    let known: Vec<&Model<'_>> = models.iter().collect();
    let each = models.iter().zip(&entrances);
    let all: Vec<Exposed<'_>> = each.map(|(home, entrances)| exposed(&known, Gateways { home, entrances })).collect();
    console::print(&render::render(&all, &input, args.form.format))?;
    say_assumed(&meshes);
    say_unfollowed(&meshes);
    conclude_answer(&args.reading, args.form.format, &meshes)
}

/// Returns what gateways let in from outside, each with what becomes of it: for comparing two sides.
pub(super) fn opened<'m>(models: &[&'m Model<'m>]) -> BTreeMap<String, &'static str> {
    let entrances = Entrances::of_mesh(models.iter().copied());
    let mut all = BTreeMap::new();
    for (home, entrances) in models.iter().zip(&entrances) {
        let cluster = if models.len() > 1 { format!("{}: ", home.name()) } else { String::new() };
        for opening in entrances.openings.iter().filter(|opening| opening.shut.is_none()) {
            for led in led(models, Gateways { home, entrances }, opening) {
                let Led { to, port, .. } = &led;
                if led.reach != Reach::Denied {
                    all.insert(format!("{cluster}{} -> {to}:{port}", opening.words()), render::verdict(&led));
                }
            }
        }
    }
    all
}

/// Asks what is open in a cluster.
fn exposed<'a>(models: &[&'a Model<'a>], gateways: Gateways<'a>) -> Exposed<'a> {
    let Gateways { home, entrances } = gateways;
    let ways = entrances.openings.iter().map(|opening| led(models, gateways, opening)).collect();
    Exposed { cluster: home.name(), entrances, ways, straight: straight(home) }
}

/// Asks what an opening leads to, in whichever cluster.
fn led<'a>(models: &[&'a Model<'a>], gateways: Gateways<'a>, opening: &Opening) -> Vec<Led> {
    let Some(everywhere) = Caller::anyone_outside() else { return Vec::new() };
    let own = opening.leads.iter().map(|to| (gateways.home, *to));
    let beyond = opening.beyond.iter().flat_map(|beyond| {
        let there = models.iter().copied().filter(|model| model.name() == beyond.cluster);
        there.flat_map(|model| beyond.leads.iter().map(move |to| (model, *to)))
    });
    let mut all = Vec::new();
    for (model, (at, port)) in own.chain(beyond) {
        let Some(workload) = model.cluster().inventory.workloads.get(at) else { continue };
        let ask = |asked: &Asked| -> Vec<Way<'_>> {
            let ways = through(gateways, Behind { model, workload, port }, everywhere, asked);
            ways.into_iter().filter(|way| std::ptr::eq(way.opening, opening)).collect()
        };
        let is_here = std::ptr::eq(model, gateways.home);
        let here = format!("{}:", gateways.home.name());
        let there = if is_here { String::new() } else { format!("{}:", model.name()) };
        let bare = ask(&Asked { without_token: true, ..Asked::anything() });
        // What is refused in another cluster is no news about this one.
        for way in ask(&Asked::anything()).into_iter().filter(|way| is_here || way.reach != Reach::Denied) {
            let without = bare.iter().find(|bare| bare.pods == way.pods).map_or(Reach::Denied, |bare| bare.reach);
            all.push(Led {
                to: format!("{there}{}", matrix::name(workload)),
                port,
                by: way.pods.strip_prefix(&here).map_or_else(|| way.pods.clone(), str::to_owned),
                reach: way.reach,
                bare: without,
                doubts: way.doubts,
            });
        }
    }
    all
}

/// Finds the Services that are opened to the outside and lead to no gateway.
fn straight(model: &Model<'_>) -> Vec<Straight> {
    let Some(outside) = Caller::anyone_outside() else { return Vec::new() };
    let mut all = Vec::new();
    for workload in model.workloads().filter(|workload| !ringfence_verifier::reach::is_gateway(workload)) {
        for service in model.services(workload) {
            let Some(opened) = service.opened else { continue };
            for port in &service.ports {
                for at in numbered(workload, &port.target) {
                    all.push(Straight {
                        service: format!("{}/{}", service.namespace, service.name),
                        port: port.port,
                        opened,
                        to: matrix::name(workload),
                        at,
                        reach: reach(model, outside, workload, at, &Asked::anything()).reach(),
                    });
                }
            }
        }
    }
    all
}
