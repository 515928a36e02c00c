//! The generated table of the built files, which `src/files.rs` includes.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::error::{BuildError, at};
use crate::pages::digest;

/// Directory in `OUT_DIR` with the files of the table.
const DIR: &str = "pages";

/// Writes an empty table with the reason.
pub(crate) fn write_missing(out: &Path, reason: &str) -> Result<(), BuildError> {
    let path = out.join("files.rs");
    let text = format!("Files {{ missing: Some({reason:?}), all: &[] }}\n");
    fs::write(&path, text).map_err(at(&path))
}

/// Copies the built files to `OUT_DIR`, so that the cache may forget them, and writes their table.
pub(crate) fn write(out: &Path, built: &Path) -> Result<(), BuildError> {
    let copies = out.join(DIR);
    if copies.exists() {
        fs::remove_dir_all(&copies).map_err(at(&copies))?;
    }
    fs::create_dir_all(&copies).map_err(at(&copies))?;
    let mut names = Vec::new();
    list(built, "", &mut names)?;
    names.sort();
    let mut rows = String::new();
    for name in &names {
        let path = copies.join(name);
        let parent = path.parent().unwrap_or(&copies);
        fs::create_dir_all(parent).map_err(at(parent))?;
        let content = fs::read(built.join(name)).map_err(at(built))?;
        fs::write(&path, &content).map_err(at(&path))?;
        if !name.ends_with(".br") && !name.ends_with(".gz") {
            let encoded = |end: &str| {
                let encoded = format!("{name}.{end}");
                match names.contains(&encoded) {
                    true => format!("Some({})", include(&encoded)),
                    false => "None".to_owned(),
                }
            };
            // Cannot fail: a String accepts every write.
            let _ = writeln!(
                rows,
                "File {{ path: {name:?}, tag: {:?}, identity: {}, brotli: {}, gzip: {} }},",
                format!("W/\"{}\"", digest(&content)),
                include(name),
                encoded("br"),
                encoded("gz"),
            );
        }
    }
    let path = out.join("files.rs");
    let text = format!("Files {{ missing: None, all: &[\n{rows}] }}\n");
    fs::write(&path, text).map_err(at(&path))
}

fn include(name: &str) -> String {
    let path = format!("/{DIR}/{name}");
    format!("include_bytes!(concat!(env!(\"OUT_DIR\"), {path:?}))")
}

/// Collects the paths of all files below a directory, relative to the first one.
fn list(dir: &Path, prefix: &str, names: &mut Vec<String>) -> Result<(), BuildError> {
    for entry in fs::read_dir(dir).map_err(at(dir))? {
        let entry = entry.map_err(at(dir))?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        match entry.path().is_dir() {
            true => list(&entry.path(), &format!("{name}/"), names)?,
            false => names.push(name),
        }
    }
    Ok(())
}
