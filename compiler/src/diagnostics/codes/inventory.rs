//! What reading the manifests of a cluster says.

super::codes! {
    EMPTY: Error = "inventory/empty", "a cluster has no manifests";
    BROKEN_OBJECT: Error = "inventory/broken-object", "a manifest is not the object its kind says";
    DUPLICATE_OBJECT: Error = "inventory/duplicate-object", "two manifests are the same object with other contents";
    DEFAULT_NAMESPACE: Note = "inventory/default-namespace", "a workload names no namespace";
}
