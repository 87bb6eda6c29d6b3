//! `mesh/trusted-header` and `mesh/forgeable-header`: workloads that take who calls from a header, and who can write it.
//!
//! A header is one that says who calls where a RequestAuthentication fills it out of a token, or a pod template names it so
//! (`USERID_HEADER`). A workload believes it where its template names it, or where an ALLOW rule wants it to have some value.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::inventory::Workload;
use ringfence_compiler::source::Span;

use super::{Context, quoted};
use crate::engine::{Enforced, Leaf, Test, chain};
use crate::exact::{Arrivals, Certainty, Space, Verdict};
use crate::fleet::Destination;
use crate::glob::Glob;
use crate::istio::authorization::Action;
use crate::istio::peer_authentication::Mode;
use crate::istio::read::selects;
use crate::matrix::{OUTSIDE, name};
use crate::model::Before;
use crate::reach::{Caller, is_gateway};
use crate::request::{HeaderName, Identity};

/// Words of which one stands in what templates call a header that says who calls.
const WHO: [&str; 6] = ["user", "identity", "email", "group", "principal", "remote"];

/// Why a workload is held to believe a header.
struct Reason {
    span: Span,
    words: String,
}

/// What is known of headers that say who calls.
#[derive(Default)]
struct Headers<'m> {
    /// Where a token fills it; nothing where only templates name it.
    filled: BTreeMap<String, Option<(Span, String)>>,
    /// The proxies that fill one.
    filling: Vec<&'m Workload>,
}

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let headers = headers(context);
    for workload in context.model.workloads() {
        for (header, filled) in &headers.filled {
            let is_filling = headers.filling.iter().any(|filling| std::ptr::eq(*filling, workload));
            if is_filling || is_gateway(workload) {
                continue;
            }
            if let Some(reason) = reason(context, workload, header) {
                report(context, workload, header, filled.as_ref(), &reason, &headers.filling, diagnostics);
            }
        }
    }
}

/// Finds the headers that say who calls.
fn headers<'m>(context: &Context<'m>) -> Headers<'m> {
    let (model, mut headers) = (context.model, Headers::default());
    let root = model.cluster().root_namespace();
    let is_about_callers = |called: &str| {
        let called = called.to_ascii_lowercase();
        WHO.iter().any(|word| called.contains(word))
    };
    for mention in context.surroundings.mentions.values().flatten().filter(|mention| is_about_callers(&mention.called))
    {
        if let Some(header) = &mention.header {
            headers.filled.entry(header.clone()).or_default();
        }
    }
    for policy in &model.policies().tokens {
        let outputs = policy
            .rules
            .iter()
            .flat_map(|rule| rule.claim_headers.iter().map(|(header, _)| header).chain(rule.payload_header.as_ref()));
        let outputs: Vec<String> = outputs.map(|header| header.to_string().to_ascii_lowercase()).collect();
        if outputs.is_empty() {
            continue;
        }
        let called = format!("RequestAuthentication `{}/{}`", policy.namespace, policy.name);
        for header in outputs {
            headers.filled.insert(header, Some((policy.span, called.clone())));
        }
        headers.filling.extend(model.workloads().filter(|workload| {
            (workload.namespace == policy.namespace || policy.namespace == root)
                && selects(&policy.selector, &workload.labels)
        }));
    }
    headers
}

/// Says why a workload believes a header, if it does.
fn reason(context: &Context<'_>, workload: &Workload, header: &str) -> Option<Reason> {
    let key = (workload.kind.clone(), workload.namespace.clone(), workload.name.clone());
    let mentions = context.surroundings.mentions.get(&key);
    for mention in mentions.into_iter().flatten() {
        let called = mention.called.trim_start_matches('-');
        let is_it = match &mention.header {
            Some(named) => named == header,
            // What comes from a ConfigMap goes by what the flag is called: `-userid-header`.
            None => stem(called).is_some_and(|stem| header.ends_with(&stem)),
        };
        if is_it {
            return Some(Reason { span: mention.span, words: format!("`{called}` names it") });
        }
    }
    let model = context.model;
    let selected =
        model.policies().authorizing(&workload.namespace, &workload.labels, model.cluster().root_namespace());
    for policy in selected.into_iter().filter(|policy| policy.action == Action::Allow && !policy.dry_run) {
        for (at, rule) in policy.rules.iter().enumerate() {
            let wanted = rule.conditions.iter().any(|condition| {
                let key = condition.key.strip_prefix("request.headers[").and_then(|key| key.strip_suffix(']'));
                key.is_some_and(|key| key.eq_ignore_ascii_case(header)) && !condition.values.values.is_empty()
            });
            if wanted {
                let words =
                    format!("rule {} of AuthorizationPolicy `{}/{}` wants it", at + 1, policy.namespace, policy.name);
                return Some(Reason { span: rule.span, words });
            }
        }
    }
    None
}

