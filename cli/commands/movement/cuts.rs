//! What to take away so that no way is left, or that the cheapest is dearer; and whether that holds.
//!
//! In: lines that the graph names. Out: what people and programs read of them. A line that goes may let something else hold, such as the
//! default of a workspace that has no statement left, so that what can be taken away is: everything is read once more without the
//! lines, and the same question is asked.

use std::fmt::Write as _;

use ringfence_verifier::movement::budget::Best;
use ringfence_verifier::movement::cut::{Broken, Cut, Uncut};
use ringfence_verifier::movement::lines::Line;
use ringfence_verifier::movement::vertex::Vertex;
use serde_json::{Value, json};

use super::paths::{allowed, as_line};
use super::{Asking, Terrain, drawn};
use crate::args;
use crate::commands::impact;
use crate::exit::Failure;
use crate::summary::counted;

/// What would do.
pub(super) struct Cuts<'c, 'g> {
    /// The fewest lines without which no way is left.
    pub smallest: Result<Cut<'g>, Uncut>,
    /// What so many lines do at best, where that was asked.
    pub best: Option<(u16, Result<Best<'g>, Uncut>)>,
    pub trial: &'c Trial<'c>,
}

/// The question, to be asked once more.
pub(super) struct Trial<'q> {
    pub asking: &'q Asking<'q>,
    pub args: &'q args::Paths,
}

/// What becomes of the question without some lines.
enum Outcome {
    /// Some of them cannot be taken away and asked about once more: what runs, and where.
    Untried,
    /// The policy does not compile.
    Refused,
    /// No way is left.
    Holds,
    /// There still is one: what it costs, and its line.
    Open(u32, String),
}

impl Cuts<'_, '_> {
    /// Says what would do.
    pub fn text(&self, terrain: &Terrain<'_, '_>) -> Result<String, Failure> {
        let mut text = match &self.smallest {
            Ok(cut) => {
                let these = match cut.lines.len() {
                    1 => "this line".to_owned(),
                    count => format!("one of these {count} lines"),
                };
                format!("\nsmallest cut: every way goes by {these}\n{}", self.lines(terrain, cut, None)?)
            }
            Err(Uncut::NoWay) => String::new(),
            Err(Uncut::NoLine) => "no cut: some way has no line of policy that could go\n".to_owned(),
            Err(Uncut::TooMany) => "no cut was found: there are too many ways\n".to_owned(),
        };
        let Some((budget, best)) = &self.best else { return Ok(text) };
        let at_most = counted((*budget).into(), "line");
        let _ = match best {
            Ok(best) => {
                let after = match best.after {
                    None => "no way is left".to_owned(),
                    Some(after) => format!("the cheapest way costs {after} instead of {}", best.before),
                };
                let lines = self.lines(terrain, &best.cut, best.after)?;
                write!(text, "\nwith at most {at_most} gone {after}\n{lines}")
            }
            Err(Uncut::NoWay) => Ok(()),
            Err(Uncut::NoLine) => writeln!(text, "\nwith at most {at_most} gone the cheapest way costs what it does"),
            Err(Uncut::TooMany) => {
                writeln!(text, "\nwhat {at_most} do at best was not found: there are too many ways")
            }
        };
        Ok(text)
    }

    /// Lists lines, each with the calls that break with it, and says what was found without them; `expected` is what the cheapest way
    /// should cost then.
    fn lines(&self, terrain: &Terrain<'_, '_>, cut: &Cut<'_>, expected: Option<u32>) -> Result<String, Failure> {
        let mut text = String::new();
        for (line, broken) in &cut.lines {
            let _ = writeln!(text, "   {} {}", line.name, terrain.places.of(line.span));
            let call = |(from, to, port): &(Vertex, Vertex, u16)| {
                format!("{} to {}:{port}", terrain.names.name(from), terrain.names.name(to))
            };
            let mut some: Vec<String> = broken.some.iter().map(call).collect();
            match broken.count.saturating_sub(some.len()) {
                0 => {}
                more => some.push(format!("{more} more")),
            }
            if !some.is_empty() {
                let _ = writeln!(text, "      breaks {}", some.join(", "));
            }
        }
        if cut.lines.len() > 1 {
            let _ = writeln!(text, "   together they alone admit {}", counted(cut.broken, "call"));
        }
        let places = places(terrain, cut);
        let without: Vec<String> = places.iter().map(|place| format!("--without {place}")).collect();
        let without = without.join(" ");
        let _ = match (self.trial.without(terrain, &places)?, expected) {
            (Outcome::Untried, _) => writeln!(
                text,
                "   not tried: {}; change what is written and ask again",
                if cut.lines.len() > 1 {
                    "not all of these can be taken away here"
                } else {
                    "this cannot be taken away here"
                }
            ),
            (Outcome::Refused, _) => {
                writeln!(text, "   tried with {without}: the policy does not compile, for something demands them")
            }
            (Outcome::Holds, _) => writeln!(text, "   tried with {without}: no way is left"),
            (Outcome::Open(cost, _), Some(expected)) if cost == expected => {
                writeln!(text, "   tried with {without}: the cheapest way costs {cost}")
            }
            (Outcome::Open(_, way), _) => writeln!(
                text,
                "   tried with {without}: something else opens then, for one {}; deny it, or narrow these lines instead",
                way.trim_end()
            ),
        };
        Ok(text)
    }

