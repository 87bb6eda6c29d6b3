//! What a person may type about findings: how they are written down, and which of them count.

use std::path::PathBuf;

use clap::ValueEnum;
use ringfence_compiler::diagnostics::Severity;

use super::FormatName;

/// How findings are written down, and which of them count.
#[derive(Debug, Clone, clap::Args)]
pub struct Findings {
    /// How to write the findings to standard output.
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "RINGFENCE_FORMAT", hide_env_values = true)]
    pub format: Form,
    /// Writes the findings to a file as well, as in `sarif=ringfence.sarif`; may be repeated.
    #[arg(long, short, value_name = "FORMAT=FILE", value_parser = Output::<Form>::parse)]
    pub output: Vec<Output<Form>>,
    /// Ends with 1 from this weight on.
    #[arg(long, value_name = "LEVEL", default_value = "error", env = "RINGFENCE_FAIL_ON", hide_env_values = true)]
    pub fail_on: Level,
    /// Counts only what this file does not hold; `baseline` of the project when absent.
    #[arg(long, value_name = "FILE", env = "RINGFENCE_BASELINE", hide_env_values = true)]
    pub baseline: Option<PathBuf>,
    /// Writes what is found now to such a file, and ends as if it were read.
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    pub write_baseline: Option<PathBuf>,
}

/// The formats of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people: excerpts with every place underlined.
    Text,
    /// For editors and `grep`: `path:line:col: severity[code] message`.
    Concise,
    /// For programs: one versioned document.
    Json,
    /// For code scanning: SARIF 2.1.0.
    Sarif,
    /// For the log of a GitHub workflow: an annotation each.
    Github,
    /// For CI servers: a test report in the form of JUnit.
    Junit,
    /// For a comment or a job summary: a table.
    Markdown,
}

/// How much a finding weighs at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Errors alone.
    Error,
    /// Warnings too.
    Warning,
    /// Notes too.
    Note,
}

/// A file to write, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output<F> {
    /// The format.
    pub form: F,
    /// The file.
    pub file: PathBuf,
}

impl Findings {
    /// Says how what is wrong with the input of a question is written down.
    #[must_use]
    pub fn of_answer(format: FormatName) -> Self {
        let format = match format {
            FormatName::Text => Form::Text,
            FormatName::Concise => Form::Concise,
            FormatName::Json => Form::Json,
        };
        Self { format, output: Vec::new(), fail_on: Level::Error, baseline: None, write_baseline: None }
    }
}

impl Level {
    /// Tells whether something of this weight counts.
    #[must_use]
    pub fn counts(self, severity: Severity) -> bool {
        match self {
            Self::Error => severity == Severity::Error,
            Self::Warning => severity != Severity::Note,
            Self::Note => true,
        }
    }
}

impl<F: ValueEnum> Output<F> {
    /// Reads what was typed.
    ///
    /// # Errors
    /// When it names no format, or no file.
    pub fn parse(text: &str) -> Result<Self, String> {
        let known: Vec<String> = F::value_variants()
            .iter()
            .filter_map(|form| Some(form.to_possible_value()?.get_name().to_owned()))
            .collect();
        let help = || format!("write it as in `json=out.json`; the formats are {}", known.join(", "));
        let (form, file) = text.split_once('=').filter(|(_, file)| !file.is_empty()).ok_or_else(help)?;
        let form = F::from_str(form, false).map_err(|_| format!("there is no format `{form}`; {}", help()))?;
        Ok(Self { form, file: PathBuf::from(file) })
    }
}
