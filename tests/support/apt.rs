//! Programs from Debian packages: downloaded with the machine's own apt and unpacked next to the
//! fetched engines, so that nothing is installed.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::engines::bin_dir;

/// Returns the directory `name` among the fetched programs, into which these packages are
/// unpacked. Returns `None` if the machine's apt cannot download them; panics if `PATRON_TEST_APT`
/// is set.
pub(crate) fn unpack(name: &str, packages: &[&str]) -> Option<PathBuf> {
    let root = bin_dir().join(name);
    if !root.exists()
        && let Err(reason) = unpack_into(&root, packages)
    {
        assert!(
            env::var_os("PATRON_TEST_APT").is_none(),
            "{name} cannot be downloaded: {reason}"
        );
        eprintln!("skipped, {name} cannot be downloaded: {reason}");
        return None;
    }
    Some(root)
}

/// Unpacks into a directory of this process and then renames it, so that another process finds
/// either everything or nothing.
fn unpack_into(root: &Path, packages: &[&str]) -> Result<(), String> {
    let dir = root.parent().unwrap();
    fs::create_dir_all(dir).unwrap();
    let scratch = tempfile::Builder::new()
        .prefix(".apt-")
        .tempdir_in(dir)
        .unwrap();
    let mut download = Command::new("apt-get");
    download.args(["download", "--quiet"]).args(packages);
    run(download.current_dir(scratch.path()))?;
    let files = fs::read_dir(scratch.path()).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let unpacked = scratch.path().join("root");
    for file in files.filter(|file| file.extension().is_some_and(|e| e == "deb")) {
        run(Command::new("dpkg-deb").arg("-x").arg(file).arg(&unpacked))?;
    }
    let moved = fs::rename(&unpacked, root);
    assert!(moved.is_ok() || root.exists(), "{moved:?}");
    Ok(())
}

fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(output),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
