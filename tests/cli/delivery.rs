//! Keys, signatures, and what is made of them: from the first key to a registry.

use std::fs;
use std::path::Path;

use crate::registry::{AUTH, Registry};
use crate::repository::{NOON, Repository};
use crate::runner::{command, commit, edit, ran, ringfence, text};

#[test]
fn what_is_signed_is_verified_and_what_is_not_is_refused() {
    let repository = Repository::new();
    repository.sign();
    let verified = repository.verify(&[]);
    assert_eq!(verified.code, 0, "{}", verified.all());
    let lines: Vec<&str> = verified.out.lines().collect();
    assert!(
        lines[0].starts_with("demo: folder accepted, ") && lines[0].contains("made at 2026-11-22T12:00:00Z"),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("demo: artifact accepted, ") && lines[1].contains("slsa.dev/provenance"), "{lines:?}");
    // The same again is the same, a run that does not sign keeps it, and `sign` signs what is there.
    let before = bytes(&repository.out());
    repository.sign();
    assert_eq!(repository.run(&["compile", "."]).code, 0);
    assert_eq!(repository.run(&["compile", ".", "--check"]).code, 0);
    let signed = repository.run(&["sign", "--key", &repository.key()]);
    assert!(signed.code == 0 && signed.out.contains("  signed      demo  sha256:"), "{}", signed.all());
    assert!(bytes(&repository.out()) == before, "signing again changed something");
    // What lies there is another: nobody signs it, and whoever checks sees it.
    edit(&repository.out(), "clusters/demo/kustomization.yaml", "resources:", "resources: # more");
    let refused = repository.verify(&["--format", "json"]);
    assert_eq!(refused.code, 1);
    let checked = &refused.json()["checked"];
    assert_eq!(checked[0]["refusals"][0]["code"], "changed");
    assert_eq!(checked[0]["refusals"][0]["message"], "`clusters/demo/kustomization.yaml` is not as it was signed");
    // The artifact is what it was.
    assert_eq!((&checked[1]["what"], &checked[1]["accepted"]), (&"artifact".into(), &true.into()));
    // What is larger than anything that is signed is not read to find out.
    let large = repository.out().join("clusters/demo/large.yaml");
    fs::File::create(&large).unwrap().set_len(1 << 40).unwrap();
    let refused = repository.verify(&[]);
    assert!(refused.code == 2 && refused.err.contains("larger than anything that is signed"), "{}", refused.all());
    fs::remove_file(large).unwrap();
    let other = repository.run(&["sign", "--key", &repository.key()]);
    assert!(
        other.code == 1 && other.err.contains("not signed: what is there is not what this policy compiles to"),
        "{}",
        other.all()
    );
    // Another key is another.
    assert_eq!(ringfence(&["key", "generate", "--plain", &format!("{}2", repository.key())]).code, 0);
    repository.sign();
    let other = repository.run(&["verify", "--key", &format!("{}2.pub", repository.key())]);
    assert!(other.code == 1 && other.out.contains("demo: folder refused[other-key]"), "{}", other.all());
    // Somewhere else there is nothing to verify, which is not the same as nothing wrong.
    assert_eq!(repository.verify(&["policy"]).code, 3);
}

#[test]
fn nothing_is_signed_that_no_commit_holds() {
    let repository = Repository::new();
    edit(repository.path(), "policy/shop/bookinfo/access.yaml", "methods: [GET, POST]", "methods: [GET]");
    fs::write(repository.path().join("policy/shop/bookinfo/more.yaml"), "").unwrap();
    let refused = repository.run(&["compile", ".", "--sign", &repository.key()]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.err.contains("not as committed: `policy/shop/bookinfo/access.yaml`")
            && refused.err.contains("--allow-dirty"),
        "{}",
        refused.err
    );
    assert!(!repository.out().exists());
    // Where somebody says so it is signed, without the name of a commit that does not hold it.
    let signed = repository.run(&["compile", ".", "--sign", &repository.key(), "--allow-dirty"]);
    assert_eq!(signed.code, 0, "{}", signed.all());
    let verified = repository.verify(&["--format", "json"]).json();
    assert_eq!(
        (&verified["checked"][0]["accepted"], &verified["checked"][0]["revision"]),
        (&true.into(), &serde_json::Value::Null)
    );
    // A file that went away is a difference as well.
    commit(repository.path(), "Ann", NOON);
    fs::remove_file(repository.path().join("policy/shop/bookinfo/more.yaml")).unwrap();
    let refused = repository.run(&["compile", ".", "--sign", &repository.key()]);
    assert!(refused.err.contains("not as committed: `policy/shop/bookinfo/more.yaml`"), "{}", refused.err);
    // What a revision holds is committed, whatever lies here.
    assert_eq!(repository.run(&["compile", ".", "--at", "HEAD", "--sign", &repository.key()]).code, 0);
}

