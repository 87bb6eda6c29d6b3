//! Who reaches a host outside: `reach shop/web host:api.example:443`.
//!
//! In: callers, and a host with its port. Out: for each caller the way straight to wherever the host is, and those through gateways.

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

/// The port of a host where none is named.
const HTTPS: u16 = 443;

/// A caller and its ways.
pub(super) struct Outward<'a> {
    cluster: &'a str,
    from: String,
    leaving: Leaving<'a>,
}

/// Reads `host:api.example:443`; `None` where a workload is meant.
pub(super) fn host(text: &str, port: Option<u16>) -> Result<Option<(String, u16)>, Failure> {
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
    Ok(Some((name.to_ascii_lowercase(), written.or(port).unwrap_or(HTTPS))))
}

/// Asks for every caller.
pub(super) fn find<'a>(
    meshes: &'a Meshes<'a>,
    models: &'a [(&'a str, Model<'a>)],
    entrances: &'a [Entrances],
    from: &str,
    (name, port): (&str, u16),
) -> Result<Vec<Outward<'a>>, Failure> {
    let clusters: Vec<&str> = models.iter().map(|(name, _)| *name).collect();
    let inside = inside(models.iter().map(|(_, model)| &model.cluster().document.spec));
    let mut all = Vec::new();
    for ((cluster, model), entrances) in models.iter().zip(entrances) {
        let scope = Scope { cluster, clusters: &clusters, model, resolved: meshes.resolved.as_ref() };
        for party in scope.callers(from, None) {
            let Caller::Workload(workload) = party.caller else { continue };
            let addresses = addresses(meshes, cluster, name);
            let host = Host { name, port, addresses: &addresses, inside: &inside };
            all.push(Outward {
                cluster,
                from: matrix::name(workload),
                leaving: leaving(model, entrances, workload, &host),
            });
        }
    }
    if all.is_empty() {
        return Err(Failure::new(format!("there is no workload `{from}`"))
            .help("only workloads are asked what they reach outside: `namespace/name`, `namespace/*`, `any`"));
    }
    Ok(all)
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
pub(super) fn render(
    all: &[Outward<'_>],
    (name, port): (&str, u16),
    places: &Places<'_>,
    format: FormatName,
) -> String {
    match format {
        FormatName::Json => {
            let answers: Vec<Value> = all.iter().map(|one| as_json(one, (name, port))).collect();
            format!("{:#}\n", json!({ "version": 1, "answers": answers }))
        }
        FormatName::Concise => lines(all, (name, port)),
        FormatName::Text if all.len() > 1 => lines(all, (name, port)),
        FormatName::Text => all.iter().map(|one| as_text(one, (name, port), places)).collect(),
    }
}

fn lines(all: &[Outward<'_>], (name, port): (&str, u16)) -> String {
    let line = |one: &Outward<'_>| {
        let reach = one.leaving.reach();
        let best = one.leaving.ways.iter().max_by_key(|way| way.reach());
        let by = match best.filter(|way| way.reach() >= one.leaving.straight.reach()) {
            Some(way) if reach != Reach::Denied => format!("; by {}", way.pods),
            _ => format!("; straight: {}", sentence("leaves", parts(&one.leaving.straight).1)),
        };
        format!("{}: {} -> {name}:{port}: {}{by}\n", one.cluster, one.from, word(reach))
    };
    all.iter().map(line).collect()
}

fn as_text(one: &Outward<'_>, (name, port): (&str, u16), places: &Places<'_>) -> String {
    let verb = match one.leaving.reach() {
        Reach::Allowed => "reaches",
        Reach::Depends => "may reach",
        Reach::Denied => "does not reach",
    };
    let mut text = format!("{} {verb} {name} port {port} from {}\n", one.from, one.cluster);
    put(&mut text, "straight", &one.leaving.straight, places);
    for way in &one.leaving.ways {
        let _ = writeln!(text, "  by way of {}: {}", way.pods, word(way.reach()));
        let _ = writeln!(text, "    {}: {}", way.listener.object, way.opening.words());
        for (place, gate) in gates(way) {
            put(&mut text, place, gate, places);
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

fn as_json(one: &Outward<'_>, (name, port): (&str, u16)) -> Value {
    let gate = |place: &str, gate: &Gate<'_>| {
        let (says, decider) = parts(gate);
        json!({ "gate": place, "says": says, "decider": sentence(place, decider) })
    };
    let ways: Vec<Value> = one.leaving.ways.iter().map(|way| {
        let gates: Vec<Value> = gates(way).into_iter().map(|(place, it)| gate(place, it)).collect();
        json!({ "pods": way.pods, "gateway": way.listener.object.to_string(), "reach": word(way.reach()), "gates": gates })
    }).collect();
    json!({
        "cluster": one.cluster, "from": one.from, "host": name, "port": port, "reach": word(one.leaving.reach()),
        "straight": gate("straight", &one.leaving.straight), "ways": ways,
    })
}

/// Returns what gateways lead out.
pub(super) fn entrances(models: &[(&str, Model<'_>)]) -> Vec<Entrances> {
    models.iter().map(|(_, model)| Entrances::of(model)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_written_with_or_without_a_port() {
        assert_eq!(host("shop/db:80", None).ok().flatten(), None);
        assert_eq!(host("host:api.Example", None).ok().flatten(), Some(("api.example".to_owned(), 443)));
        assert_eq!(host("host:api.example:8443", None).ok().flatten(), Some(("api.example".to_owned(), 8443)));
        assert_eq!(host("host:api.example", Some(80)).ok().flatten(), Some(("api.example".to_owned(), 80)));
        assert!(host("host:api.example:x", None).is_err());
        assert!(host("host:*.example", None).is_err());
    }
}
