//! DestinationRules, as far as they tell versions of a Service apart (istio/api `networking/v1/destination_rule.proto`).

use std::collections::BTreeMap;

use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::inventory::Labels;
use ringfence_compiler::yaml::Node;

use super::{Named, Target};
use crate::istio::read::Fields;

/// A DestinationRule.
#[derive(Debug, Clone)]
pub struct DestinationRule {
    /// What it is called.
    pub object: Named,
    /// Whom it is about.
    pub target: Target,
    /// The labels of each subset.
    pub subsets: BTreeMap<String, Labels>,
}

impl DestinationRule {
    /// Reads one.
    ///
    /// # Errors
    /// When a field has not its type, which is reported.
    pub fn read(root: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let object = Fields::of(root);
        let spec = object.child("spec", diagnostics)?;
        let named = Named::read("DestinationRule", &object, diagnostics)?;
        let target = Target::of_host(&spec.required("host", diagnostics)?, &named.namespace);
        let mut subsets = BTreeMap::new();
        for subset in spec.list("subsets", diagnostics)? {
            subsets.insert(subset.required("name", diagnostics)?, subset.labels("labels", diagnostics)?);
        }
        Ok(Self { object: named, target, subsets })
    }
}
