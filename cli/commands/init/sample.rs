//! The texts of a new repository.
//!
//! In: a name, perhaps what manifests tell. Out: files by path, without modelines. Everything here compiles without a
//! warning, which a test checks with the command itself.

use std::collections::BTreeMap;

use super::manifests::Found;

const PROJECT: &str = "\
apiVersion: ringfence/v1alpha1
kind: Project
metadata: {name: NAME}
spec:
  policy: policy
  inventory: inventory
  output: out
";

const ORGANIZATION: &str = "\
# What nobody below can relax stands under mandates.
apiVersion: ringfence/v1alpha1
kind: Organization
metadata: {name: NAME}
spec:
  mandates:
    mtls: {atMost: strict}
";

const CLUSTER: &str = "\
# A cluster: its manifests are the folder `inventory/local`.
apiVersion: ringfence/v1alpha1
kind: Cluster
metadata: {name: local}
spec:
  trustDomain: cluster.local
  dataPlane: sidecar
  networkPolicy: enforced
  gateways:
    ingress:
      namespace: istio-system
      serviceAccount: istio-ingressgateway-service-account
      labels: {istio: ingressgateway}
";

const TENANT: &str = "\
# A line of business. Where no workspace says more, only callers of the same workspace are admitted.
apiVersion: ringfence/v1alpha1
kind: Tenant
metadata: {name: demo}
spec:
  defaults:
    access: {within: workspace}
";

const WORKSPACE: &str = "\
# A team's slice of clusters and namespaces.
apiVersion: ringfence/v1alpha1
kind: Workspace
metadata: {name: hello}
spec:
  namespaces: local/hello
";

const ACCESS: &str = "\
# The page is open to the gateway; the greeter to the page, and only for greetings.
apiVersion: ringfence/v1alpha1
kind: Access
metadata: {name: visitors-see-the-page}
spec:
  to: page
  allow:
    - from: gateway:ingress
      ports: [8080]
      methods: [GET]
---
apiVersion: ringfence/v1alpha1
kind: Access
metadata: {name: page-asks-the-greeter}
spec:
  to: greeter
  allow:
    - from: page
      ports: [8080]
      methods: [GET]
      paths: [\"/greetings/{*}\"]
";

/// The manifests of one service; `NAME` stands for its name.
const SERVICE: &str = "\
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: NAME, namespace: hello}
---
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: hello}
spec:
  selector: {app: NAME}
  ports:
    - {name: http, port: 80, targetPort: 8080}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: hello}
spec:
  selector:
    matchLabels: {app: NAME}
  template:
    metadata:
      labels: {app: NAME}
    spec:
      serviceAccountName: NAME
      containers:
        - name: NAME
          image: registry.example/NAME:1.0
          ports:
            - {name: http, containerPort: 8080}
";

const NAMESPACE: &str = "\
# Two services, as a cluster would run them. Replace this file by the rendered manifests of your own cluster.
apiVersion: v1
kind: Namespace
metadata:
  name: hello
  labels: {istio-injection: enabled}
";

const IGNORED: &str = "\
# What a run that is writing, or was killed, keeps beside the output folder. The output itself is committed: controllers
# read it, and `ringfence compile --check` compares with it.
.*.ringfence*
";

const README: &str = "\
# NAME: who may talk to whom

| folder | what is in it |
|---|---|
| `policy/` | the rules: a folder a tenant, in it a folder a workspace |
| `inventory/` | what runs: the rendered manifests, a folder a cluster |
| `out/` | what `ringfence compile` writes for the GitOps controller; never edited by hand |

```sh
ringfence check              # everything that is wrong, with both lines of each conflict
ringfence compile            # the same, then writes out/
ringfence effective SERVICE  # what holds at a service, and which line made it so
```

Each policy file names its schema in the first line, so that an editor with a YAML language server completes and checks
it. After an update of ringfence, `ringfence schema --out .ringfence/schemas` brings the schemas up to date.
";

/// Returns a repository with a small example.
pub(super) fn small(name: &str) -> BTreeMap<String, String> {
    let services: String = ["page", "greeter"].iter().map(|service| SERVICE.replace("NAME", service)).collect();
    let mut files = common(name);
    for (path, text) in [
        ("policy/clusters.yaml", CLUSTER.to_owned()),
        ("policy/demo/tenant.yaml", TENANT.to_owned()),
        ("policy/demo/hello/workspace.yaml", WORKSPACE.to_owned()),
        ("policy/demo/hello/access.yaml", ACCESS.to_owned()),
        ("inventory/local/hello.yaml", format!("{NAMESPACE}{services}")),
    ] {
        files.insert(path.to_owned(), text);
    }
    files
}

/// Returns a repository that begins with manifests: one workspace a namespace, all in one tenant.
pub(super) fn of_manifests(name: &str, found: &Found) -> BTreeMap<String, String> {
    let mut files = common(name);
    files.extend(found.copies.clone());
    let cluster = |(name, cluster): (&String, &super::manifests::Cluster)| {
        let own = format!("inventory/{name}");
        let folder = if cluster.folder == own { String::new() } else { format!("  inventory: {}\n", cluster.folder) };
        format!(
            "apiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {{name: {name}}}\nspec:\n{folder}  \
             trustDomain: cluster.local\n  dataPlane: sidecar\n  networkPolicy: enforced\n"
        )
    };
    let clusters: Vec<_> = found.clusters.iter().map(cluster).collect();
    let head = "# Facts that manifests cannot tell: trust domain, data plane, gateways. Check them.\n";
    files.insert("policy/clusters.yaml".to_owned(), format!("{head}{}", clusters.join("---\n")));
    files.insert(
        "policy/main/tenant.yaml".to_owned(),
        "# Everything here may talk to everything here, over mTLS. Narrow it to `workspace` or `nobody` as you learn who needs what.\n\
         apiVersion: ringfence/v1alpha1\nkind: Tenant\nmetadata: {name: main}\nspec:\n  defaults:\n    access: {within: tenant}\n"
            .to_owned(),
    );
    for (namespace, clusters) in found.namespaces() {
        let claims: Vec<_> = clusters.iter().map(|cluster| format!("{cluster}/{namespace}")).collect();
        files.insert(
            format!("policy/main/{namespace}/workspace.yaml"),
            format!(
                "apiVersion: ringfence/v1alpha1\nkind: Workspace\nmetadata: {{name: {namespace}}}\nspec:\n  namespaces: [{}]\n",
                claims.join(", ")
            ),
        );
    }
    files
}

fn common(name: &str) -> BTreeMap<String, String> {
    [
        ("ringfence.yaml", PROJECT),
        ("policy/organization.yaml", ORGANIZATION),
        (".gitignore", IGNORED),
        ("README.md", README),
    ]
    .into_iter()
    .map(|(path, text)| (path.to_owned(), text.replace("NAME", &quoted(name))))
    .collect()
}

/// Quotes a name that a reader of YAML could take for something else, as `007` or `on`.
fn quoted(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !["yes", "no", "on", "off", "true", "false", "null", "y", "n"].contains(&name.to_lowercase().as_str());
    if is_plain { name.to_owned() } else { format!("\"{name}\"") }
}