/// Returns what a variable or a flag calls a header, without the word itself: `userid` of `USERID_HEADER`.
fn stem(called: &str) -> Option<String> {
    let called = called.to_ascii_lowercase().replace('_', "-");
    let stem = called.strip_suffix("header")?.trim_end_matches('-').to_owned();
    (stem.len() > 2).then_some(stem)
}

/// Who can send a header of its own choosing.
#[derive(Default)]
struct Writers {
    /// Callers beside gateways, by name, and a request of the first.
    others: BTreeSet<String>,
    gateways: BTreeSet<String>,
    witness: Option<String>,
    /// Those of which it depends on what no file tells.
    unsure: BTreeSet<String>,
}

fn report(
    context: &Context<'_>,
    workload: &Workload,
    header: &str,
    filled: Option<&(Span, String)>,
    reason: &Reason,
    filling: &[&Workload],
    diagnostics: &mut Diagnostics,
) {
    let writers = writers(context, workload, header, filling);
    let listed = |names: &BTreeSet<String>| {
        // Whoever comes from outside is what people ask about first.
        let outside = names.iter().filter(|name| *name == OUTSIDE);
        super::listed(outside.chain(names.iter().filter(|name| *name != OUTSIDE)).map(|name| format!("`{name}`")))
    };
    let believes = format!("{} believes the header `{header}`", quoted(workload));
    let through = if writers.gateways.is_empty() {
        String::new()
    } else {
        format!("; gateways reach it: {}", listed(&writers.gateways))
    };
    let perhaps =
        if writers.unsure.is_empty() { String::new() } else { format!("; it depends of {}", listed(&writers.unsure)) };
    let found = if writers.others.is_empty() {
        let (so, label) = if writers.unsure.is_empty() {
            ("no caller but gateways can write it", "only gateways reach it with a value of their own")
        } else {
            ("nobody knows who can write it", "whether others than gateways reach it is not known")
        };
        code::TRUSTED_HEADER
            .at(workload.span, format!("{believes}, and {so}"))
            .label(label)
            .and(reason.span, reason.words.clone())
            .help(format!("keep it so: whoever can write the header is whom it says{through}{perhaps}"))
    } else {
        let count = writers.others.len();
        let callers = if count == 1 { "1 caller".to_owned() } else { format!("{count} callers") };
        let witness = writers.witness.map(|witness| format!("; admitted is {witness}")).unwrap_or_default();
        code::FORGEABLE_HEADER
            .at(workload.span, format!("{believes}, and {callers} beside gateways can write it"))
            .label(format!("reached with a value of their own by {}", listed(&writers.others)))
            .and(reason.span, reason.words.clone())
            .help(format!("admit no request with this header but from the gateway{witness}{through}{perhaps}"))
    };
    diagnostics.report(match filled {
        Some((span, called)) => found.and(*span, format!("{called} fills it out of a token")),
        None => found,
    });
}