    /// Returns the smallest cut and what a budget does, for programs.
    pub fn json(&self, terrain: &Terrain<'_, '_>) -> Result<(Option<Value>, Option<Value>), Failure> {
        let line = |(line, broken): &(&Line, Broken)| -> Value {
            let call = |(from, to, port): &(Vertex, Vertex, u16)| json!({ "from": terrain.names.name(from), "to": terrain.names.name(to), "port": port });
            let some: Vec<Value> = broken.some.iter().map(call).collect();
            json!({ "name": line.name, "place": terrain.places.of(line.span).json(), "callsBroken": broken.count, "some": some })
        };
        let tried = |cut: &Cut<'_>| -> Result<Value, Failure> {
            Ok(match self.trial.without(terrain, &places(terrain, cut))? {
                Outcome::Untried => Value::Null,
                Outcome::Refused => json!({ "compiles": false }),
                Outcome::Holds => json!({ "compiles": true, "wayLeft": false }),
                Outcome::Open(cost, way) => {
                    json!({ "compiles": true, "wayLeft": true, "cost": cost, "way": way.trim_end() })
                }
            })
        };
        let lines = |cut: &Cut<'_>| cut.lines.iter().map(line).collect::<Vec<_>>();
        let smallest = match &self.smallest {
            Ok(cut) => Some(json!({ "lines": lines(cut), "callsBroken": cut.broken, "tried": tried(cut)? })),
            Err(_) => None,
        };
        let best = match &self.best {
            Some((budget, Ok(best))) => Some(json!({
                "budget": budget, "lines": lines(&best.cut), "costBefore": best.before, "costAfter": best.after,
                "callsBroken": best.cut.broken, "tried": tried(&best.cut)?,
            })),
            _ => None,
        };
        Ok((smallest, best))
    }
}

fn places(terrain: &Terrain<'_, '_>, cut: &Cut<'_>) -> Vec<String> {
    cut.lines.iter().map(|(line, _)| terrain.places.of(line.span).short()).collect()
}

impl Trial<'_> {
    /// Asks once more, without what stands at some lines.
    fn without(&self, terrain: &Terrain<'_, '_>, places: &[String]) -> Result<Outcome, Failure> {
        let names: Option<Vec<String>> = places.iter().map(|place| impact::removable(terrain.input, place)).collect();
        let Some(mut names) = names else { return Ok(Outcome::Untried) };
        names.sort();
        names.dedup();
        let mut input = self.asking.open(&self.args.reading)?;
        // Whatever stands in the way of a trial, the answer itself is there.
        if input.change(&args::Changes { with: Vec::new(), without: names }).is_err() {
            return Ok(Outcome::Untried);
        }
        let meshes = input.meshes();
        if meshes.clusters.is_empty() {
            return Ok(Outcome::Refused);
        }
        drawn(&input, &meshes, self.args.reading.at.as_deref(), false, |terrain| {
            let (Ok(from), Ok(to)) = (terrain.names.find(&self.args.from), terrain.names.find(&self.args.to)) else {
                // What nothing speaks of any more leads nowhere.
                return Ok(Outcome::Holds);
            };
            let paths = terrain.graph.paths(&from, &to, allowed(self.args), 1);
            Ok(paths.first().map_or(Outcome::Holds, |path| Outcome::Open(path.cost, as_line(terrain, path))))
        })
    }
}
