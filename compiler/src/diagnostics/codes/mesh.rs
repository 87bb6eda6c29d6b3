//! What asking plain manifests says of them.

super::codes! {
    RIVAL_PEER_AUTHENTICATION: Warning = "mesh/rival-peer-authentication", "two PeerAuthentications decide the same thing otherwise, and the older counts";
    TWIN_PEER_AUTHENTICATION: Note = "mesh/twin-peer-authentication", "two PeerAuthentications decide the same thing alike";
    SELECTS_NOBODY: Warning = "mesh/policy-selects-nobody", "a policy selects no workload at hand";
    SHADOWED_RULE: Warning = "mesh/shadowed-rule", "an ALLOW rule of which every request is denied";
    REDUNDANT_RULE: Note = "mesh/redundant-rule", "a rule without which the same requests are admitted";
    EVADED_DENY: Warning = "mesh/evaded-deny", "a DENY rule that a caller gets around by not saying who it is";
    OPEN_TO_PLAINTEXT: Warning = "mesh/open-to-plaintext", "an ALLOW rule that says who may not call admits whoever shows no identity";
    UNENFORCED_POLICY: Warning = "mesh/unenforced-policy", "an AuthorizationPolicy is about what no proxy sees";
    L7_AT_ZTUNNEL: Warning = "mesh/l7-at-ztunnel", "a rule asks for HTTP where ztunnel enforces it, and admits nothing or denies more than it says";
    DENY_WITHOUT_EFFECT: Error = "mesh/deny-without-effect", "a DENY rule or a CUSTOM policy of which ztunnel enforces nothing";
    BYPASSED_WAYPOINT: Warning = "mesh/bypassed-waypoint", "callers get around the policies of a waypoint, because the pods behind it take others as well";
    TRUSTED_HEADER: Note = "mesh/trusted-header", "a workload believes a header, and only gateways reach it";
    FORGEABLE_HEADER: Warning = "mesh/forgeable-header", "a workload believes a header that other callers can write";
    SAME_PRIORITY: Warning = "mesh/same-priority", "two policies of a tier of the network decide otherwise at one priority";
    REFUSED_OBJECT: Error = "mesh/refused-object", "the API server or Istio refuses an object that decides, so that the cluster does not have it";
    UNKNOWN_FIELD: Error = "mesh/unknown-field", "an object that decides has a field that its kind does not have";
    NO_NAMESPACE: Warning = "mesh/no-namespace", "a policy names no namespace, and nothing at hand is in `default`";
    PEERS_APART: Warning = "mesh/peers-apart", "two peers of a NetworkPolicy are alternatives where both were meant";
    FOREIGN_HOST: Warning = "mesh/foreign-host", "a VirtualService takes calls for a host of another namespace";
    RIVAL_ROUTES: Warning = "mesh/rival-routes", "two routes take the same requests, and the older counts";
    MIXED_ROUTES: Warning = "mesh/mixed-routes", "an HTTPRoute and a GRPCRoute are about one host, and one of them is refused";
    LOST_DELEGATE: Warning = "mesh/lost-delegate", "a VirtualService delegates to one that is not asked, or is one that nobody asks";
    FOREIGN_GATEWAY: Note = "mesh/foreign-gateway", "a Gateway makes pods of another namespace listen, and takes routes from anywhere";
    RIVAL_LISTENERS: Warning = "mesh/rival-listeners", "two listeners want the same port and host, and only the older is there";
    SHARED_CERTIFICATE: Warning = "mesh/shared-certificate", "two listeners have one certificate and different hosts, and a reused connection gets 404";
    AUTO_PASSTHROUGH: Warning = "mesh/auto-passthrough", "a gateway leads to any Service of the mesh and asks no policy";
    PLAINTEXT_BESIDE_TLS: Warning = "mesh/plaintext-beside-tls", "a gateway serves a host with TLS and without it";
    RIVAL_SERVICE_ENTRIES: Warning = "mesh/rival-service-entries", "two namespaces tell everybody of one host, and the older counts";
    SHARED_SERVICE_ENTRY: Note = "mesh/shared-service-entry", "a ServiceEntry without `exportTo` changes calls of every namespace";
    FORGEABLE_OUTSIDE_HOST: Note = "mesh/forgeable-outside-host", "a ServiceEntry takes the word of callers for names, and lets them call any address";
    UNFORCED_EGRESS: Warning = "mesh/unforced-egress", "workloads get around an egress gateway, because the network lets them call straight";
    RUNS_AS_THE_PROXY: Warning = "mesh/runs-as-the-proxy", "a container runs as the user of the sidecar, which leaves its calls alone";
    UNCAPTURED_CALLS: Note = "mesh/uncaptured-calls", "an annotation takes calls that leave a workload from its sidecar";
    BLOCKED_TUNNEL: Warning = "mesh/blocked-tunnel", "a NetworkPolicy opens a port of a workload in ambient mode, and not that of the tunnel to it";
    PORTS_BY_TUNNEL: Warning = "mesh/ports-by-tunnel", "a NetworkPolicy keeps a port shut that the tunnel to the workload opens";
    NO_NAMES: Warning = "mesh/no-names", "a NetworkPolicy lets pods call Services, and none lets them ask for addresses";
    SERVICE_PORT: Warning = "mesh/service-port", "a NetworkPolicy names the port of a Service where pods have another";
    RIGHTS_OVER_POLICY: Warning = "mesh/rights-over-policy", "a role that many hold lets them undo what policies say";
    TRUSTED_WITH_POLICY: Note = "mesh/trusted-with-policy", "the account of a workload may undo what policies say";
    LEFT_OUT: Warning = "mesh/left-out", "a Sidecar leaves out a workload that a policy lets its callers call";
    IDLE_ROUTE: Warning = "mesh/idle-route", "a route that the gateway it names does not go by";
    NOT_COMPARED: Note = "mesh/not-compared", "rules take too long to compare, so that nothing is said of whether they are needed";
    NOT_MODELLED: Note = "mesh/not-modelled", "an object changes proxies in ways that answers do not follow";
}
