//! Each snapshot shows the input above what is said about it.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use proptest::prelude::*;
use ringfence_compiler::diagnostics::{Code, Diagnostic, Severity};
use ringfence_compiler::source::{SourceFile, Span};

use super::*;

static WIDER: Code = Code { id: "resolve/wider", severity: Severity::Error, summary: "a setting is wider than above" };
static UNUSED: Code = Code { id: "resolve/unused", severity: Severity::Warning, summary: "nothing uses it" };
static HINT: Code = Code { id: "resolve/hint", severity: Severity::Note, summary: "a fact" };

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

    fn render(&self, format: Format, list: Vec<Diagnostic>) -> String {
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
fn one_label() {
    let case = case(&[("policies/shop.yaml", "kind: Workspace\nextends: <1>basee</1>\nowner: a\n")]);
    let diagnostic =
        WIDER.at(case.at('1'), "unknown parent `basee`").label("extended here").help("did you mean `base`?");
    assert_snapshot!(case.text(diagnostic), @r"
    policies/shop.yaml:
    kind: Workspace
    extends: <1>basee</1>
    owner: a
    ----
    resolve/wider

      × unknown parent `basee`
       ╭─[policies/shop.yaml:2:10]
     1 │ kind: Workspace
     2 │ extends: basee
       ·          ──┬──
       ·            ╰── extended here
     3 │ owner: a
       ╰────
      help: did you mean `base`?

    For more about this, run `ringfence explain resolve/wider`.
    ");
}

#[test]
fn two_labels_in_one_file() {
    let case = case(&[("a.yaml", "mode: <1>STRICT</1>\na: 1\nb: 2\nport: <2>PERMISSIVE</2>\n")]);
    let diagnostic =
        WIDER.at(case.at('2'), "`PERMISSIVE` is wider").label("asked for here").and(case.at('1'), "the mandate");
    assert_snapshot!(case.text(diagnostic), @r"
    a.yaml:
    mode: <1>STRICT</1>
    a: 1
    b: 2
    port: <2>PERMISSIVE</2>
    ----
    resolve/wider

      × `PERMISSIVE` is wider
       ╭─[a.yaml:4:7]
     1 │ mode: STRICT
       ·       ───┬──
       ·          ╰── the mandate
     2 │ a: 1
     3 │ b: 2
     4 │ port: PERMISSIVE
       ·       ─────┬────
       ·            ╰── asked for here
       ╰────

    For more about this, run `ringfence explain resolve/wider`.
    ");
}

#[test]
fn two_labels_far_apart_and_two_on_one_line() {
    let text = format!("first: <1>1</1>\n{}last: {{a: <2>2</2>, b: <3>3</3>}}\n", "x: 0\n".repeat(99));
    let mut case = case(&[("a.yaml", &text)]);
    case.input = "a.yaml of 101 lines\n".to_owned();
    let diagnostic = UNUSED.at(case.at('2'), "three places").and(case.at('1'), "top").and(case.at('3'), "beside");
    assert_snapshot!(case.text(diagnostic), @r"
    a.yaml of 101 lines
    ----
    resolve/unused

      ⚠ three places
       ╭─[a.yaml:1:8]
     1 │ first: 1
       ·        ┬
       ·        ╰── top
     2 │ x: 0
       ╰────
         ╭─[a.yaml:101:11]
     100 │ x: 0
     101 │ last: {a: 2, b: 3}
         ·           ┬     ┬
         ·           │     ╰── beside
         ·           ╰── here
         ╰────

    For more about this, run `ringfence explain resolve/unused`.
    ");
}

#[test]
fn two_files_with_both_lines_underlined() {
    let case = case(&[
        ("org.yaml", "kind: Organization\nmtls:\n  mode: <1>STRICT</1>\n"),
        ("shop/workspace.yaml", "kind: Workspace\nname: shop\nmtls:\n  mode: <2>PERMISSIVE</2>\n  ports: {}\n"),
    ]);
    let diagnostic = WIDER
        .at(case.at('2'), "`PERMISSIVE` is wider than what `org` mandates")
        .label("asked for here")
        .and(case.at('1'), "`STRICT` is mandated here")
        .help("remove the line, or ask the owner of `org` for an Exception");
    assert_snapshot!(case.text(diagnostic), @r"
    org.yaml:
    kind: Organization
    mtls:
      mode: <1>STRICT</1>
    shop/workspace.yaml:
    kind: Workspace
    name: shop
    mtls:
      mode: <2>PERMISSIVE</2>
      ports: {}
    ----
    resolve/wider

      × `PERMISSIVE` is wider than what `org` mandates
       ╭─[shop/workspace.yaml:4:9]
     3 │ mtls:
     4 │   mode: PERMISSIVE
       ·         ─────┬────
       ·              ╰── asked for here
     5 │   ports: {}
       ╰────
       ╭─[org.yaml:3:9]
     2 │ mtls:
     3 │   mode: STRICT
       ·         ───┬──
       ·            ╰── `STRICT` is mandated here
       ╰────
      help: remove the line, or ask the owner of `org` for an Exception

    For more about this, run `ringfence explain resolve/wider`.
    ");
}

#[test]
fn no_place() {
    let case = case(&[]);
    assert_snapshot!(case.text(HINT.nowhere("no policy was found").help("run `ringfence init`")), @r"
    ----
    resolve/hint

      ☞ no policy was found
      help: run `ringfence init`

    For more about this, run `ringfence explain resolve/hint`.
    ");
}

#[test]
fn a_span_of_several_lines() {
    let case = case(&[("a.yaml", "top: 1\n<1>spec:\n  a: 1\n  b: 2\n</1>end: 1\nmore: 2\n")]);
    assert_snapshot!(case.text(UNUSED.at(case.at('1'), "nothing uses `spec`").label("all of it")), @r"
    a.yaml:
    top: 1
    <1>spec:
      a: 1
      b: 2
    </1>end: 1
    more: 2
    ----
    resolve/unused

      ⚠ nothing uses `spec`
       ╭─[a.yaml:2:1]
     1 │     top: 1
     2 │ ╭─▶ spec:
     3 │ │     a: 1
     4 │ ├─▶   b: 2
       · ╰──── all of it
     5 │     end: 1
       ╰────

    For more about this, run `ringfence explain resolve/unused`.
    ");
}

#[test]
fn a_span_of_very_many_lines_underlines_its_first() {
    let text = format!("<1>spec:\n{}</1>end: 1\n", "  - x\n".repeat(50));
    let mut case = case(&[("a.yaml", &text)]);
    case.input = "a.yaml whose `spec` has 50 lines\n".to_owned();
    assert_snapshot!(case.text(UNUSED.at(case.at('1'), "nothing uses `spec`")), @r"
    a.yaml whose `spec` has 50 lines
    ----
    resolve/unused

      ⚠ nothing uses `spec`
       ╭─[a.yaml:1:1]
     1 │ spec:
       · ──┬──
       ·   ╰── here
     2 │   - x
       ╰────

    For more about this, run `ringfence explain resolve/unused`.
    ");
}

#[test]
fn crlf() {
    let case = case(&[("a.yaml", "a: 1\r\nb: <1>2</1>\r\nc: <2></2>\r\n")]);
    assert_snapshot!(case.text(WIDER.at(case.at('1'), "not this").and(case.at('2'), "nor this")), @r"
    a.yaml:
    a: 1␍
    b: <1>2</1>␍
    c: <2></2>␍
    ----
    resolve/wider

      × not this
       ╭─[a.yaml:2:4]
     1 │ a: 1
     2 │ b: 2
       ·    ┬
       ·    ╰── here
     3 │ c: 
       ·    ▲
       ·    ╰── nor this
       ╰────

    For more about this, run `ringfence explain resolve/wider`.
    ");
}

#[test]
fn tabs() {
    let case = case(&[("a.yaml", "a:\n\t<1>b:</1>\t<2>c</2>\n")]);
    assert_snapshot!(case.text(WIDER.at(case.at('1'), "a tab").and(case.at('2'), "after one")), @r"
    a.yaml:
    a:
    →<1>b:</1>→<2>c</2>
    ----
    resolve/wider

      × a tab
       ╭─[a.yaml:2:2]
     1 │ a:
     2 │     b:  c
       ·     ─┬  ┬
       ·      │  ╰── after one
       ·      ╰── here
       ╰────

    For more about this, run `ringfence explain resolve/wider`.
    ");
}

#[test]
fn beyond_ascii() {
    let case = case(&[("ä.yaml", "größe: <1>日本語</1> # ü\nname: é<2>x</2>\n")]);
    assert_snapshot!(case.text(WIDER.at(case.at('1'), "`日本語`").label("wide").and(case.at('2'), "narrow")), @r"
    ä.yaml:
    größe: <1>日本語</1> # ü
    name: é<2>x</2>
    ----
    resolve/wider

      × `日本語`
       ╭─[ä.yaml:1:8]
     1 │ größe: 日本語 # ü
       ·        ───┬──
       ·           ╰── wide
     2 │ name: éx
       ·        ┬
       ·        ╰── narrow
       ╰────

    For more about this, run `ringfence explain resolve/wider`.
    ");
}

#[test]
fn an_empty_file() {
    let case = case(&[("a.yaml", "<1></1>")]);
    assert_snapshot!(case.text(WIDER.at(case.at('1'), "the file is empty")), @r"
    a.yaml:
    <1></1>
    ----
    resolve/wider

      × the file is empty
       ╭─[a.yaml:1:1]
     1 │ 
       · ▲
       · ╰── here
       ╰────

    For more about this, run `ringfence explain resolve/wider`.
    ");
}

#[test]
fn the_end_of_a_file() {
    let with_newline = case(&[("a.yaml", "a: 1\nb: [\n<1></1>")]);
    let without = case(&[("b.yaml", "a: 1\nb: [<1></1>")]);
    let [first, second] = [with_newline, without].map(|case| case.text(WIDER.at(case.at('1'), "`]` is missing")));
    assert_snapshot!(format!("{first}\n{second}"), @r"
    a.yaml:
    a: 1
    b: [
    <1></1>
    ----
    resolve/wider

      × `]` is missing
       ╭─[a.yaml:3:1]
     2 │ b: [
     3 │ 
       · ▲
       · ╰── here
       ╰────

    For more about this, run `ringfence explain resolve/wider`.

    b.yaml:
    a: 1
    b: [<1></1>
    ----
    resolve/wider

      × `]` is missing
       ╭─[b.yaml:2:5]
     1 │ a: 1
     2 │ b: [
       ·     ▲
       ·     ╰── here
       ╰────

    For more about this, run `ringfence explain resolve/wider`.
    ");
}

#[test]
fn nothing_in_a_file_steers_the_terminal() {
    let case = case(&[("a\u{1b}[2J.yaml", "a: \u{1b}[31m\u{202e}<1>x\u{7}</1>\u{85}y\n")]);
    let diagnostic = WIDER.at(case.at('1'), "bad \u{1b}]0;x\u{7} word").label("\u{1b}[0m").help("\u{9b}31m");
    let text = case.text(diagnostic.clone());
    assert_snapshot!(text, @r"
    a\u{1b}[2J.yaml:
    a: \u{1b}[31m\u{202e}<1>x\u{7}</1>\u{85}y
    ----
    resolve/wider

      × bad ?]0;x? word
       ╭─[a?[2J.yaml:1:10]
     1 │ a: ?[31m�x?¿y
       ·          ─┬
       ·           ╰── ?[0m
       ╰────
      help: ¿31m

    For more about this, run `ringfence explain resolve/wider`.
    ");
    let concise = case.render(Format::Concise, vec![diagnostic]);
    for text in [text, concise] {
        let (_, said) = text.split_once("----\n").unwrap();
        assert!(said.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')), "{said:?}");
    }
}

#[test]
fn long_sentences_break_at_spaces_and_long_lines_are_cut() {
    let text = format!("a: [{}<1>needle</1>{}]\n", "x, ".repeat(1000), ", y".repeat(1000));
    let mut case = case(&[("a.yaml", &text)]);
    case.input = "a.yaml with a line of 6 kB\n".to_owned();
    let message =
        "the workload `payments-service-with-a-long-name` may not be reached by `another-service-with-hyphens`";
    let style = Style { colour: false, width: 60 };
    let said = case.render(Format::Text(style), vec![WIDER.at(case.at('1'), message).help(message)]);
    assert_snapshot!(said, @r"
    a.yaml with a line of 6 kB
    ----
    resolve/wider

      × the workload `payments-service-with-a-long-name` may not
      │ be reached by `another-service-with-hyphens`
       ╭─[a.yaml:1:3005]
     1 │ …x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, needle, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y…
       ·                                                              ───┬──
       ·                                                                 ╰── here
       ╰────
      help: the workload `payments-service-with-a-long-name` may
            not be reached by `another-service-with-hyphens`

    For more about this, run `ringfence explain resolve/wider`.
    ");
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
    assert_snapshot!(case.render(Format::Json, list), @r#"
    a.yaml:
    ä: <1>1</1>
    ----
    {
      "version": 1,
      "diagnostics": [
        {
          "code": "resolve/hint",
          "severity": "note",
          "message": "zeroth",
          "help": null,
          "labels": []
        },
        {
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
      ]
    }
    "#);
    assert_snapshot!(case.render(Format::Json, Vec::new()), @r#"
    a.yaml:
    ä: <1>1</1>
    ----
    {
      "version": 1,
      "diagnostics": []
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
    for format in [Format::Text(Style::PLAIN), Format::Concise, Format::Json] {
        let start = std::time::Instant::now();
        let text = render(format, &diagnostics, &sources);
        assert!(text.contains("number 999") && text.len() < 2_000_000);
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
        for format in [Format::Concise, Format::Json] {
            prop_assert!(!render(format, &diagnostics, &sources).is_empty());
        }
    }
}
