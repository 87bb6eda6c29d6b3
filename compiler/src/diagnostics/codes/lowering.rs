//! What turning policy into objects says.

super::codes! {
    L7_ON_TCP: Error = "lowering/l7-on-tcp", "a rule on HTTP is asked of a port that does not speak it";
    UNKNOWN_PROTOCOL: Warning = "lowering/unknown-protocol", "a rule on HTTP is asked of a port that does not say what it speaks";
    L7_WITHOUT_WAYPOINT: Error = "lowering/l7-without-waypoint", "a rule on HTTP is asked where only connections are seen";
    PAST_WAYPOINT: Warning = "lowering/past-waypoint", "a caller that goes around a waypoint is granted what nobody but the waypoint may reach";
    UNUSED_WAYPOINT: Error = "lowering/unused-waypoint", "a namespace or a Service is not called through the waypoint that guards it";
    FOREIGN_WAYPOINT: Warning = "lowering/foreign-waypoint", "a waypoint that no Cluster declares keeps the default deny from covering all of them";
    NOT_IN_MESH: Warning = "lowering/not-in-mesh", "a workload has no proxy, so only NetworkPolicy is enforced at it";
    CALLER_NOT_IN_MESH: Warning = "lowering/caller-not-in-mesh", "a grant names a caller that cannot show its identity";
    ROOT_NAMESPACE: Warning = "lowering/root-namespace", "a workspace claims the namespace whose policies hold for the whole mesh";
    UNENFORCEABLE: Error = "lowering/unenforceable", "a statement is about a workload where nothing can enforce it";
    INSEPARABLE: Error = "lowering/inseparable-workloads", "no selector tells two workloads apart";
    INEXPRESSIBLE: Error = "lowering/inexpressible", "a set of requests cannot be written as an Istio rule";
    CROSS_CLUSTER_PEER: Warning = "lowering/cross-cluster-peer", "a caller is in another cluster whose addresses are unknown";
    TWO_PROVIDERS: Error = "lowering/two-providers", "two external authorization providers are to be asked for one workload";
    OPEN_EGRESS: Warning = "lowering/open-egress", "an Egress names hosts, and its workloads reach every address";
    BYPASSED_EGRESS: Warning = "lowering/bypassed-egress", "workloads can walk past the egress gateway they are to use";
    NAME_TAKEN: Error = "lowering/name-taken", "two objects would have one name";
    NOT_READ_BACK: Error = "lowering/not-read-back", "an emitted object does not read back as what was meant";
}
