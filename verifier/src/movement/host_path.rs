//! Files of the node in a container: which of them are the node.
//!
//! In: a path of the node and whether it may be written. Out: [`Reads`]. To write where the node looks for programs, settings or
//! keys, or to speak to what runs its containers, is to have it; to read its keys may be.

/// What a path of the node gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// The node.
    Node,
    /// Keys or the like, which may be the node.
    Perhaps,
    /// Nothing that leads on.
    Nothing,
}

/// Where sockets of container runtimes are: who speaks to one has the node, be it mounted to be read alone.
const SOCKETS: [&str; 13] = [
    "buildkit",
    "containerd",
    "containerd.sock",
    "cri-dockerd.sock",
    "crio",
    "crio.sock",
    "docker",
    "docker.sock",
    "dockershim.sock",
    "k0s",
    "k3s",
    "podman",
    "podman.sock",
];

/// Where what starts programs of the node listens: it asks who speaks.
const MANAGERS: [&str; 2] = ["dbus", "systemd"];

/// Folders in which files make the node do something.
const DECISIVE: [&str; 16] = [
    "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/opt", "/proc", "/root", "/run", "/sbin", "/sys",
    "/usr", "/var",
];

/// Folders below `/var` that do.
const BELOW_VAR: [&str; 7] = [
    "/var/lib",
    "/var/run",
    "/var/spool/cron",
    "/var/lib/kubelet",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/log",
];

/// Folders with keys of the node or of its pods.
const SECRET: [&str; 9] =
    ["/", "/etc", "/home", "/proc", "/root", "/var", "/var/lib", "/var/lib/kubelet", "/var/lib/etcd"];

/// What is in `/etc` for everybody to read: all else there may be keys or passwords.
const PUBLIC: [&str; 17] = [
    "/etc/ca-certificates",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/localtime",
    "/etc/lsb-release",
    "/etc/machine-id",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/resolv.conf",
    "/etc/ssl/certs",
    "/etc/timezone",
    "/etc/udev",
];

/// Says what a mounted path of the node gives.
pub(super) fn reads(path: &str, is_read_only: bool) -> Reads {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let path = &format!("/{}", parts.join("/"));
    let path = path.as_str();
    let below_run = path.strip_prefix("/var/run").or_else(|| path.strip_prefix("/run"));
    if below_run.is_some_and(|rest| rest.is_empty() || rest.split('/').any(|part| SOCKETS.contains(&part))) {
        return Reads::Node;
    }
    if below_run.is_some_and(|rest| rest.split('/').any(|part| MANAGERS.contains(&part))) {
        return Reads::Perhaps;
    }
    // To connect to a socket nothing needs to be written: some are of what changes containers.
    if is_read_only && (below_run.is_some() || path.ends_with(".sock")) {
        return Reads::Perhaps;
    }
    let is_in = |folders: &[&str]| folders.iter().any(|folder| is_below(path, folder));
    match is_read_only {
        // All that is below a folder counts as it, but that most of `/var` is data of whoever asked for it.
        false if DECISIVE.contains(&path) || BELOW_VAR.contains(&path) => match path {
            // Links in there are followed by the kubelet when logs are asked for.
            "/var/log" => Reads::Perhaps,
            _ => Reads::Node,
        },
        false
            if is_in(&[
                "/etc", "/root", "/home", "/bin", "/sbin", "/usr", "/lib", "/lib64", "/boot", "/proc", "/sys", "/dev",
            ]) =>
        {
            Reads::Node
        }
        false
            if is_in(&[
                "/var/lib/kubelet",
                "/var/lib/containerd",
                "/var/lib/containers",
                "/var/lib/docker",
                "/var/lib/etcd",
                "/var/lib/k0s",
                "/var/lib/rancher",
                "/var/snap",
                "/var/spool/cron",
                "/opt/cni",
            ]) =>
        {
            Reads::Node
        }
        false if is_in(&["/var/log", "/opt", "/run", "/var/run", "/var/lib"]) => Reads::Perhaps,
        // Processes have links to the root of the node.
        true if SECRET.contains(&path)
            || is_in(&["/etc"]) && !is_in(&PUBLIC)
            || is_in(&["/proc", "/dev"]) && !is_in(&["/proc/sys"])
            || is_in(&["/root", "/home"])
            || is_in(&["/var/lib", "/var/snap"]) =>
        {
            Reads::Perhaps
        }
        false if path.ends_with(".sock") => Reads::Perhaps,
        _ => Reads::Nothing,
    }
}

