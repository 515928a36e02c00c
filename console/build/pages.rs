//! The pages: their sources, packages, and build.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::error::{BuildError, at};
use crate::node::{Node, run};

/// Raised when this script builds something else from the same sources.
const FORMAT: u32 = 1;

/// The document from which the client's types are generated, relative to the sources.
const DOCUMENT: &str = "../docs/openapi.json";

/// Directories of sources.
const DIRS: [&str; 3] = ["public", "scripts", "src"];

/// Ends of the names of files at the top that are sources: the page, settings and the lock file.
const TOP: [&str; 5] = [".html", ".js", ".json", ".mjs", ".ts"];

/// Ends of the names of files that the pages are not made of: this crate, unit tests, and the
/// generated types, which a developer's own build leaves among the sources.
const OTHER: [&str; 4] = [".rs", ".test.ts", ".test.tsx", "schema.d.ts"];

/// Returns the paths whose change may change the pages.
pub(crate) fn watched(sources: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let mut watched = top_files(sources)?;
    watched.extend(DIRS.map(PathBuf::from));
    watched.retain(|path| sources.join(path).exists());
    watched.push(DOCUMENT.into());
    Ok(watched)
}

/// Returns the range of versions of node that `package.json` accepts.
pub(crate) fn accepted_node(sources: &Path) -> Result<String, BuildError> {
    let path = sources.join("package.json");
    let text = fs::read_to_string(&path).map_err(at(&path))?;
    let (_, engines) = text.split_once("\"engines\"").unwrap_or_default();
    let range = engines.split('"').find(|part| part.contains(">="));
    let range = range.map(str::to_owned);
    range.ok_or_else(|| BuildError(format!("{}: engines: expected `>=X.Y`", path.display())))
}

/// Returns the directory with the packages of the lock file, which it installs if it is missing.
pub(crate) fn install(node: &Node, sources: &Path, cache: &Path) -> Result<PathBuf, BuildError> {
    let lock = sources.join("package-lock.json");
    let text = fs::read(&lock).map_err(at(&lock))?;
    let name = format!("packages-{}", digest(&(FORMAT, text)));
    let dir = cache.join(&name);
    if dir.exists() {
        return Ok(dir);
    }
    let scratch = empty_dir(cache, ".installing")?;
    for name in ["package.json", "package-lock.json"] {
        let to = scratch.join(name);
        fs::copy(sources.join(name), &to).map_err(at(&to))?;
    }
    let mut npm = node.npm();
    npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .args(["--include=dev", "--include=optional"])
        // Outside the target directory nothing is written, and a machine without network is not
        // kept waiting.
        .env("npm_config_cache", cache.join("npm"))
        .env("npm_config_update_notifier", "false")
        .env("npm_config_fetch_retries", "1")
        .env("npm_config_fetch_retry_mintimeout", "1000")
        .current_dir(&scratch);
    run(&mut npm, "npm ci")?;
    remove_others(cache, "packages-", &name)?;
    fs::rename(&scratch, &dir).map_err(at(&dir))?;
    Ok(dir)
}

/// Returns the directory with the built pages, which it builds if it is missing.
pub(crate) fn build(
    node: &Node,
    packages: &Path,
    sources: &Path,
    cache: &Path,
) -> Result<PathBuf, BuildError> {
    let files = source_files(sources)?;
    let mut contents = Vec::new();
    for file in files
        .iter()
        .map(PathBuf::as_path)
        .chain([Path::new(DOCUMENT)])
    {
        let path = sources.join(file);
        contents.push((file.to_owned(), fs::read(&path).map_err(at(&path))?));
    }
    let name = format!("pages-{}", digest(&(FORMAT, &contents)));
    let dir = cache.join(&name);
    if dir.exists() {
        return Ok(dir);
    }
    let scratch = empty_dir(cache, ".building")?;
    // One directory deeper, so that the document has the same relative path.
    let work = scratch.join("console");
    for (file, content) in contents {
        let to = work.join(file);
        let parent = to.parent().unwrap_or(&work);
        fs::create_dir_all(&work).map_err(at(&work))?;
        fs::create_dir_all(parent).map_err(at(parent))?;
        fs::write(&to, content).map_err(at(&to))?;
    }
    let link = work.join("node_modules");
    symlink(packages.join("node_modules"), &link).map_err(at(&link))?;
    let mut npm = node.npm();
    run(
        npm.args(["run", "build"])
            .env("npm_config_cache", cache.join("npm"))
            .env("npm_config_update_notifier", "false")
            .env("NODE_ENV", "production")
            .current_dir(&work),
        "npm run build",
    )?;
    let mut compress = node.node();
    run(
        compress.arg("scripts/compress.mjs").current_dir(&work),
        "scripts/compress.mjs",
    )?;
    remove_others(cache, "pages-", &name)?;
    fs::rename(work.join("dist"), &dir).map_err(at(&dir))?;
    fs::remove_dir_all(&scratch).map_err(at(&scratch))?;
    Ok(dir)
}

/// Returns the relative paths of the sources, sorted.
fn source_files(sources: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let mut files = top_files(sources)?;
    for dir in DIRS {
        if sources.join(dir).exists() {
            collect(sources, Path::new(dir), &mut files)?;
        }
    }
    files.retain(|file| !ends_with(file, &OTHER));
    files.sort();
    Ok(files)
}

fn top_files(sources: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(sources).map_err(at(sources))? {
        let path = entry.map_err(at(sources))?.path();
        if path.is_file() && ends_with(&path, &TOP) {
            files.extend(path.file_name().map(PathBuf::from));
        }
    }
    Ok(files)
}

fn collect(sources: &Path, dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), BuildError> {
    let path = sources.join(dir);
    for entry in fs::read_dir(&path).map_err(at(&path))? {
        let entry = entry.map_err(at(&path))?;
        let inner = dir.join(entry.file_name());
        match entry.path().is_dir() {
            true => collect(sources, &inner, files)?,
            false => files.push(inner),
        }
    }
    Ok(())
}

fn ends_with(path: &Path, ends: &[&str]) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| ends.iter().any(|end| name.ends_with(end)))
}

/// Returns a digest for names in the cache. A compiler with another hash function only builds the
/// pages once more.
pub(crate) fn digest(value: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn empty_dir(cache: &Path, name: &str) -> Result<PathBuf, BuildError> {
    let dir = cache.join(name);
    if dir.exists() {
        fs::remove_dir_all(&dir).map_err(at(&dir))?;
    }
    fs::create_dir_all(&dir).map_err(at(&dir))?;
    Ok(dir)
}

/// Removes what older sources left in the cache.
fn remove_others(cache: &Path, prefix: &str, kept: &str) -> Result<(), BuildError> {
    for entry in fs::read_dir(cache).map_err(at(cache))? {
        let entry = entry.map_err(at(cache))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(prefix) && name != kept {
            fs::remove_dir_all(entry.path()).map_err(at(&entry.path()))?;
        }
    }
    Ok(())
}
