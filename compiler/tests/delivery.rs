//! What a platform team applies so that controllers verify the output and keep it applied: every form of it, and what is
//! refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

#[path = "delivery/keys.rs"]
mod keys;
mod support;

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::compile::{HEADER, objects};
use ringfence_compiler::delivery::{Cluster, of_cluster};
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::emit::KINDS;
use ringfence_compiler::parse::parse;
use ringfence_compiler::resolve::resolve;
use ringfence_compiler::shape::scalar::Text;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::spec::names::Day;
use ringfence_compiler::yaml::{Profile, read};
use serde_json::Value;
use support::{Files, Outcome, folder, run};

const DAY: &str = "2026-11-22";
const GIT: &str = "git: {url: https://git.acme.example/mesh}";
const OCI: &str = "oci: {url: oci://registry.acme.example/mesh}";
const COSIGN: &str = "cosign: [keys/release.pem]";
const PGP: &str = "pgp: [keys/alice.asc]";
const SSH: &str = "ssh: [keys/allowed_signers]";

/// A fixture that says this of delivery, with files of keys beside it.
fn repository(fixture: &str, delivery: &[&str]) -> Files {
    let mut files = folder(&format!("fixtures/{fixture}"));
    files.retain(|path, _| !path.starts_with("expected"));
    for (name, bytes) in folder("compiler/tests/delivery/keys") {
        files.insert(format!("keys/{name}"), bytes);
    }
    let project = format!(
        "apiVersion: ringfence/v1alpha1\nkind: Project\nmetadata: {{name: shop}}\nspec: {{delivery: {{{}}}}}\n",
        delivery.join(", ")
    );
    files.insert("ringfence.yaml".to_owned(), project.into_bytes());
    files
}

fn trust(keys: &[&str]) -> String {
    format!("trust: {{{}}}", keys.join(", "))
}

fn outcome(delivery: &[&str]) -> Outcome {
    run(&repository("bookinfo", delivery), DAY)
}

/// Returns what is written below `delivery/`.
fn written(delivery: &[&str]) -> BTreeMap<String, String> {
    let outcome = outcome(delivery);
    assert_eq!(outcome.errors(), Vec::<&str>::new(), "{}", outcome.said());
    let files = outcome.compiled.unwrap().files;
    files.into_iter().filter(|(path, _)| path.starts_with("delivery/")).collect()
}

/// Returns the files with their names above them.
fn shown(files: &BTreeMap<String, String>) -> String {
    files.iter().map(|(path, text)| format!("=== {path}\n{text}")).collect()
}

/// Reads the objects of a file, as kubectl does.
fn read_back(text: &str) -> Vec<Value> {
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let file = sources.add(SourceFile::new("applied.yaml", text.as_bytes().to_vec()));
    let read = read(&sources, file, Profile::Manifest, &mut said);
    assert!(!said.has_errors());
    read.into_iter().map(|document| document.root.to_json()).collect()
}

#[test]
fn flux_fetches_a_signed_artifact() {
    let trust = trust(&[COSIGN]);
    insta::assert_snapshot!(shown(&written(&[OCI, &trust, "flux: {version: \"2.9\"}"])));
}

#[test]
fn flux_fetches_a_signed_branch() {
    let git = "git: {url: ssh://git@git.acme.example/mesh, branch: \"mesh/{cluster}\", path: ., secret: deploy-key}";
    let trust = trust(&[PGP, SSH]);
    insta::assert_snapshot!(shown(&written(&[git, &trust, "flux: {version: \"2.9.5\"}", "interval: 2m"])));
}

#[test]
fn argo_cd_fetches_a_signed_branch() {
    let trust = trust(&["pgp: [keys/alice.asc, keys/robot.asc, d56c4fca57a46444]"]);
    insta::assert_snapshot!(shown(&written(&[GIT, &trust, "argocd: {version: \"3.5\", project: mesh}"])));
}

#[test]
fn argo_cd_without_source_integrity_names_keys_for_the_whole_project() {
    let trust = trust(&[PGP]);
    let files = written(&[GIT, &trust, "argocd: {version: \"3.4.3\"}"]);
    let project = &read_back(&files["delivery/argocd/demo.yaml"])[0];
    let ids: Vec<_> = project["spec"]["signatureKeys"].as_array().unwrap().iter().map(|key| &key["keyID"]).collect();
    assert_eq!(ids, ["3779F638F282B08A", "9D129114242B62FF", "D6CA62CD5EA945DC"]);
    assert_eq!(project["spec"].get("sourceIntegrity"), None);
}

