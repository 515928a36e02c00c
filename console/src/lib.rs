//! The web console: a page for people, as files in the program.
//!
//! The pages are written in TypeScript in `src`, next to this crate's files. The build script
//! (`build`) compiles them with node, compresses them, and writes a table that [`files`] includes.
//! At run time nothing is read from disk.
//!
//! This crate knows no resource and no identity: it serves files. The pages are a client of the
//! API without privileges, so their files are public.

mod encoding;
mod files;
mod missing;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};

use self::encoding::Encoding;
use self::files::{FILES, File, Files};

/// Label of the route of the hashed files.
pub const ASSETS: &str = "/assets/{*path}";

/// Path of the API's types for TypeScript.
const TYPES: &str = "openapi.d.ts";

/// Path of the page in the table.
const PAGE: &str = "index.html";

/// Paths that are only the console's. The page's own router decides what they show.
const PAGES: [&str; 6] = [
    "/",
    "/sign-in",
    "/suppressions",
    "/users",
    "/keys",
    "/settings",
];

/// Paths that are only the console's, with all paths below them.
const PAGES_WITH_DEEP_LINKS: [&str; 6] = [
    "/customers",
    "/segments",
    "/campaigns",
    "/imports",
    "/audit",
    "/operations",
];

/// Content security policy of all files: nothing inline, and nothing from another origin. Without
/// the line break at its end.
const POLICY: &str = include_str!("../content-security-policy.txt").trim_ascii_end();

/// The name of a hashed file changes with its content.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// The file may change with the program, so a browser asks whether it has.
const REVALIDATE: &str = "no-cache";

/// The tools that the pages were built with.
#[derive(Debug, Clone, Copy)]
pub struct Tools {
    /// Path of node.
    pub node: &'static str,
    /// Script of npm, which node runs; `None` for the `npm` on the `PATH`.
    pub npm: Option<&'static str>,
    /// Directory that holds `node_modules`.
    pub packages: &'static str,
}

/// Returns the tools that the pages were built with, for tests that use the same; `None` in a
/// build without the console.
pub fn tools() -> Option<Tools> {
    Some(Tools {
        node: option_env!("PATRON_CONSOLE_NODE")?,
        npm: option_env!("PATRON_CONSOLE_NPM"),
        packages: option_env!("PATRON_CONSOLE_PACKAGES")?,
    })
}

/// Routes of the page and its files. A path outside the console's own has no route here, so that
/// the API answers it.
pub fn pages<S: Clone + Send + Sync + 'static>() -> Router<S> {
    pages_of(&FILES)
}

/// Route of `/openapi.d.ts`, the API's types for TypeScript; no route in a build without the
/// console, whose build generates them.
pub fn types<S: Clone + Send + Sync + 'static>() -> Router<S> {
    match FILES.file(TYPES) {
        Some(file) => Router::new().route(&format!("/{TYPES}"), serve(file)),
        None => Router::new(),
    }
}

fn pages_of<S: Clone + Send + Sync + 'static>(files: &'static Files) -> Router<S> {
    let page = match files.file(PAGE) {
        Some(page) => serve(page),
        None => missing_page(
            files
                .missing
                .unwrap_or("its page is not among the built files"),
        ),
    };
    let asset = get(
        move |Path(path): Path<String>, headers: HeaderMap| async move {
            match files.file(&format!("assets/{path}")) {
                Some(file) => answer(file, &headers, IMMUTABLE),
                None => StatusCode::NOT_FOUND.into_response(),
            }
        },
    );
    let mut routes = Router::new().route(ASSETS, asset);
    for path in PAGES {
        routes = routes.route(path, page.clone());
    }
    for path in PAGES_WITH_DEEP_LINKS {
        routes = routes
            .route(path, page.clone())
            .route(&format!("{path}/"), page.clone())
            .route(&format!("{path}/{{*rest}}"), page.clone());
    }
    let others = files.all.iter().filter(|file| file.is_named());
    others.fold(routes, |routes, file| {
        routes.route(&format!("/{}", file.path), serve(file))
    })
}

impl File {
    /// Returns whether the file is requested by its own name, such as an icon.
    fn is_named(&self) -> bool {
        !self.path.starts_with("assets/") && ![PAGE, TYPES].contains(&self.path)
    }
}

/// Returns a handler for a file whose name does not change.
fn serve<S: Clone + Send + Sync + 'static>(file: &'static File) -> MethodRouter<S> {
    get(move |request: Request| async move { answer(file, request.headers(), REVALIDATE) })
}

/// Returns a handler for the page of a build without the console.
fn missing_page<S: Clone + Send + Sync + 'static>(reason: &str) -> MethodRouter<S> {
    let page = missing::page(reason);
    get(move || async move {
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::CACHE_CONTROL, "no-store"),
        ];
        (headers, page)
    })
}

/// Returns a file in the encoding that the request prefers, or 304 if the client has it.
fn answer(file: &'static File, request: &HeaderMap, caching: &'static str) -> Response {
    let accepted = request.get_all(header::ACCEPT_ENCODING);
    let accepted = accepted.iter().filter_map(|value| value.to_str().ok());
    let (encoding, content) = file.encoded(&accepted.collect::<Vec<_>>().join(","));
    let mut response = match is_known(request, file.tag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => Response::new(Body::from(content)),
    };
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::CACHE_CONTROL, caching);
    set(header::ETAG, file.tag);
    set(header::CONTENT_TYPE, file.media_type());
    if file.is_compressed() {
        set(header::VARY, "accept-encoding");
    }
    if let Some(name) = encoding.name() {
        set(header::CONTENT_ENCODING, name);
    }
    response
}

/// Returns whether the client has the file with this tag. Tags are weak: all encodings have the
/// same content.
fn is_known(request: &HeaderMap, tag: &str) -> bool {
    let values = request.get_all(header::IF_NONE_MATCH).iter();
    let tags = values.filter_map(|value| value.to_str().ok());
    let mut tags = tags.flat_map(|value| value.split(',').map(str::trim));
    let strong = tag.trim_start_matches("W/");
    tags.any(|known| known == "*" || known.trim_start_matches("W/") == strong)
}

#[cfg(test)]
mod tests;
