//! Output of commands on standard output.

use std::fmt;
use std::io::{self, Write};

use indicatif::HumanCount;

/// Prints a line. Ignores errors: a closed pipe, as after `| head`, must not fail the command.
pub(crate) fn say(line: impl fmt::Display) {
    let mut out = io::stdout().lock();
    let _gone = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Returns the actor of commands that are run on this machine: `operator:NAME`.
pub(crate) fn operator() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    format!("operator:{}", user.as_deref().unwrap_or("unknown"))
}

/// Formats a count with thousands separators: `1,234,567`. Unlike [`HumanCount`], the text can be
/// padded to a width.
pub(crate) fn grouped(count: u64) -> String {
    HumanCount(count).to_string()
}
