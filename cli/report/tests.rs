//! Each snapshot shows the input above what is said about it.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use proptest::prelude::*;
use ringfence_compiler::diagnostics::{Code, Diagnostic, Severity};
use ringfence_compiler::source::{SourceFile, Span};

use super::*;

mod machines;
mod text;

static WIDER: Code =
    Code { id: "resolve/wider", severity: Severity::Error, summary: "a setting is wider than above", page: "" };
static UNUSED: Code = Code { id: "resolve/unused", severity: Severity::Warning, summary: "nothing uses it", page: "" };
static HINT: Code = Code { id: "resolve/hint", severity: Severity::Note, summary: "a fact", page: "" };

/// Texts by path; a place in them is written `<1>text</1>` with any digit.
struct Case {
    sources: Sources,
    places: BTreeMap<char, Span>,
    input: String,
}

fn case(files: &[(&str, &str)]) -> Case {
    let mut case = Case { sources: Sources::new(), places: BTreeMap::new(), input: String::new() };
    for (path, marked) in files {
        let (mut text, mut starts, mut ends) = (String::new(), BTreeMap::new(), BTreeMap::new());
        let mut rest = *marked;
        while let Some(at) = rest.find('<') {
            let (before, tag) = rest.split_at(at);
            text.push_str(before);
            let (tag, after) = tag.split_once('>').unwrap();
            let places = if tag.starts_with("</") { &mut ends } else { &mut starts };
            places.insert(tag.chars().last().unwrap(), text.len());
            rest = after;
        }
        text.push_str(rest);
        case.input.push_str(&shown(&format!("{path}:\n{}\n", marked.trim_end_matches('\n'))));
        let file = case.sources.add(SourceFile::new(path, text.into_bytes()));
        for (name, start) in starts {
            case.places.insert(name, Span::new(file, start, ends.get(&name).copied().unwrap_or(start)));
        }
    }
    case
}

/// Spells out what a snapshot would hide.
fn shown(text: &str) -> String {
    let spell = |c: char| match c {
        '\r' => "␍".to_owned(),
        '\t' => "→".to_owned(),
        c if c != '\n' && (c.is_control() || c == '\u{202e}') => c.escape_unicode().to_string(),
        c => c.to_string(),
    };
    text.chars().map(spell).collect()
}

impl Case {
    fn at(&self, place: char) -> Span {
        self.places[&place]
    }

    fn render(&self, format: Format<'_>, list: Vec<Diagnostic>) -> String {
        let mut diagnostics = Diagnostics::new();
        for diagnostic in list {
            let _ = diagnostics.report(diagnostic);
        }
        format!("{}----\n{}", self.input, render(format, &diagnostics, &self.sources))
    }

    fn text(&self, diagnostic: Diagnostic) -> String {
        self.render(Format::Text(Style::PLAIN), vec![diagnostic])
    }
}

