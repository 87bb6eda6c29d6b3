//! Public keys, as they are read: made by GnuPG, OpenSSL and OpenSSH, whose answers are expected here.

use ringfence_compiler::delivery::{openpgp, pem, ssh};

const ALICE: &str = include_str!("keys/alice.asc");
const ROBOT: &str = include_str!("keys/robot.asc");
const SIGNERS: &str = include_str!("keys/allowed_signers");
const RELEASE: &str = include_str!("keys/release.pem");

#[test]
fn ids_are_those_that_gnupg_says() {
    let alice = openpgp::read(ALICE).unwrap();
    assert_eq!(alice.id, "D6CA62CD5EA945DC");
    assert_eq!(alice.subkeys, ["3779F638F282B08A", "9D129114242B62FF"]);
    let robot = openpgp::read(ROBOT).unwrap();
    assert_eq!((robot.id.as_str(), robot.subkeys.len()), ("2EAF44E53ED5B929", 0));
}

#[test]
fn ids_and_fingerprints_are_told_from_files() {
    assert_eq!(openpgp::id("d56c4fca57a46444").as_deref(), Some("D56C4FCA57A46444"));
    assert_eq!(openpgp::id("5DE3E0509C47EA3CF04A42D34AEE18F83AFDEB23").as_deref(), Some("4AEE18F83AFDEB23"));
    assert_eq!(openpgp::id("3AFDEB23"), None);
    assert_eq!(openpgp::id("keys/alice.asc"), None);
}

#[test]
fn a_key_that_is_damaged_is_refused_wherever_that_is() {
    let body = ALICE.find("\n\n").unwrap() + 2..ALICE.find("\n-----END").unwrap();
    let mut refused = 0;
    for at in body {
        let byte = ALICE.as_bytes()[at];
        if byte == b'\n' {
            continue;
        }
        let mut bytes = ALICE.as_bytes().to_vec();
        bytes[at] = if byte == b'A' { b'B' } else { b'A' };
        let damaged = openpgp::read(std::str::from_utf8(&bytes).unwrap());
        assert!(damaged.is_err(), "byte {at}: {damaged:?}");
        refused += 1;
    }
    assert!(refused > 500, "{refused}");
}

#[test]
fn what_is_no_single_public_key_is_refused() {
    let private = ALICE.replace("PUBLIC KEY", "PRIVATE KEY");
    assert_eq!(openpgp::read(&private).unwrap_err(), "holds a private key");
    let twice = format!("{ALICE}{ROBOT}");
    assert_eq!(openpgp::read(&twice).unwrap_err(), "is not one armored public key");
    assert!(openpgp::read("").is_err());
    assert!(openpgp::read(RELEASE).is_err());
    let cut = &ALICE[..ALICE.len() / 2];
    assert!(openpgp::read(&format!("{cut}\n-----END PGP PUBLIC KEY BLOCK-----\n")).is_err());
}

#[test]
fn keys_for_artifacts_are_on_p256() {
    assert_eq!(pem::read(RELEASE).as_deref(), Ok(RELEASE));
    assert_eq!(pem::read(&RELEASE.replace('\n', "\r\n")).as_deref(), Ok(RELEASE));
    for other in [include_str!("keys/ed25519.pem"), include_str!("keys/p384.pem")] {
        assert_eq!(pem::read(other).unwrap_err(), "is not a key for ECDSA on P-256");
    }
    assert_eq!(pem::read(&RELEASE.replace("PUBLIC", "PRIVATE")).unwrap_err(), "holds a private key");
    let encrypted = RELEASE.replace("PUBLIC", "ENCRYPTED SIGSTORE PRIVATE");
    assert_eq!(pem::read(&format!("{RELEASE}{encrypted}")).unwrap_err(), "holds a private key");
    assert!(pem::read(&format!("{RELEASE}{RELEASE}")).is_err());
    assert!(pem::read("").is_err());
}

#[test]
fn signers_are_handed_on_without_what_flux_cannot_keep() {
    let keys = ssh::read(SIGNERS).unwrap();
    let lines: Vec<_> = keys.lines().collect();
    assert_eq!(lines.len(), 2, "{keys}");
    assert!(lines[0].starts_with("ssh-ed25519 AAAA") && lines[0].ends_with(" alice@acme.example"), "{keys}");
    assert!(lines[1].starts_with("ecdsa-sha2-nistp256 AAAA"), "{keys}");
}

#[test]
fn a_signer_with_limits_is_refused() {
    let key = SIGNERS.lines().nth(1).unwrap().split_once(' ').unwrap().1;
    for (options, why) in [
        ("cert-authority ", "takes no certificates"),
        ("valid-before=\"20270101\" ", "valid-before"),
        ("namespaces=\"git\",valid-before=\"20270101\" ", "valid-before"),
        ("valid-after=\"20200101\",namespaces=\"git\" ", "valid-after"),
        ("cert-authority,namespaces=\"git\" ", "takes no certificates"),
        ("namespaces=git ", "namespaces=git"),
        ("namespaces=\"!git,*\" ", "!git"),
        ("no-touch-required ", "no-touch-required"),
    ] {
        let said = ssh::read(&format!("a@acme.example {options}{key}\n")).unwrap_err();
        assert!(said.starts_with("line 1: ") && said.contains(why), "{options}: {said}");
    }
    for line in [format!("{key}\n"), "a@acme.example\n".to_owned(), "a@acme.example ssh-rsa AAAA\n".to_owned()] {
        assert!(ssh::read(&line).is_err(), "{line}");
    }
    let other = key.replace("ssh-ed25519", "ssh-rsa");
    assert!(ssh::read(&format!("a@acme.example {other}\n")).unwrap_err().contains("is no `ssh-rsa`"));
    assert!(ssh::read("# nobody\n").is_err());
    assert!(ssh::read("a@acme.example namespaces=\"file\" ssh-ed25519 AAAA\n").is_err());
    assert!(ssh::read("-----BEGIN OPENSSH PRIVATE KEY-----\n").unwrap_err().contains("private"));
    assert!(ssh::read(&format!("\"a b@acme.example\" namespaces=\"file,git\" {key}\n")).is_ok());
}
