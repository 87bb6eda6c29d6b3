//! What the YAML reader says.

super::codes! {
    SYNTAX: Error = "yaml/syntax", "the text is not YAML";
}
