//! What a rule of a route is about.
//!
//! In: nodes of a match, of Istio or of the Gateway API. Out: [`Match`]: tests of a request, and how the Gateway API ranks it.
//! What cannot be told from here, such as a regular expression, is a test whose answer is unknown.

use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::inventory::Labels;
use ringfence_compiler::requests::automaton::Class;
use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::Value;

use crate::engine::{Leaf, Test};
use crate::glob::{Glob, Piece};
use crate::istio::read::Fields;
use crate::request::HeaderName;

/// Requests a rule is about.
#[derive(Debug, Clone)]
pub struct Match {
    /// Where it was written.
    pub span: Span,
    /// Tests that must all hold.
    pub tests: Vec<Test>,
    /// What of its path is matched by name, so that a rewriting can replace it.
    pub beginning: Beginning,
    /// The port of the gateway, if it must be one.
    pub port: Option<u16>,
    /// The gateways of which it must come in at one; none ask for none.
    pub gateways: Vec<String>,
    /// Labels that who sends it must have, which at a gateway are those of its pods.
    pub labels: Labels,
    /// Its rank in the Gateway API; the greater the earlier.
    pub rank: Rank,
}

/// What of a path a match names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// All of it.
    Whole,
    /// How it begins.
    With(String),
    /// Whole segments with which it begins.
    Segments(String),
    /// Nobody here can tell.
    Unknown,
}

/// How specific a match is, as the Gateway API compares (kubernetes-sigs/gateway-api `apis/v1/httproute_types.go`).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// Whether the path is exact, or a regular expression at the end of the list.
    kind: u8,
    length: usize,
    method: bool,
    headers: usize,
    queries: usize,
}

/// The fields of a match of a VirtualService's `http` that are read.
const OF_ISTIO: [&str; 14] = [
    "name",
    "uri",
    "scheme",
    "method",
    "authority",
    "headers",
    "port",
    "sourceLabels",
    "sourceNamespace",
    "gateways",
    "queryParams",
    "ignoreUriCase",
    "withoutHeaders",
    "statPrefix",
];

/// Makes a test of one leaf.
#[must_use]
pub fn one(leaf: Leaf) -> Test {
    Test { leaves: vec![leaf], negated: false }
}

impl Match {
    /// Makes the match of everything.
    #[must_use]
    pub fn everything(span: Span) -> Self {
        Self {
            span,
            tests: Vec::new(),
            beginning: Beginning::With("/".to_owned()),
            port: None,
            gateways: Vec::new(),
            labels: Labels::new(),
            rank: Rank { kind: 2, length: 1, ..Rank::default() },
        }
    }

    /// Tells whether it is about every path and nothing else, and stands behind all others whatever their order
    /// (istio/istio `pilot/pkg/networking/core/route/route.go`, `IsCatchAllRoute`).
    #[must_use]
    pub fn is_of_everything(&self) -> bool {
        self.tests.is_empty()
    }

    /// Reads a match of a VirtualService's `http` (istio/api `networking/v1/virtual_service.proto`).
    ///
    /// # Errors
    /// When a field has not its type, which is reported.
    pub fn of_istio(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let mut this = Self::everything(fields.span());
        let folds = fields.get("ignoreUriCase").is_some_and(|node| node.value == Value::Bool(true));
        let uri = fields.child("uri", diagnostics)?;
        if uri.is_there() {
            let (tests, beginning) = path_of_istio(&uri, folds, diagnostics)?;
            this.tests.extend(tests);
            this.beginning = beginning;
        }
        let method = fields.child("method", diagnostics)?;
        this.tests.extend(text(&method, "method", Leaf::Method, diagnostics)?);
        let authority = fields.child("authority", diagnostics)?;
        this.tests.extend(text(&authority, "authority", |glob| Leaf::Host(glob.folding_case()), diagnostics)?);
        for (name, wanted) in fields.entries("headers", diagnostics)? {
            this.tests.push(header(&name, &wanted, diagnostics)?);
        }
        for (name, unwanted) in fields.entries("withoutHeaders", diagnostics)? {
            this.tests.push(Test { negated: true, ..header(&name, &unwanted, diagnostics)? });
        }
        if fields.get("scheme").is_some() {
            this.tests.push(one(Leaf::Unknown("whether the scheme is as the route wants it".to_owned())));
        }
        for field in fields.names().filter(|name| !OF_ISTIO.contains(name)) {
            this.tests.push(one(Leaf::Unknown(format!("whether `{field}` is as the route wants it"))));
        }
        for (name, _) in fields.entries("queryParams", diagnostics)? {
            this.tests
                .push(one(Leaf::Unknown(format!("whether the query parameter `{name}` is as the route wants it"))));
        }
        this.common(fields, diagnostics)?;
        Ok(this)
    }

