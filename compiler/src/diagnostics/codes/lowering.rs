//! What turning policy into objects says.

super::codes! {
    L7_ON_TCP: Error = "lowering/l7-on-tcp", "a rule on HTTP is asked of a port that does not speak it";
    SNIFFED_PORT: Warning = "lowering/unknown-protocol", "a rule on HTTP is asked of a port that says not what it speaks";
    L7_WITHOUT_WAYPOINT: Error = "lowering/l7-without-waypoint", "a rule on HTTP is asked where only connections are seen";
    NOT_IN_MESH: Warning = "lowering/not-in-mesh", "a workload has no proxy, so policy is not enforced at it";
    UNENFORCEABLE: Error = "lowering/unenforceable", "a statement is about a workload where nothing can enforce it";
    INSEPARABLE: Error = "lowering/inseparable-workloads", "no selector tells two workloads apart";
    INEXPRESSIBLE: Error = "lowering/inexpressible", "a set of requests cannot be written as an Istio rule";
    CROSS_CLUSTER_PEER: Error = "lowering/cross-cluster-peer", "a caller is in another cluster whose addresses are unknown";
    NAME_TAKEN: Error = "lowering/name-taken", "two objects would have one name";
}
