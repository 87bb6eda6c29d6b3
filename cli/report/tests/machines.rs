//! What machines read: whatever a file says, it is data there and never a command or markup.

use super::*;
use crate::args::Level;

fn origin() -> Origin {
    Origin { prefix: "mesh/".to_owned() }
}

/// Says one thing about one file, in a form.
fn said(format: Format<'_>, path: &str, message: &str) -> String {
    let mut sources = Sources::new();
    let file = sources.add(SourceFile::new(path, b"a: 1\n".to_vec()));
    let mut diagnostics = Diagnostics::new();
    let span = Span::new(file, 3, 4);
    let _ = diagnostics.report(WIDER.at(span, message).and(Span::new(file, 0, 1), message).help(message));
    render(format, &diagnostics, &sources)
}

#[test]
fn an_annotation_stands_at_its_line_and_is_no_other_command() {
    let origin = origin();
    assert_snapshot!(said(Format::Github(&origin), "a,b:c.yaml", "100 %\n::error::gotcha"), @"::error file=mesh/a%2Cb%3Ac.yaml,line=1,endLine=1,col=4,endColumn=5,title=resolve/wider::100 %25%0A::error::gotcha%0Amesh/a,b:c.yaml:1: 100 %25%0A::error::gotcha%0Ahelp: 100 %25%0A::error::gotcha");
}

#[test]
fn no_more_annotations_are_written_than_are_shown() {
    let mut sources = Sources::new();
    let file = sources.add(SourceFile::new("a.yaml", b"a: 1\n".repeat(30)));
    let mut diagnostics = Diagnostics::new();
    for line in 0..12 {
        let _ = diagnostics.report(UNUSED.at(Span::new(file, line * 5, line * 5 + 1), "again"));
    }
    let _ = diagnostics.report(WIDER.at(Span::new(file, 149, 150), "the one that counts"));
    let text = render(Format::Github(&origin()), &diagnostics, &sources);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("::error ") && lines[0].ends_with("::the one that counts"), "{text}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("::warning ")).count(), github::MOST);
    assert!(lines[11].starts_with("::notice ") && lines[11].contains("2 more findings"), "{text}");
}

#[test]
fn a_table_shows_what_fails_first_and_holds_no_markup_of_others() {
    let origin = origin();
    let text = said(Format::Markdown(&origin, Some("a\n\n<b>"), "1 error\n"), "a.yaml", "`x` | <img> [a](b) @ann");
    assert_snapshot!(text, @"
    ### Policy: 1 error

    | | finding | where | what to do |
    |---|---|---|---|
    | **error** | &#96;x&#96; &#124; &lt;img&gt; &#91;a&#93;(b) &#64;ann<br><code>resolve/wider</code> <code>7e10f86ea811fa31</code> | <code>mesh/a.yaml:1</code><br><code>mesh/a.yaml:1</code> | &#96;x&#96; &#124; &lt;img&gt; &#91;a&#93;(b) &#64;ann |

    <details><summary>What was looked at</summary>

    <pre>
    a
    &lt;b&gt;
    </pre>

    </details>
    ");
}

#[test]
fn a_test_report_fails_by_what_counts() {
    assert_snapshot!(said(Format::Junit(Level::Error), "a.yaml", "a < b & \"c\""), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="ringfence" tests="1" failures="1">
      <testsuite name="ringfence" tests="1" failures="1">
        <testcase classname="resolve/wider" name="a.yaml:1: a &lt; b &amp; &quot;c&quot;">
          <failure type="error" message="a &lt; b &amp; &quot;c&quot;">a.yaml:1: error[resolve/wider] a &lt; b &amp; &quot;c&quot;
    a.yaml:1: a &lt; b &amp; &quot;c&quot;
    help: a &lt; b &amp; &quot;c&quot;
    </failure>
        </testcase>
      </testsuite>
    </testsuites>
    "#);
    assert!(render(Format::Junit(Level::Error), &Diagnostics::new(), &Sources::new()).contains("nothing was found"));
}

#[test]
fn an_id_outlives_a_move_and_tells_twins_apart() {
    let ids = |text: &str, at: &[usize]| -> Vec<String> {
        let mut sources = Sources::new();
        let file = sources.add(SourceFile::new("a.yaml", text.as_bytes().to_vec()));
        let mut diagnostics = Diagnostics::new();
        for start in at {
            let _ = diagnostics.report(WIDER.at(Span::new(file, *start, start + 1), "again"));
        }
        identity::identified(listed(&diagnostics, &sources), &sources).into_iter().map(|(id, _)| id).collect()
    };
    let (here, moved) = (ids("x: 1\n", &[0]), ids("\n\n  x: 1\n", &[4]));
    assert_eq!(here, moved);
    assert_ne!(here, ids("x: 2\n", &[0]));
    let twins = ids("x: 1\nx: 1\n", &[0, 5]);
    assert!(twins[0] == here[0] && twins[1] != here[0]);
}

proptest! {
    #[test]
    fn whatever_a_file_says_a_report_holds_it_as_data(
        path in "[a-z%,:\"<&\n\r ä\u{1b}\u{202e}]{1,12}",
        message in "[a-z:%|<>`&\"'\n\r\t\u{0}\u{1b}\u{85}\u{fffe}\u{ffff}\u{2028}\u{202e}\u{1f600}]{0,40}",
    ) {
        let origin = origin();
        let annotations = said(Format::Github(&origin), &path, &message);
        prop_assert_eq!(annotations.lines().count(), 1);
        prop_assert!(annotations.starts_with("::error file="), "{}", annotations);
        let sarif: Value = serde_json::from_str(&said(Format::Sarif(&origin), &path, &message)).unwrap();
        let uri = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
        prop_assert!(uri.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<&:,".contains(&byte)), "{}", uri);
        let junit = said(Format::Junit(Level::Error), &path, &message);
        let mut reader = quick_xml::Reader::from_str(&junit);
        let mut cases = 0;
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Start(tag) if tag.name().as_ref() == "testcase" => cases += 1,
                quick_xml::events::Event::Eof => break,
                _ => {}
            }
        }
        prop_assert_eq!(cases, 1);
        prop_assert!(junit.chars().all(|c| c == '\n' || c == '\t' || !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')), "{:?}", junit);
        let table = said(Format::Markdown(&origin, None, "1 error"), &path, &message);
        prop_assert_eq!(table.lines().count(), 5, "{}", table);
        prop_assert_eq!(table.lines().nth(4).unwrap().matches('|').count(), 5, "{}", table);
    }
}
