//! Who is behind a backend in the other clusters of a mesh.
//!
//! In: the clusters beside that of a gateway, and what routes there. Out: [`Beyond`]. Services of one namespace and one name are one
//! Service in all clusters of a mesh (istio.io "Deployment Models", on namespace sameness; istio/istio
//! `pilot/pkg/serviceregistry/aggregate/controller.go`), so that a gateway hands requests to pods of any of them. What routes and
//! which subsets there are is said by the cluster of the gateway alone.

use super::behind::{self, Behind};
use crate::model::Model;
use crate::network;
use crate::routing::{Backend, Routing};

/// Who is behind a backend in one other cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beyond {
    /// The cluster.
    pub cluster: String,
    /// The workloads, by their position in the inventory of that cluster, each with a port.
    pub leads: Vec<(usize, u16)>,
    /// Whether any pod of that cluster may be there.
    pub may_be_anybody: bool,
}

/// Another cluster, as a gateway sees it.
pub(super) struct Elsewhere<'m> {
    pub model: &'m Model<'m>,
    /// Whether the gateway reaches pods there by their addresses.
    pub is_near: bool,
    /// What routes at the gateway, with the Services of that cluster.
    routing: Routing,
}

impl<'m> Elsewhere<'m> {
    pub fn of(home: &Model<'_>, model: &'m Model<'m>, routing: &Routing) -> Self {
        let routing = Routing { services: model.policies().routing.services.clone(), ..routing.clone() };
        Self { model, is_near: network::share_a_network(home, model), routing }
    }

    /// Finds who is behind a backend there; nothing where nobody is.
    pub fn behind(&self, backend: &Backend, home: &Behind) -> Option<(Beyond, Option<String>)> {
        let Behind { leads, doubt, may_be_anybody, .. } = behind::elsewhere(self.model, &self.routing, backend);
        // Endpoints that somebody writes by hand may be any address that can be called.
        let by_hand = self.is_near && home.may_be_anybody;
        let may_be_anybody = may_be_anybody || by_hand;
        let beyond = Beyond { cluster: self.model.name().to_owned(), leads, may_be_anybody };
        (may_be_anybody || !beyond.leads.is_empty()).then_some((beyond, doubt))
    }
}
