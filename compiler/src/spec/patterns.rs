//! The regular expressions that several grammars share.
//!
//! In: nothing. Out: macros that expand to literals, so that a [`Text::PATTERN`](crate::shape::scalar::Text::PATTERN) can be
//! put together at compile time. They exist because an editor must refuse what the reader refuses, and one spelling of a
//! name or an address is enough to keep true.

/// A name of a node, service, zone or Kubernetes object.
macro_rules! word {
    () => {
        "[A-Za-z0-9][A-Za-z0-9.-]{0,252}"
    };
}
pub(crate) use word;

/// The path of a node.
macro_rules! node_path {
    () => {
        concat!("/(", $crate::spec::patterns::word!(), "(/", $crate::spec::patterns::word!(), ")*)?")
    };
}
pub(crate) use node_path;

/// An address or a range of addresses. That no host bit is set is beyond any expression people could read.
macro_rules! cidr {
    () => {
        concat!(
            // Four numbers up to 255, without leading zeros, which some programs read as octal.
            "((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])",
            "(/(3[0-2]|[12]?[0-9]))?",
            // Eight groups, or fewer with one `::`.
            "|(([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}",
            "|([0-9A-Fa-f]{1,4}:){1,7}:",
            "|([0-9A-Fa-f]{1,4}:){1,6}:[0-9A-Fa-f]{1,4}",
            "|([0-9A-Fa-f]{1,4}:){1,5}(:[0-9A-Fa-f]{1,4}){1,2}",
            "|([0-9A-Fa-f]{1,4}:){1,4}(:[0-9A-Fa-f]{1,4}){1,3}",
            "|([0-9A-Fa-f]{1,4}:){1,3}(:[0-9A-Fa-f]{1,4}){1,4}",
            "|([0-9A-Fa-f]{1,4}:){1,2}(:[0-9A-Fa-f]{1,4}){1,5}",
            "|[0-9A-Fa-f]{1,4}:(:[0-9A-Fa-f]{1,4}){1,6}",
            "|:(:[0-9A-Fa-f]{1,4}){1,7}|::)",
            "(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?",
        )
    };
}
pub(crate) use cidr;

/// A DNS name in small letters, as Kubernetes takes it.
macro_rules! dns_name {
    () => {
        "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?([.][a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
    };
}
pub(crate) use dns_name;

/// A text with `*` alone, first or last.
macro_rules! starred {
    ($inside:literal) => {
        concat!("[*]|[*]?", $inside, "+|", $inside, "+[*]")
    };
}
pub(crate) use starred;

/// Names between single `/`, with single dots in them, where `{cluster}` stands for the name of a cluster.
macro_rules! template {
    () => {
        concat!(
            "([A-Za-z0-9_-]|[{]cluster[}])+([.]([A-Za-z0-9_-]|[{]cluster[}])+)*",
            "(/([A-Za-z0-9_-]|[{]cluster[}])+([.]([A-Za-z0-9_-]|[{]cluster[}])+)*)*",
        )
    };
}
pub(crate) use template;
