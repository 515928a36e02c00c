//! The one-time link that signs a local admin in, where nobody else could.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A link that signs in once. Made for whoever can read what the program
/// prints, when it listens on this machine alone.
pub struct LocalLink(Mutex<Option<[u8; 32]>>);

impl LocalLink {
    /// A link, and its token, which nothing else knows.
    pub fn new() -> (Self, String) {
        let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        (Self(Mutex::new(Some(hash(&token)))), token)
    }

    /// Whether this is its token; the first time alone.
    pub(super) fn take(&self, token: &str) -> bool {
        let mut expected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |expected: [u8; 32]| bool::from(hash(token).ct_eq(&expected));
        let taken = expected.is_some_and(same);
        if taken {
            *expected = None;
        }
        taken
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

impl fmt::Debug for LocalLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalLink")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_signs_in_once() {
        let (link, token) = LocalLink::new();
        assert_eq!(token.len(), 43);
        for other in ["", "x", &token[1..], &format!("{token}=")] {
            assert!(!link.take(other), "{other}");
        }
        assert!(link.take(&token));
        assert!(!link.take(&token));
    }
}
