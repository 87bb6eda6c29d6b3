//! From what was compiled to what a GitOps controller can trust: signatures, and artifacts of registries.
//!
//! In: the files of a cluster, a [`Signer`](key::Signer), and what is known of where they come from ([`Origin`](release::Origin)).
//! Out: a [`Release`](release::Release): a signature beside the files, an OCI artifact with its signatures and attestations in
//! a [`Layout`](layout::Layout); and, the other way round, what is wrong with one ([`verify`]).
//!
//! It knows neither policy nor clusters: what is true of the files its caller has proved. It takes bytes and returns bytes; the
//! command line reads files, asks registries and knows what time it is.

pub mod archive;
pub mod artifact;
pub mod bundle;
pub mod digest;
pub mod dsse;
mod json;
pub mod key;
pub mod layout;
pub mod legacy;
pub mod lock;
pub mod referrers;
pub mod release;
pub mod statement;
pub mod verify;