#[test]
fn what_is_broken_is_not_signed() {
    let repository = Repository::new();
    edit(
        repository.path(),
        "policy/shop/bookinfo/workspace.yaml",
        "traffic: [team:shop]}",
        "traffic: [team:shop]}\n  defaults: {mtls: permissive}",
    );
    commit(repository.path(), "Ann", NOON);
    let refused = repository.run(&["compile", ".", "--sign", &repository.key()]);
    assert!(refused.code == 1 && refused.err.contains("nothing was written or signed"), "{}", refused.all());
    assert!(!repository.out().exists());
}

#[test]
fn something_older_is_not_accepted_again() {
    let repository = Repository::new();
    let known = repository.keys.path().join("known.json");
    repository.sign();
    let older = bytes(&repository.out());
    assert_eq!(repository.verify(&["--known", text(&known)]).code, 0);
    fs::write(repository.path().join("policy/README.md"), "later").unwrap();
    commit(repository.path(), "Ann", NOON + 60);
    repository.sign();
    assert_eq!(repository.verify(&["--known", text(&known)]).code, 0);
    fs::remove_dir_all(repository.out()).unwrap();
    for (path, bytes) in older {
        let place = repository.out().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, bytes).unwrap();
    }
    assert_eq!(repository.verify(&[]).code, 0);
    let refused = repository.verify(&["--known", text(&known)]);
    assert!(
        refused.code == 1 && refused.out.contains("demo: folder refused[older]") && refused.out.contains("a rollback"),
        "{}",
        refused.all()
    );
}

#[test]
fn keys_are_not_written_over_and_not_shown() {
    let itself = "-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----";
    let out = tempfile::tempdir().unwrap();
    let compile = ["compile", "fixtures/bookinfo", "--out", text(out.path()), "--allow-dirty", "--sign", itself];
    for words in [&compile[..], &["key", "public", itself]] {
        let ran = ringfence(words);
        assert!(ran.code == 2 && ran.err.contains("the key itself was given"), "{}", ran.all());
        assert!(!ran.all().contains("MIGHAgEA"), "{}", ran.all());
    }
    // As pipelines keep it: what PEM holds in one line, or PEM in base64.
    for itself in [
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gd",
        "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1JR0hBZ0VB==",
    ] {
        for place in [itself.to_owned(), format!("env://{itself}")] {
            let ran = ringfence(&["key", "public", &place]);
            assert!(ran.code == 2 && ran.err.contains("it may be the key itself"), "{}", ran.all());
            assert!(!ran.all().contains(itself), "{}", ran.all());
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    let none = ringfence(&["key", "generate", text(&key)]);
    assert!(none.code == 2 && none.err.contains("RINGFENCE_KEY_PASSPHRASE") && !key.exists(), "{}", none.all());
    let mut empty = command(&["key", "generate", text(&key)]);
    empty.env("RINGFENCE_KEY_PASSPHRASE", "");
    let empty = ran(empty);
    assert!(empty.code == 2 && !key.exists(), "{}", empty.all());
    let mut sealed = command(&["key", "generate", text(&key)]);
    let made = ran({
        sealed.env("RINGFENCE_KEY_PASSPHRASE", "correct horse");
        sealed
    });
    assert!(made.code == 0 && made.out.starts_with("-----BEGIN PUBLIC KEY-----"), "{}", made.all());
    assert!(fs::read_to_string(&key).unwrap().starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----"));
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&key).unwrap().permissions()) & 0o777, 0o600);
    let again = ringfence(&["key", "generate", "--plain", text(&key)]);
    assert!(
        again.code == 2 && again.err.contains("is there already, and keys are never overwritten"),
        "{}",
        again.all()
    );
    let shut = ringfence(&["key", "public", text(&key)]);
    assert!(shut.code == 2 && shut.err.contains("it is encrypted, and there is no passphrase"), "{}", shut.all());
    let mut wrong = command(&["key", "public", text(&key)]);
    wrong.env("COSIGN_PASSWORD", "wrong");
    assert!(ran(wrong).err.contains("the passphrase does not open it"));
    let mut variable = command(&["key", "public", "env://KEY"]);
    variable.env("KEY", fs::read_to_string(&key).unwrap()).env("COSIGN_PASSWORD", "correct horse");
    assert_eq!(ran(variable).out, made.out);
}

