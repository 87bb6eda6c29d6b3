//! How output takes the place of what is there, in words.

use ringfence_compiler::compile::between::Phase;
use ringfence_verifier::difference::Opening;
use ringfence_verifier::rollout::{Next, Plan};
use serde_json::{Value, json};

use super::counted;

/// How many openings, and how many callers of each, are shown.
const SHOWN: usize = 5;

/// Says what opens on the way, and what goes and opens something; nothing where there is nothing to say.
pub fn text(plan: &Plan, next: &Next, in_steps: bool) -> String {
    let mut lines = Vec::new();
    for opening in plan.openings.iter().take(SHOWN) {
        lines.extend(opened(opening));
    }
    if let Some(more) = plan.openings.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        lines.push(format!("and {more} more; `--format json` lists all of them"));
    }
    for (path, gained) in &plan.opening_prunes {
        let pairs = if *gained > 0 {
            format!("opens {} of caller and port", counted(usize::try_from(*gained).unwrap_or(usize::MAX), "pair"))
        } else {
            "opens access of callers that are not shown".to_owned()
        };
        lines.push(format!("pruned: {path} {pairs}"));
    }
    if plan.not_tried > 0 {
        lines.push(format!("{} that go were not looked at one by one", counted(plan.not_tried, "more object")));
    }
    if let Some(gained) = plan.together {
        let pairs = counted(usize::try_from(gained).unwrap_or(usize::MAX), "pair");
        lines.push(format!("pruned together: all that goes opens {pairs} of caller and port"));
    }
    if !plan.skipped.is_empty() {
        let more = plan.skipped.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let some: Vec<_> = plan.skipped.iter().take(SHOWN).cloned().collect();
        lines.push(format!("not known of {}{more}", some.join(", ")));
    }
    if !plan.not_followed.is_empty() {
        lines.push(format!("not followed: {}", plan.not_followed.iter().cloned().collect::<Vec<_>>().join(", ")));
    }
    match (next, in_steps) {
        (Next::Step(phase, _), true) => {
            lines.push(format!("{}: sync this, then run the same command again", step(*phase)))
        }
        (Next::Step(..), false) => lines.push("`--rollout two-phase` goes there in steps that open nothing".to_owned()),
        // Where nobody looks for an order, what is not known was said.
        (Next::Nothing(_), false) if plan.openings.is_empty() => {}
        (Next::Nothing(why), _) => lines.push(format!("no safe order of steps is known: {why}")),
        (Next::Target, _) => {}
    }
    lines.join("\n")
}

fn opened(opening: &Opening) -> Vec<String> {
    let callers: Vec<&str> = opening.callers.iter().take(SHOWN).map(|(_, name)| name.as_str()).collect();
    let more = opening.callers.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let port = opening.port.map_or("any other port".to_owned(), |port| port.to_string());
    let (may, cluster, workload) =
        (if opening.witness.sure { "" } else { "may " }, &opening.cluster, &opening.workload);
    vec![
        format!(
            "for a moment {}{more} {may}{} {cluster}:{workload}:{port}, and neither before nor after",
            callers.join(", "),
            if may.is_empty() && opening.callers.len() == 1 { "reaches" } else { "reach" }
        ),
        format!("  by {}", opening.witness.request),
        format!("  while some are new and some old: {}", opening.objects.join(", ")),
    ]
}

/// Says what a step is.
fn step(phase: Phase) -> &'static str {
    match phase {
        Phase::Restrict => "a step in between was written: what is there, with all that shall restrict",
        Phase::Switch => "a step in between was written: what shall be there, with all that restricted before",
    }
}

/// Returns it for programs.
pub(super) fn json(plan: &Plan, next: &Next) -> Value {
    let opening = |it: &Opening| {
        let callers: Vec<Value> =
            it.callers.iter().map(|(cluster, name)| json!({ "cluster": cluster, "name": name })).collect();
        json!({
            "cluster": it.cluster, "workload": it.workload, "port": it.port, "callers": callers, "sure": it.witness.sure,
            "request": it.witness.request.to_string(), "objects": it.objects,
        })
    };
    let (word, why) = match next {
        Next::Target => ("target", None),
        Next::Step(Phase::Restrict, _) => ("restrict", None),
        Next::Step(Phase::Switch, _) => ("switch", None),
        Next::Nothing(why) => ("nothing", Some(why)),
    };
    json!({
        "openings": plan.openings.iter().map(opening).collect::<Vec<_>>(),
        "openingPrunes": plan.opening_prunes,
        "together": plan.together,
        "notTried": plan.not_tried,
        "notKnown": plan.skipped,
        "notFollowed": plan.not_followed,
        "next": word,
        "why": why,
    })
}
