//! What makes a token required, and whom else to ask.

use super::rules::{Engine, Rules};
use crate::diagnostics::codes::lowering as code;
use crate::ir::Rule;
use crate::resolve::authentication::Authentication;

/// Returns the rule that denies requests without an accepted token: a RequestAuthentication alone lets them through.
///
/// It names no port, so that a listener no manifest declares is closed as well. A token without a subject is denied too.
pub(super) fn required(authentication: &Authentication, rules: &mut Rules<'_, '_, '_>) -> Vec<Rule> {
    let Some(origin) = &authentication.required else { return Vec::new() };
    if let (Some(port), name) = (rules.blind().first(), &rules.unit.name) {
        let tcp = code::L7_ON_TCP
            .at(origin.span, format!("port {port} of `{name}` does not speak HTTP, so no token can be demanded there"));
        let tcp = rules.and_protocol(tcp.label("demands a token"), *port);
        rules.diagnostics.report(tcp.help("demand it of the services that speak HTTP alone"));
        return Vec::new();
    }
    vec![Rule {
        not_request_principals: vec!["*".to_owned()],
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
    if rules.engine == Engine::Ztunnel {
        let ambient = code::L7_WITHOUT_WAYPOINT.at(
            origin.span,
            format!("`{}` is in ambient mode without a waypoint, so nobody can be asked", rules.unit.name),
        );
        rules.diagnostics.report(
            ambient
                .label("not enforced there")
                .help("leave the workload out, or give it a sidecar or its namespace a waypoint"),
        );
        return None;
    }
    if let Some(port) = rules.blind().first() {
        let tcp = code::L7_ON_TCP.at(
            origin.span,
            format!("port {port} of `{}` does not speak HTTP, so nobody is asked there", rules.unit.name),
        );
        let tcp = rules.and_protocol(tcp.label("not enforced there"), *port);
        rules.diagnostics.report(tcp.help("ask for the services that speak HTTP alone"));
        return None;
    }
    Some((provider.clone(), vec![Rule { origins: [origin.clone()].into(), ..Rule::default() }]))
}
