//! Accounts that no workload runs under: whoever gets a token or makes a pod of one calls as it.
//!
//! In: a cluster and what its manifests say beside who runs. Out: callers for the accounts that manifests have, bind or admit and nobody
//! shows running, and for the account that every namespace has. Nobody knows which labels such a pod has or where it runs, so what
//! the network lets it reach depends.

use std::collections::BTreeSet;

use crate::model::{Model, Stranger};
use crate::reach::Caller;
use crate::request::Identity;
use crate::surroundings::Surroundings;

/// How the names of such callers begin. Names of Kubernetes have no spaces.
const SUPPOSED: &str = "any pod under ";

/// Tells whether a caller is one of these: it may be there, and breaks nothing of anybody's when it is kept out.
pub(super) fn is_supposed(caller: &Caller<'_>) -> bool {
    matches!(caller, Caller::Stranger(it) | Caller::StrangerOf(_, it) if it.name.starts_with(SUPPOSED))
}

/// The account that every namespace has.
const DEFAULT: &str = "default";

/// Returns the callers to suppose in each cluster. An identity that runs in one of them is none to suppose in another: whoever has it
/// calls from where it runs.
#[must_use]
pub fn unmanned<'m>(models: &[&Model<'m>], around: &[Surroundings]) -> Vec<Vec<Stranger>> {
    let shown = |model: &&Model<'m>| -> Vec<Identity> {
        model.workloads().filter_map(|workload| model.identity(workload)).collect()
    };
    let shown: BTreeSet<Identity> = models.iter().flat_map(shown).collect();
    models.iter().zip(around).map(|(model, around)| of_cluster(model, around, &shown)).collect()
}

fn of_cluster(model: &Model<'_>, around: &Surroundings, shown: &BTreeSet<Identity>) -> Vec<Stranger> {
    let inventory = model.cluster().inventory;
    let mut accounts: BTreeSet<(String, String)> = inventory.accounts.iter().cloned().collect();
    let mut add = |namespace: &str, name: &str| {
        accounts.insert((namespace.to_owned(), name.to_owned()));
    };
    inventory.namespaces.keys().for_each(|namespace| add(namespace, DEFAULT));
    let bound = around.rights.bindings.iter().flat_map(|binding| &binding.subjects);
    bound.filter(|it| it.kind == "ServiceAccount").for_each(|it| add(&it.namespace, &it.name));
    for policy in &model.policies().authorization {
        for source in policy.rules.iter().flat_map(|rule| &rule.sources) {
            for principal in &source.principals.values {
                if let [domain, "ns", namespace, "sa", account] = principal.split('/').collect::<Vec<_>>().as_slice()
                    && model.mesh().trust_domains.iter().any(|own| own == domain)
                    && !principal.contains('*')
                {
                    add(namespace, account);
                }
            }
            for written in source.service_accounts.values.iter().filter(|written| !written.contains('*')) {
                let (namespace, account) = written.split_once('/').unwrap_or((&policy.namespace, written));
                add(namespace, account);
            }
            source
                .namespaces
                .values
                .iter()
                .filter(|it| !it.contains('*'))
                .for_each(|namespace| add(namespace, DEFAULT));
        }
    }
    let domain = model.cluster().trust_domain();
    let known: BTreeSet<&Identity> = model.strangers().iter().map(|stranger| &stranger.identity).collect();
    let is_unmanned = |(namespace, name): &(String, String)| !inventory.shows(namespace, name);
    let stranger = |(namespace, name): (String, String)| Stranger {
        identity: Identity::new(domain, &namespace, &name),
        name: format!("{SUPPOSED}{namespace}/{name}"),
        labels: None,
    };
    let strangers = accounts.into_iter().filter(is_unmanned).map(stranger);
    strangers.filter(|it| !known.contains(&it.identity) && !shown.contains(&it.identity)).collect()
}
