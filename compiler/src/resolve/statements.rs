//! Who says what: the mandates and defaults that each node holds, its own and those of its profiles.
//!
//! In: a node. Out: its statements, each with its [`Origin`]. A mandate on trial is told apart from one in force here.

use super::world::World;
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::resolve as code;
use crate::document::Document;
use crate::source::{Span, Spanned};
use crate::spec::authority::{Holder, MandateId};
use crate::spec::mandates::{Defaults, Mandates};
use crate::spec::names::{Day, Mode};
use crate::spec::reference::NodePath;
use crate::spec::zone::ProfileSpec;

/// Where a statement was written, and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// Where it was written.
    pub span: Span,
    /// Its name: `/payments#mtls`, `/payments/checkout/checkout-to-ledger`.
    pub id: String,
}

impl Origin {
    /// Joins a place and a name.
    pub fn new(span: Span, id: impl Into<String>) -> Self {
        Self { span, id: id.into() }
    }

    /// Makes the origin of a node's mandate on a field.
    #[must_use]
    pub fn mandate(span: Span, node: &NodePath, field: &str) -> Self {
        Self::new(span, mandate_id(node, field).to_string())
    }

    /// Makes the origin of a document.
    #[must_use]
    pub fn document<T>(span: Span, document: &Document<T>) -> Self {
        let node = document.node.0.trim_end_matches('/');
        Self::new(span, format!("{node}/{}", document.name()))
    }
}

/// Returns the name of a node's mandate on a field.
#[must_use]
pub fn mandate_id(node: &NodePath, field: &str) -> MandateId {
    MandateId { holder: Holder::Node(node.clone()), field: field.to_owned() }
}

/// Whether a mandate is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Force {
    /// It is.
    Enforced,
    /// It is on trial: what it would refuse is reported.
    OnTrial,
}

/// Tells whether a statement with this mode is in force on a day: a trial ends with its last day.
#[must_use]
pub fn force(mode: Option<Mode>, until: Option<&Spanned<Day>>, as_of: Day) -> Force {
    match (mode, until) {
        (Some(Mode::DryRun), Some(until)) if until.value >= as_of => Force::OnTrial,
        (Some(Mode::DryRun), None) => Force::OnTrial,
        _ => Force::Enforced,
    }
}

impl<'a> World<'a> {
    /// Returns the profiles a node attaches that are declared at it or above.
    fn profiles(&self, path: &NodePath) -> Vec<&'a Document<ProfileSpec>> {
        let Some(node) = self.nodes.get(path) else { return Vec::new() };
        let find = |name: &str| self.profile(name, path);
        node.profiles.iter().filter_map(|name| find(&name.value.0)).collect()
    }

    fn profile(&self, name: &str, path: &NodePath) -> Option<&'a Document<ProfileSpec>> {
        let declared =
            self.parsed.policy.profiles.iter().filter(|profile| profile.name() == name && profile.node.contains(path));
        // The innermost declaration is the one meant.
        declared.max_by_key(|profile| profile.node.lineage().len())
    }

    /// Returns the mandates a node holds: its own, then those of its profiles.
    #[must_use]
    pub fn mandates(&self, path: &NodePath) -> Vec<&'a Mandates> {
        let own = self.nodes.get(path).map(|node| node.mandates);
        own.into_iter().chain(self.profiles(path).into_iter().map(|profile| &profile.spec.mandates)).collect()
    }

    /// Returns the defaults a node writes: its own, then those of its profiles.
    #[must_use]
    pub fn defaults(&self, path: &NodePath) -> Vec<&'a Defaults> {
        let own = self.nodes.get(path).map(|node| node.defaults);
        own.into_iter().chain(self.profiles(path).into_iter().map(|profile| &profile.spec.defaults)).collect()
    }
}

/// Reports profiles that nobody declares and trials that name no end.
pub(super) fn check(world: &World<'_>, diagnostics: &mut Diagnostics) {
    for (path, node) in &world.nodes {
        for name in node.profiles.iter().filter(|name| world.profile(&name.value.0, path).is_none()) {
            let known =
                world.parsed.policy.profiles.iter().filter(|profile| profile.node.contains(path)).map(Document::name);
            let unknown = code::UNKNOWN_PROFILE
                .at(name.span, format!("no profile `{}` is declared at `{path}` or above", name.value));
            diagnostics.report(unknown.label("attaches nothing").did_you_mean(&name.value.0, known));
        }
    }
    let profiles = world.parsed.policy.profiles.iter().map(|profile| &profile.spec.mandates);
    for mandates in world.nodes.values().map(|node| node.mandates).chain(profiles) {
        let mtls =
            mandates.mtls.as_ref().map(|mandate| (mandate.span, mandate.value.mode, mandate.value.until.as_ref()));
        let access =
            mandates.access.as_ref().map(|mandate| (mandate.span, mandate.value.mode, mandate.value.until.as_ref()));
        for (span, mode, until) in [mtls, access].into_iter().flatten() {
            match (mode, until) {
                (Some(Mode::DryRun), None) => {
                    diagnostics.report(endless_trial(span));
                }
                (None | Some(Mode::Enforce), Some(until)) => {
                    diagnostics.report(until_without_trial(until.span));
                }
                _ => {}
            }
        }
    }
}

/// Says that a last day stands where nothing ends.
pub(super) fn until_without_trial(span: Span) -> crate::diagnostics::Diagnostic {
    crate::diagnostics::codes::parse::INVALID_VALUE
        .at(span, "`until` is the last day of a trial, and this is none")
        .label("ends nothing")
        .help("add `mode: dryRun`, or take `until` away: only an Exception ends by itself")
}

/// Says that a trial names no last day.
pub(super) fn endless_trial(span: Span) -> crate::diagnostics::Diagnostic {
    code::DRY_RUN_WITHOUT_END
        .at(span, "a trial without a last day would be forgotten")
        .label("`mode: dryRun` without `until`")
        .help("add `until`, the last day of the trial")
}
