package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"strings"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	v1 "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// end is one end of a connection.
type end struct {
	namespace       string
	namespaceLabels map[string]string
	labels          map[string]string
	address         netip.Addr
	pod             bool
}

func decide(one *Case) ([]string, error) {
	var policies []*networking.NetworkPolicy
	var tiers []tierPolicy
	for _, raw := range one.Objects {
		var kind meta.TypeMeta
		if err := json.Unmarshal(raw, &kind); err != nil {
			return nil, err
		}
		if kind.Kind != "NetworkPolicy" {
			var policy tierPolicy
			if err := json.Unmarshal(raw, &policy); err != nil {
				return nil, err
			}
			tiers = append(tiers, policy)
			continue
		}
		policy := new(networking.NetworkPolicy)
		if err := json.Unmarshal(raw, policy); err != nil {
			return nil, err
		}
		defaults(policy)
		policies = append(policies, policy)
	}
	ends, err := one.ends()
	if err != nil {
		return nil, err
	}
	settle(policies, ends)
	built := matcher.BuildNetworkPolicies(false, policies)
	verdicts := make([]string, len(one.Connections))
	for at, connection := range one.Connections {
		to, from := ends[connection.To], ends[connection.From]
		name := ""
		for known, number := range one.Pods[connection.To].Ports {
			if number == connection.Port {
				name = known
			}
		}
		traffic := &matcher.Traffic{
			Source: from.peer(), Destination: to.peer(),
			ResolvedPort: connection.Port, ResolvedPortName: name, Protocol: v1.ProtocolTCP,
		}
		said := built.IsTrafficAllowed(traffic)
		may := outcome{allow: true}
		for _, ingress := range []bool{false, true} {
			about, peer, result := from, to, said.Egress
			if ingress {
				about, peer, result = to, from, said.Ingress
			}
			if !about.pod {
				continue
			}
			asked := len(result.AllowingTargets)+len(result.DenyingTargets) > 0
			here := ask(tiers, ingress, about, peer, connection.Port, name, asked, result.IsAllowed())
			may = outcome{allow: may.allow && here.allow, deny: may.deny || here.deny}
		}
		switch {
		case may.allow && may.deny:
			verdicts[at] = "either"
		case may.allow:
			verdicts[at] = "allow"
		default:
			verdicts[at] = "deny"
		}
	}
	return verdicts, nil
}

// defaults does what the API server does to policyTypes.
func defaults(policy *networking.NetworkPolicy) {
	if len(policy.Spec.PolicyTypes) > 0 {
		return
	}
	policy.Spec.PolicyTypes = []networking.PolicyType{networking.PolicyTypeIngress}
	if len(policy.Spec.Egress) > 0 {
		policy.Spec.PolicyTypes = append(policy.Spec.PolicyTypes, networking.PolicyTypeEgress)
	}
}

// ends returns the ends of all connections by name, with labels that nothing else shares.
func (one *Case) ends() (map[string]end, error) {
	ends, namespaces := map[string]end{}, map[string]map[string]string{}
	for name, pod := range one.Pods {
		namespace, _, _ := strings.Cut(name, "/")
		address, err := netip.ParseAddr(pod.Address)
		if err != nil {
			return nil, err
		}
		if namespaces[namespace] == nil {
			namespaces[namespace] = map[string]string{"kubernetes.io/metadata.name": namespace}
			maps.Copy(namespaces[namespace], one.Namespaces[namespace])
		}
		own := map[string]string{}
		maps.Copy(own, pod.Labels)
		ends[name] = end{namespace, namespaces[namespace], own, address, true}
	}
	for _, connection := range one.Connections {
		if _, known := ends[connection.From]; known {
			continue
		}
		block, err := netip.ParsePrefix(connection.From)
		if err != nil {
			return nil, err
		}
		ends[connection.From] = end{address: block.Addr()}
	}
	return ends, nil
}

// settle has Kubernetes' own code decide each selector, and leaves to cyclonus a label that says how: by itself it takes
// NotIn for false where the label is not there.
func settle(policies []*networking.NetworkPolicy, ends map[string]end) {
	count := 0
	decided := func(selector *meta.LabelSelector, of func(end) map[string]string) {
		if selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 {
			return
		}
		count++
		key := fmt.Sprintf("selector-%d", count)
		for _, one := range ends {
			if one.pod && matches(selector, of(one)) {
				of(one)[key] = "yes"
			}
		}
		*selector = meta.LabelSelector{MatchLabels: map[string]string{key: "yes"}}
	}
	ofPod := func(one end) map[string]string { return one.labels }
	ofNamespace := func(one end) map[string]string { return one.namespaceLabels }
	for _, policy := range policies {
		decided(&policy.Spec.PodSelector, ofPod)
		var peers []networking.NetworkPolicyPeer
		for _, rule := range policy.Spec.Ingress {
			peers = append(peers, rule.From...)
		}
		for _, rule := range policy.Spec.Egress {
			peers = append(peers, rule.To...)
		}
		for _, peer := range peers {
			decided(peer.PodSelector, ofPod)
			decided(peer.NamespaceSelector, ofNamespace)
		}
	}
}

func (e end) peer() *matcher.TrafficPeer {
	peer := &matcher.TrafficPeer{IP: e.address.String()}
	if e.pod {
		peer.Internal = &matcher.InternalPeer{
			PodLabels: e.labels, NamespaceLabels: e.namespaceLabels, Namespace: e.namespace,
		}
	}
	return peer
}

func matches(selector *meta.LabelSelector, of map[string]string) bool {
	read, err := meta.LabelSelectorAsSelector(selector)
	if err != nil {
		panic(fmt.Sprintf("no selector: %v", err))
	}
	return read.Matches(labels.Set(of))
}
