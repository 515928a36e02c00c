//! Output of commands on standard output.

use std::fmt;
use std::io::{self, Write};

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

/// Formats a number with thousands separators: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_separated() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(69_659), "69,659");
        assert_eq!(grouped(1_000_000), "1,000,000");
    }
}
