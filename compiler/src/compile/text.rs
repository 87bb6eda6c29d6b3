//! Objects as the text of a file.
//!
//! In: objects and what is said above them. Out: the text, read back with our own reader in both profiles and compared.
//! No text leaves that does not read back as what was meant.

use serde_json::Value;

use super::HEADER;
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::lowering as code;
use crate::source::{SourceFile, Sources};
use crate::yaml::{self, Profile, emit::emit};

/// Writes objects below the header and a comment, which may be empty.
pub(crate) fn text(path: &str, about: &str, objects: &[Value], diagnostics: &mut Diagnostics) -> String {
    let mut text = format!("{HEADER}\n");
    for line in about.lines() {
        text.push_str(format!("# {line}").trim_end());
        text.push('\n');
    }
    for (at, object) in objects.iter().enumerate() {
        match emit(object) {
            Ok(body) => {
                text.push_str(if at == 0 { "" } else { "---\n" });
                text.push_str(&body);
            }
            Err(error) => {
                diagnostics.report(code::NOT_READ_BACK.nowhere(format!("`{path}` cannot be written: {error:?}")));
                return String::new();
            }
        }
    }
    for profile in [Profile::Manifest, Profile::Policy] {
        let mut sources = Sources::new();
        let file = sources.add(SourceFile::new(path, text.clone().into_bytes()));
        let mut said = Diagnostics::new();
        let read = yaml::read(&sources, file, profile, &mut said);
        let same =
            read.len() == objects.len() && read.iter().zip(objects).all(|(one, object)| one.root.to_json() == *object);
        if !same {
            let not = code::NOT_READ_BACK.nowhere(format!("`{path}` does not read back as what was meant"));
            diagnostics
                .report(not.help("this is a fault of ringfence: please report it with the policy that caused it"));
        }
    }
    text
}
