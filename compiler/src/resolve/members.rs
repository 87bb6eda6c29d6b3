//! What is in a zone.
//!
//! In: a zone. Out: its services. Members by label ask what Service documents say and nothing else.

use std::collections::BTreeSet;

use super::world::{Service, World};
use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostics, Reported, nearest};
use crate::document::Document;
use crate::source::Spanned;
use crate::spec::reference::{NodePath, Reference};
use crate::spec::zone::{Member, MemberLabels, ZoneSpec};

impl<'a> World<'a> {
    /// Returns a zone by name.
    pub(super) fn zone(
        &self,
        name: &str,
        reference: &Spanned<Reference>,
        diagnostics: &mut Diagnostics,
    ) -> Result<&'a Document<ZoneSpec>, Reported> {
        if let Ok(mut named) = self.zones_named.lock() {
            named.insert(name.to_owned());
        }
        let zones = &self.parsed.policy.zones;
        zones.iter().find(|zone| zone.name() == name).ok_or_else(|| {
            let unknown =
                code::UNKNOWN_REFERENCE.at(reference.span, format!("there is no zone `{name}`")).label("found nowhere");
            diagnostics.report(unknown.did_you_mean(name, zones.iter().map(Document::name)))
        })
    }

    /// Returns the services in a zone, as positions in [`World::services`].
    ///
    /// # Errors
    /// When a member finds nothing; every member is looked up first, so that all faults are told.
    pub fn members(
        &self,
        zone: &ZoneSpec,
        from: &NodePath,
        diagnostics: &mut Diagnostics,
    ) -> Result<BTreeSet<usize>, Reported> {
        let found: Vec<_> = zone.members.0.iter().map(|member| self.member(member, from, diagnostics)).collect();
        let found: Result<Vec<_>, _> = found.into_iter().collect();
        Ok(found?.into_iter().flatten().collect())
    }

    fn member(
        &self,
        member: &Spanned<Member>,
        from: &NodePath,
        diagnostics: &mut Diagnostics,
    ) -> Result<BTreeSet<usize>, Reported> {
        let wanted = match &member.value {
            Member::Reference(Reference::Zone(_)) => {
                let nested =
                    code::UNKNOWN_REFERENCE.at(member.span, "a zone cannot be a member of a zone").label("a zone");
                return Err(diagnostics.report(nested.help("name its members here as well")));
            }
            Member::Reference(reference) => {
                return self.services_of(&Spanned::new(reference.clone(), member.span), from, diagnostics);
            }
            Member::Labels(wanted) => wanted,
        };
        if wanted.labels.is_empty() && wanted.sensitivity.is_none() {
            let empty = code::UNKNOWN_REFERENCE.at(member.span, "a member asks for no label").label("asks for nothing");
            return Err(diagnostics.report(empty.help("write `labels` or `sensitivity`")));
        }
        let services = self.services.iter().enumerate();
        let found: BTreeSet<usize> =
            services.filter(|(_, service)| carries(service, wanted)).map(|(index, _)| index).collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let none = code::UNKNOWN_REFERENCE.at(member.span, "no Service document carries these labels");
        let help = self.meant(wanted).map_or_else(
            || "labels are read from Service documents alone".to_owned(),
            |meant| format!("did you mean `{meant}`?"),
        );
        Err(diagnostics.report(none.label("finds nothing").help(help)))
    }

    /// Returns what a member that finds nothing most likely asks for, in words that some Service document has.
    fn meant(&self, wanted: &MemberLabels) -> Option<String> {
        let documents = || self.services.iter().filter_map(|service| service.document);
        let sensitivities = || documents().filter_map(|document| document.spec.sensitivity.as_ref());
        if let Some(wanted) = wanted.sensitivity.as_ref().filter(|wanted| sensitivities().all(|s| s.value != **wanted))
        {
            return Some(format!("sensitivity: {}", nearest(&wanted.0, sensitivities().map(|s| s.value.0.as_str()))?));
        }
        let labels = || documents().flat_map(|document| &document.metadata.labels);
        let (key, value) = wanted.labels.iter().find(|(key, value)| !labels().any(|label| label == (key, value)))?;
        let values: Vec<&str> = labels().filter(|(known, _)| *known == key).map(|(_, value)| value.as_str()).collect();
        if values.is_empty() {
            return Some(format!("{}: {value}", nearest(key, labels().map(|(key, _)| key.as_str()))?));
        }
        Some(format!("{key}: {}", nearest(value, values)?))
    }
}

fn carries(service: &Service<'_>, wanted: &MemberLabels) -> bool {
    service.document.is_some_and(|document| {
        let labels = &document.metadata.labels;
        let sensitivity = document.spec.sensitivity.as_ref().map(|sensitivity| &sensitivity.value);
        wanted.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && wanted.sensitivity.as_ref().is_none_or(|wanted| sensitivity == Some(wanted))
    })
}
