//! The answers to a question, in every cluster.
//!
//! In: who asks for what. Out: [`Answers`]: the whole way where there is one caller and one workload, and words where there
//! are many of either.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use ringfence_compiler::inventory::Workload;
use ringfence_verifier::entrances::Entrances;
use ringfence_verifier::matrix;
use ringfence_verifier::model::{Model, Stranger};
use ringfence_verifier::reach::{
    Answer, Asked, Behind, Caller, Detail, Gate, Gateways, Reach, Routed, Way, explain, routed, through,
};
use ringfence_verifier::request::Identity;

use super::parties::{self, Party, Scope};
use super::services::{Door, Target};
use super::single::{decided, sentence};
use crate::exit::Failure;
use crate::mesh::Meshes;

/// What was asked.
pub(super) struct Question<'q> {
    pub from: &'q str,
    pub to: &'q str,
    pub port: Option<u16>,
    pub asked: Asked,
    pub compromised: &'q [String],
}

/// All answers.
pub(super) struct Answers<'a> {
    pub single: Vec<Single<'a>>,
    pub grouped: Vec<Grouped>,
}

/// The whole way from one caller to one port.
pub(super) struct Single<'a> {
    pub cluster: &'a str,
    pub from: String,
    pub to: String,
    pub port: u16,
    /// How a port of a Service led there, where one was asked for.
    pub service: Option<String>,
    pub model: &'a Model<'a>,
    pub answer: Answer<'a>,
    /// The workloads whose key the caller holds and that it reaches, each with the port, and what reaches on from there.
    pub through: Vec<(String, u16, Reach)>,
    /// The ways there through gateways.
    pub ways: Vec<Way<'a>>,
    /// The ways there by routes at waypoints, where no other is as good.
    pub routed: Vec<Routed<'a>>,
}

/// Who reaches whom, in words.
pub(super) struct Grouped {
    pub cluster: String,
    /// What was typed.
    pub from: String,
    pub to: String,
    pub callers: Vec<String>,
    /// How ports of Services led there.
    pub notes: BTreeSet<String>,
    /// Ports, each with what each caller gets, in their order.
    pub rows: Vec<(String, u16, Vec<Reach>)>,
}

/// What is known by cluster, caller, workload and port.
pub(super) type Words = BTreeMap<(String, String, String, u16), Reach>;

/// What decides, by cluster, caller, workload and port.
pub(super) type Deciders = BTreeMap<(String, String, String, u16), String>;

impl Single<'_> {
    /// Returns the answer in one word: straight, or through what the caller has taken over.
    pub fn reach(&self) -> Reach {
        let through = self.through.iter().map(|(.., reach)| *reach);
        let through = through.chain(self.ways.iter().map(|way| way.reach));
        let through = through.chain(self.routed.iter().map(|way| way.reach)).max();
        self.answer.reach().max(through.unwrap_or(Reach::Denied))
    }
}

