//! schemathesis, which holds a server to its OpenAPI document.

use std::process::Command;

use super::pip;

/// Where this version lies among the fetched programs.
const NAME: &str = "schemathesis-4.32.5";

/// It and all that it needs, by version.
const REQUIREMENTS: &str = "tests/schemathesis.txt";

/// A `schemathesis` command; none on a machine without Python and pip.
pub(crate) fn schemathesis() -> Option<Command> {
    let packages = pip::fetched(NAME, REQUIREMENTS, &[])?;
    let mut command = Command::new("python3");
    command
        .args(["-m", "schemathesis.cli"])
        .env("PYTHONPATH", packages)
        .env("NO_PROXY", "127.0.0.1");
    Some(command)
}