    /// Reads a match of a VirtualService's `tls` or `tcp`.
    ///
    /// # Errors
    /// When a field has not its type, which is reported.
    pub fn of_connections(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let mut this = Self::everything(fields.span());
        let names = fields.texts("sniHosts", diagnostics)?;
        if !names.is_empty() {
            this.tests.push(server_names(&names));
        }
        if !fields.texts("destinationSubnets", diagnostics)?.is_empty() {
            this.tests.push(one(Leaf::Unknown("the address that was called".to_owned())));
        }
        this.common(fields, diagnostics)?;
        Ok(this)
    }

    fn common(&mut self, fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
        self.port = fields.get("port").and_then(crate::kubernetes::port::number);
        self.gateways = fields.texts("gateways", diagnostics)?;
        self.labels = fields.labels("sourceLabels", diagnostics)?;
        if fields.get("sourceNamespace").is_some() {
            self.tests.push(one(Leaf::Unknown("the namespace of the gateway, as the route wants it".to_owned())));
        }
        Ok(())
    }

    /// Reads a match of an HTTPRoute (kubernetes-sigs/gateway-api `apis/v1/httproute_types.go`).
    ///
    /// # Errors
    /// When a field has not its type, which is reported.
    pub fn of_http_route(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let mut this = Self::everything(fields.span());
        let path = fields.child("path", diagnostics)?;
        let value = path.text("value", diagnostics)?.unwrap_or_else(|| "/".to_owned());
        match path.text("type", diagnostics)?.as_deref() {
            Some("Exact") => {
                this.rank = Rank { kind: 3, length: value.len(), ..Rank::default() };
                this.tests.push(one(Leaf::Path(Glob::exactly(value))));
                this.beginning = Beginning::Whole;
            }
            Some("RegularExpression") => {
                this.rank = Rank { kind: 1, length: value.len(), ..Rank::default() };
                this.tests.extend(regex("path", &value, Leaf::Path));
                this.beginning = Beginning::Unknown;
            }
            _ => {
                let bare = value.trim_end_matches('/');
                this.rank = Rank { kind: 2, length: value.len(), ..Rank::default() };
                if !bare.is_empty() {
                    this.tests.push(one(Leaf::Path(segments(bare))));
                }
                this.beginning = Beginning::Segments(bare.to_owned());
            }
        }
        if let Some(method) = fields.text("method", diagnostics)? {
            this.rank.method = true;
            this.tests.push(one(Leaf::Method(Glob::exactly(method))));
        }
        this.rank.headers = this.named_headers(fields, diagnostics)?;
        for query in fields.list("queryParams", diagnostics)? {
            this.rank.queries += 1;
            let name = query.required("name", diagnostics)?;
            this.tests
                .push(one(Leaf::Unknown(format!("whether the query parameter `{name}` is as the route wants it"))));
        }
        Ok(this)
    }

    /// Reads a match of a GRPCRoute (kubernetes-sigs/gateway-api `apis/v1/grpcroute_types.go`): its method is a path.
    ///
    /// # Errors
    /// When a field has not its type, which is reported.
    pub fn of_grpc_route(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let mut this = Self::everything(fields.span());
        let called = fields.child("method", diagnostics)?;
        let (service, method) = (called.text("service", diagnostics)?, called.text("method", diagnostics)?);
        let slash = || Piece::Text("/".to_owned());
        let any = |text: Option<String>| match text {
            Some(text) => Piece::Text(text),
            None => Piece::Run(Class::NotSlash, 1),
        };
        let is_open = called.text("type", diagnostics)?.is_some_and(|kind| kind == "RegularExpression");
        this.rank = Rank { kind: 2, length: service.as_ref().map_or(0, String::len), ..Rank::default() };
        this.rank.method = method.is_some();
        match (is_open, service.is_some() || method.is_some()) {
            (true, true) => this.tests.push(one(Leaf::Unknown("the method, by a regular expression".to_owned()))),
            (false, true) => {
                // Every method of a service is what lies below it (istio/istio `pilot/pkg/config/kube/gateway/conversion.go`).
                let method = method.map_or(Piece::Run(Class::Everything, 0), Piece::Text);
                let path = Glob::new(vec![slash(), any(service), slash(), method]);
                this.tests.push(one(Leaf::Path(path)));
            }
            (_, false) => {}
        }
        this.beginning = Beginning::Unknown;
        this.rank.headers = this.named_headers(fields, diagnostics)?;
        Ok(this)
    }

