//! The small values that documents are made of: names, labels, days.

use indexmap::IndexMap;

use crate::shape::scalar::{Text, text_shape};
use crate::shape::{keywords, record};
use crate::source::Spanned;

record! {
    /// What every document says about itself.
    pub struct Metadata {
        /// The name of the document: for a node, the name of its folder.
        pub name: Spanned<Name>,
        /// What this is for, in a sentence.
        pub description: Option<String>,
        /// Labels for zones, reports and people; the tool reads those a zone asks for.
        pub labels: IndexMap<String, String>,
        /// The path of the node above; the folder already says it, and this must agree.
        pub parent: Option<Spanned<String>>,
    }
}

/// The name of a document: letters, digits, dots and hyphens, at most 63 of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub String);

impl Text for Name {
    const WHAT: &'static str = "a name";
    const PATTERN: &'static str = "^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$";
    const EXAMPLE: &'static str = "checkout-to-ledger";

    fn parse(text: &str) -> Result<Self, String> {
        let edge = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
        let inner = text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '.' || letter == '-');
        if text.len() <= 63 && inner && edge(text.chars().next()) && edge(text.chars().last()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "`{text}` cannot be a name: use at most 63 letters, digits, dots and hyphens, a letter or digit at each end"
            ))
        }
    }
}
text_shape!(Name, "Name");

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A calendar day in UTC; the day a date names is the last on which it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    /// The year, from 1970 to 9999.
    pub year: i32,
    /// The month, from 1.
    pub month: u32,
    /// The day of the month, from 1.
    pub day: u32,
}

impl Day {
    /// Returns the days since 1970-01-01, negative before it (the civil-date algorithm over eras of 400 years).
    #[must_use]
    pub fn number(self) -> i64 {
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let month = (i64::from(self.month) + 9) % 12;
        let day_of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        let year_of_era = year.rem_euclid(400);
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
    }

    /// Returns how many days lie between this day and a later one.
    #[must_use]
    pub fn days_until(self, later: Self) -> i64 {
        later.number() - self.number()
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Text for Day {
    const WHAT: &'static str = "a day";
    const PATTERN: &'static str = concat!(
        "^(?!0|1[0-8]|19[0-6])(",
        "[0-9]{4}-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])",
        "|[0-9]{4}-(0[469]|11)-(0[1-9]|[12][0-9]|30)",
        "|[0-9]{4}-02-(0[1-9]|1[0-9]|2[0-8])",
        // The leap years: by four, and of the full centuries by four hundred.
        "|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29",
        ")$"
    );
    const EXAMPLE: &'static str = "2027-02-15";

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a day of the calendar");
        let bytes = text.as_bytes();
        let dashed = bytes.len() == 10 && bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-');
        let digits = bytes.iter().enumerate().all(|(at, byte)| at == 4 || at == 7 || byte.is_ascii_digit());
        if !dashed || !digits {
            return Err(wrong());
        }
        let number = |range: std::ops::Range<usize>| text.get(range).and_then(|digits| digits.parse::<u32>().ok());
        let (Some(year), Some(month), Some(day)) = (number(0..4), number(5..7), number(8..10)) else {
            return Err(wrong());
        };
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 0,
        };
        if year < 1970 || day == 0 || day > length {
            return Err(wrong());
        }
        Ok(Self { year: i32::try_from(year).map_err(|_| wrong())?, month, day })
    }
}
text_shape!(Day, "Day");

keywords! {
    /// Whether a statement is enforced or only tried.
    pub enum Mode {
        /// Enforced.
        Enforce = "enforce",
        /// Reported and never enforced, until the day it names.
        DryRun = "dryRun",
    }
}

/// A team or a person: `team:payments-sre` or an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// A team that the organization lists.
    Team(String),
    /// A person, by address.
    Person(String),
}

impl Text for Owner {
    const WHAT: &'static str = "a team or a person";
    const PATTERN: &'static str = "^(team:[A-Za-z0-9._-]+|(?!team:)[!-?A-~]+@[!-?A-~]+)$";
    const EXAMPLE: &'static str = "team:payments-sre";

    fn parse(text: &str) -> Result<Self, String> {
        let word =
            |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        let part = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic() && c != '@');
        match (text.strip_prefix("team:"), text.split_once('@')) {
            (Some(team), _) if word(team) => Ok(Self::Team(team.to_owned())),
            (None, Some((user, host))) if part(user) && part(host) => Ok(Self::Person(text.to_owned())),
            _ => Err(format!("`{text}` is neither `team:<name>` nor an address")),
        }
    }
}
text_shape!(Owner, "Owner");

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Team(team) => write!(f, "team:{team}"),
            Self::Person(address) => f.write_str(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_across_leap_years() {
        let day = |text| Day::parse(text).unwrap();
        assert_eq!(day("1970-01-01").number(), 0);
        assert_eq!(day("2000-03-01").number(), 11_017);
        assert_eq!(day("2028-02-28").days_until(day("2028-03-01")), 2);
        assert_eq!(day("2026-02-28").days_until(day("2026-03-01")), 1);
    }

    #[test]
    fn days_that_are_not_are_refused() {
        for text in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "26-01-01",
            "2026-1-01",
            "2026-01-32",
            "+026-01-01",
            "2026-01-0é",
        ] {
            assert!(Day::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_start_and_end_with_a_letter_or_digit() {
        for text in ["", "-a", "a-", "a b", "a/b", "ä", &"a".repeat(64)] {
            assert!(Name::parse(text).is_err(), "{text}");
        }
        assert!(Name::parse("EXC-0042").is_ok());
    }
}
