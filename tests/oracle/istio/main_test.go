package main

import (
	"strings"
	"testing"
)

// Every wrong object below passes the schemas and their CEL rules; only the webhook's own code knows better.

const good = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ledger, namespace: books}
spec:
  selector: {matchLabels: {app: ledger}}
  rules:
  - from: [{source: {principals: [cluster.local/ns/shop/sa/checkout]}}]
    to: [{operation: {ports: ["8080"], paths: [/v1/*]}}]
`

func TestAGoodObjectPasses(t *testing.T) {
	if warnings, problems, ours := check([]byte(good)); !ours || len(problems) > 0 || len(warnings) > 0 {
		t.Error(warnings, problems, ours)
	}
}

func TestAKindOfSomebodyElseIsPassedOver(t *testing.T) {
	if _, _, ours := check([]byte("apiVersion: v1\nkind: Namespace\n")); ours {
		t.Error("taken for one of Istio's")
	}
}

func TestWhatTheSchemasMissIsCaught(t *testing.T) {
	replaced := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("nothing to replace: %q", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	cases := []struct{ name, text, expected string }{
		{"a port out of range", replaced(`"8080"`, `"99999"`), "bad port (99999)"},
		{"an empty source", replaced("principals: [cluster.local/ns/shop/sa/checkout]", ""), "`from.source` must not be empty"},
		{"a template beside a wildcard", replaced("[/v1/*]", `["/v1/{*}/x*"]`), "invalid or unsupported path"},
		{"DENY without rules", "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a, namespace: b}\nspec: {action: DENY}\n", "DENY action without `rules`"},
		{"a condition on an unknown key", replaced("    to:", "    when: [{key: destination.labels, values: [x]}]\n    to:"), "attribute destination.labels is replaced"},
		{"mTLS for port 0", "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: a, namespace: b}\nspec: {selector: {matchLabels: {a: b}}, portLevelMtls: {0: {mode: STRICT}}}\n", "port"},
		{"a kind without a rule here", strings.Replace(good, "AuthorizationPolicy", "Wish", 1), "no rule here for Wish"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, problems, _ := check([]byte(c.text))
			if !strings.Contains(strings.Join(problems, "\n"), c.expected) {
				t.Errorf("expected %q, got %q", c.expected, problems)
			}
		})
	}
}

func TestADenyOfHTTPFieldsIsWarnedOf(t *testing.T) {
	warnings, problems, _ := check([]byte(strings.Replace(strings.Replace(good, "  rules:", "  action: DENY\n  rules:", 1), `ports: ["8080"], `, "", 1)))
	if len(problems) > 0 || len(warnings) != 1 {
		t.Error(warnings, problems)
	}
}
