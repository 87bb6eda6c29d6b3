//! What makes a token required, and whom else to ask.

use super::rules::Rules;
use crate::diagnostics::codes::lowering as code;
use crate::ir::{Origins, Rule};
use crate::resolve::authentication::Authentication;

/// Returns the rule that denies requests without an accepted token: a RequestAuthentication alone lets them through.
///
/// It names the ports that speak HTTP: on any other, Istio would drop the token from the rule and deny all. A token without
/// a subject is denied as well.
pub(super) fn required(authentication: &Authentication, rules: &mut Rules<'_, '_, '_>) -> Vec<Rule> {
    let Some(origin) = &authentication.required else { return Vec::new() };
    let ports = rules.http_capable();
    let blind: Vec<u16> = rules.unit.ports.keys().copied().filter(|port| !ports.contains(port)).collect();
    if let (Some(port), name) = (blind.first(), &rules.unit.name) {
        let tcp = code::L7_ON_TCP
            .at(origin.span, format!("port {port} of `{name}` does not speak HTTP, so no token can be demanded there"));
        rules.diagnostics.report(tcp.label("demands a token").help("demand it of the services that speak HTTP alone"));
        return Vec::new();
    }
    vec![Rule {
        not_request_principals: vec!["*".to_owned()],
        ports,
        not_paths: authentication.exempt.iter().map(ToString::to_string).collect(),
        origins: [origin.clone()].into(),
        ..Rule::default()
    }]
}

/// Returns the external authorization provider to ask, and for which requests.
pub(super) fn ask(authentication: &Authentication, rules: &mut Rules<'_, '_, '_>) -> Option<(String, Vec<Rule>)> {
    let mut providers = authentication.external.iter();
    let (provider, origin) = providers.next()?;
    if let Some((other, second)) = providers.next() {
        let two = code::TWO_PROVIDERS
            .at(second.span, format!("`{provider}` and `{other}` are both to be asked for `{}`", rules.unit.name));
        rules.diagnostics.report(
            two.label("another")
                .and(origin.span, "one")
                .help("Istio asks one provider a workload, and denies everything where there are two"),
        );
        return None;
    }
    let origins: Origins = [origin.clone()].into();
    let ports = rules.http_capable();
    if ports.is_empty() && !rules.unit.ports.is_empty() {
        let tcp = code::L7_ON_TCP
            .at(origin.span, format!("no port of `{}` speaks HTTP, so nobody can be asked", rules.unit.name));
        rules.diagnostics.report(tcp.label("not enforced there"));
        return None;
    }
    Some((provider.clone(), vec![Rule { ports, origins, ..Rule::default() }]))
}