#[cfg(unix)]
#[test]
fn a_branch_follows_itself_and_nothing_else_is_touched() {
    let repository = Repository::new();
    let git = repository.committing();
    let published = repository.run(&["publish", "git", "--key", &repository.key(), "--seal", "first\nof all"]);
    assert!(published.code == 0 && published.err.contains("demo: rendered/demo is at "), "{}", published.all());
    let tip = || git.find_reference("refs/heads/rendered/demo").unwrap().peel_to_commit().unwrap();
    let first = tip();
    let said = first.message().unwrap();
    assert!(
        said.starts_with("Deliver cluster demo\n\nRingfence-Version: ")
            && said.ends_with("\nArgocd-gpg-seal: first of all\n"),
        "{said}"
    );
    assert!(first.header_field_bytes("gpgsig").is_ok());
    let again = repository.run(&["publish", "git", "--key", &repository.key()]);
    assert!(again.code == 0 && again.err.contains("rendered/demo is up to date"), "{}", again.all());
    assert_eq!(tip().id(), first.id());
    edit(repository.path(), "policy/shop/bookinfo/access.yaml", "methods: [GET, POST]", "methods: [GET]");
    let dirty = repository.run(&["publish", "git"]);
    assert!(dirty.code == 2 && dirty.err.contains("not as committed"), "{}", dirty.all());
    commit(repository.path(), "Ann", NOON + 60);
    assert_eq!(repository.run(&["publish", "git", "--key", &repository.key()]).code, 0);
    assert_eq!(tip().parent_id(0).unwrap(), first.id());
    assert!(!repository.out().exists());
    assert!(git.statuses(None).unwrap().iter().all(|entry| entry.status().is_empty()));
    // A checkout of the branch is what was signed.
    let checkout = tempfile::tempdir().unwrap();
    git.checkout_tree(
        tip().as_object(),
        Some(git2::build::CheckoutBuilder::new().target_dir(checkout.path()).force().update_index(false)),
    )
    .unwrap();
    let verified = repository.verify(&[text(checkout.path())]);
    assert_eq!(verified.code, 0, "{}", verified.all());
    // What is checked out is not moved under somebody's feet.
    let name = git.head().unwrap().shorthand().unwrap().to_owned();
    let refused = repository.run(&["publish", "git", "--cluster", "demo", "--branch", &name]);
    assert!(refused.code == 2 && refused.err.contains("is checked out"), "{}", refused.all());
    // Nor is the work of others replaced, nor built upon, but where somebody says why.
    let head = git.head().unwrap().peel_to_commit().unwrap();
    git.branch("feature", &head, false).unwrap();
    let publish = |more: &[&str]| {
        repository.run(&[&["publish", "git", "--cluster", "demo", "--branch", "feature"], more].concat())
    };
    let refused = publish(&[]);
    assert!(refused.code == 2 && refused.err.contains("none that this command signed"), "{}", refused.all());
    assert_eq!(git.find_reference("refs/heads/feature").unwrap().peel_to_commit().unwrap().id(), head.id());
    assert_eq!(publish(&["--seal", "moved here"]).code, 0);
    // The same files in a commit that nobody signed are not up to date.
    let who = head.author();
    git.commit(Some("refs/heads/rendered/demo"), &who, &who, "x", &tip().tree().unwrap(), &[&tip()]).unwrap();
    let refused = repository.run(&["publish", "git", "--key", &repository.key()]);
    assert!(refused.code == 2 && refused.err.contains("`--seal REASON`"), "{}", refused.all());
    assert_eq!(repository.run(&["publish", "git", "--key", &repository.key(), "--seal", "by hand"]).code, 0);
}

