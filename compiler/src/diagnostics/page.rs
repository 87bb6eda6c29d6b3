//! The page that lists every code.
//!
//! In: the codes, and which of them have a broken repository that shows them. Out: `docs/checks.md`. It exists so that the
//! page, the terminal and the reports cannot name a code differently.

use std::fmt::Write;

use super::codes;

/// Returns the page; `has_example` tells whether `fixtures/broken/<id>/README.md` is there.
pub fn page(has_example: impl Fn(&str) -> bool) -> String {
    let mut page = String::from(
        "# Diagnostics\n\n\
         Everything the compiler can say, by the stage that says it. An error fails the run and nothing is written; a\n\
         warning asks to be read; a note only tells. `ringfence explain <code>` says more about one. Where a code is a\n\
         link, it leads to a small repository that is broken in just this way.\n",
    );
    let mut stage = "";
    for code in codes::all() {
        let (of, _) = code.id.split_once('/').unwrap_or(("", code.id));
        if of != stage {
            stage = of;
            // Writing to a `String` cannot fail.
            let _ = write!(page, "\n## {stage}\n\n| code | severity | what it means |\n|---|---|---|\n");
        }
        let id = code.id;
        let shown =
            if has_example(id) { format!("[`{id}`](../fixtures/broken/{id}/README.md)") } else { format!("`{id}`") };
        let _ = writeln!(
            page,
            "| <a id=\"{id}\"></a>{shown} | {} | {} |",
            code.severity.word(),
            code.summary.replace('|', "\\|")
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn a_code_links_to_its_example_where_there_is_one() {
        let text = page(|id| id == "parse/wrong-type");
        assert!(text.contains("[`parse/wrong-type`](../fixtures/broken/parse/wrong-type/README.md) | error |"));
        assert!(text.contains("</a>`parse/empty-list` | error |"));
    }
}
