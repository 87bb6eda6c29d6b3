//! From callers and conditions as written to sets of requests.
//!
//! In: `from`, ports, methods, paths, hosts, headers. Out: a [`RequestSet`] at a unit. Who calls does not depend on the
//! unit and is looked up once; which ports are meant does.

use std::collections::{BTreeMap, BTreeSet};

use super::lookup::{Callers, Party};
use super::units::Unit;
use super::world::World;
use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::requests::{Clause, Field, HeaderName, RequestSet, TextPattern, TokenClause, TokenMatch};
use crate::shape::OneOrMany;
use crate::source::{Span, Spanned};
use crate::spec::access::{Condition, Port, Source, TokenSpec};
use crate::spec::reference::{NodePath, Reference};

/// One entry of a `from`: who calls, and the token they must show.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub who: Callers,
    /// The token.
    pub token: TokenMatch,
    /// Where the issuer of that token is written.
    pub issuer: Option<Spanned<String>>,
    /// Where the entry was written.
    pub span: Span,
}

/// Looks up every entry of a `from`; an absent one is anyone.
///
/// # Errors
/// When one finds nothing, or is the internet.
pub fn callers(
    world: &World<'_>,
    from: Option<&OneOrMany<Spanned<Source>>>,
    node: &NodePath,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<Caller>, Reported> {
    let Some(from) = from else {
        let who = Callers { anyone: true, ..Callers::default() };
        return Ok(vec![Caller { who, token: TokenMatch::Any, issuer: None, span: world.place_of(node) }]);
    };
    let read: Vec<_> = from.0.iter().map(|source| caller(world, source, node, diagnostics)).collect();
    read.into_iter().collect()
}

fn caller(
    world: &World<'_>,
    source: &Spanned<Source>,
    node: &NodePath,
    diagnostics: &mut Diagnostics,
) -> Result<Caller, Reported> {
    let mut who = Callers::default();
    if source.value.who.is_empty() {
        // Whoever shows the token: `anyone`, left unsaid.
        who.anyone = true;
        who.parties.insert(Party::Everyone);
    }
    for reference in &source.value.who {
        if reference.value == Reference::Internet {
            return Err(diagnostics.report(
                code::INTERNET_SOURCE
                    .at(reference.span, "the internet reaches workloads through a gateway alone")
                    .label("not a caller")
                    .help("grant the gateway: `gateway:<name>`"),
            ));
        }
        who.extend(world.callers(reference, node, diagnostics)?);
    }
    let (token, issuer) = match &source.value.jwt {
        None => (TokenMatch::Any, None),
        Some(token) => {
            check_claims(token, diagnostics)?;
            (TokenMatch::Required(token_clause(token)), Some(token.issuer.clone()))
        }
    };
    Ok(Caller { who, token, issuer, span: source.span })
}

fn token_clause(token: &TokenSpec) -> TokenClause {
    let any_of = |patterns: &[Spanned<TextPattern>]| {
        if patterns.is_empty() { Field::Any } else { Field::only(patterns.iter().map(|pattern| pattern.value.clone())) }
    };
    TokenClause {
        issuers: Field::only([token.issuer.value.clone()]),
        subjects: token.subject.as_ref().map_or(Field::Any, |subject| Field::only([subject.value.clone()])),
        audiences: any_of(&token.audiences),
        claims: token.claims.iter().map(|(claim, values)| (claim.clone(), any_of(&values.0))).collect(),
    }
}

/// Checks the words of a condition: warns of methods that look mistyped, and refuses header names that are none: they would be read as something else in the key of a condition.
///
/// # Errors
/// When there is one.
pub fn check_names(condition: &Condition, span: Span, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
    let token = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
    };
    super::slips::check_methods(condition, diagnostics);
    match condition.headers.keys().find(|name| !token(name)) {
        None => Ok(()),
        Some(name) => {
            let code = &crate::diagnostics::codes::parse::INVALID_VALUE;
            Err(diagnostics
                .report(code.at(span, format!("`{name}` is not the name of a header")).label("in this statement")))
        }
    }
}

/// Refuses claim names that are none, and those that have a field of their own.
fn check_claims(token: &TokenSpec, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
    let own = ["iss", "sub", "aud"];
    let fits = |name: &str| !name.is_empty() && !name.contains(['[', ']']) && !own.contains(&name);
    match token.claims.keys().find(|name| !fits(name)) {
        None => Ok(()),
        Some(name) => {
            let code = &crate::diagnostics::codes::parse::INVALID_VALUE;
            let wrong = code
                .at(token.issuer.span, format!("`{name}` cannot be asked for as a claim"))
                .label("of the tokens of this issuer");
            Err(diagnostics
                .report(wrong.help("issuer, subject and audiences have fields of their own; a name has no brackets")))
        }
    }
}

/// Returns the requests of these callers that meet a condition at a unit; `None` when the unit has none of its ports.
#[must_use]
pub fn requests(callers: &[Caller], condition: &Condition, unit: &Unit<'_>) -> Option<RequestSet> {
    on_ports(callers, condition, |port| unit.port_numbers(port))
}

