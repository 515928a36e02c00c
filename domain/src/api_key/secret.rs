//! Secrets of API keys.

use std::fmt;
use std::str::FromStr;

use super::KeyHash;
use crate::{KeyId, Text};

/// Secret of an API key, as its owner has it:
/// `patron_<32 hexadecimal digits of the id>_<43 characters of base64url>`.
/// It contains the key's id, so that one read finds the key.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySecret {
    id: KeyId,
    text: Box<str>,
}

/// Error for a text that is not a [`KeySecret`]. The message does not repeat
/// the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key is patron_, 32 hexadecimal digits, _ and 43 characters of base64url")]
pub struct KeySecretError;

const PREFIX: &str = "patron_";
const ID: &str = "key_";
const ID_DIGITS: usize = 32;
/// Length of 32 bytes in base64url, at six bits per character.
const SECRET_CHARACTERS: usize = 43;
const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Number of the id's digits that the prefix shows.
const SHOWN_DIGITS: usize = 8;

impl KeySecret {
    /// Returns the secret of a new key, from an id of 128 bits and 32 random
    /// bytes.
    pub fn new(id: u128, random: &[u8; 32]) -> Self {
        let text = format!("{PREFIX}{id:032x}_{}", base64url(random));
        Self {
            id: KeyId::from(id),
            text: text.into_boxed_str(),
        }
    }

    /// Returns the id of the key.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// Returns the hash of the whole text, which is stored instead of the
    /// secret.
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(self.text.as_bytes())
    }

    /// Returns the public prefix: `patron_` and eight digits of the id.
    #[expect(clippy::expect_used, reason = "a beginning of 15 plain characters")]
    pub fn prefix(&self) -> Text<32> {
        let shown = self.text.chars().take(PREFIX.len() + SHOWN_DIGITS);
        Text::try_from(shown.collect::<String>()).expect("short and plain")
    }

    /// Returns the secret text. It must not be logged.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

/// Encodes 32 bytes as base64url without padding.
fn base64url(bytes: &[u8; 32]) -> String {
    let character = |at: usize| {
        let (byte, bit) = (at * 6 / 8, at * 6 % 8);
        let next = bytes.get(byte + 1).copied().unwrap_or(0);
        let two = u16::from_be_bytes([bytes[byte], next]);
        char::from(BASE64URL[usize::from(two >> (10 - bit)) & 63])
    };
    (0..SECRET_CHARACTERS).map(character).collect()
}

/// Prints the key's id only, so that secrets do not reach logs.
impl fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySecret({})", self.id)
    }
}

impl FromStr for KeySecret {
    type Err = KeySecretError;

    fn from_str(text: &str) -> Result<Self, KeySecretError> {
        let rest = text.strip_prefix(PREFIX).ok_or(KeySecretError)?;
        let (digits, rest) = rest.split_at_checked(ID_DIGITS).ok_or(KeySecretError)?;
        let secret = rest.strip_prefix('_').ok_or(KeySecretError)?;
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_secret = secret.bytes().all(|byte| BASE64URL.contains(&byte));
        if !digits.bytes().all(is_digit) || !is_secret || secret.len() != SECRET_CHARACTERS {
            return Err(KeySecretError);
        }
        let id = KeyId::try_from(format!("{ID}{digits}")).map_err(|_| KeySecretError)?;
        let text = text.into();
        Ok(Self { id, text })
    }
}
