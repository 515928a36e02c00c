//! schemathesis, which tests a server against its OpenAPI document.

use std::process::Command;

use super::pip;

/// Directory of this version among the fetched programs.
const NAME: &str = "schemathesis-4.32.5";

/// File with the versions of schemathesis and its dependencies.
const REQUIREMENTS: &str = "tests/schemathesis.txt";

/// Returns a `schemathesis` command; `None` on a machine without Python and pip.
pub(crate) fn schemathesis() -> Option<Command> {
    let packages = pip::fetched(NAME, REQUIREMENTS, &[])?;
    let mut command = Command::new("python3");
    command
        .args(["-m", "schemathesis.cli"])
        .env("PYTHONPATH", packages)
        .env("NO_PROXY", "127.0.0.1");
    Some(command)
}