impl<'a> Answers<'a> {
    /// Finds every answer.
    ///
    /// # Errors
    /// When nobody has one of the names.
    pub fn find(
        meshes: &'a Meshes<'a>,
        models: &'a [(&'a str, Model<'a>)],
        entrances: &'a [Entrances],
        invented: &'a Option<Stranger>,
        question: &Question<'_>,
    ) -> Result<Self, Failure> {
        let mut answers = Self { single: Vec::new(), grouped: Vec::new() };
        let (mut knows_from, mut knows_to) = (false, false);
        let clusters: Vec<&str> = models.iter().map(|(name, _)| *name).collect();
        let resolved = meshes.resolved.as_ref();
        let scopes: Vec<Scope<'_, 'a>> =
            models.iter().map(|(cluster, model)| Scope { cluster, clusters: &clusters, model, resolved }).collect();
        // A key is taken wherever its workload runs, and shown everywhere.
        let taken_of = |name: &str| -> Vec<Taken<'a>> {
            let of_scope = |scope: &Scope<'_, 'a>| {
                let (cluster, home) = (scope.cluster, scope.model);
                let taken = scope.workloads(name).into_iter();
                taken.map(move |workload| Taken { cluster, home, workload }).collect::<Vec<_>>()
            };
            scopes.iter().flat_map(of_scope).collect()
        };
        let taken: Vec<Vec<Taken<'a>>> = question.compromised.iter().map(|name| taken_of(name)).collect();
        let unknown_key = question.compromised.iter().zip(&taken).find(|(_, found)| found.is_empty());
        let taken: Vec<Taken<'a>> = taken.iter().flatten().copied().collect();
        let homes = models.iter().map(|(_, model)| model).zip(entrances);
        let gateways: Vec<Gateways<'a>> = homes.map(|(home, entrances)| Gateways { home, entrances }).collect();
        for scope in &scopes {
            let Scope { cluster, model, .. } = *scope;
            let mut callers = scope.callers(question.from, invented.as_ref());
            // Clusters of one mesh call each other: who is not here may be there, of many all are meant, and an identity
            // is that of all who hold it.
            if callers.is_empty() || parties::is_open(question.from) || invented.is_some() {
                for there in scopes.iter().filter(|there| there.cluster != cluster) {
                    callers.extend(there.callers(question.from, invented.as_ref()).into_iter().filter_map(|party| {
                        match party.caller {
                            Caller::Workload(_) | Caller::Stranger(_) => Some(Party {
                                name: format!("{}:{}", there.cluster, party.name),
                                caller: party.caller.from_elsewhere(there.model),
                            }),
                            _ => None,
                        }
                    }));
                }
            }
            if callers.is_empty() {
                callers.extend(invented.as_ref().map(Party::invented));
            }
            let targets = scope.targets(question.to);
            knows_from |= !callers.is_empty();
            knows_to |= !targets.is_empty();
            let asking = Asking { cluster, model, meshes, question, taken: &taken, gateways: &gateways };
            match (callers.as_slice(), targets.as_slice()) {
                ([], _) | (_, []) => {}
                ([caller], [target]) if !parties::is_open(question.from) && !parties::is_open(question.to) => {
                    answers.single.extend(asking.single(caller, target));
                }
                _ => answers.grouped.push(asking.grouped(&callers, &targets)),
            }
        }
        let unknown = |text: &str| Err(nobody(models, text));
        match unknown_key {
            Some((name, _)) => unknown(name),
            None if !knows_from => unknown(question.from),
            None if !knows_to => unknown(question.to),
            None => Ok(answers),
        }
    }

    /// Returns every answer in a word.
    pub fn words(&self) -> Words {
        let key =
            |cluster: &str, from: &str, to: &str, port| (cluster.to_owned(), from.to_owned(), to.to_owned(), port);
        let mut words = Words::new();
        for single in &self.single {
            words.insert(key(single.cluster, &single.from, &single.to, single.port), single.reach());
        }
        for grouped in &self.grouped {
            for (to, port, cells) in &grouped.rows {
                for (from, reach) in grouped.callers.iter().zip(cells) {
                    words.insert(key(&grouped.cluster, from, to, *port), *reach);
                }
            }
        }
        words
    }
}

impl Answers<'_> {
    /// Returns what decides at the proxy of each way that was followed as a whole.
    pub fn deciders(&self) -> Deciders {
        let one = |single: &Single<'_>| {
            let (Gate::Open(decider) | Gate::Unsure(decider) | Gate::Shut(decider)) = single.answer.proxy.as_ref()?;
            let statement = single.answer.statement.as_ref().and_then(decided);
            let key = (single.cluster.to_owned(), single.from.clone(), single.to.clone(), single.port);
            Some((key, statement.map_or_else(|| sentence("proxy", decider), |origin| origin.id.clone())))
        };
        self.single.iter().filter_map(one).collect()
    }
}

/// A question in one cluster.
struct Asking<'q, 'a> {
    cluster: &'a str,
    model: &'a Model<'a>,
    meshes: &'a Meshes<'a>,
    question: &'q Question<'q>,
    /// The workloads whose key the caller holds.
    taken: &'q [Taken<'a>],
    /// What the gateways of each cluster let in.
    gateways: &'q [Gateways<'a>],
}

/// A workload that was taken over, and where it runs.
#[derive(Clone, Copy)]
struct Taken<'a> {
    cluster: &'a str,
    home: &'a Model<'a>,
    workload: &'a Workload,
}

