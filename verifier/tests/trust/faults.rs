//! Mistakes somebody could have made, each of which the comparisons notice; or they compare nothing.
//!
//! A mistake is planted in what one side is shown: the verifier gets other chains, or another mesh, than what it is held
//! against.

use ringfence_verifier::engine::{Chain, Enforced, Leaf, RuleRef, Test};
use ringfence_verifier::glob::Glob;

use crate::cases::Case;
use crate::mesh::{Mesh, NAMES, NetworkPeer, Quirk};
use crate::meshes::{matrix, naively};
use crate::second::{Tally, compare};

type Shown<'a> = Chain<RuleRef<'a>>;
/// What a mistake is called, and what it makes of what one side is shown.
type OfChains = (&'static str, fn(&mut Shown<'_>));
type OfMeshes = (&'static str, fn(&mut Mesh));

fn each_rule(chain: &mut Shown<'_>, change: impl Fn(&mut Enforced<RuleRef<'_>>)) {
    let allow = chain.allow.iter_mut().flatten();
    chain.deny.iter_mut().chain(&mut chain.custom).chain(allow).for_each(change);
}

fn each_test(chain: &mut Shown<'_>, change: impl Fn(&mut Test)) {
    each_rule(chain, |rule| rule.sources.iter_mut().chain(&mut rule.operations).flatten().for_each(&change));
}

fn each_leaf(chain: &mut Shown<'_>, change: impl Fn(&mut Leaf)) {
    each_test(chain, |test| test.leaves.iter_mut().for_each(&change));
}

#[test]
fn mistakes_in_chains_are_noticed() {
    let faults: [OfChains; 17] = [
        ("no DENY", |chain| chain.deny.clear()),
        ("an empty ALLOW is none", |chain| chain.allow = chain.allow.take().filter(|rules| !rules.is_empty())),
        ("no ALLOW is an empty one", |chain| _ = chain.allow.get_or_insert_default()),
        ("no negation", |chain| each_test(chain, |test| test.negated = false)),
        ("only the first value counts", |chain| each_test(chain, |test| test.leaves.truncate(1))),
        ("only the last test counts", |chain| {
            each_rule(chain, |rule| {
                rule.sources.iter_mut().for_each(|tests| _ = tests.drain(..tests.len().saturating_sub(1)))
            });
        }),
        ("anybody", |chain| each_rule(chain, |rule| rule.sources = vec![vec![]])),
        ("anything", |chain| each_rule(chain, |rule| rule.operations = vec![vec![]])),
        ("only the first source", |chain| each_rule(chain, |rule| rule.sources.truncate(1))),
        ("only the first operation", |chain| each_rule(chain, |rule| rule.operations.truncate(1))),
        ("every port", |chain| each_test(chain, |test| test.leaves.retain(|leaf| !matches!(leaf, Leaf::Port(_))))),
        ("every path", |chain| {
            each_leaf(chain, |leaf| {
                if let Leaf::Path(glob) = leaf {
                    *glob = Glob::at_least(0)
                }
            });
        }),
        ("every host", |chain| {
            each_leaf(chain, |leaf| {
                if let Leaf::Host(glob) = leaf {
                    *glob = Glob::at_least(0).folding_case()
                }
            });
        }),
        ("every value of a header", |chain| {
            each_leaf(chain, |leaf| {
                if let Leaf::Header(_, glob) = leaf {
                    *glob = Glob::at_least(0)
                }
            });
        }),
        ("every value of a claim", |chain| {
            each_leaf(chain, |leaf| {
                if let Leaf::Claim(_, glob) = leaf {
                    *glob = Glob::at_least(0)
                }
            });
        }),
        ("every subject", |chain| {
            each_leaf(chain, |leaf| {
                if let Leaf::TokenOf(_, subject) = leaf {
                    *subject = Glob::at_least(0)
                }
            });
        }),
        ("blocks of half the length", |chain| {
            each_leaf(chain, |leaf| {
                if let Leaf::Address(net) | Leaf::Remote(net) = leaf {
                    *net = ipnet::IpNet::new(net.addr(), net.prefix_len() / 2).unwrap().trunc();
                }
            });
        }),
    ];
    for (name, fault) in faults {
        let noticed = (0..200).any(|seed| {
            let case = Case::of(seed);
            let Some(chains) = case.chains() else { return false };
            compare([&chains[0], &chains[1]], &case.arrivals(), fault, &mut Tally::default()).is_err()
        });
        assert!(noticed, "`{name}` is not noticed");
    }
}

