//! Node, its packages, and Chromium.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Variable that makes a missing tool a failure.
const REQUIRED: &str = "PATRON_TEST_BROWSER";

/// Names of Chromium on the `PATH`.
const CHROMIUM: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// What the program's pages were built with.
#[derive(Clone, Copy)]
pub(crate) struct Tools {
    node: &'static str,
    npm: Option<&'static str>,
    /// Directory that holds `node_modules`.
    pub(crate) packages: &'static str,
}

impl Tools {
    /// Returns a command of node.
    pub(crate) fn node(&self) -> Command {
        let mut command = Command::new(self.node);
        command.env("PATH", self.path());
        command
    }

    /// Returns a command of npm.
    pub(crate) fn npm(&self) -> Command {
        let mut command = match self.npm {
            Some(script) => {
                let mut command = Command::new(self.node);
                command.arg(script);
                command
            }
            None => Command::new("npm"),
        };
        command.env("PATH", self.path());
        command
    }

    /// Returns the directory in the target directory that belongs to the console.
    pub(crate) fn target(&self) -> &'static Path {
        Path::new(self.packages).parent().unwrap()
    }

    /// Returns the `PATH` with this node first: npm's scripts find it there.
    fn path(&self) -> String {
        let dir = Path::new(self.node).parent().unwrap();
        let path = env::var("PATH").unwrap_or_default();
        format!("{}:{path}", dir.display())
    }
}

/// Returns the tools; prints the reason and returns `None` without them.
pub(crate) fn tools() -> Option<Tools> {
    let Some(found) = console::tools() else {
        return missing("the program was built without the console");
    };
    if !Path::new(found.packages).exists() {
        return missing("the packages of the console are not in the target directory any more");
    }
    Some(Tools {
        node: found.node,
        npm: found.npm,
        packages: found.packages,
    })
}

/// Returns the path of Chromium; prints the reason and returns `None` without one.
pub(crate) fn chromium() -> Option<PathBuf> {
    if let Some(given) = env::var_os("PATRON_CHROMIUM") {
        return Some(given.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<_> = env::split_paths(&path).collect();
    let candidates = CHROMIUM
        .iter()
        .flat_map(|name| dirs.iter().map(move |dir| dir.join(name)));
    let found = candidates.into_iter().find(|path| path.is_file());
    found.or_else(|| missing("Chromium is not on the PATH, and PATRON_CHROMIUM is not set"))
}

fn missing<T>(reason: &str) -> Option<T> {
    assert!(
        env::var_os(REQUIRED).is_none(),
        "{REQUIRED} is set, but {reason}"
    );
    eprintln!("SKIPPED: {reason}");
    None
}

/// Returns the root directory of the repository.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
