//! Route: how requests to a service are divided among versions of it, and how callers bear with failure.

use indexmap::IndexMap;

use super::access::Method;
use super::exposure::UrlPath;
use super::reference::Reference;
use crate::requests::TextPattern;
use crate::shape::scalar::{Count, Text, text_shape};
use crate::shape::{OneOrMany, keywords, record};
use crate::source::Spanned;

record! {
    /// How requests to a service are divided among its versions. Whoever owns the service writes it, once.
    pub struct RouteSpec {
        /// A service of this node.
        pub service: Spanned<Reference>,
        /// The versions, by name, each with the labels of its pods.
        pub subsets: IndexMap<String, Spanned<IndexMap<String, String>>>,
        /// The subset that gets what no rule matches; the others must run as it does.
        pub stable: Spanned<String>,
        /// Which requests go where; the first rule that matches counts.
        pub rules: Vec<Spanned<RouteRule>>,
    }
}

record! {
    /// Which requests go where.
    pub struct RouteRule {
        /// The requests: those that fit one of these; all when absent.
        pub match_: Vec<RouteMatch>,
        /// The share of each subset in percent; they add up to 100.
        pub to: IndexMap<String, Spanned<Count<100>>>,
        /// A subset that gets a copy of requests, whose answers nobody waits for.
        pub mirror: Option<Spanned<Mirror>>,
        /// How long a caller waits for an answer, retries included.
        pub timeout: Option<Spanned<Duration>>,
        /// How often a caller tries again.
        pub retries: Option<Spanned<Retries>>,
        /// Failures made on purpose.
        pub fault: Option<Spanned<Fault>>,
    }
}

record! {
    /// Requests that meet each condition that is named.
    pub struct RouteMatch {
        /// A path and everything below it, segment by segment.
        pub prefix: Option<Spanned<UrlPath>>,
        /// One path.
        pub exact: Option<Spanned<UrlPath>>,
        /// An HTTP method.
        pub method: Option<Spanned<Method>>,
        /// Headers, each with the value that fits: whole, or a beginning that ends in `*`.
        pub headers: IndexMap<String, Spanned<TextPattern>>,
    }
}

record! {
    /// A copy of requests.
    pub struct Mirror {
        /// The subset that gets it.
        pub to: Spanned<String>,
        /// Of how many requests in a hundred; all when absent.
        pub percent: Option<Spanned<Count<100>>>,
    }
}

record! {
    /// How often a caller tries again.
    pub struct Retries {
        /// How often, after the first time.
        pub attempts: Spanned<Count<10>>,
        /// How long each try may take.
        pub per_try_timeout: Option<Spanned<Duration>>,
        /// After what; what the mesh is told when absent.
        pub after: Option<OneOrMany<Spanned<RetryOn>>>,
    }
}

keywords! {
    /// What a caller tries again after.
    pub enum RetryOn {
        /// An answer of 500 or above, or none.
        ServerError = "5xx",
        /// 502, 503 or 504.
        GatewayError = "gateway-error",
        /// No connection.
        ConnectFailure = "connect-failure",
        /// The stream was refused before it was handled.
        RefusedStream = "refused-stream",
        /// The connection ended without an answer.
        Reset = "reset",
        /// gRPC says that it is unavailable.
        Unavailable = "unavailable",
    }
}

record! {
    /// Failures made on purpose.
    pub struct Fault {
        /// Requests that are answered with an error.
        pub abort: Option<Spanned<Abort>>,
        /// Requests that are held back.
        pub delay: Option<Spanned<Delay>>,
    }
}

record! {
    /// Requests that are answered with an error.
    pub struct Abort {
        /// The HTTP status of the answer.
        pub status: Spanned<Count<599>>,
        /// How many requests in a hundred.
        pub percent: Spanned<Count<100>>,
    }
}

record! {
    /// Requests that are held back.
    pub struct Delay {
        /// For how long.
        pub duration: Spanned<Duration>,
        /// How many requests in a hundred.
        pub percent: Spanned<Count<100>>,
    }
}

/// A span of time: a number with `ms`, `s` or `m`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub String);

impl Duration {
    /// Returns it in milliseconds.
    #[must_use]
    pub fn milliseconds(&self) -> u64 {
        let digits = self.0.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match self.0.get(digits.len()..) {
            Some("ms") => 1,
            Some("s") => 1000,
            _ => 60_000,
        };
        digits.parse::<u64>().unwrap_or(0) * unit
    }
}

impl std::fmt::Display for Duration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Text for Duration {
    const WHAT: &'static str = "a span of time";
    const PATTERN: &'static str = "^[1-9][0-9]{0,4}(ms|s|m)$";
    const EXAMPLE: &'static str = "5s";

    fn parse(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = text.get(digits.len()..).unwrap_or_default();
        let number = (1..=5).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if number && matches!(unit, "ms" | "s" | "m") {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{text}` is not a span of time: write a number and `ms`, `s` or `m`"))
        }
    }
}
text_shape!(Duration, "Duration");