impl<'a> Asking<'_, 'a> {
    fn stolen(&self) -> Vec<Identity> {
        self.taken.iter().filter_map(|taken| taken.home.identity(taken.workload)).collect()
    }

    fn single(&self, caller: &Party<'a>, target: &Target<'a>) -> Vec<Single<'a>> {
        let stolen = self.stolen();
        let doors = target.doors(self.model, self.question.port);
        let target = target.workload;
        let single = |Door { port, service }: Door| {
            let detail = Detail { full: true, governed: self.meshes.governed(self.cluster, target), stolen: &stolen };
            let answer = explain(self.model, caller.caller, (target, port), &self.question.asked, detail);
            let through = self.through(caller, target, port);
            let ways = self.ways(caller, target, port, answer.reach());
            let routed = self.routed(caller, target, port, answer.reach());
            let (from, to) = (caller.name.clone(), matrix::name(target));
            Single { cluster: self.cluster, from, to, port, service, model: self.model, answer, through, ways, routed }
        };
        doors.into_iter().map(single).collect()
    }

    /// Finds the ways through gateways: all of who calls from outside, and of others those by which they come in and not straight.
    fn ways(&self, caller: &Party<'a>, target: &'a Workload, port: u16, straight: Reach) -> Vec<Way<'a>> {
        let is_outside = matches!(caller.caller, Caller::Outside(_));
        if !is_outside && straight == Reach::Allowed {
            return Vec::new();
        }
        let to = Behind { model: self.model, workload: target, port };
        let ways = |gateways: &Gateways<'a>| through(*gateways, to, caller.caller, &self.question.asked);
        let is_own = |gateways: &&Gateways<'a>| std::ptr::eq(gateways.home, self.model);
        let others = self.gateways.iter().filter(|gateways| !is_own(gateways));
        let mut ways: Vec<Way<'a>> = self.gateways.iter().filter(is_own).chain(others).flat_map(ways).collect();
        // Of a gateway elsewhere it is no news that it leads nowhere here.
        let is_here = |way: &Way<'a>| std::ptr::eq(way.home, self.model);
        ways.retain(|way| is_outside && is_here(way) || way.reach > straight);
        ways
    }

    /// Finds the ways by routes at waypoints, where the caller does not come in straight.
    fn routed(&self, caller: &Party<'a>, target: &'a Workload, port: u16, straight: Reach) -> Vec<Routed<'a>> {
        let own = self.gateways.iter().find(|it| std::ptr::eq(it.home, self.model) && straight == Reach::Denied);
        own.map(|own| routed(self.model, own.entrances, (target, port), caller.caller, &self.question.asked))
            .unwrap_or_default()
    }

    /// Finds the ways over the pods of what was taken over: the caller reaches a port of theirs, and they reach on.
    fn through(&self, caller: &Party<'a>, target: &'a Workload, port: u16) -> Vec<(String, u16, Reach)> {
        let mut ways = Vec::new();
        for Taken { cluster, home, workload: middle } in self.taken.iter().copied() {
            let (name, onward) = match cluster == self.cluster {
                true => (matrix::name(middle), Caller::Workload(middle)),
                false => (format!("{cluster}:{}", matrix::name(middle)), Caller::WorkloadOf(home, middle)),
            };
            let onward = explain(self.model, onward, (target, port), &self.question.asked, Detail::default()).reach();
            let from = caller.caller.known_in(self.model, home);
            for entry in home.ports(middle).into_keys() {
                let first = explain(home, from, (middle, entry), &Asked::anything(), Detail::default()).reach();
                let reach = first.min(onward);
                if reach != Reach::Denied {
                    ways.push((name.clone(), entry, reach));
                }
            }
        }
        ways
    }

    fn grouped(&self, callers: &[Party<'a>], targets: &[Target<'a>]) -> Grouped {
        let stolen = self.stolen();
        let (mut ports, mut notes) = (Vec::new(), BTreeSet::new());
        for target in targets {
            for Door { port, service } in target.doors(self.model, self.question.port) {
                notes.extend(service);
                ports.push((target.workload, port));
            }
        }
        let row = |(target, port): &(&'a Workload, u16)| {
            let cell = |caller: &Party<'a>| {
                let detail = Detail { stolen: &stolen, ..Detail::default() };
                let straight =
                    explain(self.model, caller.caller, (*target, *port), &self.question.asked, detail).reach();
                let through = self.through(caller, target, *port).into_iter().map(|(.., reach)| reach).max();
                let ways = self.ways(caller, target, *port, straight).into_iter().map(|way| way.reach).max();
                let routed = self.routed(caller, target, *port, straight).into_iter().map(|way| way.reach).max();
                straight.max(through.max(ways).max(routed).unwrap_or(Reach::Denied))
            };
            (matrix::name(target), *port, callers.iter().map(cell).collect())
        };
        Grouped {
            cluster: self.cluster.to_owned(),
            from: self.question.from.to_owned(),
            to: self.question.to.to_owned(),
            callers: callers.iter().map(|caller| caller.name.clone()).collect(),
            notes,
            rows: ports.par_iter().map(row).collect(),
        }
    }
}

/// Says which name is nobody's.
fn nobody(models: &[(&str, Model<'_>)], text: &str) -> Failure {
    let mut names: Vec<String> = Vec::new();
    for (cluster, model) in models {
        let services = model.cluster().inventory.services.iter();
        let here = model.workloads().map(matrix::name);
        let here: Vec<String> =
            here.chain(services.map(|service| format!("{}/{}", service.namespace, service.name))).collect();
        names.extend(here.iter().map(|name| format!("{cluster}:{name}")));
        names.extend(model.workloads().map(|workload| workload.name.clone()));
        names.extend(here);
    }
    // Whoever types only a part means a name that has it.
    let begins = names.iter().filter(|name| name.contains('/') && !name.contains(':'));
    let mut alike = begins.filter(|name| name.rsplit('/').next().is_some_and(|last| last.starts_with(text)));
    let failure = Failure::new(format!("there is no workload `{text}`"))
        .help("write `namespace/name`, `namespace/*`, an address block, `outside` or `any`; in a project also `/node` or `/node:service`");
    match alike.next().filter(|_| !text.is_empty()) {
        Some(name) => failure.help(format!("did you mean `{name}`?")),
        None => failure.did_you_mean(text, names.iter().map(String::as_str)),
    }
}
