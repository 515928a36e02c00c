//! Option of the web console.

use clap::Args;

/// The web console at `/`.
#[derive(Args)]
pub(crate) struct ConsoleOptions {
    /// Do not serve the web console at `/`
    #[arg(long, env = "PATRON_NO_CONSOLE")]
    no_console: bool,
}

impl ConsoleOptions {
    /// Returns whether the console is served.
    pub(crate) fn is_on(&self) -> bool {
        !self.no_console
    }
}
