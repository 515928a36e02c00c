//! The reason why the pages cannot be built.

use std::fmt;
use std::io;
use std::path::Path;

/// Reason why the pages cannot be built, as a person reads it.
#[derive(Debug)]
pub(crate) struct BuildError(pub(crate) String);

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns a conversion of an error about a path.
pub(crate) fn at(path: &Path) -> impl Fn(io::Error) -> BuildError {
    move |error| BuildError(format!("{}: {error}", path.display()))
}
