//! Random policies and requests, and what the verifier says of them, so that it can be held against a real Envoy;
//! tests/oracle/envoy tells what a case is.
//!
//! ```text
//! envoy_cases generate SEED COUNT [once] > CASES
//! envoy_cases judge [FAULT] < CASES > VERDICTS
//! envoy_cases faults
//! ```
//!
//! With `once` no header is sent twice, and nothing else that versions of Envoy are known to disagree about. A fault is a mistake somebody could have made in the verifier. Each is noticed by the comparison, or it compares nothing.

#![expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a tool of the test suite: a case that is no case ends it"
)]

mod generate;
mod judge;
mod random;
mod requests;

use std::error::Error;
use std::io::{BufRead, BufWriter, Write};

use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut out = BufWriter::new(std::io::stdout().lock());
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["generate", seed, count, once @ ..] => {
            let plain = match once {
                [] => false,
                ["once"] => true,
                _ => return Err("`once` or nothing follows the count".into()),
            };
            let mut random = random::Random::new(seed.parse()?);
            for number in 0..count.parse::<usize>()? {
                writeln!(out, "{}", generate::case(&format!("{seed}-{number}"), plain, &mut random))?;
            }
        }
        ["faults"] => {
            for fault in judge::Fault::ALL {
                writeln!(out, "{}", fault.name())?;
            }
        }
        ["judge", fault @ ..] => {
            let fault = match fault {
                [] => None,
                [name] => Some(judge::Fault::named(name).ok_or(format!("there is no fault `{name}`"))?),
                _ => return Err("one fault at a time".into()),
            };
            for line in std::io::stdin().lock().lines() {
                let case: Value = serde_json::from_str(&line?)?;
                let verdicts = judge::judge(&case, fault).map_err(|error| format!("{}: {error}", case["id"]))?;
                writeln!(out, "{}", json!({ "id": case["id"], "verdicts": verdicts }))?;
            }
        }
        _ => {
            return Err(
                "envoy_cases generate SEED COUNT [once], envoy_cases judge [FAULT], or envoy_cases faults".into()
            );
        }
    }
    out.flush()?;
    Ok(())
}
