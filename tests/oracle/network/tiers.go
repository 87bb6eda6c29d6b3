package main

import (
	"net/netip"
	"slices"

	v1 "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// tierPolicy is a ClusterNetworkPolicy or one of the older kinds.
type tierPolicy struct {
	meta.TypeMeta `json:",inline"`
	Spec          struct {
		Tier     string   `json:"tier"`
		Priority int      `json:"priority"`
		Subject  selected `json:"subject"`
		Ingress  []rule   `json:"ingress"`
		Egress   []rule   `json:"egress"`
	} `json:"spec"`
}

type selected struct {
	Namespaces *meta.LabelSelector `json:"namespaces"`
	Pods       *struct {
		NamespaceSelector meta.LabelSelector `json:"namespaceSelector"`
		PodSelector       meta.LabelSelector `json:"podSelector"`
	} `json:"pods"`
}

type rule struct {
	Action    string `json:"action"`
	From      []peer `json:"from"`
	To        []peer `json:"to"`
	Ports     []port `json:"ports"`
	Protocols []port `json:"protocols"`
}

type peer struct {
	selected `json:",inline"`
	Networks []netip.Prefix `json:"networks"`
}

type number struct {
	Protocol v1.Protocol `json:"protocol"`
	Port     int         `json:"port"`
	Number   int         `json:"number"`
	Range    *number     `json:"range"`
	Start    int         `json:"start"`
	End      int         `json:"end"`
}

type protocol struct {
	DestinationPort *number `json:"destinationPort"`
}

// port is an item of `ports`, or of `protocols`.
type port struct {
	PortNumber           *number   `json:"portNumber"`
	PortRange            *number   `json:"portRange"`
	NamedPort            string    `json:"namedPort"`
	TCP                  *protocol `json:"tcp"`
	UDP                  *protocol `json:"udp"`
	DestinationNamedPort string    `json:"destinationNamedPort"`
}

// outcome is what may become of a connection.
type outcome struct{ allow, deny bool }

// ask takes a connection through the tiers at one end, once for each order that equal priorities leave open. Such policies
// are few, so every one of them is put first once: what comes after the first that decides does not matter.
func ask(all []tierPolicy, ingress bool, about, other end, to int, name string, asked, allowed bool) outcome {
	var found outcome
	var step func(tier string, left []tierPolicy)
	next := func(tier string) {
		switch {
		case tier == "Admin" && asked && allowed:
			found.allow = true
		case tier == "Admin" && asked:
			found.deny = true
		case tier == "Admin":
			step("Baseline", of(all, "Baseline"))
		default:
			found.allow = true
		}
	}
	step = func(tier string, left []tierPolicy) {
		if len(left) == 0 {
			next(tier)
			return
		}
		lowest := slices.MinFunc(left, func(a, b tierPolicy) int { return a.Spec.Priority - b.Spec.Priority })
		for at, policy := range left {
			if policy.Spec.Priority != lowest.Spec.Priority {
				continue
			}
			switch policy.decide(ingress, about, other, to, name) {
			case "Allow", "Accept":
				found.allow = true
			case "Deny":
				found.deny = true
			case "Pass":
				next(tier)
			default:
				step(tier, slices.Delete(slices.Clone(left), at, at+1))
			}
		}
	}
	step("Admin", of(all, "Admin"))
	return found
}

// of returns the policies of a tier.
func of(all []tierPolicy, tier string) []tierPolicy {
	var here []tierPolicy
	for _, policy := range all {
		own := policy.Spec.Tier
		switch policy.Kind {
		case "AdminNetworkPolicy":
			own = "Admin"
		case "BaselineAdminNetworkPolicy":
			own = "Baseline"
		}
		if own == tier {
			here = append(here, policy)
		}
	}
	return here
}

// decide returns the action of the first rule that means a connection.
func (p *tierPolicy) decide(ingress bool, about, other end, to int, name string) string {
	if !p.Spec.Subject.means(about) {
		return ""
	}
	rules := p.Spec.Egress
	if ingress {
		rules = p.Spec.Ingress
	}
	for _, rule := range rules {
		ports := append(slices.Clone(rule.Ports), rule.Protocols...)
		fits := len(ports) == 0 || slices.ContainsFunc(ports, func(p port) bool { return p.means(to, name) })
		peers := append(slices.Clone(rule.From), rule.To...)
		if fits && slices.ContainsFunc(peers, func(p peer) bool { return p.means(other) }) {
			return rule.Action
		}
	}
	return ""
}

func (s *selected) means(pod end) bool {
	switch {
	case !pod.pod:
		return false
	case s.Namespaces != nil:
		return matches(s.Namespaces, pod.namespaceLabels)
	case s.Pods != nil:
		return matches(&s.Pods.NamespaceSelector, pod.namespaceLabels) && matches(&s.Pods.PodSelector, pod.labels)
	}
	return false
}

func (p *peer) means(other end) bool {
	in := func(network netip.Prefix) bool { return network.Contains(other.address) }
	return p.selected.means(other) || slices.ContainsFunc(p.Networks, in)
}

func (p *port) means(to int, name string) bool {
	tcp := func(n *number) bool { return n.Protocol == "" || n.Protocol == v1.ProtocolTCP }
	switch {
	case p.PortNumber != nil:
		return tcp(p.PortNumber) && p.PortNumber.Port == to
	case p.PortRange != nil:
		return tcp(p.PortRange) && p.PortRange.Start <= to && to <= p.PortRange.End
	case p.NamedPort != "" || p.DestinationNamedPort != "":
		return name != "" && (p.NamedPort == name || p.DestinationNamedPort == name)
	case p.TCP != nil && p.TCP.DestinationPort != nil:
		port := p.TCP.DestinationPort
		return port.Number == to || port.Range != nil && port.Range.Start <= to && to <= port.Range.End
	}
	return p.TCP != nil
}
