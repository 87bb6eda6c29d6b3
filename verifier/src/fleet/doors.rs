//! Whom the proxies admit, worked out once for all ports that are told the same.
//!
//! In: a port. Out: the callers its proxy lets through, as [`Reaching`].

use std::sync::Arc;

use super::{Destination, Reaching};
use crate::admission::{Admission, Answers, Door, Way};
use crate::engine::chain;
use crate::engine::envoy::Reads;
use crate::identities::Identities;
use crate::intervals::Intervals;
use crate::istio::peer_authentication::Mode;
use crate::memo::Memo;
use crate::model::{Before, Model};
use crate::reach::Reach;

/// What proxies admit.
#[derive(Debug)]
pub(super) struct Doors {
    answers: Arc<Answers>,
    /// The position of the first caller of each identity, and at the end that of the first without one.
    starts: Arc<Vec<u32>>,
    /// How many callers there are.
    all: u32,
    /// By what is asked, whoever asks it: the same rules stand at many ports, also of other clusters and other policies.
    asked: Arc<Memo<Asked, Arc<Reaching>>>,
    /// By the objects that ask it, which is quicker to look up.
    known: Memo<Told, Arc<Reaching>>,
}

/// What a proxy asks of all who come to a port.
type Asked = (Door, Vec<Way>);

/// What a proxy is told of a port; objects by where they lie in memory.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Told {
    cluster: usize,
    policies: Vec<usize>,
    tokens: Vec<usize>,
    modes: Vec<Mode>,
    readings: &'static [Reads],
    port: u16,
}

impl Doors {
    pub fn of(identities: Identities, starts: Vec<u32>, all: u32) -> Self {
        let answers = Arc::new(Answers::about(identities));
        Self { answers, starts: Arc::new(starts), all, asked: Arc::default(), known: Memo::default() }
    }

    /// Returns the same without what is known of ports, for other policies.
    pub fn afresh(&self) -> Self {
        let (answers, starts) = (Arc::clone(&self.answers), Arc::clone(&self.starts));
        Self { answers, starts, all: self.all, asked: Arc::clone(&self.asked), known: Memo::default() }
    }

    pub fn identities(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Says whom the proxy of a port lets through; where nothing stands before it, everybody.
    pub fn admit(&self, model: &Model<'_>, to: &Destination<'_>) -> Arc<Reaching> {
        let everybody = || Intervals::range(0..self.all);
        match model.before(to.workload, to.port) {
            Before::Sidecar | Before::Ztunnel => self.at_proxy(model, to),
            Before::NotModelled(_) => Arc::new(Reaching { open: Intervals::default(), unsure: everybody() }),
            Before::Nothing => Arc::new(Reaching { open: everybody(), unsure: Intervals::default() }),
        }
    }

    fn at_proxy(&self, model: &Model<'_>, to: &Destination<'_>) -> Arc<Reaching> {
        let (policies, root) = (model.policies(), model.cluster().root_namespace());
        let (namespace, labels) = (&to.workload.namespace, &to.workload.labels);
        let selected = policies.authorizing(namespace, labels, root);
        let tokens = model.tokens(to.workload);
        let modes: Vec<Mode> = model.modes(to.workload).at(to.port).into_iter().collect();
        let told = Told {
            cluster: to.cluster,
            policies: selected.iter().map(|policy| std::ptr::from_ref(*policy).addr()).collect(),
            tokens: tokens.iter().map(|rule| std::ptr::from_ref(*rule).addr()).collect(),
            modes,
            readings: to.readings,
            port: to.port,
        };
        self.known.of(told, |told| {
            let ways = told.modes.iter().flat_map(|mode| told.readings.iter().map(move |reads| (*mode, *reads)));
            let ways = ways.map(|(mode, reads)| {
                let chain = chain(&selected, reads, model.mesh()).anonymous();
                Way { reads, mode, chain }
            });
            let door = Door {
                port: to.port,
                trust_domains: model.mesh().trust_domains.clone(),
                issuers: tokens.iter().map(|rule| rule.taken()).collect(),
            };
            self.asked
                .of((door, ways.collect()), |(door, ways)| Arc::new(self.spread(&self.answers.admission(door, ways))))
        })
    }

    /// Turns identities into callers.
    fn spread(&self, admission: &Admission) -> Reaching {
        let nameless = Intervals::range(self.starts.last().copied().unwrap_or(0)..self.all);
        let (mut open, mut unsure) = (admission.open.spread(&self.starts), admission.unsure.spread(&self.starts));
        match admission.nameless {
            Reach::Allowed => open = open.or(&nameless),
            Reach::Depends => unsure = unsure.or(&nameless),
            Reach::Denied => {}
        }
        Reaching { open, unsure }
    }
}
