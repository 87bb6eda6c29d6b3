//! What the YAML reader says.

super::codes! {
    SYNTAX: Error = "yaml/syntax", "the text is not YAML";
    NOT_UTF8: Error = "yaml/not-utf8", "the file is not UTF-8";
    CONTROL_CHARACTER: Error = "yaml/control-character", "a character that no editor shows and no YAML may hold";
    HIDDEN_LINE_BREAK: Error = "yaml/hidden-line-break", "a character that only some YAML readers take for a line break";
    BIDI_CONTROL: Error = "yaml/bidi-control", "a character that makes text look like other text";
    BYTE_ORDER_MARK: Error = "yaml/byte-order-mark", "a byte order mark inside the file";
    DOCUMENT_MARKER: Error = "yaml/document-marker", "a line that begins with `---` and holds something else";
    AFTER_DOCUMENT_END: Error = "yaml/after-document-end", "text after `...` that Kubernetes tools never read";
    DIRECTIVE: Error = "yaml/directive", "a `%` directive, which Kubernetes tools do not read alike";
    TAG: Error = "yaml/tag", "a `!` tag that changes how a value is read";
    ANCHOR_NAME: Error = "yaml/anchor-name", "an anchor whose name not every YAML reader takes";
    UNKNOWN_ANCHOR: Error = "yaml/unknown-anchor", "an alias to an anchor that is not there";
    RECURSIVE_ALIAS: Error = "yaml/recursive-alias", "an alias inside the value it stands for";
    ALIAS_BOMB: Error = "yaml/alias-bomb", "aliases that multiply into far more than was written";
    MERGE_KEY: Error = "yaml/merge-key", "a `<<` key that cannot be merged, or may not be";
    TOO_DEEP: Error = "yaml/too-deep", "values nested deeper than anybody reads";
    DUPLICATE_KEY: Error = "yaml/duplicate-key", "one key twice in one mapping";
    KEY_NOT_TEXT: Error = "yaml/key-not-text", "a key that is not text";
    AMBIGUOUS_SCALAR: Error = "yaml/ambiguous-scalar", "an unquoted value that YAML readers disagree about";
    HUGE_NUMBER: Error = "yaml/huge-number", "a number that no reader keeps exactly";
    EMPTY_IN_FLOW: Error = "yaml/empty-in-flow", "nothing where `[…]` or `{…}` wants a value";
    STRAY_PUNCTUATION: Error = "yaml/stray-punctuation", "an unquoted value with a `:` or `?` at its edge";
    ROOT_NOT_A_MAPPING: Error = "yaml/root-not-a-mapping", "a document that is not `key: value` lines";
    TAB_INDENTATION: Error = "yaml/tab-indentation", "a tab where YAML wants spaces";
    INDENTATION: Error = "yaml/indentation", "a line that lines up with nothing above it";
    UNCLOSED: Error = "yaml/unclosed", "a quote or bracket that is never closed";
    BRACKET: Error = "yaml/bracket", "a bracket that closes nothing, or the wrong one";
    UNEXPECTED_COLON: Error = "yaml/unexpected-colon", "a second `: ` in one value";
    MISSING_COLON: Error = "yaml/missing-colon", "a line without the `:` after its key";
    RESERVED_CHARACTER: Error = "yaml/reserved-character", "a value that begins with a character YAML keeps for itself";
    ESCAPE: Error = "yaml/escape", "an escape in double quotes that not every reader knows";
    COMMENT_SPACE: Error = "yaml/comment-space", "a comment without a space before its `#`";
    BLOCK_TEXT: Error = "yaml/block-text", "a `|` or `>` block that is badly begun or indented";
    TOO_MANY: Error = "yaml/too-many", "a document with more errors than anybody reads";
}
