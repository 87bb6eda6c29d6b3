package main

import (
	"encoding/json"
	"slices"
	"testing"
)

const cluster = `
"namespaces": {"a": {"team": "a"}, "b": {}},
"pods": {
  "a/one": {"labels": {"app": "one"}, "address": "10.0.0.1", "ports": {"http": 80}},
  "b/two": {"labels": {}, "address": "10.0.0.2", "ports": {"http": 81}}
},
"connections": [
  {"from": "b/two", "to": "a/one", "port": 80},
  {"from": "a/one", "to": "b/two", "port": 81},
  {"from": "192.0.2.1/32", "to": "a/one", "port": 80}
]`

func TestVerdicts(t *testing.T) {
	tests := map[string]struct {
		objects string
		want    []string
	}{
		"no policy": {``, []string{"allow", "allow", "allow"}},
		"default deny": {
			`{"kind": "NetworkPolicy", "metadata": {"namespace": "a"}, "spec": {"podSelector": {}}}`,
			[]string{"deny", "allow", "deny"},
		},
		"NotIn holds of a label that is not there": {
			`{"kind": "NetworkPolicy", "metadata": {"namespace": "b"}, "spec": {"podSelector": {"matchExpressions": [
			  {"key": "app", "operator": "NotIn", "values": ["one"]}]}}}`,
			[]string{"allow", "deny", "allow"},
		},
		"a named port": {
			`{"kind": "NetworkPolicy", "metadata": {"namespace": "b"}, "spec": {"podSelector": {}, "ingress": [
			  {"ports": [{"port": "http"}]}]}}`,
			[]string{"allow", "allow", "allow"},
		},
		"a tier before NetworkPolicies": {
			`{"kind": "NetworkPolicy", "metadata": {"namespace": "a"}, "spec": {"podSelector": {}}},
			 {"kind": "ClusterNetworkPolicy", "spec": {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}},
			  "ingress": [{"action": "Accept", "from": [{"namespaces": {}}]}]}}`,
			[]string{"allow", "allow", "deny"},
		},
		"equal priorities": {
			`{"kind": "AdminNetworkPolicy", "spec": {"priority": 1, "subject": {"namespaces": {}},
			  "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}]}},
			 {"kind": "AdminNetworkPolicy", "spec": {"priority": 1, "subject": {"namespaces": {"matchLabels": {"team": "a"}}},
			  "ingress": [{"action": "Allow", "from": [{"namespaces": {}}]}]}}`,
			[]string{"either", "deny", "allow"},
		},
		"a baseline": {
			`{"kind": "BaselineAdminNetworkPolicy", "spec": {"subject": {"namespaces": {}},
			  "egress": [{"action": "Deny", "to": [{"networks": ["10.0.0.2/32"]}]}]}}`,
			[]string{"allow", "deny", "allow"},
		},
	}
	for name, test := range tests {
		var one Case
		if err := json.Unmarshal([]byte(`{"objects": [`+test.objects+`],`+cluster+`}`), &one); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := decide(&one)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, test.want)
		}
	}
}