#[test]
fn mistakes_about_meshes_are_noticed() {
    let faults: [OfMeshes; 20] = [
        ("selectors select everything", |mesh| {
            mesh.authorizations.iter_mut().for_each(|policy| policy.selector.clear())
        }),
        ("the root namespace is one like others", |mesh| {
            mesh.authorizations.retain(|policy| policy.namespace != "istio-system")
        }),
        ("trials are enforced", |mesh| mesh.authorizations.iter_mut().for_each(|policy| policy.dry_run = false)),
        ("AUDIT decides", |mesh| {
            mesh.authorizations
                .iter_mut()
                .filter(|policy| policy.action == "AUDIT")
                .for_each(|policy| policy.action = "ALLOW");
        }),
        ("a policy without rules is none", |mesh| mesh.authorizations.retain(|policy| !policy.rules.is_empty())),
        ("conditions are not asked", |mesh| {
            mesh.authorizations.iter_mut().flat_map(|policy| &mut policy.rules).for_each(|rule| rule.when.clear());
        }),
        ("nothing is negated", |mesh| {
            let rules = mesh.authorizations.iter_mut().flat_map(|policy| &mut policy.rules);
            let fields =
                rules.flat_map(|rule| rule.from.iter_mut().chain(&mut rule.to)).flat_map(|fields| fields.values_mut());
            fields.for_each(|both| both.1.clear());
        }),
        ("ports have no modes", |mesh| mesh.peers.iter_mut().for_each(|policy| policy.ports.clear())),
        ("the first of several modes counts", |mesh| {
            mesh.peers.sort_by(|one, other| (one.namespace, &one.selector).cmp(&(other.namespace, &other.selector)));
            mesh.peers.dedup_by(|one, other| (one.namespace, &one.selector) == (other.namespace, &other.selector));
        }),
        ("DISABLE is PERMISSIVE", |mesh| {
            mesh.peers.iter_mut().for_each(|policy| {
                policy.mode = policy.mode.map(|mode| if mode == "DISABLE" { "PERMISSIVE" } else { mode })
            });
        }),
        ("modes are not enforced", |mesh| mesh.peers.clear()),
        ("providers are not asked", |mesh| mesh.authorizations.retain(|policy| policy.action != "CUSTOM")),
        ("every port is seen by its proxy", |mesh| {
            mesh.pods.iter_mut().filter(|pod| pod.quirk == Quirk::Excluded).for_each(|pod| pod.quirk = Quirk::Nothing);
        }),
        ("what nobody says is HTTP", |mesh| {
            mesh.pods.iter_mut().filter(|pod| pod.quirk == Quirk::Unsaid).for_each(|pod| pod.quirk = Quirk::Nothing);
        }),
        ("egress is free", |mesh| mesh.networks.iter_mut().for_each(|policy| policy.egress = None)),
        ("policies about egress are about ingress", |mesh| {
            mesh.networks.iter_mut().for_each(|policy| _ = policy.ingress.get_or_insert_default());
        }),
        ("ports have no names", |mesh| {
            let rules = mesh.networks.iter_mut().flat_map(|policy| policy.ingress.iter_mut().flatten());
            rules.for_each(|rule| {
                rule.ports.iter_mut().filter(|port| port["port"] == "web").for_each(|port| port["port"] = 1.into())
            });
        }),
        ("UDP is TCP", |mesh| {
            let rules = mesh.networks.iter_mut().flat_map(|policy| policy.ingress.iter_mut().flatten());
            rules.for_each(|rule| {
                rule.ports.iter_mut().for_each(|port| _ = port.as_object_mut().unwrap().remove("protocol"))
            });
        }),
        ("exceptions are none", |mesh| {
            let rules = mesh.networks.iter_mut().flat_map(|policy| policy.ingress.iter_mut().flatten());
            rules.flat_map(|rule| &mut rule.peers).for_each(|peer| {
                if let NetworkPeer::Block { except, .. } = peer {
                    except.clear();
                }
            });
        }),
        ("peers are of every namespace", |mesh| {
            let rules = mesh.networks.iter_mut().flat_map(|policy| policy.ingress.iter_mut().flatten());
            rules.flat_map(|rule| &mut rule.peers).for_each(|peer| {
                if let NetworkPeer::Pods { namespaces, .. } = peer {
                    *namespaces = Some(Default::default());
                }
            });
        }),
    ];
    for (name, fault) in faults {
        let noticed = (0..400).any(|seed| {
            let mesh = Mesh::of(seed, NAMES);
            let mut shown = mesh.clone();
            fault(&mut shown);
            // Most meshes have nothing the mistake is about.
            shown.manifests() != mesh.manifests() && matrix(&shown.manifests()) != naively(&mesh)
        });
        assert!(noticed, "`{name}` is not noticed");
    }
}
