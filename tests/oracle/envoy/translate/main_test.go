package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func policy(namespace, spec string) string {
	return `{"apiVersion":"security.istio.io/v1","kind":"AuthorizationPolicy","metadata":{"name":"p","namespace":"` +
		namespace + `"},"spec":` + spec + `}`
}

func ask(t *testing.T, objects ...string) Filters {
	t.Helper()
	line := `{"id":"x","workload":{"namespace":"shop","labels":{"app":"web"}},"objects":[` + strings.Join(objects, ",") + `]}`
	var out bytes.Buffer
	if err := run(strings.NewReader(line), &out); err != nil {
		t.Fatal(err)
	}
	var filters Filters
	if err := json.Unmarshal(out.Bytes(), &filters); err != nil {
		t.Fatal(err)
	}
	return filters
}

func TestFiltersStandInTheOrderOfTheProxy(t *testing.T) {
	keys := `{"apiVersion":"security.istio.io/v1","kind":"RequestAuthentication","metadata":{"name":"r","namespace":"shop"},"spec":{"jwtRules":[{"issuer":"i","jwks":"{}"}]}}`
	filters := ask(t, policy("shop", `{"rules":[{}]}`), policy("istio-system", `{"action":"DENY","rules":[{}]}`), keys,
		policy("shop", `{"action":"CUSTOM","provider":{"name":"nobody"},"rules":[{}]}`))
	if len(filters.HTTP) != 4 || len(filters.TCP) != 3 {
		t.Fatalf("%d and %d filters", len(filters.HTTP), len(filters.TCP))
	}
	for i, expected := range []string{"bad-CUSTOM", "jwt_authn.v3", `"action":"DENY"`, "ns[shop]-policy[p]-rule[0]"} {
		if !strings.Contains(string(filters.HTTP[i]), expected) {
			t.Errorf("no %s in %s", expected, filters.HTTP[i])
		}
	}
}

func TestPoliciesOfOtherNamespacesAreLeftOut(t *testing.T) {
	if filters := ask(t, policy("other", `{"rules":[{}]}`)); len(filters.HTTP)+len(filters.TCP) > 0 || filters.Error != "" {
		t.Errorf("%+v", filters)
	}
}

func TestWhatTheWebhookWouldRefuseIsSaid(t *testing.T) {
	filters := ask(t, policy("shop", `{"action":"DENY"}`))
	if len(filters.Refused) != 1 || len(filters.HTTP) != 1 {
		t.Errorf("%+v", filters)
	}
}

func TestAnObjectThatCannotBeReadIsAnError(t *testing.T) {
	for _, object := range []string{
		policy("shop", `{"rules":{}}`),
		`{"apiVersion":"security.istio.io/v1","kind":"Wish"}`,
		`{"apiVersion":"a/b/c","kind":"AuthorizationPolicy"}`,
	} {
		if filters := ask(t, object); filters.Error == "" {
			t.Errorf("%s is taken", object)
		}
	}
}

func TestALineThatIsNoCaseEndsTheRun(t *testing.T) {
	if err := run(strings.NewReader("[]"), &bytes.Buffer{}); err == nil {
		t.Error("taken")
	}
}
