//! `sign`: signs what lies in the output folder, once it is compiled again to the same bytes.

use super::compile;
use crate::args::{Compile, Rollout, Sign};
use crate::exit::{Exit, Failure};

/// Runs the command: what was compiled before is compiled again, and signed where nothing is different.
pub(super) fn run(args: &Sign) -> Result<Exit, Failure> {
    let again = Compile {
        path: args.path.clone(),
        out: args.out.clone(),
        check: false,
        rollout: Rollout::Direct,
        sign: Some(args.key.clone()),
        signing: args.signing.clone(),
        findings: args.findings.clone(),
        reading: args.reading.clone(),
    };
    compile::compiled(&again, compile::There::Same)
}
