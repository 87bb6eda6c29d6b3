//! What looking things up and merging them says.

super::codes! {
    UNKNOWN_REFERENCE: Error = "resolve/unknown-reference", "a reference finds nothing";
    AMBIGUOUS_REFERENCE: Error = "resolve/ambiguous-reference", "a short name finds more than one service";
    OVERLAPPING_CLAIM: Error = "resolve/overlapping-claim", "two nodes claim the same namespace or service";
    EMPTY_CLAIM: Warning = "resolve/empty-claim", "a claim finds nothing in the inventory";
    UNCLAIMED_NAMESPACE: Note = "resolve/unclaimed-namespace", "a namespace with workloads belongs to no workspace";
    TORN_WORKLOAD: Error = "resolve/torn-workload", "one workload belongs to services of two nodes";
    EMPTY_SERVICE: Error = "resolve/empty-service", "a Service document selects no workload";
    UNKNOWN_PORT: Error = "resolve/unknown-port", "a port is none of the workload's";
    UNKNOWN_PROFILE: Error = "resolve/unknown-profile", "an attached profile is not declared at the node or above";
    CONTRADICTION: Error = "resolve/contradiction", "two mandates leave nothing between them";
    WIDENS_MANDATE: Error = "resolve/widens-mandate", "a statement permits more than a mandate above it";
    BELOW_FLOOR: Error = "resolve/below-floor", "a statement permits less than a mandate above it demands";
    AMBIGUOUS: Error = "resolve/ambiguous", "one node says two things about one field";
    NOT_AUTHORISED: Error = "resolve/not-authorised", "a node writes what its level may not";
    OUTSIDE_NODE: Error = "resolve/outside-node", "a statement is about workloads of another node";
    DRY_RUN_MANDATE: Warning = "resolve/dry-run-mandate", "a mandate on trial would refuse or change this";
    DRY_RUN_WITHOUT_END: Error = "resolve/dry-run-without-end", "a trial names no last day";
    DRY_RUN_ENDED: Error = "resolve/dry-run-ended", "a grant was on trial until a day that has passed";
    CONSENT_MISSING: Error = "resolve/consent-missing", "a caller from elsewhere has not declared what it uses";
    UNUSED_CONSENT: Warning = "resolve/unused-consent", "a declared use is granted by nobody";
    EATEN_GRANT: Warning = "resolve/eaten-grant", "a grant is wholly denied";
    USELESS_CLIP: Warning = "resolve/clipped-to-nothing", "a grant lies wholly outside the mandates";
    INTERNET_SOURCE: Error = "resolve/internet-source", "a grant names the internet as its caller";
    SHARED_ACCOUNT: Warning = "resolve/shared-service-account", "workloads of two services share one identity";
    UNKNOWN_ISSUER: Error = "resolve/unknown-issuer", "a grant asks for tokens the workload does not accept";
    EXCEPTION_EXPIRED: Error = "resolve/exception-expired", "an exception has ended";
    EXCEPTION_ENDING: Warning = "resolve/exception-ending", "an exception ends within 14 days";
    EXCEPTION_UNUSED: Warning = "resolve/exception-unused", "an exception waives nothing that anybody needs";
    EXCEPTION_INVALID: Error = "resolve/exception-invalid", "an exception lacks what its mandate asks of it";
    UNKNOWN_MANDATE: Error = "resolve/unknown-mandate", "an exception waives a mandate that nobody makes";
    DELEGATION_INVALID: Error = "resolve/delegation-invalid", "a delegation gives what its node does not have";
    DELEGATION_EXPIRED: Error = "resolve/delegation-expired", "a delegation has ended and is still used";
    NO_EFFECT: Warning = "resolve/no-effect", "a statement that is valid and does nothing";
    NEAR_MISS: Warning = "resolve/near-miss", "a word is almost one that would mean something";
    RAW_NOT_ALLOWED: Error = "resolve/raw-not-allowed", "a hand-written object is of a kind no mandate allows";
    TAKEN_HOST: Error = "resolve/taken-host", "a host or a path of it is exposed twice";
    EXPOSED_TO_NOBODY: Error = "resolve/exposed-to-nobody", "a gateway lets in what no Access admits";
    MIXED_ROUTES: Error = "resolve/mixed-routes", "one host is answered in gRPC and in plain HTTP";
    SHARED_CERTIFICATE: Warning = "resolve/shared-certificate", "two listeners show one certificate";
    UNEVEN_WEIGHTS: Error = "resolve/uneven-weights", "the shares of a rule do not add up to 100";
    UNKNOWN_SUBSET: Error = "resolve/unknown-subset", "a version of a service is none of its subsets, or selects no workload";
    UNLIKE_SUBSET: Error = "resolve/unlike-subset", "a version of a service runs under another policy than the stable one";
    UNREACHABLE_RULE: Warning = "resolve/unreachable-rule", "a rule of a Route that no request gets to";
    TOKEN_KEYS: Error = "resolve/token-keys", "an issuer has no keys, or two sets of them";
}
