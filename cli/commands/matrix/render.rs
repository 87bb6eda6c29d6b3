//! A matrix as people and programs read it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ringfence_verifier::matrix::{Matrix, OUTSIDE, Row};
use ringfence_verifier::reach::Reach;
use serde_json::{Value, json};

use crate::args::MatrixFormat;
use crate::summary::counted;

/// Renders the matrix of each cluster.
pub(super) fn render(matrices: &[(&str, Matrix)], format: MatrixFormat) -> String {
    match format {
        MatrixFormat::Csv => as_csv(matrices),
        MatrixFormat::Dot => as_dot(matrices),
        MatrixFormat::Concise => as_lines(matrices),
        MatrixFormat::Json => {
            let clusters: Vec<Value> = matrices.iter().map(|(name, matrix)| as_json(name, matrix)).collect();
            format!("{:#}\n", json!({ "version": 1, "clusters": clusters }))
        }
        MatrixFormat::Text => matrices.iter().map(|(name, matrix)| as_text(name, matrix)).collect(),
    }
}

fn word(reach: Reach) -> &'static str {
    match reach {
        Reach::Allowed => "allowed",
        Reach::Depends => "depends",
        Reach::Denied => "denied",
    }
}

/// Returns the callers of a row that get an answer.
fn callers<'m>(matrix: &'m Matrix, row: &Row, wanted: Reach) -> Vec<&'m str> {
    let cells = matrix.callers.iter().zip(&row.cells);
    cells.filter(|(_, reach)| **reach == wanted).map(|(caller, _)| caller.as_str()).collect()
}

fn as_text(name: &str, matrix: &Matrix) -> String {
    let (asked, ports) = (counted(matrix.callers.len(), "caller"), counted(matrix.rows.len(), "port"));
    let mut text = format!(
        "{name}: {asked}, {ports}

"
    );
    let place = |row: &Row| format!("{}:{}", row.workload, row.port);
    let width = matrix.rows.iter().map(|row| place(row).chars().count()).max().unwrap_or(0);
    for row in &matrix.rows {
        let allowed = callers(matrix, row, Reach::Allowed);
        let depends = callers(matrix, row, Reach::Depends);
        let said = |callers: &[&str]| {
            if callers.len() == matrix.callers.len() { "everybody".to_owned() } else { callers.join(", ") }
        };
        let mut words = said(&allowed);
        if !depends.is_empty() {
            let before = if words.is_empty() { "" } else { "; " };
            let _ = write!(words, "{before}perhaps {}", said(&depends));
        }
        if words.is_empty() {
            words.push_str("nobody");
        }
        let _ = writeln!(text, "  {:<width$}  {words}", place(row));
    }
    text
}

fn as_csv(matrices: &[(&str, Matrix)]) -> String {
    let mut text = String::from("cluster,caller,workload,port,reach\n");
    for (name, matrix) in matrices {
        for row in &matrix.rows {
            for (caller, reach) in matrix.callers.iter().zip(&row.cells) {
                // Names of Kubernetes have neither commas nor quotes.
                let _ = writeln!(text, "{name},{caller},{},{},{}", row.workload, row.port, word(*reach));
            }
        }
    }
    text
}

/// Writes a line for each caller that reaches a port, or may.
fn as_lines(matrices: &[(&str, Matrix)]) -> String {
    let mut text = String::new();
    for (name, matrix) in matrices {
        for row in &matrix.rows {
            for (caller, reach) in matrix.callers.iter().zip(&row.cells).filter(|(_, reach)| **reach != Reach::Denied) {
                let _ = writeln!(text, "{name}: {caller} -> {}:{}: {}", row.workload, row.port, word(*reach));
            }
        }
    }
    text
}

/// Writes a graph: an arrow for each pair, with its ports; a broken one where nobody knows.
fn as_dot(matrices: &[(&str, Matrix)]) -> String {
    let mut text = String::from("digraph mesh {\n  rankdir=LR;\n  node [shape=box];\n");
    // Names are of one cluster, unless they say of which; with several clusters all of them say it.
    let full = |cluster: &str, name: &str| match matrices.len() > 1 && !is_shared(matrices, name) {
        true => format!("{cluster}:{name}"),
        false => name.to_owned(),
    };
    for (cluster, matrix) in matrices {
        let mut arrows: BTreeMap<(String, String, bool), Vec<String>> = BTreeMap::new();
        for row in &matrix.rows {
            for (caller, reach) in matrix.callers.iter().zip(&row.cells).filter(|(_, reach)| **reach != Reach::Denied) {
                let arrow = (full(cluster, caller), full(cluster, &row.workload), *reach == Reach::Depends);
                arrows.entry(arrow).or_default().push(row.port.to_string());
            }
        }
        for ((from, to, depends), ports) in arrows {
            let style = if depends { ", style=dashed" } else { "" };
            let _ = writeln!(text, "  {from:?} -> {to:?} [label={:?}{style}];", ports.join(", "));
        }
    }
    text.push_str("}\n");
    text
}

/// Tells whether a name stands for the same in every cluster: whoever is outside, or one that says its cluster.
fn is_shared(matrices: &[(&str, Matrix)], name: &str) -> bool {
    name == OUTSIDE
        || matrices.iter().any(|(cluster, _)| name.split_once(':').is_some_and(|(begin, _)| begin == *cluster))
}

fn as_json(name: &str, matrix: &Matrix) -> Value {
    let rows: Vec<Value> = matrix
        .rows
        .iter()
        .map(|row| {
            json!({
                "workload": row.workload,
                "port": row.port,
                "allowed": callers(matrix, row, Reach::Allowed),
                "depends": callers(matrix, row, Reach::Depends),
            })
        })
        .collect();
    json!({ "cluster": name, "callers": matrix.callers, "ports": rows })
}
