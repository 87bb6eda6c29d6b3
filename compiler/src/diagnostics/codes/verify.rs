//! What proving says.

super::codes! {
    NOT_AS_MEANT: Error = "verify/not-as-meant", "the emitted manifests admit other requests than the policy means";
}
