//! A step of an attacker: by what means one thing in hand leads to another.
//!
//! In: two vertices and what allows the step. Out: [`Edge`]. Costs order paths; they are no probabilities, and every answer prints
//! the number it adds up.

use ringfence_compiler::source::Span;

use super::vertex::Vertex;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// What the attacker has.
    pub from: Vertex,
    /// What it gets.
    pub to: Vertex,
    /// By what means.
    pub kind: Kind,
    /// Whether it depends on what no file tells, such as where pods are placed.
    pub may: bool,
    /// The lines that allow it, with what each says: `mounts it`, `lets it create pods`.
    pub places: Vec<(Span, String)>,
}

/// What a step asks of an attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// To call what may be called.
    Network,
    /// To use what is in hand: a token, a certificate, a right.
    Identity,
    /// To break out of what holds it in.
    Exploit,
}

macro_rules! kinds {
    ($($variant:ident = $word:literal, $class:ident, $cost:literal, $sentence:literal;)*) => {
        /// A kind of step.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = concat!($sentence, ".")] $variant,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the word for it, which is also the name of its folder in `fixtures/attack`.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Returns what it asks of an attacker.
            #[must_use]
            pub fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class,)* }
            }

            /// Returns how hard it is beside the others: 1 is to use what is there.
            #[must_use]
            pub fn cost(self) -> u32 {
                match self { $(Self::$variant => $cost,)* }
            }

            /// Returns what happens, in a few words.
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }
        }
    };
}

kinds! {
    Enters = "gateway-route", Network, 1, "comes in by a gateway";
    Reaches = "net-reach", Network, 2, "calls a port that policies leave open";
    Bypasses = "mesh-bypass", Network, 2, "calls a port past the proxy";
    Carries = "spiffe-share", Identity, 1, "has the identity of its own account";
    Speaks = "account-token", Identity, 1, "has the token of its account in a file";
    Mints = "spiffe-mint", Identity, 3, "makes pods or tokens of an account, and with them its identity";
    RewritesPolicy = "policy-write", Identity, 3, "writes what answers rest on";
    BreaksOut = "container-escape", Exploit, 4, "breaks out of its container to the node";
    ReadsNode = "host-path", Exploit, 4, "reads or writes files of the node";
    HoldsPods = "node-pods", Identity, 1, "has every pod on the node, with its account";
    ReadsSecret = "secret-read", Identity, 1, "reads a Secret";
    MountsSecret = "secret-mount", Identity, 1, "has a Secret in a file or a variable";
    HoldsToken = "secret-token", Identity, 1, "finds the token of an account in a Secret";
    RunsIn = "pod-exec", Identity, 1, "runs commands in pods of a workload";
    MakesPods = "pod-create", Identity, 2, "makes a pod that takes its node, or any account there";
    TakesRights = "rights-escalate", Identity, 2, "gives itself rights: bind, escalate, impersonate, sign certificates";
    Joins = "group-member", Identity, 1, "counts as a member of a group";
    ReachesNode = "node-proxy", Identity, 2, "runs commands in any pod by the nodes' own API";
    OpensNamespace = "namespace-patch", Identity, 3, "takes labels off a namespace that hold pods in";
    OpensAll = "policy-undone", Network, 2, "calls what no policy stops any more";
    SignsTokens = "jwt-hold", Identity, 3, "holds the key that signs tokens";
}