/// Tells whether a path of the node is where a node of the control plane has the keys of the cluster, and other nodes have nothing
/// (kubernetes.io "PKI certificates and requirements").
pub(super) fn is_of_control_plane(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let keys = [
        "/etc/kubernetes/pki",
        "/etc/kubernetes/manifests",
        "/var/lib/etcd",
        "/var/lib/rancher/k3s/server",
        "/var/lib/rancher/rke2/server",
    ];
    let files = ["admin", "super-admin", "controller-manager", "scheduler"];
    path == "/etc/kubernetes"
        || keys.iter().any(|folder| is_below(path, folder))
        || files.iter().any(|file| path == format!("/etc/kubernetes/{file}.conf"))
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::{Reads, is_of_control_plane, reads};

    #[test]
    fn keys_of_the_cluster_are_where_the_control_plane_has_them() {
        for path in ["/etc/kubernetes/", "/etc/kubernetes/pki/etcd", "/var/lib/etcd", "/etc/kubernetes/admin.conf"] {
            assert!(is_of_control_plane(path), "{path}");
        }
        for path in ["/etc/kubernetes/kubelet.conf", "/var/lib/kubelet", "/var/lib/etcdata"] {
            assert!(!is_of_control_plane(path), "{path}");
        }
    }

    #[test]
    fn paths_of_the_node_give_what_is_in_them() {
        for (path, read_only, expected) in [
            ("/", false, Reads::Node),
            ("/", true, Reads::Perhaps),
            ("/etc/kubernetes/manifests", false, Reads::Node),
            ("/var/run/docker.sock", true, Reads::Node),
            ("/run/containerd/containerd.sock", true, Reads::Node),
            ("/var/run", false, Reads::Node),
            ("/var/lib/kubelet/pods/", true, Reads::Perhaps),
            ("/var/log/", false, Reads::Perhaps),
            ("/var/log", true, Reads::Nothing),
            ("/proc/sys/kernel", false, Reads::Node),
            ("/etc/ssl/certs", true, Reads::Nothing),
            ("/data", false, Reads::Nothing),
            ("/mnt/disk", true, Reads::Nothing),
            ("/mnt/agent.sock", true, Reads::Perhaps),
            ("/mnt/agent.sock", false, Reads::Perhaps),
            ("/var/run/nri/nri.sock", true, Reads::Perhaps),
            ("/run/nri", true, Reads::Perhaps),
            ("/etc/cni/net.d", true, Reads::Perhaps),
            ("/etc/shadow", true, Reads::Perhaps),
            ("/etc/ssh", true, Reads::Perhaps),
            ("/etc/hosts", true, Reads::Nothing),
            ("/proc/1/root", true, Reads::Perhaps),
            ("/proc/1/root", false, Reads::Node),
            ("/proc/sys", true, Reads::Nothing),
            ("/var/lib/cloud", true, Reads::Perhaps),
            ("/etcetera", false, Reads::Nothing),
            ("//etc/./cron.d", false, Reads::Node),
            ("/./", false, Reads::Node),
            ("/run/cri-dockerd.sock", true, Reads::Node),
            ("/run/k3s", true, Reads::Node),
            ("/run/dbus/system_bus_socket", true, Reads::Perhaps),
            ("/var/lib/rancher", true, Reads::Perhaps),
            ("/var/lib/docker/overlay2", true, Reads::Perhaps),
        ] {
            assert_eq!(reads(path, read_only), expected, "{path}, read only: {read_only}");
        }
    }
}