#[test]
fn argo_cd_fetches_an_artifact_by_its_digest_or_not_at_all() {
    let delivery = [OCI, "argocd: {version: \"3.5\"}"];
    let without = written(&delivery);
    assert_eq!(without.keys().collect::<Vec<_>>(), ["delivery/argocd/demo.yaml"]);
    let kinds: Vec<_> =
        read_back(&without["delivery/argocd/demo.yaml"]).iter().map(|object| object["kind"].clone()).collect();
    assert_eq!(kinds, ["AppProject"]);

    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let parsed = parse(&repository("bookinfo", &delivery), &mut sources, &mut said).unwrap();
    let resolved = resolve(&parsed, Day::parse(DAY).unwrap(), &mut said).unwrap();
    let objects = objects(&resolved, &sources, &mut said).unwrap();
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let cluster = Cluster { name: "demo", objects: &objects["demo"], digest: Some(&digest) };
    let with = of_cluster(parsed.delivery.as_ref().unwrap(), &cluster, &mut said);
    let applied = read_back(&with["delivery/argocd/demo.yaml"]);
    assert_eq!(applied[1]["spec"]["source"]["targetRevision"], digest);
    assert_eq!(applied[0], read_back(&without["delivery/argocd/demo.yaml"])[0], "the project stays as it is");
    insta::assert_snapshot!(shown(&with));
}

#[test]
fn both_controllers_share_what_is_published_twice() {
    let trust = trust(&[COSIGN, PGP, SSH]);
    let files = written(&[GIT, OCI, &trust, "flux: {version: \"2.8\"}", "argocd: {version: \"3.5\"}"]);
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    let wanted = [
        "delivery/argocd/demo.yaml",
        "delivery/flux/demo.yaml",
        "delivery/trust/argocd-keys.yaml",
        "delivery/trust/flux-cosign.yaml",
    ];
    assert_eq!(names, wanted);
    assert_eq!(read_back(&files["delivery/flux/demo.yaml"])[0]["kind"], "OCIRepository");
    assert_eq!(
        read_back(&files["delivery/argocd/demo.yaml"])[1]["spec"]["source"]["repoURL"],
        "https://git.acme.example/mesh"
    );
}

