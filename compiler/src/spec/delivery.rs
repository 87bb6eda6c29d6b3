//! Delivery: where the output is published, whose signatures count, and which controllers fetch it.

use super::patterns;
use super::route::Duration;
use crate::shape::record;
use crate::shape::scalar::{Text, text_shape};
use crate::source::Spanned;

record! {
    /// Where the output is published, whose signatures count, and which controllers fetch it.
    pub struct DeliverySpec {
        /// The repository that holds the output of each cluster on a branch.
        pub git: Option<Spanned<GitSpec>>,
        /// The registry that holds the output of each cluster as an artifact, tagged with the name of the cluster.
        pub oci: Option<Spanned<OciSpec>>,
        /// Whose signatures count.
        pub trust: Option<TrustSpec>,
        /// Flux fetches the output: the artifact where there is one, else the branch.
        pub flux: Option<Spanned<FluxSpec>>,
        /// Argo CD fetches the output: the branch where there is one, else the artifact, by its digest.
        pub argocd: Option<Spanned<ArgoCdSpec>>,
        /// How often Flux looks for something new, and sets right what somebody changed; ten minutes when absent.
        pub interval: Option<Spanned<Duration>>,
    }
}

record! {
    /// A repository that holds the output.
    pub struct GitSpec {
        /// Its address.
        pub url: Spanned<GitUrl>,
        /// The branch of a cluster; `rendered/{cluster}` when absent.
        pub branch: Option<Spanned<Branch>>,
        /// The folder of a cluster on that branch; `clusters/{cluster}` when absent, and `.` for the whole branch.
        pub path: Option<Spanned<Folder>>,
        /// The Secret beside Flux with the credentials for it; none when absent. Argo CD finds credentials by the address.
        pub secret: Option<Spanned<ObjectName>>,
    }
}

record! {
    /// A registry that holds the output.
    pub struct OciSpec {
        /// The address of the repository in it, without a tag.
        pub url: Spanned<OciUrl>,
        /// The Secret beside Flux with the credentials for it; none when absent. Argo CD finds credentials by the address.
        pub secret: Option<Spanned<ObjectName>>,
    }
}

record! {
    /// Whose signatures count. Files are named from the folder of `ringfence.yaml`; none of them holds a secret.
    pub struct TrustSpec {
        /// Files with the public keys of those who sign artifacts: PEM, ECDSA on P-256.
        pub cosign: Vec<Spanned<String>>,
        /// Those who sign commits with OpenPGP: files with an armored public key each, or the ids of keys that Argo CD has.
        pub pgp: Vec<Spanned<String>>,
        /// Files that list those who sign commits with SSH, as git's `gpg.ssh.allowedSignersFile` does.
        pub ssh: Vec<Spanned<String>>,
    }
}

record! {
    /// Flux as it is installed.
    pub struct FluxSpec {
        /// Its version.
        pub version: Spanned<Release>,
    }
}

record! {
    /// Argo CD as it is installed.
    pub struct ArgoCdSpec {
        /// Its version.
        pub version: Spanned<Release>,
        /// What the names of its projects begin with, one project a cluster; `ringfence` when absent.
        pub project: Option<Spanned<ObjectName>>,
    }
}

/// A version of a controller; what it can do goes by the first two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    /// The first number.
    pub major: u16,
    /// The second.
    pub minor: u16,
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Text for Release {
    const WHAT: &'static str = "a version";
    const PATTERN: &'static str = "^(0|[1-9][0-9]{0,2})[.](0|[1-9][0-9]{0,2})([.](0|[1-9][0-9]{0,2}))?$";
    const EXAMPLE: &'static str = "2.9";

    fn parse(text: &str) -> Result<Self, String> {
        let number = |part: &str| {
            let digits = (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            (digits && (part == "0" || !part.starts_with('0'))).then(|| part.parse::<u16>().ok()).flatten()
        };
        let numbers: Option<Vec<u16>> = text.split('.').map(number).collect();
        match numbers.as_deref() {
            Some([major, minor] | [major, minor, _]) => Ok(Self { major: *major, minor: *minor }),
            _ => Err(format!("`{text}` is not a version: write two or three numbers with dots between them")),
        }
    }
}
text_shape!(Release, "Release");

/// The address of a repository, as Flux takes it: http, https or ssh, never a password. It has no character that is a
/// wildcard to Argo CD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitUrl(pub String);

impl Text for GitUrl {
    const WHAT: &'static str = "the address of a git repository";
    const PATTERN: &'static str =
        "^(https?://|ssh://([A-Za-z0-9_-]+@)?)[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)+$";
    const EXAMPLE: &'static str = "https://git.acme.example/platform/mesh";

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not the address of a git repository: it begins with `https://` or `ssh://` and has no password"
            )
        };
        let web = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let is_user =
            |user: &str| !user.is_empty() && user.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
        let rest = match (web, text.strip_prefix("ssh://")) {
            (Some(rest), _) => rest,
            (None, Some(rest)) => match rest.split_once('@') {
                Some((user, rest)) if is_user(user) => rest,
                Some(_) => return Err(wrong()),
                None => rest,
            },
            (None, None) => return Err(wrong()),
        };
        let is_segment =
            |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "._~-".contains(c));
        if is_at_host(rest, is_segment) { Ok(Self(text.to_owned())) } else { Err(wrong()) }
    }
}
text_shape!(GitUrl, "GitUrl");