#[test]
fn a_registry_gets_everything_and_loses_nothing() {
    let (repository, registry) = (Repository::new(), Registry::start());
    repository.sign();
    let address = format!("oci://{}/acme/policy", registry.host);
    let push = |more: &[&str]| repository.run(&[&["push", &address, "--plain-http"], more].concat());
    let unknown = push(&[]);
    assert!(unknown.code == 2 && unknown.err.contains("there are no credentials for it"), "{}", unknown.all());
    assert!(registry.kept().things.is_empty());
    let docker = repository.keys.path().join(".docker");
    fs::create_dir(&docker).unwrap();
    let config = serde_json::json!({ "auths": { registry.host.as_str(): { "auth": AUTH } } });
    fs::write(docker.join("config.json"), config.to_string()).unwrap();
    let pushed = push(&[]);
    assert_eq!(pushed.code, 0, "{}", pushed.all());
    let digest = pushed.out.trim().rsplit_once('@').unwrap().1.to_owned();
    let tag = digest.replace(':', "-");
    let manifest = |name: &str| registry.kept().things.get(&format!("/v2/acme/policy/manifests/{name}")).cloned();
    assert_eq!(manifest("demo").unwrap(), manifest(&digest).unwrap());
    let list = |name: &str| -> serde_json::Value { serde_json::from_slice(&manifest(name).unwrap()).unwrap() };
    assert_eq!(list(&tag)["manifests"].as_array().unwrap().len(), 3);
    assert_eq!(list(&format!("{tag}.sig"))["layers"].as_array().unwrap().len(), 1);
    // The name of the cluster comes last: nobody finds an artifact without its signature.
    let asked = registry.kept().asked.clone();
    let put: Vec<&String> = asked.iter().filter(|line| line.starts_with("PUT /v2/")).collect();
    assert!(put.last().unwrap().ends_with("/manifests/demo"), "{put:?}");
    // Somebody else adds to the list; pushing again keeps that.
    let mut theirs = list(&tag);
    theirs["manifests"]
        .as_array_mut()
        .unwrap()
        .insert(0, serde_json::json!({ "digest": "sha256:0", "by": "somebody" }));
    registry.kept().things.insert(format!("/v2/acme/policy/manifests/{tag}"), theirs.to_string().into_bytes());
    assert_eq!(push(&["--cluster", "demo"]).code, 0);
    assert_eq!(list(&tag), theirs);
    let wrong = push(&["--cluster", "dem"]);
    assert!(wrong.code == 2 && wrong.err.contains("did you mean `demo`?"), "{}", wrong.all());
    for (wrong, why) in [
        ("127.0.0.1/x", "does not begin with"),
        ("oci://a/b:1", "tags are the names of clusters"),
        ("oci://a", "names no repository"),
    ] {
        let ran = repository.run(&["push", wrong]);
        assert!(ran.code == 2 && ran.err.contains(why), "{}", ran.all());
    }
    // What those who fetch it would refuse is not put under the name they fetch.
    let project = fs::read_to_string(repository.path().join("ringfence.yaml")).unwrap();
    for (key, code) in [(repository.key(), 0), (text(&repository.keys.path().join("other")).to_owned(), 2)] {
        if code == 2 {
            assert_eq!(ringfence(&["key", "generate", "--plain", &key]).code, 0);
        }
        fs::copy(format!("{key}.pub"), repository.path().join("trusted.pub")).unwrap();
        fs::write(
            repository.path().join("ringfence.yaml"),
            format!(
                "{project}  delivery: {{oci: {{url: oci://registry.example/acme}}, trust: {{cosign: [trusted.pub]}}}}\n"
            ),
        )
        .unwrap();
        let pushed = push(&[]);
        assert_eq!(pushed.code, code, "{}", pushed.all());
        assert_eq!(pushed.err.contains("`demo` is not pushed: "), code == 2, "{}", pushed.all());
    }
    fs::write(repository.path().join("ringfence.yaml"), project).unwrap();
    // A blob that is broken on disk does not leave it.
    let blobs = repository.out().join("oci/blobs/sha256");
    for (path, _) in bytes(&blobs) {
        fs::write(blobs.join(path), "broken").unwrap();
    }
    assert!(push(&[]).err.contains("not what its digest says"));
}

/// Returns every file below a folder that is a text.
fn texts(folder: &Path) -> Vec<(String, String)> {
    bytes(folder).into_iter().filter_map(|(path, bytes)| Some((path, String::from_utf8(bytes).ok()?))).collect()
}

