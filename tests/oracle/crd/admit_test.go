package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// guard is a policy of the shape the compiler emits, in the tests' own words.
const guard = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: guard}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchLabels: {governed: "yes"}}
    resourceRules:
    - apiGroups: [security.istio.io]
      apiVersions: [v1]
      operations: [CREATE, UPDATE, DELETE]
      resources: [authorizationpolicies]
  validations:
  - expression: >-
      request.operation == 'DELETE' ? 'controllers' in request.userInfo.groups : !has(object.metadata.labels) && 'controllers' in request.userInfo.groups
    messageExpression: "'only the controller writes ' + request.name"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: guard}
spec:
  policyName: guard
  validationActions: [Deny]
`

// decideOn asks for a verdict and expects its text to begin as given.
func decideOn(t *testing.T, expected string, args ...string) {
	t.Helper()
	folder := write(t, "guard.yaml", guard, "ledger.yaml", ledger,
		"beta.yaml", strings.Replace(ledger, "istio.io/v1", "istio.io/v1beta1", 1), "wall.yaml", wall)
	object := "ledger.yaml"
	if strings.HasSuffix(args[0], ".yaml") {
		object, args = args[0], args[1:]
	}
	args = append([]string{"admit", "--crds", crds(t), "--policies", filepath.Join(folder, "guard.yaml"), "--object", filepath.Join(folder, object)}, args...)
	var out, errOut bytes.Buffer
	status := run(args, &out, &errOut)
	if !strings.Contains(out.String(), expected) {
		t.Errorf("expected %q, got %q %q", expected, out.String(), errOut.String())
	}
	if want := map[bool]int{true: 0, false: 1}[expected == "admitted"]; status != want {
		t.Errorf("exit status %d, expected %d", status, want)
	}
}

const governed = "--namespace-label=governed=yes"

func TestAStrangerIsDeniedInAGovernedNamespace(t *testing.T) {
	decideOn(t, "denied request: only the controller writes ledger", "--user=mallory", governed)
}

func TestTheControllerIsLetThrough(t *testing.T) {
	decideOn(t, "admitted", "--user=flux", "--group=controllers", governed)
}

func TestANamespaceThatIsNotGovernedIsLeftAlone(t *testing.T) {
	decideOn(t, "admitted", "--user=mallory")
}

func TestAnOlderVersionOfTheKindIsNoWayRound(t *testing.T) {
	decideOn(t, "denied: ", "beta.yaml", "--user=mallory", governed)
}

func TestAnotherKindIsLeftAlone(t *testing.T) {
	decideOn(t, "admitted", "wall.yaml", "--user=mallory", governed)
}

func TestUpdatesAndDeletesAreGuardedToo(t *testing.T) {
	decideOn(t, "denied: ", "--user=mallory", "--operation=UPDATE", governed)
	decideOn(t, "denied: ", "--user=mallory", "--operation=DELETE", governed)
	decideOn(t, "admitted", "--user=flux", "--group=controllers", "--operation=DELETE", governed)
}

func TestNoPolicyToEvaluateIsNotAnAdmission(t *testing.T) {
	folder := write(t, "ledger.yaml", ledger)
	var out, errOut bytes.Buffer
	if status := run([]string{"admit", "--crds", crds(t), "--policies", folder, "--object", filepath.Join(folder, "ledger.yaml"), "--user", "x"}, &out, &errOut); status != 2 {
		t.Errorf("exit status %d: %s", status, out.String())
	}
}
