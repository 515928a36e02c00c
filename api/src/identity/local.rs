//! The one-time link that signs in a local admin where no provider is set up.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// One-time sign-in link. The program prints it when it listens on the loopback
/// interface only, for the person who started it.
pub struct LocalLink(Mutex<Option<[u8; 32]>>);

impl LocalLink {
    /// Creates a link, and returns it with its token. Only a hash of the token is
    /// kept.
    pub fn new() -> (Self, String) {
        let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        (Self(Mutex::new(Some(hash(&token)))), token)
    }

    /// Redeems the link. Returns `true` only for the right token, and only once.
    pub(super) fn redeem(&self, token: &str) -> bool {
        let mut expected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |expected: [u8; 32]| bool::from(hash(token).ct_eq(&expected));
        let redeemed = expected.is_some_and(same);
        if redeemed {
            *expected = None;
        }
        redeemed
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
    fn a_link_can_be_redeemed_once() {
        let (link, token) = LocalLink::new();
        assert_eq!(token.len(), 43);
        for other in ["", "x", &token[1..], &format!("{token}=")] {
            assert!(!link.redeem(other), "{other}");
        }
        assert!(link.redeem(&token));
        assert!(!link.redeem(&token));
    }
}