/// Finds who reaches any port of a workload with a value of its own choosing in a header.
fn writers(context: &Context<'_>, workload: &Workload, header: &str, filling: &[&Workload]) -> Writers {
    let mut writers = Writers::default();
    let destinations = context.fleet.destinations_in(context.cluster, &workload.namespace);
    for to in destinations.iter().filter(|to| std::ptr::eq(to.workload, workload)) {
        let reaching = context.fleet.reaching(to);
        let mut known: BTreeMap<Option<Identity>, Written> = BTreeMap::new();
        for (position, calling) in (0..).zip(context.fleet.callers()) {
            let (called, by_gateway) = match calling.caller {
                Caller::Workload(from) | Caller::WorkloadOf(_, from) => {
                    (name(from), is_gateway(from) || filling.iter().any(|filling| std::ptr::eq(*filling, from)))
                }
                Caller::Stranger(from) | Caller::StrangerOf(_, from) => {
                    (from.name.clone(), from.name.starts_with("gateway:"))
                }
                Caller::Outside(_) => (OUTSIDE.to_owned(), false),
            };
            let is_itself = matches!(calling.caller, Caller::Workload(from) if std::ptr::eq(from, workload));
            let reach = reaching.of(position);
            if is_itself || reach == crate::reach::Reach::Denied {
                continue;
            }
            let home = calling.cluster.and_then(|home| context.fleet.models().get(home).copied());
            let identity = calling.caller.identity(home.unwrap_or(context.model));
            let written =
                known.entry(identity.clone()).or_insert_with(|| written(context, to, header, identity.as_ref()));
            match (written, reach, by_gateway) {
                (Written::Never, ..) => {}
                (_, _, true) => _ = writers.gateways.insert(called),
                (Written::Surely(request), crate::reach::Reach::Allowed, false) => {
                    if called == OUTSIDE || writers.witness.is_none() {
                        writers.witness = Some(request.clone());
                    }
                    writers.others.insert(called);
                }
                (_, _, false) => _ = writers.unsure.insert(called),
            }
        }
    }
    writers.unsure.retain(|name| !writers.others.contains(name));
    writers
}

/// Whether a caller gets a header of its own through a proxy.
enum Written {
    Never,
    Perhaps,
    Surely(String),
}

fn written(context: &Context<'_>, to: &Destination<'_>, header: &str, caller: Option<&Identity>) -> Written {
    let model = context.model;
    match model.before(to.workload, to.port) {
        Before::Sidecar | Before::Ztunnel => {}
        Before::NotModelled(_) => return Written::Perhaps,
        // What no proxy sees is read as it is sent.
        Before::Nothing => return Written::Surely(format!("anything to port {}, past the proxy", to.port)),
    }
    let root = model.cluster().root_namespace();
    let (namespace, labels) = (&to.workload.namespace, &to.workload.labels);
    let selected = model.policies().authorizing(namespace, labels, root);
    let tokens = model.tokens(to.workload);
    let test = Test { leaves: vec![Leaf::Header(HeaderName::new(header), Glob::at_least(1))], negated: false };
    let caller = caller.filter(|identity| model.mesh().trust_domains.contains(&identity.trust_domain));
    let known: Vec<Identity> = caller.into_iter().cloned().collect();
    let mut answers = Vec::new();
    for mode in model.modes(to.workload).at(to.port) {
        for reads in to.readings {
            let arrivals = Arrivals {
                port: to.port,
                http: *reads == crate::engine::envoy::Reads::Http,
                plaintext: mode.plaintext(),
                mtls: mode.mtls(),
                trust_domains: Vec::new(),
                issuers: tokens.iter().map(|rule| rule.taken()).collect(),
            };
            let chain = chain(&selected, *reads, model.mesh());
            let space = Space::of(arrivals.clone(), chain.rules().flat_map(Enforced::tests).chain([&test]), &known);
            let verdict = Verdict::of(&space, &arrivals, &chain);
            let as_itself = caller.filter(|_| mode.mtls()).map(|peer| space.of_peer(Some(peer)));
            let in_plaintext = (mode != Mode::Strict).then(|| space.of_peer(None));
            // Bytes carry any header there is.
            let wanted =
                if arrivals.http { space.holding(std::slice::from_ref(&test)) } else { vec![space.everything()] };
            let ask = |certainty| {
                as_itself
                    .iter()
                    .chain(&in_plaintext)
                    .find_map(|peer| wanted.iter().find_map(|wanted| verdict.admitted(&wanted.and(peer), certainty)))
            };
            answers.push(match (ask(Certainty::Surely), ask(Certainty::Perhaps)) {
                (Some((_, part)), _) => Written::Surely(space.request(&part).to_string()),
                (None, Some(_)) => Written::Perhaps,
                (None, None) => Written::Never,
            });
        }
    }
    let all_never = answers.iter().all(|answer| matches!(answer, Written::Never));
    let all_surely = answers.iter().all(|answer| matches!(answer, Written::Surely(_)));
    match answers.into_iter().next() {
        _ if all_never => Written::Never,
        Some(first) if all_surely => first,
        _ => Written::Perhaps,
    }
}