#[test]
fn ssh_keys_are_not_given_to_a_flux_that_takes_them_for_others() {
    let trust = trust(&[PGP, SSH]);
    let keys = |version: &str| {
        let files = written(&[GIT, &trust, &format!("flux: {{version: \"{version}\"}}")]);
        let secret = read_back(&files["delivery/trust/flux-git.yaml"]).remove(0);
        secret["data"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(keys("2.8"), ["alice.asc"]);
    assert_eq!(keys("2.9"), ["alice.asc", "allowed_signers.sshpub"]);
}

#[test]
fn nothing_is_written_where_nothing_is_said_or_nobody_fetches() {
    let files = run(&folder("fixtures/bookinfo"), DAY).compiled.unwrap().files;
    assert!(!files.keys().any(|path| path.starts_with("delivery/")));
    assert_eq!(written(&[OCI, &trust(&[COSIGN])]), BTreeMap::new());
}

#[test]
fn what_is_signed_does_not_depend_on_who_fetches_it() {
    let signed = |delivery: &[&str]| {
        let files = outcome(delivery).compiled.unwrap().files;
        files.into_iter().filter(|(path, _)| path.starts_with("clusters/")).collect::<BTreeMap<_, _>>()
    };
    let keys = trust(&[COSIGN]);
    assert_eq!(signed(&[OCI]), signed(&[OCI, &keys, "flux: {version: \"2.9\"}"]));
}

/// Every stage that is compiled has a Kustomization whose path is a folder of the output, each after the one before.
#[test]
fn stages_are_chained_in_their_order() {
    for source in [OCI, GIT] {
        let outcome = run(&repository("bank", &[source, &trust(&[COSIGN, PGP]), "flux: {version: \"2.9\"}"]), DAY);
        let files = outcome.compiled.unwrap().files;
        for cluster in ["prod-east", "prod-north", "prod-west"] {
            let applied = read_back(&files[&format!("delivery/flux/{cluster}.yaml")]);
            let (source, stages) = applied.split_first().unwrap();
            let mut before: Option<&Value> = None;
            let mut paths = Vec::new();
            for stage in stages {
                let spec = &stage["spec"];
                assert_eq!(spec["sourceRef"]["kind"], source["kind"]);
                assert_eq!(spec["sourceRef"]["name"], source["metadata"]["name"]);
                assert_eq!(stage["metadata"]["namespace"], source["metadata"]["namespace"]);
                assert_eq!((&spec["prune"], &spec["wait"]), (&Value::Bool(true), &Value::Bool(true)));
                assert_eq!(spec.get("targetNamespace"), None);
                let dependency = spec.get("dependsOn").map(|list| &list[0]["name"]);
                assert_eq!(dependency, before);
                before = Some(&stage["metadata"]["name"]);
                paths.push(spec["path"].as_str().unwrap());
            }
            let root = format!("./clusters/{cluster}/");
            let compiled: BTreeSet<_> = files
                .keys()
                .filter_map(|path| {
                    path.strip_prefix(&format!("clusters/{cluster}/"))?.strip_suffix("/kustomization.yaml")
                })
                .filter(|folder| !folder.contains('/'))
                .map(|folder| format!("{root}{folder}"))
                .collect();
            // A set is sorted, and the number comes first: so this is the order as well.
            assert_eq!(paths, compiled.iter().map(String::as_str).collect::<Vec<_>>(), "{cluster}");
        }
    }
}

/// What closes stays when somebody deletes the Kustomization that applied it: by its policy, and the default deny by itself.
#[test]
fn what_closes_is_not_pruned() {
    let files =
        run(&repository("bank", &[OCI, &trust(&[COSIGN]), "flux: {version: \"2.9\"}"]), DAY).compiled.unwrap().files;
    let stages = read_back(&files["delivery/flux/prod-east.yaml"]);
    let orphaned: Vec<_> = stages
        .iter()
        .filter(|stage| stage["spec"]["deletionPolicy"] == "Orphan")
        .map(|stage| stage["spec"]["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        orphaned,
        ["10-identity", "20-deny", "40-default-deny"].map(|stage| format!("./clusters/prod-east/{stage}"))
    );
    let denies = files.iter().filter(|(path, _)| {
        path.contains("/40-default-deny/") && path.contains("default-deny.yaml") && !path.contains("kustomization")
    });
    let mut seen = 0;
    for (path, text) in denies {
        let annotations = &read_back(text)[0]["metadata"]["annotations"];
        assert_eq!(annotations["kustomize.toolkit.fluxcd.io/prune"], "disabled", "{path}");
        assert_eq!(annotations["argocd.argoproj.io/sync-options"], "Prune=false", "{path}");
        seen += 1;
    }
    assert!(seen > 3, "{seen}");
}

/// A project that did not permit a kind would keep Argo CD from applying it, and from pruning it.
#[test]
fn a_project_permits_what_is_written() {
    for (fixture, clusters) in [("bank", 3), ("edge", 1), ("bookinfo", 1)] {
        let outcome = run(&repository(fixture, &[GIT, &trust(&[PGP]), "argocd: {version: \"3.5\"}"]), DAY);
        let files = outcome.compiled.as_ref().unwrap_or_else(|| panic!("{}", outcome.said())).files.clone();
        let projects: Vec<_> = files.iter().filter(|(path, _)| path.starts_with("delivery/argocd/")).collect();
        assert!(projects.len() >= clusters, "{fixture}");
        for (path, text) in projects {
            let cluster = path.trim_start_matches("delivery/argocd/").trim_end_matches(".yaml");
            let spec = read_back(text).remove(0)["spec"].clone();
            let permits = |list: &str, group: &str, kind: &Value| {
                spec[list].as_array().unwrap().iter().any(|item| item["group"] == group && item["kind"] == *kind)
            };
            let compiled = files.iter().filter(|(path, _)| {
                path.starts_with(&format!("clusters/{cluster}/")) && !path.ends_with("kustomization.yaml")
            });
            for (path, text) in compiled {
                let object = read_back(text).remove(0);
                let list = match object["metadata"].get("namespace") {
                    Some(_) => "namespaceResourceWhitelist",
                    None => "clusterResourceWhitelist",
                };
                let group = object["apiVersion"].as_str().unwrap().split_once('/').map_or("", |(group, _)| group);
                assert!(permits(list, group, &object["kind"]), "{path}");
            }
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test that holds a list to the source")]
fn the_list_of_kinds_is_what_the_source_declares() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/emit");
    let mut declared = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for declaration in text.split(": Kind = Kind(\"").skip(1) {
            let (version, rest) = declaration.split_once("\", \"").unwrap();
            let (group, _) = version.split_once('/').unwrap();
            declared.insert((group.to_owned(), rest.split_once('"').unwrap().0.to_owned()));
        }
    }
    let listed: BTreeSet<_> = KINDS.iter().map(|(group, kind, _)| ((*group).to_owned(), (*kind).to_owned())).collect();
    assert!(declared.len() > 15);
    assert_eq!(listed, declared);
}

#[test]
fn every_file_says_what_it_is_and_what_comes_first() {
    let trust = trust(&[COSIGN, PGP]);
    for (path, text) in written(&[GIT, OCI, &trust, "flux: {version: \"2.9\"}", "argocd: {version: \"3.5\"}"]) {
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some(HEADER), "{path}");
        let about: Vec<_> = lines.take_while(|line| line.starts_with('#')).collect();
        let trust = about.iter().position(|line| line.contains("kubectl") && line.contains("delivery/trust/"));
        let own = about.iter().position(|line| line.contains("kubectl") && line.contains(&path));
        assert!(trust.is_some() && trust <= own, "{path}: {about:?}");
    }
}

/// Returns what is said of a delivery that is refused.
fn refused(delivery: &[&str]) -> String {
    let outcome = outcome(delivery);
    assert!(outcome.compiled.is_none(), "{delivery:?} is taken");
    outcome.said()
}

#[test]
fn what_cannot_be_is_refused_at_its_place() {
    let cosign = trust(&[COSIGN]);
    let cases: &[&[&str]] = &[
        &["flux: {version: \"2.9\"}"],
        &[OCI, "flux: {version: \"2.9\"}"],
        &[OCI, &cosign, "flux: {version: \"2.5\"}"],
        &[OCI, &cosign, "flux: {version: \"2.9\"}", "interval: 30s"],
        &[GIT, &cosign, "flux: {version: \"2.9\"}"],
        &[GIT, &trust(&["pgp: D56C4FCA57A46444"]), "flux: {version: \"2.9\"}"],
        &[GIT, &trust(&["pgp: [D56C4FCA57A46444]"]), "flux: {version: \"2.9\"}"],
        &[GIT, &trust(&[SSH]), "flux: {version: \"2.8\"}"],
        &[GIT, &trust(&[COSIGN, SSH]), "argocd: {version: \"3.5\"}"],
        &[GIT, &trust(&[PGP]), "argocd: {version: \"2.14\"}"],
        &[OCI, "argocd: {version: \"3.0\"}"],
        &[OCI, &trust(&["cosign: [keys/ed25519.pem, keys/p384.pem, keys/none.pem, ../release.pem]"])],
        &["git: {url: \"git@git.acme.example:mesh\"}"],
        &["git: {url: \"https://user:secret@git.acme.example/mesh\"}"],
        &["git: {url: \"https://git.acme.example/*\"}"],
        &["oci: {url: \"oci://registry.acme.example/mesh:latest\"}"],
        &[GIT, "signer: somebody"],
    ];
    let said: String = cases.iter().map(|case| format!("{}\n{}", case.join(", "), refused(case))).collect();
    insta::assert_snapshot!(said);
}

#[test]
fn two_clusters_in_one_place_are_refused() {
    let git = "git: {url: https://git.acme.example/mesh, branch: mesh, path: .}";
    let one = run(&repository("bookinfo", &[git]), DAY);
    assert!(one.compiled.is_some(), "{}", one.said());
    let three = run(&repository("bank", &[git]), DAY);
    assert_eq!(three.errors(), ["parse/invalid-value"], "{}", three.said());
}

#[test]
fn a_cluster_that_cannot_name_an_object_is_refused() {
    let mut files = repository("bookinfo", &[OCI, &trust(&[COSIGN]), "flux: {version: \"2.9\"}"]);
    for (path, bytes) in &mut files {
        if path.starts_with("policy/") {
            *bytes = String::from_utf8(bytes.clone()).unwrap().replace("name: demo", "name: Demo").into_bytes();
        }
    }
    let said = run(&files, DAY).said();
    assert!(said.contains("`Demo` cannot name an object"), "{said}");
}
