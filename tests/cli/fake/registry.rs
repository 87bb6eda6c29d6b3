//! A registry of artifacts in a thread: as small as pushing allows, and it wants to know who asks.
//!
//! It has no list of referrers of its own, asks for a token, sends the upload on, and keeps everything in memory.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What it keeps: blobs and manifests by path, and every request as `METHOD path`.
#[derive(Debug, Default)]
pub struct Kept {
    pub things: BTreeMap<String, Vec<u8>>,
    pub asked: Vec<String>,
}

/// A registry that runs until the test ends.
pub struct Registry {
    pub host: String,
    kept: Arc<Mutex<Kept>>,
}

/// The credentials it takes, as `docker login` keeps them: `me:secret`.
pub const AUTH: &str = "bWU6c2VjcmV0";

impl Registry {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let kept = Arc::new(Mutex::new(Kept::default()));
        let (shared, own) = (Arc::clone(&kept), host.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (shared, own) = (Arc::clone(&shared), own.clone());
                std::thread::spawn(move || serve(stream.unwrap(), &own, &shared));
            }
        });
        Self { host, kept }
    }

    pub fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }
}

/// Answers what comes on a connection, one after the other.
fn serve(stream: TcpStream, host: &str, kept: &Mutex<Kept>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let words: Vec<&str> = first.split(' ').collect();
        let (status, more, answer) = answer(words[0], words[1], &headers, body, host, &mut kept.lock().unwrap());
        let head = words[0] == "HEAD";
        let text =
            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{more}\r\n", if head { 0 } else { answer.len() });
        stream.write_all(text.as_bytes()).unwrap();
        if !head {
            stream.write_all(&answer).unwrap();
        }
    }
}

fn answer(
    method: &str,
    path: &str,
    headers: &BTreeMap<String, String>,
    body: Vec<u8>,
    host: &str,
    kept: &mut Kept,
) -> (&'static str, String, Vec<u8>) {
    kept.asked.push(format!("{method} {path}"));
    let sent = headers.get("authorization").map(String::as_str).unwrap_or_default();
    if path.starts_with("/token?") {
        let is_known = sent == format!("Basic {AUTH}");
        assert!(path.contains("scope=repository%3Aacme%2Fpolicy%3Apull%2Cpush"), "{path}");
        return if is_known {
            ("200 OK", String::new(), br#"{"token":"t0k3n"}"#.to_vec())
        } else {
            ("401 Unauthorized", String::new(), Vec::new())
        };
    }
    if sent != "Bearer t0k3n" {
        let wanted = format!(
            "www-authenticate: Bearer realm=\"http://{host}/token\",service=\"fake\",scope=\"repository:acme/policy:pull,push\"\r\n"
        );
        return ("401 Unauthorized", wanted, Vec::new());
    }
    let none = String::new();
    match (method, path.split_once('?').unwrap_or((path, ""))) {
        ("POST", ("/v2/acme/policy/blobs/uploads/", _)) => {
            ("202 Accepted", "location: /upload/1?state=x\r\n".to_owned(), Vec::new())
        }
        ("PUT", ("/upload/1", query)) => {
            let digest = query.strip_prefix("state=x&digest=sha256%3A").unwrap();
            kept.things.insert(format!("/v2/acme/policy/blobs/sha256:{digest}"), body);
            ("201 Created", none, Vec::new())
        }
        ("PUT", (path, _)) if path.starts_with("/v2/acme/policy/manifests/") => {
            kept.things.insert(path.to_owned(), body);
            ("201 Created", none, Vec::new())
        }
        ("GET" | "HEAD", (path, _)) => match kept.things.get(path) {
            Some(thing) => ("200 OK", none, thing.clone()),
            None => {
                ("404 Not Found", none, br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]}"#.to_vec())
            }
        },
        _ => ("405 Method Not Allowed", none, Vec::new()),
    }
}
