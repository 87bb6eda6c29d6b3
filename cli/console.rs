//! Standard output for data, standard error for words.
//!
//! In: texts. Out: the same texts, written. It exists because a reader that stops reading (`| head`) is no fault of the
//! policy: what the run found still decides how it ends.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use crate::args::Colour;
use crate::exit::Failure;
use crate::report::Style;

/// Writes data to standard output.
///
/// # Errors
/// When the system refuses for another reason than that nobody reads any more.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes words for a person, on lines of their own, to standard error.
pub fn note(text: &str) {
    // Where nobody can be told, nobody can be told that either.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// What was typed about colour, which is known before anything is written.
static COLOUR: OnceLock<Colour> = OnceLock::new();

/// Sets when to use colour.
pub fn use_colour(colour: Colour) {
    // Tests share a process: what was said first holds.
    let _ = COLOUR.set(colour);
}

/// Returns what standard output can show.
pub fn style() -> Style {
    let style = Style::detect(io::stdout().is_terminal());
    match COLOUR.get() {
        Some(Colour::Always) => Style { colour: true, ..style },
        Some(Colour::Never) => Style { colour: false, ..style },
        Some(Colour::Auto) | None => style,
    }
}
