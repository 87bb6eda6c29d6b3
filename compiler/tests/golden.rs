//! What the scenarios compile to: every file of the small one, the decisions of the large one in words.
//!
//! `UPDATE_GENERATED=1 cargo test -p ringfence-compiler --test golden` rewrites what is expected.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::yaml::{Profile, read};
use serde_json::Value;
use support::{Files, folder, run};

const DAY: &str = "2026-11-22";

/// Returns the files of a scenario, without what is expected of it.
fn scenario(path: &str) -> Files {
    folder(path).into_iter().filter(|(path, _)| !path.starts_with("expected")).collect()
}

fn compiled(path: &str) -> BTreeMap<String, String> {
    let outcome = run(&scenario(path), DAY);
    assert_eq!(outcome.errors(), Vec::<&str>::new(), "{}", outcome.said());
    outcome.compiled.unwrap().files
}

#[expect(clippy::disallowed_methods, reason = "a test that rewrites what it expects")]
fn compare(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if std::env::var("UPDATE_GENERATED").is_ok() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(expected == text, "{path} is not what is compiled; UPDATE_GENERATED=1 rewrites it\n{text}");
}

#[test]
fn bookinfo_compiles_to_these_files() {
    let files = compiled("fixtures/bookinfo");
    for (path, text) in files.iter().filter(|(path, _)| path.starts_with("clusters/")) {
        compare(&format!("fixtures/bookinfo/expected/{path}"), text);
    }
    let stray = folder("fixtures/bookinfo")
        .into_keys()
        .find(|path| path.strip_prefix("expected/").is_some_and(|path| !files.contains_key(path)));
    assert_eq!(stray, None, "nothing compiles to this any more");
}

#[test]
fn bank_decides_this() {
    let mut words = String::new();
    for (path, text) in compiled("fixtures/bank").iter().filter(|(path, _)| path.starts_with("clusters/")) {
        let mut sources = Sources::new();
        let file = sources.add(SourceFile::new(path, text.clone().into_bytes()));
        let documents = read(&sources, file, Profile::Manifest, &mut Diagnostics::new());
        describe(&documents[0].root.to_json(), path.split('/').nth(1).unwrap(), &mut words);
    }
    compare("fixtures/bank/expected.txt", &words);
}

/// Writes the decisions of an object, a line each.
fn describe(object: &Value, cluster: &str, words: &mut String) {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or("-");
    let (kind, namespace, name) = (text("/kind"), text("/metadata/namespace"), text("/metadata/name"));
    match kind {
        "AuthorizationPolicy" => {
            let trial =
                object.pointer("/metadata/annotations").is_some_and(|notes| notes.get("istio.io/dry-run").is_some());
            let action = if trial { "TRIAL" } else { text("/spec/action") };
            for rule in object.pointer("/spec/rules").and_then(Value::as_array).into_iter().flatten() {
                writeln!(words, "{cluster} {namespace}/{name} {action}{}", line(rule)).unwrap();
            }
        }
        "PeerAuthentication" => writeln!(words, "{cluster} {namespace}/{name} mTLS{}", line(&object["spec"])).unwrap(),
        "RequestAuthentication" => {
            writeln!(words, "{cluster} {namespace}/{name} tokens{}", line(&object["spec"])).unwrap()
        }
        _ => {}
    }
}

/// Writes the leaves of a value as `key=value`, lists joined.
fn line(value: &Value) -> String {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| match value {
                Value::Array(items) if items.iter().all(Value::is_string) => {
                    format!(" {key}={}", items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","))
                }
                Value::String(text) => format!(" {key}={text}"),
                Value::Object(_) | Value::Array(_) => line(value),
                other => format!(" {key}={other}"),
            })
            .collect(),
        Value::Array(items) => items.iter().map(line).collect(),
        other => format!(" {other}"),
    }
}

#[test]
fn one_thread_and_two_compile_to_the_same_bytes() {
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| compiled("fixtures/bank"))
    };
    assert!(with(1) == with(2));
}

#[test]
fn lines_that_end_in_cr_lf_compile_to_the_same_objects() {
    let unix = scenario("fixtures/bookinfo");
    let to_dos = |text: &Vec<u8>| String::from_utf8(text.clone()).unwrap().replace('\n', "\r\n").into_bytes();
    let dos: Files = unix.iter().map(|(path, text)| (path.clone(), to_dos(text))).collect();
    let files = |files: &Files| {
        let all = run(files, DAY).compiled.unwrap().files;
        all.into_iter().filter(|(path, _)| path.starts_with("clusters/")).collect::<BTreeMap<_, _>>()
    };
    assert!(files(&unix) == files(&dos));
}
