//! Options of imports over HTTP.

use std::path::{Path, PathBuf};

use api::ImportConfig;
use clap::Args;

/// Files that people upload to the API.
#[derive(Args, Clone, Debug)]
pub(crate) struct ImportFileOptions {
    /// Directory of uploaded files, which must survive a restart of this process and is used by
    /// it alone; without it this process takes no files, except that 'up' uses its data directory
    #[arg(long, env = "PATRON_IMPORT_DIR", value_name = "DIR")]
    import_dir: Option<PathBuf>,

    /// Largest file that can be uploaded, in bytes
    #[arg(long, env = "PATRON_IMPORT_MAX_BYTES", value_name = "BYTES",
          default_value_t = ImportConfig::MAX_BYTES,
          value_parser = clap::value_parser!(u64).range(1..))]
    import_max_bytes: u64,
}

impl ImportFileOptions {
    /// Returns the API's configuration. `default` is the directory if none is set.
    pub(crate) fn config(&self, default: Option<&Path>) -> ImportConfig {
        let directory = self.import_dir.as_deref().or(default);
        ImportConfig {
            directory: directory.map(Path::to_owned),
            max_bytes: self.import_max_bytes,
            process: process_name(),
        }
    }
}

/// Returns the name by which operators find this process: `HOST/PID`.
fn process_name() -> String {
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy();
    format!("{host}/{}", std::process::id())
}
