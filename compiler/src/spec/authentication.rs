//! Authentication: how traffic arrives, and which tokens are accepted.

use super::names::Name;
use super::reference::Reference;
use crate::requests::PathPattern;
use crate::shape::{OneOrMany, keywords, record};
use crate::source::Spanned;

keywords! {
    /// How traffic arrives at a port. `strict` and `disable` have nothing in common: one admits mTLS alone, the other plaintext alone.
    pub enum MtlsMode {
        /// mTLS alone.
        Strict = "strict",
        /// mTLS and plaintext.
        Permissive = "permissive",
        /// Plaintext alone.
        Disable = "disable",
    }
}

record! {
    /// Which tokens some workloads accept, whether a request must show one, and whom else to ask.
    pub struct AuthenticationSpec {
        /// The workloads; everything in this node when absent.
        pub to: Option<OneOrMany<Spanned<Reference>>>,
        /// The issuers whose tokens are accepted.
        pub issuers: Vec<Issuer>,
        /// Whether every request must show an accepted token.
        pub required: Option<Spanned<bool>>,
        /// Paths that need no token where one is required.
        pub exempt: Option<OneOrMany<Spanned<PathPattern>>>,
        /// An external authorization provider of the mesh that must be asked as well.
        pub external_authorization: Option<Spanned<Name>>,
    }
}

record! {
    /// An issuer of tokens, its keys, and where its tokens are found.
    pub struct Issuer {
        /// The `iss` of its tokens.
        pub issuer: Spanned<String>,
        /// Where its public keys are fetched.
        pub jwks_uri: Option<Spanned<String>>,
        /// Its public keys themselves, as a JSON Web Key Set.
        pub jwks: Option<Spanned<String>>,
        /// Accepts only tokens for one of these.
        pub audiences: Vec<Spanned<String>>,
        /// Where the token is; `Authorization: Bearer` and the query parameter `access_token` when absent.
        pub from: Option<OneOrMany<TokenPlace>>,
        /// Claims that are handed to the workload as headers.
        pub claims_to_headers: Vec<ClaimToHeader>,
        /// Whether the token is handed on to the workload.
        pub forward: Option<bool>,
    }
}

record! {
    /// One place a token may be in: a header, a query parameter or a cookie.
    pub struct TokenPlace {
        /// The name of a header.
        pub header: Option<Spanned<String>>,
        /// What stands before the token in that header.
        pub prefix: Option<Spanned<String>>,
        /// The name of a query parameter.
        pub param: Option<Spanned<String>>,
        /// The name of a cookie.
        pub cookie: Option<Spanned<String>>,
    }
}

record! {
    /// A claim that is handed to the workload as a header.
    pub struct ClaimToHeader {
        /// The name of the claim.
        pub claim: Spanned<String>,
        /// The name of the header.
        pub header: Spanned<String>,
    }
}