/// The address of a repository in a registry, without a tag, as the distribution specification has its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OciUrl(pub String);

impl Text for OciUrl {
    const WHAT: &'static str = "the address of a repository in a registry";
    const PATTERN: &'static str = "^oci://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+$";
    const EXAMPLE: &'static str = "oci://registry.acme.example/mesh";

    fn parse(text: &str) -> Result<Self, String> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_segment = |part: &str| {
            part.chars().all(|c| is_plain(c) || "._-".contains(c))
                && part.starts_with(is_plain)
                && part.ends_with(is_plain)
        };
        match text.strip_prefix("oci://") {
            Some(rest) if is_at_host(rest, is_segment) => Ok(Self(text.to_owned())),
            _ => Err(format!(
                "`{text}` is not a repository in a registry: it begins with `oci://`, is in small letters, and has no tag"
            )),
        }
    }
}
text_shape!(OciUrl, "OciUrl");

/// Tells whether `text` is a host, perhaps a port, and at least one segment.
fn is_at_host(text: &str, is_segment: impl Fn(&str) -> bool) -> bool {
    let Some((place, path)) = text.split_once('/') else { return false };
    let (host, port) = place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)));
    let is_host = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    let is_port = |port: &str| (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    is_host && port.is_none_or(is_port) && path.split('/').all(is_segment)
}

/// What stands for the name of a cluster in a branch or a folder.
pub const CLUSTER: &str = "{cluster}";

/// The branch of a cluster; `{cluster}` stands for its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch(pub String);

impl Text for Branch {
    const WHAT: &'static str = "a branch";
    const PATTERN: &'static str = concat!("^(?!-)(?!.*[.]lock(/|$))", patterns::template!(), "$");
    const EXAMPLE: &'static str = "rendered/{cluster}";

    fn parse(text: &str) -> Result<Self, String> {
        let is_lock = text.split('/').any(|part| part.ends_with(".lock"));
        if is_template(text) && !text.starts_with('-') && !is_lock {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "`{text}` is not a branch: use letters, digits, `-`, `_`, dots between them, `/` and `{CLUSTER}`"
            ))
        }
    }
}
text_shape!(Branch, "Branch");

/// The folder of a cluster on its branch; `{cluster}` stands for its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder(pub String);

impl Text for Folder {
    const WHAT: &'static str = "a folder of a branch";
    const PATTERN: &'static str = concat!("^([.]|", patterns::template!(), ")$");
    const EXAMPLE: &'static str = "clusters/{cluster}";

    fn parse(text: &str) -> Result<Self, String> {
        if text == "." || is_template(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "`{text}` is not a folder of a branch: use letters, digits, `-`, `_`, dots between them, `/` and `{CLUSTER}`"
            ))
        }
    }
}
text_shape!(Folder, "Folder");

/// Tells whether a text is names between single `/`, each of plain characters with single dots between them.
fn is_template(text: &str) -> bool {
    let text = text.replace(CLUSTER, "x");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    text.split('/').all(|part| part.split('.').all(|word| !word.is_empty() && word.chars().all(is_plain)))
}

/// The name of an object that others name: a label of DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectName(pub String);

impl Text for ObjectName {
    const WHAT: &'static str = "the name of an object";
    const PATTERN: &'static str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
    const EXAMPLE: &'static str = "mesh-policy";

    fn parse(text: &str) -> Result<Self, String> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let inner = text.chars().all(|c| is_plain(c) || c == '-');
        if text.len() <= 63 && inner && text.starts_with(is_plain) && text.ends_with(is_plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{text}` cannot name an object: use at most 63 small letters, digits and hyphens"))
        }
    }
}
text_shape!(ObjectName, "ObjectName");
