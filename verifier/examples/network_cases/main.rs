//! Random policies of the network and connections, and what the verifier says of them, so that it can be held against
//! another reading of the same objects; tests/oracle/network tells what a case is.
//!
//! ```text
//! network_cases generate SEED COUNT > CASES
//! network_cases judge [FAULT] < CASES > VERDICTS
//! network_cases faults
//! ```
//!
//! A fault is a mistake somebody could have made in the verifier. Each is noticed by the comparison, or it compares nothing.

#![expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a tool of the test suite: a case that is no case ends it"
)]

mod generate;
mod judge;
#[path = "../envoy_cases/random.rs"]
mod random;

use std::error::Error;
use std::io::{BufRead, BufWriter, Write};

use rayon::prelude::*;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut out = BufWriter::new(std::io::stdout().lock());
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["generate", seed, count] => {
            let mut random = random::Random::new(seed.parse()?);
            for number in 0..count.parse::<usize>()? {
                writeln!(out, "{}", generate::case(&format!("{seed}-{number}"), &mut random))?;
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
            let lines = std::io::stdin().lock().lines().collect::<Result<Vec<_>, _>>()?;
            let judged: Vec<Result<Value, String>> = lines
                .par_iter()
                .map(|line| {
                    let case: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
                    let verdicts = judge::judge(&case, fault).map_err(|error| format!("{}: {error}", case["id"]))?;
                    let words: Vec<&str> = verdicts.iter().map(|verdict| verdict.word).collect();
                    Ok(json!({ "id": case["id"], "verdicts": words }))
                })
                .collect();
            for answer in judged {
                writeln!(out, "{}", answer?)?;
            }
        }
        _ => {
            return Err(
                "network_cases generate SEED COUNT, network_cases judge [FAULT], or network_cases faults".into()
            );
        }
    }
    out.flush()?;
    Ok(())
}
