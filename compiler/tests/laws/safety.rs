//! Safety: what holds lies inside every mandate on the path, and is what the documents say.

use proptest::prelude::*;
use ringfence_compiler::spec::mandates::EgressMode;

use super::examine::{disagreement, examine, explained, law, shown};
use super::generate::repository;
use super::meaning::Meaning;
use super::universe::{shapes, universe};

#[test]
fn what_is_resolved_is_what_the_documents_mean() {
    law(96, 25, &(repository(), shapes()), |(repository, shapes)| {
        let examined = examine(&repository);
        let meaning = Meaning::of(&repository);
        let requests = universe(&repository, &shapes);
        for unit in &examined.units {
            let service = unit.service(&repository);
            let differs =
                disagreement(&requests, |request| meaning.admits(service, request), |request| unit.admits(request));
            if let Some((request, _)) = differs {
                let why = explained(&meaning, service, request);
                prop_assert!(false, "in {}: {why}\n{}", unit.cluster, shown(&repository));
            }
        }
        Ok(!examined.units.is_empty())
    });
}

#[test]
fn every_grant_lies_inside_every_mandate() {
    law(96, 25, &(repository(), shapes()), |(repository, shapes)| {
        let examined = examine(&repository);
        let meaning = Meaning::of(&repository);
        let requests = universe(&repository, &shapes);
        for unit in &examined.units {
            let service = unit.service(&repository);
            let granted = unit.access.granted();
            for request in requests.iter().filter(|request| granted.matches(request)) {
                // What callers of a zone may not reach out to is denied beside the grant, not cut out of it.
                let outside = meaning.ceilings(service, request).into_iter();
                let outside = outside.filter(|ceiling| !ceiling.permits && !ceiling.about_callers).count();
                prop_assert!(outside == 0, "{}\n{}", explained(&meaning, service, request), shown(&repository));
            }
            let (plaintext, mtls) = meaning.arrivals(service);
            for port in [8080, 9000, 7777] {
                let arrivals = unit.settings.mtls.value.at(port);
                prop_assert!(plaintext || !arrivals.plaintext, "{port} of {}: {}", unit.name, shown(&repository));
                prop_assert!(mtls || !arrivals.mtls, "{port} of {}: {}", unit.name, shown(&repository));
            }
            if meaning.confined(service) {
                prop_assert_eq!(unit.settings.egress.value, EgressMode::RegistryOnly);
            }
        }
        Ok(!examined.units.is_empty())
    });
}
