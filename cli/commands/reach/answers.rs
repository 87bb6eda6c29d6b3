//! The answers to a question, in every cluster.
//!
//! In: who asks for what. Out: [`Answers`]: the whole way where there is one caller and one workload, and words where there
//! are many of either.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use ringfence_compiler::inventory::Workload;
use ringfence_verifier::matrix;
use ringfence_verifier::model::{Model, Stranger};
use ringfence_verifier::reach::{Answer, Asked, Caller, Detail, Gate, Reach, explain};
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
        let through = self.through.iter().map(|(.., reach)| *reach).max();
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
        invented: &'a Option<Stranger>,
        question: &Question<'_>,
    ) -> Result<Self, Failure> {
        let mut answers = Self { single: Vec::new(), grouped: Vec::new() };
        let (mut knows_from, mut knows_to, mut knows_taken) = (false, false, BTreeSet::new());
        let clusters: Vec<&str> = models.iter().map(|(name, _)| *name).collect();
        for (cluster, model) in models {
            let scope = Scope { cluster, clusters: &clusters, model, resolved: meshes.resolved.as_ref() };
            let mut callers = scope.callers(question.from, invented.as_ref());
            // Clusters of one mesh call each other: who is not here may be there, and of many all are meant.
            if callers.is_empty() || parties::is_open(question.from) {
                for (name, home) in models.iter().filter(|(name, _)| name != cluster) {
                    let there =
                        Scope { cluster: name, clusters: &clusters, model: home, resolved: meshes.resolved.as_ref() };
                    callers.extend(there.callers(question.from, None).into_iter().filter_map(
                        |party| match party.caller {
                            Caller::Workload(_) | Caller::Stranger(_) => Some(Party {
                                name: format!("{name}:{}", party.name),
                                caller: party.caller.from_elsewhere(home),
                            }),
                            _ => None,
                        },
                    ));
                }
            }
            let targets = scope.targets(question.to);
            let mut taken = Vec::new();
            for name in question.compromised {
                let found = scope.workloads(name);
                knows_taken.extend((!found.is_empty()).then_some(name));
                taken.extend(found);
            }
            knows_from |= !callers.is_empty();
            knows_to |= !targets.is_empty();
            let asking = Asking { cluster, model, meshes, question, taken };
            match (callers.as_slice(), targets.as_slice()) {
                ([], _) | (_, []) => {}
                ([caller], [target]) if !parties::is_open(question.from) && !parties::is_open(question.to) => {
                    answers.single.extend(asking.single(caller, target));
                }
                _ => answers.grouped.push(asking.grouped(&callers, &targets)),
            }
        }
        let unknown = |text: &str| Err(nobody(models, text));
        match question.compromised.iter().find(|name| !knows_taken.contains(name)) {
            Some(name) => unknown(name),
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
    taken: Vec<&'a Workload>,
}

impl<'a> Asking<'_, 'a> {
    fn stolen(&self) -> Vec<Identity> {
        self.taken.iter().filter_map(|workload| self.model.identity(workload)).collect()
    }

    fn single(&self, caller: &Party<'a>, target: &Target<'a>) -> Vec<Single<'a>> {
        let stolen = self.stolen();
        let doors = target.doors(self.model, self.question.port);
        let target = target.workload;
        let single = |Door { port, service }: Door| {
            let detail = Detail { full: true, governed: self.meshes.governed(self.cluster, target), stolen: &stolen };
            let answer = explain(self.model, caller.caller, (target, port), &self.question.asked, detail);
            let through = self.through(caller, target, port);
            let (from, to) = (caller.name.clone(), matrix::name(target));
            Single { cluster: self.cluster, from, to, port, service, model: self.model, answer, through }
        };
        doors.into_iter().map(single).collect()
    }

    /// Finds the ways over the pods of what was taken over: the caller reaches a port of theirs, and they reach on.
    fn through(&self, caller: &Party<'a>, target: &'a Workload, port: u16) -> Vec<(String, u16, Reach)> {
        let mut ways = Vec::new();
        for middle in &self.taken {
            let onward = Caller::Workload(middle);
            let onward = explain(self.model, onward, (target, port), &self.question.asked, Detail::default()).reach();
            for entry in self.model.ports(middle).into_keys() {
                let anything = Asked::anything();
                let first = explain(self.model, caller.caller, (*middle, entry), &anything, Detail::default()).reach();
                let reach = first.min(onward);
                if reach != Reach::Denied {
                    ways.push((matrix::name(middle), entry, reach));
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
                straight.max(through.unwrap_or(Reach::Denied))
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
