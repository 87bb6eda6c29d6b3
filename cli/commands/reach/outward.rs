//! Who reaches a host outside: `reach shop/web host:api.example:443`.
//!
//! In: callers, and a host with its port, or with all the ports that are known of it. Out: for each caller the way straight to
//! wherever the host is, those through gateways and waypoints, and the pods of the mesh that it stands for.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ringfence_verifier::entrances::Entrances;
use ringfence_verifier::matrix;
use ringfence_verifier::model::Model;
use ringfence_verifier::outward::{Host, Leaving, Out, inside, leaving};
use ringfence_verifier::reach::{Caller, Gate, Reach};
use serde_json::{Value, json};

use super::parties::Scope;
use super::places::Places;
use super::single::{lines_by, parts, sentence};
use super::whatif::word;
use crate::args::FormatName;
use crate::exit::Failure;
use crate::mesh::Meshes;

/// The ports of a host where none is named and nothing at hand says any.
const USUAL: [u16; 2] = [80, 443];

/// A host, and the port that is asked for; `None` where all are that it has.
pub(super) type Wanted = (String, Option<u16>);

/// A caller and its ways.
pub(super) struct Outward<'a> {
    cluster: &'a str,
    from: String,
    port: u16,
    leaving: Leaving<'a>,
}

/// Reads `host:api.example:443`; `None` where a workload is meant.
pub(super) fn host(text: &str, port: Option<u16>) -> Result<Option<Wanted>, Failure> {
    let Some(text) = text.strip_prefix("host:") else { return Ok(None) };
    let (name, written) = match text.rsplit_once(':') {
        None => (text, None),
        Some((name, number)) => match number.parse::<u16>() {
            Ok(number) if number > 0 => (name, Some(number)),
            _ => {
                return Err(
                    Failure::new(format!("`{number}` is no port")).help("write it as in `host:api.example:443`")
                );
            }
        },
    };
    if name.is_empty() || name.contains(['/', '*', ' ']) {
        return Err(Failure::new(format!("`{name}` is no host")).help("write it as in `host:api.example:443`"));
    }
    Ok(Some((name.to_ascii_lowercase(), written.or(port))))
}

/// Asks for every caller, and every port.
pub(super) fn find<'a>(
    meshes: &'a Meshes<'a>,
    models: &'a [(&'a str, Model<'a>)],
    entrances: &'a [Entrances],
    from: &str,
    name: &str,
    ports: &BTreeSet<u16>,
) -> Result<Vec<Outward<'a>>, Failure> {
    let clusters: Vec<&str> = models.iter().map(|(name, _)| *name).collect();
    let inside = inside(models.iter().map(|(_, model)| &model.cluster().document.spec));
    let mut all = Vec::new();
    for ((cluster, model), entrances) in models.iter().zip(entrances) {
        let scope = Scope { cluster, clusters: &clusters, model, resolved: meshes.resolved.as_ref() };
        for party in scope.callers(from, None) {
            let Caller::Workload(workload) = party.caller else { continue };
            let addresses = addresses(meshes, cluster, name);
            for port in ports.iter().copied() {
                let host = Host { name, port, addresses: &addresses, inside: &inside };
                let leaving = leaving(model, entrances, workload, &host);
                all.push(Outward { cluster, from: matrix::name(workload), port, leaving });
            }
        }
    }
    if all.is_empty() {
        return Err(Failure::new(format!("there is no workload `{from}`"))
            .help("only workloads are asked what they reach outside: `namespace/name`, `namespace/*`, `any`"));
    }
    Ok(all)
}

/// Returns the ports of a host: those that ServiceEntries and Egresses name, or the usual ones, and who says so.
pub(super) fn ports(meshes: &Meshes<'_>, entrances: &[Entrances], name: &str) -> (BTreeSet<u16>, &'static str) {
    let egresses = meshes.resolved.iter().flat_map(|resolved| &resolved.egresses);
    let specs = egresses.map(|leaving| &leaving.document.spec);
    let specs = specs.filter(|spec| spec.hosts.0.iter().any(|host| fits(&host.value.0, name)));
    let of_policy = specs.flat_map(|spec| &spec.ports.0).map(|port| port.value.outside());
    let known: BTreeSet<u16> = entrances.iter().flat_map(|it| it.ports_at(name)).chain(of_policy).collect();
    match known.is_empty() {
        true => (USUAL.into(), "nothing at hand says which it has"),
        false => (known, "which ServiceEntries and Egresses name"),
    }
}

