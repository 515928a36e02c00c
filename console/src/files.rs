//! The built files, in the program.

use crate::Encoding;

/// The files of this build.
pub(crate) static FILES: Files = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Built files.
pub(crate) struct Files {
    /// Reason why there are none.
    pub(crate) missing: Option<&'static str>,
    pub(crate) all: &'static [File],
}

/// A built file with its compressed copies.
pub(crate) struct File {
    /// Path relative to the directory of the build.
    pub(crate) path: &'static str,
    /// Entity tag.
    pub(crate) tag: &'static str,
    pub(crate) identity: &'static [u8],
    pub(crate) brotli: Option<&'static [u8]>,
    pub(crate) gzip: Option<&'static [u8]>,
}

impl Files {
    /// Returns the file at this path.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.all.iter().find(|file| file.path == path)
    }
}

impl File {
    /// Returns the content in the encoding that a client prefers, by its `Accept-Encoding`.
    pub(crate) fn encoded(&self, accepted: &str) -> (Encoding, &'static [u8]) {
        let encodings = [
            (Encoding::Brotli, self.brotli),
            (Encoding::Gzip, self.gzip),
            (Encoding::Identity, Some(self.identity)),
        ];
        let there = encodings.into_iter().filter_map(|(encoding, content)| {
            let weight = encoding.weight(accepted);
            Some((encoding, content?, weight)).filter(|_| weight > 0)
        });
        // The first of equals: the list begins with the smallest.
        let best = there.reduce(|best, next| if next.2 > best.2 { next } else { best });
        best.map_or(
            (Encoding::Identity, self.identity),
            |(encoding, content, _)| (encoding, content),
        )
    }

    /// Returns whether the response depends on the accepted encodings.
    pub(crate) fn is_compressed(&self) -> bool {
        self.brotli.is_some() || self.gzip.is_some()
    }

    /// Returns the media type for the file's extension.
    pub(crate) fn media_type(&self) -> &'static str {
        match self.path.rsplit('.').next().unwrap_or_default() {
            "css" => "text/css; charset=utf-8",
            "html" => "text/html; charset=utf-8",
            "ico" => "image/x-icon",
            "js" | "mjs" => "text/javascript; charset=utf-8",
            "json" => "application/json",
            "png" => "image/png",
            "svg" => "image/svg+xml",
            "ts" | "txt" => "text/plain; charset=utf-8",
            "webmanifest" => "application/manifest+json",
            "webp" => "image/webp",
            "woff2" => "font/woff2",
            _ => "application/octet-stream",
        }
    }
}
