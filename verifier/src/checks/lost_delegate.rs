//! `mesh/lost-delegate`: VirtualServices whose rules never come to anything, because a delegation breaks.
//!
//! A delegate has no hosts, is named by one that has, delegates no further, and is seen where it is named
//! (istio/istio `pilot/pkg/model/virtualservice.go`, `mergeVirtualServicesIfNeeded`).

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::source::Span;

use super::Context;
use crate::routing::Leads;
use crate::routing::virtual_service::VirtualService;

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let all = &context.model.policies().routing.virtual_services;
    for root in all {
        for (namespace, name, span) in delegations(root) {
            let named = all.iter().find(|it| it.object.namespace == *namespace && it.object.name == *name);
            let Some(why) = broken(context, root, (namespace, name), named) else { continue };
            let mut found = code::LOST_DELEGATE
                .at(span, format!("{} delegates requests to {namespace}/{name}, and they get nowhere", root.object))
                .label(why);
            if let Some(named) = named {
                found = found.and(named.object.span, "named as the delegate");
            }
            let help = match named {
                None => "write the namespace of the delegate, which is that of the VirtualService itself otherwise",
                Some(_) => {
                    "a delegate has no `hosts`, delegates no further, and its `exportTo` includes the namespace that names it"
                }
            };
            diagnostics.report(found.help(help));
        }
    }
    let delegates = all.iter().filter(|it| it.hosts.is_empty());
    for delegate in delegates {
        let named = |root: &&VirtualService| {
            delegations(root)
                .any(|(namespace, name, _)| *namespace == delegate.object.namespace && *name == delegate.object.name)
        };
        // One that others name may be named by what is not at hand; where nobody delegates at all, there may be others.
        let somebody_delegates = all.iter().any(|root| delegations(root).next().is_some());
        if somebody_delegates && !all.iter().any(|root| named(&root)) {
            diagnostics.report(
                code::LOST_DELEGATE
                    .at(delegate.object.span, format!("{} has no hosts, and no other delegates to it", delegate.object))
                    .label("its rules are never asked")
                    .help("name it in a `delegate`, or give it `hosts`"),
            );
        }
    }
}

fn delegations(root: &VirtualService) -> impl Iterator<Item = (&String, &String, Span)> {
    root.http.iter().filter_map(|rule| match &rule.leads {
        Leads::Delegate(to) => Some((&to.namespace, &to.name, rule.span)),
        _ => None,
    })
}

fn broken(
    context: &Context<'_>,
    root: &VirtualService,
    (namespace, name): (&str, &str),
    named: Option<&VirtualService>,
) -> Option<String> {
    if root.hosts.is_empty() {
        return Some("a delegate delegates no further: this rule is left out".to_owned());
    }
    let Some(named) = named else {
        // Of a namespace of which nothing is at hand, nobody can tell what is there.
        let routing = &context.model.policies().routing;
        let routes_there = routing.virtual_services.iter().any(|it| it.object.namespace == namespace);
        let elsewhere = routing.virtual_services.iter().find(|it| it.object.name == name && it.hosts.is_empty());
        return match elsewhere {
            Some(other) => Some(format!("there is none in `{namespace}`; there is {}", other.object)),
            None => routes_there.then(|| format!("there is no such VirtualService in `{namespace}`")),
        };
    };
    if !named.hosts.is_empty() {
        return Some("it has hosts of its own, and is no delegate".to_owned());
    }
    (!named.is_seen_in(&root.object.namespace)).then(|| format!("it is not exported to `{}`", root.object.namespace))
}
