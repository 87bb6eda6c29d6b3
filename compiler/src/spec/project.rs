//! Project: `ringfence.yaml`, where policy, inventory and output are.

use super::delivery::DeliverySpec;
use crate::shape::record;
use crate::source::Spanned;

record! {
    /// Where policy, inventory and output are, from the folder of `ringfence.yaml`.
    pub struct ProjectSpec {
        /// The folder of the policy tree; `policy` when absent.
        pub policy: Option<Spanned<String>>,
        /// The folder with one folder of rendered manifests a cluster; `inventory` when absent.
        pub inventory: Option<Spanned<String>>,
        /// The folder that `compile` writes; `out` when absent.
        pub output: Option<Spanned<String>>,
        /// A file with the findings that are known already and count no more; `ringfence check --write-baseline` writes it.
        pub baseline: Option<Spanned<String>>,
        /// Where the output is published and who fetches it: `compile` then writes what makes controllers verify and apply it.
        pub delivery: Option<Spanned<DeliverySpec>>,
    }
}