#[test]
fn several_come_sorted_with_one_closing_hint() {
    let case = case(&[("a.yaml", "a: <1>1</1>\n"), ("b.yaml", "b: <2>2</2>\n")]);
    let list = || {
        let first = UNUSED.at(case.at('1'), "first").and(case.at('2'), "seen");
        vec![WIDER.at(case.at('2'), "second"), first.clone(), HINT.nowhere("zeroth\nline"), first]
    };
    assert_snapshot!(case.render(Format::Text(Style::PLAIN), list()), @r"
    a.yaml:
    a: <1>1</1>
    b.yaml:
    b: <2>2</2>
    ----
    resolve/hint

      ☞ zeroth
      │ line

    resolve/unused

      ⚠ first
       ╭─[a.yaml:1:4]
     1 │ a: 1
       ·    ┬
       ·    ╰── here
       ╰────
       ╭─[b.yaml:1:4]
     1 │ b: 2
       ·    ┬
       ·    ╰── seen
       ╰────

    resolve/wider

      × second
       ╭─[b.yaml:1:4]
     1 │ b: 2
       ·    ┬
       ·    ╰── here
       ╰────

    For more about one of these, run `ringfence explain <id>`: resolve/hint, resolve/unused,
    resolve/wider.
    ");
    assert_snapshot!(case.render(Format::Concise, list()), @r"
    a.yaml:
    a: <1>1</1>
    b.yaml:
    b: <2>2</2>
    ----
    ringfence: note[resolve/hint] zeroth line
    a.yaml:1:4: warning[resolve/unused] first (see b.yaml:1)
    b.yaml:1:4: error[resolve/wider] second
    ");
}

#[test]
fn json() {
    let case = case(&[("a.yaml", "ä: <1>1</1>\n")]);
    let list = vec![HINT.nowhere("zeroth"), UNUSED.at(case.at('1'), "first").label("\u{1b}\"").help("help")];
    assert_snapshot!(case.render(Format::Json(&Value::Null, None, Left::default()), list), @r#"
    a.yaml:
    ä: <1>1</1>
    ----
    {
      "version": 1,
      "diagnostics": [
        {
          "id": "aead2529d20a169a",
          "code": "resolve/hint",
          "severity": "note",
          "message": "zeroth",
          "help": null,
          "labels": []
        },
        {
          "id": "96c040b64177feac",
          "code": "resolve/unused",
          "severity": "warning",
          "message": "first",
          "help": "help",
          "labels": [
            {
              "path": "a.yaml",
              "start": {
                "line": 1,
                "column": 4,
                "offset": 4
              },
              "end": {
                "line": 1,
                "column": 5,
                "offset": 5
              },
              "text": "\u001b\""
            }
          ]
        }
      ],
      "counts": {
        "errors": 0,
        "warnings": 1,
        "notes": 1
      },
      "left": {
        "ignored": 0,
        "baseline": 0
      },
      "unchecked": null,
      "summary": null
    }
    "#);
    assert_snapshot!(case.render(Format::Json(&Value::Null, None, Left::default()), Vec::new()), @r#"
    a.yaml:
    ä: <1>1</1>
    ----
    {
      "version": 1,
      "diagnostics": [],
      "counts": {
        "errors": 0,
        "warnings": 0,
        "notes": 0
      },
      "left": {
        "ignored": 0,
        "baseline": 0
      },
      "unchecked": null,
      "summary": null
    }
    "#);
}

#[test]
fn nothing_to_say_is_nothing_printed() {
    for format in [Format::Text(Style::PLAIN), Format::Concise] {
        assert_eq!(render(format, &Diagnostics::new(), &Sources::new()), "");
    }
}

#[test]
fn colour_follows_the_usual_variables() {
    fn check(is_terminal: bool, variables: &[(&str, &str)], expected: bool) {
        let find = |name: &str| variables.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned());
        assert_eq!(wants_colour(is_terminal, find), expected, "{is_terminal} {variables:?}");
    }
    check(true, &[], true);
    check(false, &[], false);
    check(true, &[("NO_COLOR", "1")], false);
    check(true, &[("NO_COLOR", "")], true);
    check(false, &[("CLICOLOR_FORCE", "1")], true);
    check(false, &[("CLICOLOR_FORCE", "0")], false);
    check(false, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false);
    check(true, &[("CLICOLOR", "0")], false);
    check(true, &[("TERM", "dumb")], false);
    let case = case(&[("a.yaml", "<1>a</1>")]);
    let coloured = case.render(Format::Text(Style { colour: true, width: 100 }), vec![WIDER.at(case.at('1'), "x")]);
    assert!(coloured.contains("\u{1b}["));
}

#[test]
fn a_thousand_diagnostics_in_a_megabyte_take_no_time() {
    let line = "key: some value of ordinary length\n";
    let mut sources = Sources::new();
    let file = sources.add(SourceFile::new("a.yaml", line.repeat(1_000_000 / line.len()).into_bytes()));
    let one_line = sources.add(SourceFile::new("b.yaml", "x".repeat(1_000_000).into_bytes()));
    let mut diagnostics = Diagnostics::new();
    for number in 0..1000 {
        let span = Span::new(file, number * 28 * line.len(), number * 28 * line.len() + 3);
        let other = Span::new(one_line, number * 900, number * 900 + 5);
        let _ = diagnostics.report(WIDER.at(span, format!("number {number}")).and(other, "there"));
    }
    let _ = diagnostics.report(WIDER.at(Span::new(file, 0, 1_000_000), "all of it"));
    for format in [Format::Text(Style::PLAIN), Format::Concise, Format::Json(&Value::Null, None, Left::default())] {
        let start = std::time::Instant::now();
        let text = render(format, &diagnostics, &sources);
        assert!(text.contains("number 98") && text.contains("and 901 more") && text.len() < 200_000, "{format:?}");
        // A renderer that counted lines from the start of the file would need minutes here.
        assert!(start.elapsed().as_secs() < 10, "{format:?}: {:?}", start.elapsed());
    }
}

proptest! {
    #[test]
    fn any_places_in_any_text_are_rendered(
        text in "[a-z :\t\r\nä日\u{1f600}\u{301}\u{feff}\u{1b}\u{85}]{0,80}",
        other in "[a\n\r]{0,6}",
        spans in prop::collection::vec((any::<bool>(), 0_usize..100, 0_usize..40), 1..5),
    ) {
        let mut sources = Sources::new();
        let files = [sources.add(SourceFile::new("a.yaml", text.into_bytes())), sources.add(SourceFile::new("b", other.into_bytes()))];
        let span = |(second, start, length): &(bool, usize, usize)| Span::new(files[usize::from(*second)], *start, start + length);
        let mut diagnostic = WIDER.at(span(&spans[0]), "message").label("label 0");
        for (index, place) in spans.iter().enumerate().skip(1) {
            diagnostic = diagnostic.and(span(place), format!("label {index}"));
        }
        let mut diagnostics = Diagnostics::new();
        let _ = diagnostics.report(diagnostic);
        let said = render(Format::Text(Style::PLAIN), &diagnostics, &sources);
        for index in 0..spans.len() {
            prop_assert!(said.contains(&format!("label {index}")), "label {index} is missing:\n{said}");
        }
        prop_assert!(said.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", said);
        for format in [Format::Concise, Format::Json(&Value::Null, None, Left::default())] {
            prop_assert!(!render(format, &diagnostics, &sources).is_empty());
        }
    }
}
