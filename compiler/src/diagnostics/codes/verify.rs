//! What proving says.

super::codes! {
    NOT_AS_MEANT: Error = "verify/not-as-meant", "the emitted manifests admit other requests than the policy means";
    ASSERTION_BROKEN: Error = "verify/assertion-broken", "an assertion does not hold";
    ASSERTION_NOT_PROVED: Warning = "verify/assertion-not-proved", "whether an assertion holds depends on what no file tells";
    REDUNDANT_STATEMENT: Note = "verify/redundant-statement", "a grant or a deny without which the same requests are admitted";
}
