package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An oracle that cannot say no is worth nothing: every wrong object below has to be caught, for the reason given.

// crds returns the definitions the tests run on, from the shared data, or skips.
func crds(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("RINGFENCE_DATA")
	if folder == "" {
		folder = "../../../../shared/data"
	}
	files := []string{filepath.Join(folder, "crds", "istio.yaml"), filepath.Join(folder, "crds", "gateway-api-standard.yaml")}
	for _, file := range files {
		if !isFile(file) {
			t.Skipf("skipped: no %s; set RINGFENCE_DATA", file)
		}
	}
	return strings.Join(files, ",")
}

// write lays out files, given as name and text in turn, in a new folder.
func write(t *testing.T, files ...string) string {
	t.Helper()
	folder := t.TempDir()
	for i := 0; i+1 < len(files); i += 2 {
		path := filepath.Join(folder, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// check validates a folder and expects the given totals and, in the output, the given text.
func check(t *testing.T, folder, total string, expected ...string) {
	t.Helper()
	var out, errOut bytes.Buffer
	status := run([]string{"validate", "--crds", crds(t), folder}, &out, &errOut)
	if want := map[bool]int{true: 0, false: 1}[strings.HasSuffix(total, " 0 failed") && total[0] != '0']; status != want {
		t.Errorf("exit status %d, expected %d", status, want)
	}
	if !strings.HasSuffix(out.String(), total+"\n") {
		t.Errorf("expected the totals %q", total)
	}
	for _, text := range expected {
		if !strings.Contains(out.String(), text) {
			t.Errorf("expected %q", text)
		}
	}
	if t.Failed() {
		t.Logf("output:\n%s%s", out.String(), errOut.String())
	}
}

const ledger = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ledger, namespace: books}
spec:
  selector: {matchLabels: {app: ledger}}
  action: ALLOW
  rules:
  - from: [{source: {principals: [cluster.local/ns/shop/sa/checkout]}}]
    to: [{operation: {ports: ["8080"], methods: [POST]}}]
`

const wall = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: wall, namespace: books}
spec:
  podSelector: {}
  policyTypes: [Ingress]
  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{protocol: TCP, port: 8080}]}]
`

func TestGoodObjectsPass(t *testing.T) {
	check(t, write(t, "a.yaml", ledger, "b.yaml", wall, "c.yaml", guard, "d.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: books}\n"), "5 passed, 0 failed")
}

func TestEveryServedVersionIsKnown(t *testing.T) {
	beta := strings.Replace(ledger, "istio.io/v1", "istio.io/v1beta1", 1)
	check(t, write(t, "a.yaml", beta), "1 passed, 0 failed")
}

func TestWrongObjectsAreCaught(t *testing.T) {
	cases := []struct{ name, text, expected string }{
		{"a misspelt field that pruning would turn into match-all", strings.Replace(ledger, "from:", "form:", 1), "ledger: spec.rules[0].form: Unknown field"},
		{"an unknown field of metadata", strings.Replace(ledger, "name: ledger", "nam: ledger", 1), `metadata.nam: Unknown field`},
		{"a wrong type", strings.Replace(ledger, `["8080"]`, `[8080]`, 1), `spec.rules[0].to[0].operation.ports[0]: Invalid value: "integer"`},
		{"a value outside the enumeration", strings.Replace(ledger, "ALLOW", "PERMIT", 1), `spec.action: Unsupported value: "PERMIT"`},
		{"no namespace", strings.Replace(ledger, ", namespace: books", "", 1), "metadata.namespace: Required value"},
		{"a name that is no DNS name", strings.Replace(ledger, "name: ledger", "name: Ledger", 1), `metadata.name: Invalid value: "Ledger"`},
		{"selector and targetRefs together", strings.Replace(ledger, "  action:", "  targetRefs: [{kind: Service, name: ledger}]\n  action:", 1), "only one of targetRefs or selector can be set"},
		{"port-level mTLS without a selector", `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: books}
spec: {portLevelMtls: {"8080": {mode: STRICT}}}
`, "portLevelMtls requires selector"},
		{"a key written twice", ledger + "kind: AuthorizationPolicy\n", "already set in map"},
		{"a kind nobody defines", strings.Replace(ledger, "kind: Auth", "kind: Oath", 1), "kind: Unknown kind"},
		{"a version nobody serves", strings.Replace(ledger, "istio.io/v1", "istio.io/v7", 1), "kind: Unknown kind"},
		{"port 0", strings.Replace(wall, "port: 8080", "port: 0", 1), "spec.ingress[0].ports[0].port: Invalid value: 0"},
		{"a port range turned round", strings.Replace(wall, "port: 8080", "port: 8080, endPort: 80", 1), "must be greater than or equal to `port`"},
		{"a protocol of no NetworkPolicy", strings.Replace(wall, "TCP", "ICMP", 1), `protocol: Unsupported value: "ICMP"`},
		{"a CIDR with host bits", strings.Replace(wall, "10.0.0.0/8", "10.0.0.0/80", 1), "ipBlock.cidr: Invalid value"},
		{"an unknown field of a built-in kind", strings.Replace(wall, "ingress:", "ingres:", 1), `unknown field "spec.ingres"`},
		{"a label value too long", strings.Replace(wall, "name: wall", "labels: {a: "+strings.Repeat("x", 64)+"}, name: wall", 1), "metadata.labels: Invalid value"},
		{"CEL that does not parse", strings.Replace(guard, "in request.userInfo", "im request.userInfo", 1), "spec.validations[0].expression: Invalid value"},
		{"CEL over a field that no matched kind has", strings.Replace(guard, "!has(object.metadata.labels)", "object.spec.rulez.size() > 0", 1), "undefined field 'rulez'"},
		{"a binding without an action", strings.Replace(guard, "validationActions: [Deny]", "validationActions: []", 1), "spec.validationActions: Required value"},
		{"a file without an object", "# nothing\n", "the file holds no object"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			total := "0 passed, 1 failed"
			if strings.Count(c.text, "\nkind: ") == 2 && strings.Contains(c.text, "---") {
				total = "1 passed, 1 failed"
			}
			check(t, write(t, "a.yaml", c.text), total, c.expected)
		})
	}
}

func TestNothingToCheckIsAFailure(t *testing.T) {
	check(t, write(t, "README.md", "no objects"), "0 passed, 0 failed")
}

func TestTheSameObjectTwiceInAClusterIsCaught(t *testing.T) {
	beta := strings.Replace(ledger, "istio.io/v1", "istio.io/v1beta1", 1)
	check(t, write(t, "a.yaml", ledger, "b.yaml", beta), "1 passed, 1 failed", "Duplicate value")
}

const root = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"

func TestTheSameObjectInTwoClustersIsFine(t *testing.T) {
	check(t, write(t,
		"clusters/a/kustomization.yaml", root+"- 20-deny\n", "clusters/a/20-deny/kustomization.yaml", root+"- x.yaml\n", "clusters/a/20-deny/x.yaml", ledger,
		"clusters/b/kustomization.yaml", root+"- 30-allow/books/x.yaml\n", "clusters/b/30-allow/books/x.yaml", ledger,
		"delivery/anything.yaml", "kind: NotLookedAt\n",
	), "5 passed, 0 failed")
}

func TestKustomizationsListExactlyWhatIsThere(t *testing.T) {
	cases := []struct{ name, resources, expected string }{
		{"a file left out", "- a.yaml\n", `"b.yaml" is here but not listed`},
		{"a file that is not there", "- a.yaml\n- b.yaml\n- c.yaml\n", `"c.yaml": there is no such file`},
		{"out of order", "- b.yaml\n- a.yaml\n", "the list is not sorted"},
		{"twice", "- a.yaml\n- a.yaml\n- b.yaml\n", "listed twice"},
		{"a transformer", "- a.yaml\n- b.yaml\nnamePrefix: x\n", "namePrefix: Forbidden"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			check(t, write(t, "kustomization.yaml", root+c.resources, "a.yaml", ledger, "b.yaml", wall), "2 passed, 1 failed", c.expected)
		})
	}
	check(t, write(t, "clusters/a/x.yaml", ledger), "1 passed, 1 failed", "there is no kustomization.yaml")
}
