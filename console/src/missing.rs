//! The page of a build without the console.

/// Returns a page that says why this build has no console, and how to get one.
pub(crate) fn page(reason: &str) -> String {
    let reason = reason
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!(
        "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Patron</title>
<h1>This build of Patron has no console</h1>
<p>The program was built without its web pages. The reason:</p>
<pre>{reason}</pre>
<p>To add them, build again on a machine with node and npm, or with Python, pip and access to
packages: <code>cargo build</code>. With <code>PATRON_CONSOLE=required</code> a build without the
console fails.</p>
<p>Everything else works. <a href=\"/docs/\">Browse the API</a>.</p>
</html>
"
    )
}