/// Returns the requests to deny at a unit. A number is meant whether or not its manifests declare the port: a list of ports
/// closes none, and what is denied on a port must not be open where somebody forgot to declare it.
#[must_use]
pub fn denied_requests(callers: &[Caller], condition: &Condition, unit: &Unit<'_>) -> Option<RequestSet> {
    on_ports(callers, condition, |port| match port {
        Port::Number(number) => [*number].into(),
        Port::Name(_) => unit.port_numbers(port),
    })
}

fn on_ports(callers: &[Caller], condition: &Condition, numbers: impl Fn(&Port) -> BTreeSet<u16>) -> Option<RequestSet> {
    let ports = match &condition.ports {
        None => Field::Any,
        Some(ports) => {
            let numbers: BTreeSet<u16> = ports.0.iter().flat_map(|port| numbers(&port.value)).collect();
            if numbers.is_empty() {
                return None;
            }
            Field::Only(numbers)
        }
    };
    let headers: BTreeMap<HeaderName, Field<TextPattern>> =
        condition.headers.iter().map(|(name, values)| (HeaderName::new(name), values_of(Some(values)))).collect();
    let base = Clause {
        ports,
        methods: match &condition.methods {
            None => Field::Any,
            Some(methods) => Field::only(methods.0.iter().map(|method| method.value.0.clone())),
        },
        paths: values_of(condition.paths.as_ref()),
        hosts: values_of(condition.hosts.as_ref()),
        headers,
        ..Clause::any()
    };
    Some(RequestSet::from_clauses(callers.iter().flat_map(|caller| {
        let token = caller.token.clone();
        sources(&caller.who).into_iter().map({
            let base = base.clone();
            move |(identities, addresses)| Clause { identities, addresses, token: token.clone(), ..base.clone() }
        })
    })))
}

fn values_of<P: Ord + Clone>(values: Option<&OneOrMany<Spanned<P>>>) -> Field<P> {
    values.map_or(Field::Any, |values| Field::only(values.0.iter().map(|value| value.value.clone())))
}

/// Returns who calls as alternatives of identities and addresses.
fn sources(who: &Callers) -> Vec<(Field<crate::requests::IdentityPattern>, Field<ipnet::IpNet>)> {
    if who.anyone {
        return vec![(Field::Any, Field::Any)];
    }
    let mut sources = Vec::new();
    if !who.identities.is_empty() {
        sources.push((Field::Only(who.identities.clone()), Field::Any));
    }
    if !who.addresses.is_empty() {
        sources.push((Field::Any, Field::Only(who.addresses.clone())));
    }
    sources
}

/// Reports the ports of a condition that no unit of a statement has.
///
/// # Errors
/// When there is one.
pub fn check_ports(condition: &Condition, units: &[&Unit<'_>], diagnostics: &mut Diagnostics) -> Result<(), Reported> {
    let mut reported = Ok(());
    for port in condition.ports.iter().flat_map(|ports| &ports.0) {
        // One name for two numbers: what is granted by name at one workload would be open by number at the other.
        let Some(unit) = units.iter().find(|unit| unit.port_numbers(&port.value).len() > 1) else { continue };
        let numbers =
            unit.port_numbers(&port.value).into_iter().map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
        let several = code::AMBIGUOUS_REFERENCE
            .at(port.span, format!("`{}` is the name of ports {numbers} at `{}`", port.value, unit.name));
        reported = Err(diagnostics.report(several.label("which one?").help("write the number")));
    }
    for port in condition.ports.iter().flat_map(|ports| &ports.0) {
        if units.iter().any(|unit| !unit.port_numbers(&port.value).is_empty()) {
            continue;
        }
        let unknown = code::UNKNOWN_PORT
            .at(port.span, format!("no workload here listens on port `{}`", port.value))
            .label("not one of its ports");
        let behind = units.iter().flat_map(|unit| &unit.ports).find(|(_, facts)| match port.value {
            Port::Number(number) => facts.service_ports.contains(&number),
            Port::Name(_) => false,
        });
        let known: BTreeSet<u16> = units.iter().flat_map(|unit| unit.ports.keys().copied()).collect();
        let names: BTreeSet<&String> =
            units.iter().flat_map(|unit| unit.ports.values()).flat_map(|facts| &facts.names).collect();
        let list =
            known.iter().map(ToString::to_string).chain(names.into_iter().cloned()).map(|port| format!("`{port}`"));
        let help = match behind {
            Some((target, _)) => {
                format!("`{}` is a port of the Service; the workload listens on `{target}`", port.value)
            }
            None if known.is_empty() => {
                "its manifests declare no port: list it in `ports` of a Service document".to_owned()
            }
            None => format!(
                "its ports are {}; one that manifests do not declare goes into `ports` of a Service document",
                list.collect::<Vec<_>>().join(", ")
            ),
        };
        reported = Err(diagnostics.report(unknown.help(help)));
    }
    reported
}

impl World<'_> {
    /// Returns the place that stands for a node.
    #[must_use]
    pub fn place_of(&self, path: &NodePath) -> Span {
        self.nodes.get(path).map_or(self.parsed.project.span, |node| node.span)
    }
}
