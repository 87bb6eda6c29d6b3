//! temporary
#![allow(clippy::all, clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]
#[path = "../tests/support/mod.rs"]
mod support;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let mut files = support::Files::new();
    for entry in walk(std::path::Path::new(&a[1])) {
        let n = entry.strip_prefix(&a[1]).unwrap().to_str().unwrap().to_owned();
        files.insert(n, std::fs::read(&entry).unwrap());
    }
    let o = support::run(&files, "2026-11-22");
    print!("{}", o.said());
    if let Some(c) = o.compiled {
        for (p, t) in &c.files {
            let p = std::path::Path::new(&a[2]).join(p);
            std::fs::create_dir_all(p.parent().unwrap()).unwrap();
            std::fs::write(p, t).unwrap();
        }
        println!("{:?}", c.objects);
    }
}
fn walk(p: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut v = vec![];
    for e in std::fs::read_dir(p).unwrap() {
        let e = e.unwrap().path();
        if e.is_dir() { v.extend(walk(&e)) } else { v.push(e) }
    }
    v
}
