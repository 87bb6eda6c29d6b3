//! Where a path really leads inside a tree.
//!
//! In: a path and a way to look at one place without following links. Out: the place it leads to, or why there is none.
//! It exists so that a directory and a git revision follow the same links and refuse the same ones: nothing outside the
//! root is ever read, whether a link or a `..` points there.

use ringfence_compiler::tree::TreeError;

/// As many links as one path may pass through.
const MOST_LINKS: usize = 40;

/// What stands at one place of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A link and its target as written.
    Link(String),
    /// Nothing that can be read.
    Nothing,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// To a file, at this path without links.
    File(String),
    /// To a folder, at this path without links.
    Folder(String),
    /// To nothing.
    Nothing,
    /// To a link that leads to nothing.
    BrokenLink,
}

/// Follows `path` from the root, one part at a time.
///
/// # Errors
/// When the path leaves the root, goes in circles, or `look` fails.
pub fn resolve(path: &str, mut look: impl FnMut(&str) -> Result<Node, TreeError>) -> Result<Place, TreeError> {
    let refuse = |reason: String| TreeError { path: path.to_owned(), reason };
    let mut done: Vec<String> = Vec::new();
    let mut todo: Vec<String> = path.rsplit('/').map(str::to_owned).collect();
    let mut links = 0;
    let mut last_is_link = false;
    while let Some(part) = todo.pop() {
        if part.is_empty() || part == "." {
            continue;
        }
        if part == ".." {
            if done.pop().is_none() {
                return Err(refuse("it leads out of the root of the tree".to_owned()));
            }
            continue;
        }
        done.push(part);
        let here = done.join("/");
        match look(&here)? {
            Node::Folder => {}
            Node::File if todo.is_empty() => return Ok(Place::File(here)),
            Node::File | Node::Nothing if last_is_link => return Ok(Place::BrokenLink),
            Node::File | Node::Nothing => return Ok(Place::Nothing),
            Node::Link(target) => {
                links += 1;
                if links > MOST_LINKS {
                    return Err(refuse(format!("`{here}` is a link that goes in circles")));
                }
                // An absolute target means another place on each machine, so even one that happens to be inside is refused.
                if target.starts_with('/') {
                    return Err(refuse(format!(
                        "`{here}` is a link to `{target}`, which is outside the root of the tree"
                    )));
                }
                last_is_link |= todo.is_empty();
                done.pop();
                todo.extend(target.rsplit('/').map(str::to_owned));
            }
        }
    }
    Ok(Place::Folder(done.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: &str) {
        let look = |place: &str| {
            Ok(match place {
                "a" | "a/b" => Node::Folder,
                "a/file" | "top" => Node::File,
                "a/up" => Node::Link("../top".to_owned()),
                "a/folder" => Node::Link("b/.././b/".to_owned()),
                "out" | "a/b/out" => Node::Link("../../../x".to_owned()),
                "absolute" => Node::Link("/etc/passwd".to_owned()),
                "circle" => Node::Link("./circle".to_owned()),
                "broken" => Node::Link("nowhere".to_owned()),
                "chain" => Node::Link("a/up".to_owned()),
                _ => Node::Nothing,
            })
        };
        let found = match resolve(path, look) {
            Ok(Place::File(path)) => format!("file {path}"),
            Ok(Place::Folder(path)) => format!("folder {path}"),
            Ok(Place::Nothing) => "nothing".to_owned(),
            Ok(Place::BrokenLink) => "broken".to_owned(),
            Err(error) => format!("refused: {}", error.reason),
        };
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn paths_lead_where_their_links_lead() {
        check("", "folder ");
        check("a", "folder a");
        check("./a//b/", "folder a/b");
        check("a/file", "file a/file");
        check("a/file/below", "nothing");
        check("a/up", "file top");
        check("chain", "file top");
        check("a/folder", "folder a/b");
        check("a/folder/out/x", "refused: it leads out of the root of the tree");
        check("a/b/../file", "file a/file");
        check("missing/x", "nothing");
        check("broken", "broken");
    }

    #[test]
    fn nothing_outside_the_root_is_reached() {
        check("..", "refused: it leads out of the root of the tree");
        check("a/../../etc/passwd", "refused: it leads out of the root of the tree");
        check("out", "refused: it leads out of the root of the tree");
        check("absolute", "refused: `absolute` is a link to `/etc/passwd`, which is outside the root of the tree");
        check("circle", "refused: `circle` is a link that goes in circles");
    }
}
