//! Random policies and requests, and what the verifier says of them, so that it can be held against a real Envoy;
//! tests/oracle/envoy tells what a case is.
//!
//! ```text
//! envoy_cases generate SEED COUNT [once] > CASES
//! envoy_cases judge [FAULT] < CASES > VERDICTS
//! envoy_cases faults
//! envoy_cases witnesses EXPECTED FOLDER... > CASES
//! ```
//!
//! With `once` no header is sent twice, and nothing else that versions of Envoy are known to disagree about. A fault is a mistake somebody could have made in the verifier. Each is noticed by the comparison, or it compares nothing.
//!
//! With `witnesses` the requests are those that the verifier itself names about folders, and `EXPECTED` is where its verdicts on
//! them are put.

#![expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a tool of the test suite: a case that is no case ends it"
)]

mod generate;
mod judge;
mod random;
mod requests;
mod witnesses;

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufWriter, Write};
use std::path::Path;

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
        ["witnesses", expected, folders @ ..] => {
            let mut verdicts = BufWriter::new(File::create(expected)?);
            for folder in folders {
                let replays = witnesses::of(Path::new(folder)).map_err(|error| format!("{folder}: {error}"))?;
                for replay in replays {
                    writeln!(out, "{}", replay.case)?;
                    writeln!(verdicts, "{}", json!({ "id": replay.case["id"], "verdicts": replay.expected }))?;
                }
            }
            verdicts.flush()?;
        }
        _ => {
            return Err("envoy_cases generate SEED COUNT [once], envoy_cases judge [FAULT], envoy_cases faults, or envoy_cases \
                witnesses EXPECTED FOLDER..."
                .into());
        }
    }
    out.flush()?;
    Ok(())
}
