//! What is wrong with comments that silence findings.

super::codes! {
    EXPIRED: Error = "ignore/expired", "a finding was to be ignored until a day that is over";
    MALFORMED: Error = "ignore/malformed", "a comment to ignore a finding has no codes, no reason or no end";
    NOT_IGNORABLE: Error = "ignore/not-ignorable", "a comment would ignore what nobody may ignore";
    UNUSED: Warning = "ignore/unused", "a comment ignores nothing";
}