/// Returns every file below a folder, by path, whatever is in it.
fn bytes(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push((text(path.strip_prefix(folder).unwrap()).to_owned(), fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn drift_is_told_by_object_and_by_what_it_admits() {
    let repository = Repository::new();
    repository.sign();
    let dump = tempfile::tempdir().unwrap();
    let below = dump.path();
    for (path, text) in texts(&repository.out()).into_iter().chain(texts(&repository.path().join("inventory"))) {
        // What is signed holds blobs that are no text, and kustomizations never reach a cluster.
        let is_object = path.ends_with(".yaml") && !path.ends_with("kustomization.yaml");
        if is_object {
            fs::write(below.join(path.replace('/', "_")), text).unwrap();
        }
    }
    let drift =
        |more: &[&str]| repository.run(&[&["drift", text(below), "--key", &repository.public()], more].concat());
    let same = drift(&[]);
    assert!(
        same.code == 0 && same.err.contains("every object that was signed is there as it was signed"),
        "{}",
        same.all()
    );
    // What decides whether an object counts is drift, and so is a workload that no proxy stands before any more.
    let allow = "clusters_demo_30-allow_bookinfo_bookinfo--authorizationpolicy--ringfence-allow-ratings.yaml";
    edit(below, allow, "  annotations:\n", "  annotations:\n    istio.io/dry-run: \"true\"\n");
    let dry = drift(&[]);
    assert!(dry.code == 1 && dry.out.contains("another at `metadata.annotations.istio.io/dry-run`"), "{}", dry.all());
    edit(below, allow, "    istio.io/dry-run: \"true\"\n", "");
    let inventory = "demo_bookinfo.yaml";
    edit(
        below,
        inventory,
        "      labels: {app: ratings, version: v1}\n",
        "      labels: {app: ratings, version: v1, sidecar.istio.io/inject: \"false\"}\n",
    );
    let bare = drift(&[]);
    assert!(
        bare.code == 1 && bare.out.contains("before port 9080 stands no proxy, and it was a sidecar"),
        "{}",
        bare.all()
    );
    edit(below, inventory, ", sidecar.istio.io/inject: \"false\"}", "}");
    assert_eq!(drift(&[]).code, 0);
    // So is one that nobody meant, which runs as somebody who is trusted; pods of one that is meant are not.
    let pods = "metadata: {name: ratings-v1-x, namespace: bookinfo, labels: {app: ratings, version: v1}}\nspec: {serviceAccountName: bookinfo-ratings, containers: [{name: a}]}\n";
    let rogue = below.join("rogue.yaml");
    fs::write(&rogue, format!("apiVersion: v1\nkind: Pod\n{pods}")).unwrap();
    let same = drift(&[]);
    assert_eq!(same.code, 0, "{}", same.all());
    fs::write(&rogue, format!("apiVersion: v1\nkind: Pod\n{}", pods.replace("app: ratings", "app: rogue"))).unwrap();
    let more = drift(&[]);
    let said = "Pod bookinfo/ratings-v1-x  rogue.yaml:3: not in the inventory; it runs as cluster.local/ns/bookinfo/sa/bookinfo-ratings";
    assert!(more.code == 1 && more.out.contains(said), "{}", more.all());
    fs::remove_file(&rogue).unwrap();
    edit(below, allow, "- GET", "- GET\n              - DELETE");
    fs::write(below.join("more.yaml"), MORE).unwrap();
    let apart = drift(&[]);
    assert_eq!(apart.code, 1, "{}", apart.all());
    for line in [
        "  + AuthorizationPolicy bookinfo/harmless  more.yaml:6: not signed; by itself no access changes",
        "  + AuthorizationPolicy bookinfo/open  more.yaml:1: not signed; by itself: ",
        "  ~ AuthorizationPolicy bookinfo/ringfence-allow-ratings  ",
        ": another at `spec.rules[0].to[0].operation.methods`; by itself: ",
    ] {
        assert!(apart.out.contains(line), "{line}\n{}", apart.all());
    }
    fs::remove_file(below.join(allow)).unwrap();
    let gone = drift(&["--format", "json"]);
    assert!(gone.err.contains("2 not signed, 0 changed, 1 missing"), "{}", gone.all());
    assert!(gone.out.contains("signed, and not there; by itself: "), "{}", gone.out);
    // What lies there as signed is not: it is nothing to compare with.
    edit(&repository.out(), "clusters/demo/kustomization.yaml", "resources:", "resources: # more");
    let refused = drift(&[]);
    assert!(
        refused.code == 1 && refused.err.contains("refused[changed]") && refused.out.is_empty(),
        "{}",
        refused.all()
    );
    assert!(drift(&["--cluster", "dem"]).err.contains("did you mean `demo`?"));
}

const MORE: &str = "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: open, namespace: bookinfo}
spec: {action: ALLOW, rules: [{}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: harmless, namespace: bookinfo}
spec: {action: DENY, rules: [{from: [{source: {namespaces: [nobody]}}]}]}
";
