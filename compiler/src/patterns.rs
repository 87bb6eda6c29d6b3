//! The patterns that ship with the tool, as documents people can read and copy.
//!
//! In: nothing. Out: [`BUILT_IN`], the name and the text of each; `compiler/patterns` holds them, a file each.

/// The patterns, by name.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("admin", include_str!("../patterns/admin.yaml")),
    ("aggregator", include_str!("../patterns/aggregator.yaml")),
    ("api-gateway", include_str!("../patterns/api-gateway.yaml")),
    ("branch", include_str!("../patterns/branch.yaml")),
    ("chained", include_str!("../patterns/chained.yaml")),
    ("cqrs", include_str!("../patterns/cqrs.yaml")),
    ("database-per-service", include_str!("../patterns/database-per-service.yaml")),
    ("event-sourcing", include_str!("../patterns/event-sourcing.yaml")),
    ("health-check", include_str!("../patterns/health-check.yaml")),
    ("log-collector", include_str!("../patterns/log-collector.yaml")),
    ("metric-collector", include_str!("../patterns/metric-collector.yaml")),
    ("shared-database", include_str!("../patterns/shared-database.yaml")),
    ("trace-collector", include_str!("../patterns/trace-collector.yaml")),
    ("worker", include_str!("../patterns/worker.yaml")),
];

/// Returns the text of a pattern.
#[must_use]
pub fn find(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Returns the one line that says what a pattern is for.
#[must_use]
pub fn summary(text: &str) -> &str {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("description:"));
    line.unwrap_or_default().trim().trim_matches('"')
}
