//! `mesh/not-modelled`: objects that change proxies in ways that answers do not follow.

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;

use super::Context;

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let root = context.model.cluster().root_namespace();
    for object in &context.surroundings.overriding {
        let whom = if object.namespace == root {
            "any proxy of the mesh".to_owned()
        } else {
            format!("the proxies of `{}`", object.namespace)
        };
        let message = format!("{} `{}/{}` may change {whom}", object.kind, object.namespace, object.name);
        diagnostics.report(
            code::NOT_MODELLED
                .at(object.span, message)
                .label("not followed")
                .help("answers are about what policies say; read this object beside them"),
        );
    }
}
