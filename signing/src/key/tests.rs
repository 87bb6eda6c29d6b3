use super::*;

// Keys for these tests alone: by `openssl ecparam -name prime256v1 -genkey`, and the same encrypted the way cosign does by
// other libraries (PyNaCl and Python's scrypt), with the passphrase `correct horse`.
const OPENSSL: &str = include_str!("fixtures/openssl.pem");
const COSIGN: &str = include_str!("fixtures/cosign.pem");
const PUBLIC: &str = include_str!("fixtures/public.pem");
const ED25519: &str = include_str!("fixtures/ed25519.pem");

#[test]
fn a_key_comes_back_as_it_was_written() {
    let key = PrivateKey::generate().unwrap();
    let sealed = key.sealed(b"secret").unwrap();
    for read in
        [PrivateKey::read(&key.pem().unwrap(), None).unwrap(), PrivateKey::read(&sealed, Some(b"secret")).unwrap()]
    {
        assert_eq!(read.public(), key.public());
    }
    assert_eq!(&PublicKey::read(&key.public().pem().unwrap()).unwrap(), key.public());
    assert_eq!(PrivateKey::read(&sealed, Some(b"Secret")).unwrap_err(), KeyError::WrongPassphrase);
    assert_eq!(PrivateKey::read(&sealed, None).unwrap_err(), KeyError::Sealed);
    assert_ne!(key.sealed(b"secret").unwrap(), sealed);
}

#[test]
fn keys_of_other_tools_are_read() {
    let public = PublicKey::read(PUBLIC).unwrap();
    assert_eq!(PrivateKey::read(OPENSSL, None).unwrap().public(), &public);
    assert_eq!(PrivateKey::read(COSIGN, Some(b"correct horse")).unwrap().public(), &public);
    assert_eq!(public.pem().unwrap(), PUBLIC);
}

#[test]
fn what_is_no_such_key_is_said() {
    assert_eq!(PrivateKey::read("", None).unwrap_err(), KeyError::NoKey);
    assert_eq!(PrivateKey::read(PUBLIC, None).unwrap_err(), KeyError::IsPublic);
    assert_eq!(PublicKey::read(OPENSSL).unwrap_err(), KeyError::IsPrivate);
    assert!(matches!(PrivateKey::read(ED25519, None).unwrap_err(), KeyError::Kind(_)));
    let cut: String = PUBLIC.replace("MFkw", "MFkx");
    assert!(matches!(PublicKey::read(&cut).unwrap_err(), KeyError::Broken(_)));
    // What would take gigabytes to open is not opened.
    let body: String = COSIGN.lines().filter(|line| !line.starts_with('-')).collect();
    let json = String::from_utf8(STANDARD.decode(body).unwrap()).unwrap().replace("32768", "1073741824");
    let costly = format!("-----BEGIN {0}-----\n{1}\n-----END {0}-----\n", sealed::LABEL, STANDARD.encode(json));
    assert!(matches!(PrivateKey::read(&costly, Some(b"")).unwrap_err(), KeyError::Broken(_)));
}

#[test]
fn the_same_bytes_give_the_same_signature() {
    let key = PrivateKey::read(OPENSSL, None).unwrap();
    let signature = key.sign(b"text").unwrap();
    assert_eq!(key.sign(b"text").unwrap(), signature);
    assert!(key.public().verifies(b"text", &signature));
    assert!(!key.public().verifies(b"test", &signature));
    assert!(!PrivateKey::generate().unwrap().public().verifies(b"text", &signature));
    assert!(!format!("{key:?}").contains("pdLQ"), "a key must not be shown");
}
