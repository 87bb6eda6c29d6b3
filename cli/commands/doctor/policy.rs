//! The project: whether it can be read, whether it holds, and whether what is written of it is up to date.

use std::fs;
use std::path::Path;

use ringfence_compiler::parse::Parsed;
use ringfence_compiler::schema;

use super::super::project_keys;
use super::Line;
use crate::args::Reading;
use crate::commands::{Judged, Thoroughness, init, judge_over};
use crate::exit::Failure;
use crate::output;
use crate::project::{Project, shown};
use crate::report::Counts;
use crate::signing;
use crate::summary::counted;

pub(super) fn lines(root: &Path) -> Result<Vec<Line>, Failure> {
    let mut lines = vec![Line::good("project", format!("`{}`", root.display()))];
    lines.push(schemas(root));
    let reading = Reading { as_of: None, at: None, staged: false, verbose: false, threads: None };
    let mut project = match Project::open(Some(root), &reading) {
        Ok(project) => project,
        Err(failure) => {
            lines.push(Line::bad("policy", failure.message(), "`ringfence init` shows what one looks like"));
            return Ok(lines);
        }
    };
    if let Some(name) = project.parsed.as_ref().and_then(|parsed| parsed.project.spec.baseline.as_ref())
        && project.baseline.is_none()
    {
        let said = format!("`{}` is not there, so everything counts", name.value);
        lines.push(Line::bad("baseline", said, format!("`ringfence check --write-baseline {}`", name.value)));
    }
    let mut judged = judge_over(&mut project, None, Thoroughness::Fast);
    lines.push(holds(&judged));
    let Some(parsed) = &project.parsed else { return Ok(lines) };
    lines.extend(inventory(parsed));
    lines.extend(written(root, parsed, &mut judged)?);
    lines.push(delivery(parsed));
    Ok(lines)
}

/// Says whether editors complete by what this version reads.
fn schemas(root: &Path) -> Line {
    let (folder, files) = (root.join(init::SCHEMAS), schema::files());
    let is_same = |(name, text): (&String, &String)| {
        fs::read_to_string(folder.join(name)).is_ok_and(|there| there.replace("\r\n", "\n") == *text)
    };
    let how = format!("`ringfence schema --out {}`", init::SCHEMAS);
    match (folder.is_dir(), files.iter().filter(|file| !is_same(*file)).count()) {
        (false, _) => Line::note("schemas", "editors do not know the language here", how),
        (true, 0) => Line::good("schemas", format!("{} of this version", counted(files.len(), "schema"))),
        (true, stale) => Line::bad("schemas", format!("{} not of this version", counted(stale, "schema")), how),
    }
}

fn holds(judged: &Judged) -> Line {
    let Counts { errors, warnings, .. } = Counts::of(&judged.diagnostics, &judged.sources);
    let said = format!("{}, {}", counted(errors, "error"), counted(warnings, "warning"));
    match (errors, warnings) {
        (0, 0) => Line::good("policy", "no errors, no warnings; not proved here"),
        (0, _) => Line::note("policy", said, "`ringfence check` shows them"),
        _ => Line::bad("policy", said, "`ringfence check` shows them"),
    }
}

/// Says which clusters there are, and whether anything runs in them.
fn inventory(parsed: &Parsed) -> Vec<Line> {
    let of = |cluster: &ringfence_compiler::document::Document<_>| {
        let folder = parsed.project.inventory_of(cluster);
        let count = parsed.inventory.clusters.get(cluster.name()).map_or(0, |inventory| inventory.workloads.len());
        match count {
            0 => Line::bad(
                "inventory",
                format!("cluster {}: nothing runs by `{folder}`", cluster.name()),
                "put its rendered manifests there: who calls, and which ports there are, is read from them",
            ),
            count => Line::good(
                "inventory",
                format!("cluster {}: {} in `{folder}`", cluster.name(), counted(count, "workload")),
            ),
        }
    };
    parsed.policy.clusters.iter().map(of).collect()
}

/// Says whether what is written is what the policy compiles to.
fn written(root: &Path, parsed: &Parsed, judged: &mut Judged) -> Result<Option<Line>, Failure> {
    let Some((compiled, _)) = judged.outcome.as_mut().filter(|_| !judged.diagnostics.has_errors()) else {
        return Ok(None);
    };
    let out = root.join(parsed.project.output_folder());
    if !out.is_dir() {
        return Ok(Some(Line::note(
            "output",
            format!("nothing is written to `{}` yet", shown(&out)),
            "`ringfence compile`",
        )));
    }
    signing::pin(compiled, &signing::there(&out, &compiled.files, &project_keys(parsed)?)?);
    let differences = output::compare(&out, &compiled.files).map_err(Failure::new)?;
    Ok(Some(match differences.len() {
        0 => Line::good("output", format!("`{}` is up to date", shown(&out))),
        some => Line::bad(
            "output",
            format!("`{}` is not up to date: {}", shown(&out), counted(some, "file")),
            "`ringfence compile`",
        ),
    }))
}

fn delivery(parsed: &Parsed) -> Line {
    let Some(delivery) = &parsed.delivery else {
        return Line::note(
            "delivery",
            "nobody is said to fetch the output",
            "`delivery:` in ringfence.yaml, see docs/delivery.md",
        );
    };
    let keys = delivery.trust.cosign.len();
    match keys {
        0 => Line::note("delivery", "no key is trusted for artifacts", "`delivery.trust.cosign` in ringfence.yaml"),
        keys => Line::good("delivery", format!("{} trusted for artifacts", counted(keys, "key"))),
    }
}
