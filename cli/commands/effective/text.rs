//! What holds, for people: the value first, below it how it came about.

use std::fmt::Write as _;

use ringfence_compiler::spec::names::Day;

use super::rules::{Rule, Tokens};
use super::settings::{Field, Said};
use super::view::{Part, View};
use crate::report::Style;

/// Renders every view, with a final newline.
pub(super) fn render(views: &[View], as_of: Day, style: Style) -> String {
    let mut page = Page { text: String::new(), style };
    for (at, view) in views.iter().enumerate() {
        if at > 0 {
            page.line(0, "");
        }
        page.view(view, as_of);
    }
    page.text
}

/// The text as it grows. Writing to a string cannot fail, so results are dropped.
struct Page {
    text: String,
    style: Style,
}

impl Page {
    fn line(&mut self, indent: usize, words: &str) {
        let _ = writeln!(self.text, "{}", format!("{:indent$}{words}", "").trim_end());
    }

    fn bold(&self, words: &str) -> String {
        if self.style.colour { format!("\u{1b}[1m{words}\u{1b}[0m") } else { words.to_owned() }
    }

    fn view(&mut self, view: &View, as_of: Day) {
        let place = view.place.as_ref().map_or(String::new(), |place| format!("  {place}"));
        let head = self.bold(&format!("{} {}", view.kind, view.name));
        self.line(0, &format!("{head}, as of {as_of}{place}"));
        if !view.aliases.is_empty() {
            self.line(2, &format!("also named {}", view.aliases.join(", ")));
        }
        if !view.fields.is_empty() {
            self.line(0, "");
            self.fields(&view.fields);
        }
        if !view.services.is_empty() {
            self.line(0, "");
            self.line(2, "services, and who reaches them");
        }
        for (name, by) in &view.services {
            let by = if by.is_empty() { "nobody".to_owned() } else { by.join(", ") };
            self.line(4, &format!("{name}  from {by}"));
        }
        for part in &view.parts {
            self.line(0, "");
            self.part(part);
        }
    }

    fn part(&mut self, part: &Part) {
        for workload in &part.workloads {
            let workload = self.bold(workload);
            self.line(2, &workload);
        }
        let ports = if part.ports.is_empty() { "none declared".to_owned() } else { part.ports.join(", ") };
        self.line(4, &format!("ports        {ports}"));
        self.line(4, &format!("identity     {}", part.identities.join(", ")));
        self.line(4, &format!("data plane   {}", part.data_plane));
        self.line(0, "");
        self.fields(&part.fields);
        self.line(0, "");
        self.line(2, "who reaches it");
        if !part.rules.iter().any(|rule| !rule.on_trial && ["allow", "default", "always allow"].contains(&rule.what)) {
            self.line(4, "nobody: nothing is granted");
        }
        for rule in &part.rules {
            self.rule(rule);
        }
        self.line(0, "");
        self.line(2, "tokens");
        self.tokens(&part.tokens);
    }

    fn fields(&mut self, fields: &[Field]) {
        let width = fields.iter().map(|field| field.name.len()).max().unwrap_or(0) + 2;
        for field in fields {
            let value = self.bold(&field.value);
            self.line(2, &format!("{:width$}{value}", field.name));
            // A mandate that clamped the value has been named already.
            let is_news =
                |bound: &&Said| !field.steps.iter().any(|step| step.by == bound.by && step.value == bound.value);
            for said in field.steps.iter().chain(field.bounds.iter().filter(is_news)).chain(&field.exceptions) {
                self.said(width + 4, said);
            }
        }
    }

    fn said(&mut self, indent: usize, said: &Said) {
        let words = format!("{} {}", said.what, said.value);
        match &said.by {
            Some((id, place)) => self.line(indent, &format!("{words}, by {id}  {place}")),
            None => self.line(indent, &words),
        }
    }

    fn rule(&mut self, rule: &Rule) {
        let trial = if rule.on_trial { " (on trial, not enforced)" } else { "" };
        self.line(4, &format!("{}{trial}, by {}  {}", rule.what, rule.by, rule.place));
        if rule.requests.is_empty() {
            self.line(6, "nobody");
        }
        for requests in &rule.requests {
            self.line(6, &requests.to_string());
        }
        for (id, place) in &rule.clipped_by {
            self.line(6, &format!("clipped by {id}  {place}"));
        }
        if let Some(reason) = &rule.reason {
            self.line(6, &format!("because {reason}"));
        }
    }

    fn tokens(&mut self, tokens: &Tokens) {
        if tokens.issuers.is_empty() {
            self.line(4, "none accepted");
        }
        for (issuer, by, place) in &tokens.issuers {
            self.line(4, &format!("accepts {issuer}, by {by}  {place}"));
        }
        match &tokens.required {
            Some((by, place)) => self.line(4, &format!("every request must show one, by {by}  {place}")),
            None if tokens.issuers.is_empty() => {}
            None => self.line(4, "a request without one is judged without it"),
        }
        if !tokens.exempt.is_empty() {
            self.line(4, &format!("none needed for {}", tokens.exempt.join(", ")));
        }
        for (provider, by, place) in &tokens.external {
            self.line(4, &format!("asks {provider} as well, by {by}  {place}"));
        }
    }
}
