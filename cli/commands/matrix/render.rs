//! A matrix as people and programs read it.

use std::fmt::Write as _;

use ringfence_verifier::matrix::{Matrix, Row};
use ringfence_verifier::reach::Reach;
use serde_json::{Value, json};

use crate::args::FormatName;
use crate::summary::counted;

/// Renders the matrix of each cluster.
pub(super) fn render(matrices: &[(&str, Matrix)], csv: bool, format: FormatName) -> String {
    match format {
        _ if csv => as_csv(matrices),
        FormatName::Json => {
            let clusters: Vec<Value> = matrices.iter().map(|(name, matrix)| as_json(name, matrix)).collect();
            format!("{:#}\n", json!({ "version": 1, "clusters": clusters }))
        }
        FormatName::Text | FormatName::Concise => matrices.iter().map(|(name, matrix)| as_text(name, matrix)).collect(),
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
