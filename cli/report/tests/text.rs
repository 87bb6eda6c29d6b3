//! What people see, one awkward text after the other.

use insta::assert_snapshot;

use super::*;

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
     1 │ …x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, needle, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, …
       ·                                                              ───┬──
       ·                                                                 ╰── here
       ╰────
      help: the workload `payments-service-with-a-long-name` may
            not be reached by `another-service-with-hyphens`

    For more about this, run `ringfence explain resolve/wider`.
    ");
}