    fn named_headers(&mut self, fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<usize, Reported> {
        let headers = fields.list("headers", diagnostics)?;
        for header in &headers {
            let name = HeaderName::new(&header.required("name", diagnostics)?);
            let value = header.required("value", diagnostics)?;
            let is_open = header.text("type", diagnostics)?.is_some_and(|kind| kind == "RegularExpression");
            let leaf = |glob| Leaf::Header(name.clone(), glob);
            match is_open {
                true => self.tests.extend(regex("header", &value, leaf)),
                false => self.tests.push(one(leaf(Glob::exactly(value)))),
            }
        }
        Ok(headers.len())
    }
}

/// Makes the test that the handshake names one of these servers.
#[must_use]
pub fn server_names(names: &[String]) -> Test {
    Test { leaves: names.iter().map(|it| Leaf::ServerName(name(it))).collect(), negated: false }
}

/// Makes the set of hosts that a name with or without a leading `*` stands for. Routes do not look at the port of a host
/// (istio/istio `pilot/pkg/networking/core/gateway.go`, `IgnorePortInHostMatching`).
#[must_use]
pub fn host(name: &str) -> Glob {
    let bare = named(name);
    let port = [Piece::Text(":".to_owned()), Piece::Run(Class::Digit, 1)];
    let with_port = [bare.as_slice(), port.as_slice()].concat();
    Glob::one_of(if name == "*" { vec![bare] } else { vec![bare, with_port] }).folding_case()
}

/// Makes the set of names that one with or without a leading `*` stands for.
#[must_use]
pub fn name(name: &str) -> Glob {
    Glob::new(named(name)).folding_case()
}

fn named(name: &str) -> Vec<Piece> {
    match name.strip_prefix('*') {
        Some("") => vec![Piece::Run(Class::Everything, 0)],
        Some(end) => vec![Piece::Run(Class::Everything, 1), Piece::Text(end.to_owned())],
        None => vec![Piece::Text(name.to_owned())],
    }
}

/// Makes the set of paths that begin with these segments.
fn segments(bare: &str) -> Glob {
    let below = vec![Piece::Text(format!("{bare}/")), Piece::Run(Class::Everything, 0)];
    Glob::one_of(vec![vec![Piece::Text(bare.to_owned())], below])
}

/// Reads a match of text; of an absent one there is no test.
fn text(
    fields: &Fields<'_>,
    what: &str,
    leaf: impl Fn(Glob) -> Leaf,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Test>, Reported> {
    if let Some(exact) = fields.text("exact", diagnostics)? {
        return Ok(Some(one(leaf(Glob::exactly(exact)))));
    }
    if let Some(prefix) = fields.text("prefix", diagnostics)? {
        return Ok(Some(one(leaf(Glob::prefix(prefix)))));
    }
    Ok(fields.text("regex", diagnostics)?.and_then(|pattern| regex(what, &pattern, leaf)))
}

/// Makes the test of a regular expression: known where it is of everything. A header has to be there to be anything at all.
fn regex(what: &str, pattern: &str, leaf: impl Fn(Glob) -> Leaf) -> Option<Test> {
    match pattern {
        ".*" | "^.*$" if what == "header" => Some(one(leaf(Glob::at_least(0)))),
        ".*" | "^.*$" => None,
        "/.*" if what == "path" => None,
        ".+" => Some(one(leaf(Glob::at_least(1)))),
        _ => Some(one(Leaf::Unknown(format!("whether the {what} is like `{pattern}`")))),
    }
}

fn path_of_istio(
    uri: &Fields<'_>,
    folds: bool,
    diagnostics: &mut Diagnostics,
) -> Result<(Option<Test>, Beginning), Reported> {
    let fold = |glob: Glob| if folds { glob.folding_case() } else { glob };
    if let Some(exact) = uri.text("exact", diagnostics)? {
        return Ok((Some(one(Leaf::Path(fold(Glob::exactly(exact))))), Beginning::Whole));
    }
    if let Some(prefix) = uri.text("prefix", diagnostics)? {
        // Every path begins with a slash.
        let all = prefix.is_empty() || prefix == "/";
        let test = (!all).then(|| one(Leaf::Path(fold(Glob::prefix(prefix.clone())))));
        let beginning = if folds { Beginning::Unknown } else { Beginning::With(prefix) };
        return Ok((test, beginning));
    }
    let test = uri.text("regex", diagnostics)?.and_then(|pattern| regex("path", &pattern, Leaf::Path));
    Ok((test, Beginning::Unknown))
}

/// Reads what is wanted of a header; nothing wants it to be there.
fn header(name: &str, wanted: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Test, Reported> {
    let leaf = |glob| Leaf::Header(HeaderName::new(name), glob);
    Ok(text(wanted, "header", leaf, diagnostics)?.unwrap_or_else(|| one(leaf(Glob::at_least(0)))))
}
