//! What reading documents says, before anything is looked up.

super::codes! {
    WRONG_TYPE: Error = "parse/wrong-type", "a value is of another type than its field wants";
    INVALID_VALUE: Error = "parse/invalid-value", "a value is of the right type and not a valid one";
    EMPTY_LIST: Error = "parse/empty-list", "an empty list stands where it could be read both ways";
    UNKNOWN_FIELD: Error = "parse/unknown-field", "a field is not part of the language";
    MISSING_FIELD: Error = "parse/missing-field", "a required field is absent";
    UNKNOWN_KIND: Error = "parse/unknown-kind", "a document is of no kind the language has";
    UNKNOWN_VERSION: Error = "parse/unknown-version", "a document names another apiVersion";
    DUPLICATE_DOCUMENT: Error = "parse/duplicate-document", "two documents of one kind have one name";
    MISPLACED_DOCUMENT: Error = "parse/misplaced-document", "a document stands where its kind does not belong";
    MISSING_NODE: Error = "parse/missing-node", "a folder holds policy and no node of its own";
    WRONG_PARENT: Error = "parse/wrong-parent", "a document names another parent than its folder has";
    IGNORED_FILE: Warning = "parse/ignored-file", "a file looks like one that is read and is not";
    UNUSABLE_KEY: Error = "parse/unusable-key", "a file of public keys is missing or holds something else";
    UNVERIFIED_DELIVERY: Error = "parse/unverified-delivery", "a controller would apply what it cannot verify";
    UNREADABLE: Error = "parse/unreadable", "a file or folder cannot be read";
}