/// Tells whether a host is one of those that a name with or without a star stands for.
fn fits(own: &str, host: &str) -> bool {
    match own.strip_prefix('*') {
        Some(end) => host.ends_with(end) && host.len() > end.len(),
        None => own == host,
    }
}

/// Returns the addresses of a host that an Egress of the policy names.
fn addresses(meshes: &Meshes<'_>, cluster: &str, name: &str) -> Vec<ipnet::IpNet> {
    let egresses = meshes.resolved.iter().flat_map(|resolved| &resolved.egresses);
    let of_host = egresses.filter(|leaving| leaving.cluster == cluster);
    let of_host = of_host.filter(|leaving| leaving.document.spec.hosts.0.iter().any(|host| host.value.0 == name));
    of_host.flat_map(|leaving| &leaving.document.spec.cidrs).map(|block| block.value.0).collect()
}

/// Returns the answer for everybody.
pub(super) fn reach(all: &[Outward<'_>]) -> Reach {
    all.iter().map(|one| one.leaving.reach()).max().unwrap_or(Reach::Denied)
}

/// Renders the answers.
pub(super) fn render(all: &[Outward<'_>], name: &str, places: &Places<'_>, format: FormatName) -> String {
    let (cluster, first) = all.first().map(|one| (one.cluster, one.from.as_str())).unwrap_or_default();
    match format {
        FormatName::Json => {
            let answers: Vec<Value> = all.iter().map(|one| as_json(one, name)).collect();
            format!("{:#}\n", json!({ "version": 1, "answers": answers }))
        }
        FormatName::Concise => lines(all, name),
        FormatName::Text if all.iter().any(|one| one.from != first || one.cluster != cluster) => lines(all, name),
        FormatName::Text => all.iter().map(|one| as_text(one, name, places)).collect::<Vec<_>>().join("\n"),
    }
}

fn lines(all: &[Outward<'_>], name: &str) -> String {
    let line = |one: &Outward<'_>| {
        let reach = one.leaving.reach();
        let ways = one.leaving.ways.iter().map(|way| (way.reach(), format!("by {}", way.pods)));
        let outbound = one.leaving.waypoints.iter().map(|it| (it.reach(), format!("by waypoint {}", it.waypoint)));
        let within = one.leaving.within.iter();
        let within = within.map(|it| (it.answer.reach(), format!("as {}:{}", matrix::name(it.workload), it.port)));
        let straight = one.leaving.straight.as_ref();
        let said = straight.map(|gate| (gate.reach(), format!("straight: {}", sentence("leaves", parts(gate).1))));
        let doubt = one.leaving.doubts.first().map(|doubt| (Reach::Depends, doubt.clone()));
        // Of ways that are as good, a gateway is named.
        let all = doubt.into_iter().chain(said).chain(within).chain(outbound).chain(ways);
        let all: Vec<(Reach, String)> = all.collect();
        let is_best = |(way, _): &&(Reach, String)| *way == reach;
        let best = if reach == Reach::Denied { all.first() } else { all.iter().rev().find(is_best) };
        let by = best.map(|(_, words)| format!("; {words}")).unwrap_or_default();
        format!("{}: {} -> {name}:{}: {}{by}\n", one.cluster, one.from, one.port, word(reach))
    };
    all.iter().map(line).collect()
}

fn as_text(one: &Outward<'_>, name: &str, places: &Places<'_>) -> String {
    let verb = match one.leaving.reach() {
        Reach::Allowed => "reaches",
        Reach::Depends => "may reach",
        Reach::Denied => "does not reach",
    };
    let mut text = format!("{} {verb} {name} port {} from {}\n", one.from, one.port, one.cluster);
    if let Some(straight) = &one.leaving.straight {
        put(&mut text, "straight", straight, places);
    }
    for within in &one.leaving.within {
        let (to, answer) = (matrix::name(within.workload), &within.answer);
        let _ = writeln!(
            text,
            "  as {to} port {}, which {} selects or names: {}",
            within.port,
            within.entry,
            word(answer.reach())
        );
        for (place, gate) in super::single::gates(answer) {
            if let Some(gate) = gate {
                put(&mut text, place, gate, places);
            }
        }
    }
    for way in &one.leaving.waypoints {
        let _ =
            writeln!(text, "  by way of waypoint {}, which {} uses: {}", way.waypoint, way.entry, word(way.reach()));
        let gates =
            [("leaves", &way.leaves), ("enters", &way.enters), ("gateway", &way.policies), ("exits", &way.exits)];
        for (place, gate) in gates {
            put(&mut text, place, gate, places);
        }
        for doubt in &way.doubts {
            let _ = writeln!(text, "  perhaps: {doubt}");
        }
    }
    for doubt in &one.leaving.doubts {
        let _ = writeln!(text, "  perhaps: {doubt}");
    }
    for way in &one.leaving.ways {
        let _ = writeln!(text, "  by way of {}: {}", way.pods, word(way.reach()));
        let _ = writeln!(text, "    {}: {}", way.listener.object, way.opening.words());
        for (place, gate) in gates(way) {
            put(&mut text, place, gate, places);
        }
        for doubt in &way.doubts {
            let _ = writeln!(text, "  perhaps: {doubt}");
        }
    }
    text
}

fn gates<'a, 'e>(way: &'a Out<'e>) -> [(&'static str, &'a Gate<'e>); 4] {
    [("leaves", &way.leaves), ("enters", &way.enters), ("gateway", &way.gateway), ("exits", &way.exits)]
}

fn put(text: &mut String, place: &str, gate: &Gate<'_>, places: &Places<'_>) {
    let (word, decider) = parts(gate);
    let mut lines = lines_by(place, decider, None, None, places).into_iter();
    let _ = writeln!(text, "  {place:<8} {word:<8} {}", lines.next().unwrap_or_default());
    for line in lines {
        let _ = writeln!(text, "{:20}{line}", "");
    }
}

fn as_json(one: &Outward<'_>, name: &str) -> Value {
    let gate = |place: &str, gate: &Gate<'_>| {
        let (says, decider) = parts(gate);
        json!({ "gate": place, "says": says, "decider": sentence(place, decider) })
    };
    let ways: Vec<Value> = one.leaving.ways.iter().map(|way| {
        let gates: Vec<Value> = gates(way).into_iter().map(|(place, it)| gate(place, it)).collect();
        json!({
            "pods": way.pods, "gateway": way.listener.object.to_string(), "reach": word(way.reach()), "gates": gates,
            "unsure": way.doubts,
        })
    }).collect();
    let waypoints: Vec<Value> = one
        .leaving
        .waypoints
        .iter()
        .map(|way| {
            let gates =
                [("leaves", &way.leaves), ("enters", &way.enters), ("gateway", &way.policies), ("exits", &way.exits)];
            let gates: Vec<Value> = gates.into_iter().map(|(place, it)| gate(place, it)).collect();
            json!({
                "waypoint": way.waypoint, "entry": way.entry.to_string(), "reach": word(way.reach()), "gates": gates,
                "unsure": way.doubts,
            })
        })
        .collect();
    let within: Vec<Value> = one
        .leaving
        .within
        .iter()
        .map(|it| {
            json!({
                "workload": matrix::name(it.workload), "port": it.port, "entry": it.entry.to_string(),
                "reach": word(it.answer.reach()),
            })
        })
        .collect();
    json!({
        "cluster": one.cluster, "from": one.from, "host": name, "port": one.port, "reach": word(one.leaving.reach()),
        "straight": one.leaving.straight.as_ref().map(|straight| gate("straight", straight)), "ways": ways,
        "waypoints": waypoints, "pods": within, "unsure": one.leaving.doubts,
    })
}

/// Returns what gateways lead out.
pub(super) fn entrances(models: &[(&str, Model<'_>)]) -> Vec<Entrances> {
    Entrances::of_mesh(models.iter().map(|(_, model)| model))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_written_with_or_without_a_port() {
        assert_eq!(host("shop/db:80", None).ok().flatten(), None);
        assert_eq!(host("host:api.Example", None).ok().flatten(), Some(("api.example".to_owned(), None)));
        assert_eq!(host("host:api.example:8443", None).ok().flatten(), Some(("api.example".to_owned(), Some(8443))));
        assert_eq!(host("host:api.example", Some(80)).ok().flatten(), Some(("api.example".to_owned(), Some(80))));
        assert!(host("host:api.example:x", None).is_err());
        assert!(host("host:*.example", None).is_err());
    }
}
