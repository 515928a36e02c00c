//! Ids of addresses, which reveal nothing about them.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Channel, Email, Phone};

/// Number of bytes of the HMAC that an id has. Its text and the id of a campaign
/// fit into the 64 bytes up to which Redis stores the field of a hash compactly.
const LEN: usize = 15;

/// Length of an id's text.
const TEXT_LEN: usize = LEN / 3 * 4;

/// Length of a key, in bytes.
const KEY_LEN: usize = 32;

/// Id of an email address or a phone number: the first 120 bits of an HMAC of
/// its comparable form, as 20 characters of base64url. Without the deployment's
/// key nobody can tell the address, or whether a known address has this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AddressId([u8; TEXT_LEN]);

/// Error for a text that is not an [`AddressId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of an address has 20 characters of A-Z a-z 0-9 - _")]
pub struct AddressIdError;

impl AddressId {
    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        // The characters are checked when the id is made.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for AddressId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<&str> for AddressId {
    type Error = AddressIdError;

    fn try_from(text: &str) -> Result<Self, AddressIdError> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        match <[u8; TEXT_LEN]>::try_from(text.as_bytes()) {
            Ok(bytes) if bytes.iter().all(|byte| is_allowed(*byte)) => Ok(Self(bytes)),
            _ => Err(AddressIdError),
        }
    }
}

impl TryFrom<String> for AddressId {
    type Error = AddressIdError;

    fn try_from(text: String) -> Result<Self, AddressIdError> {
        Self::try_from(text.as_str())
    }
}

impl From<AddressId> for String {
    fn from(id: AddressId) -> Self {
        id.to_string()
    }
}

/// Secret key from which the ids of a deployment's addresses are derived.
#[derive(Clone, PartialEq, Eq)]
pub struct AddressKey([u8; KEY_LEN]);

/// Error for a text that is not an [`AddressKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address key is 32 random bytes, as 64 hexadecimal digits or in base64")]
pub struct AddressKeyError;

impl AddressKey {
    /// Returns the id of an email address.
    pub fn email(&self, email: &Email) -> AddressId {
        self.id("email", &email.comparable())
    }

    /// Returns the id of a phone number.
    pub fn phone(&self, phone: &Phone) -> AddressId {
        self.id("phone", phone.as_str())
    }

    /// Returns the id of the address that a message was sent to.
    pub fn recipient(&self, channel: Channel, to: &str) -> AddressId {
        match channel {
            Channel::Email => match Email::try_from(to.to_owned()) {
                Ok(email) => self.email(&email),
                Err(_) => self.id("email", to),
            },
            Channel::Phone => self.id("phone", to),
        }
    }

    /// Returns a digest that identifies the key and does not reveal it.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::new()
            .chain_update(b"patron address key\0")
            .chain_update(self.0)
            .finalize();
        URL_SAFE_NO_PAD.encode(&digest[..LEN])
    }

    fn id(&self, kind: &str, comparable: &str) -> AddressId {
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&self.padded().into());
        mac.update(kind.as_bytes());
        mac.update(b":");
        mac.update(comparable.as_bytes());
        let digest = mac.finalize().into_bytes();
        let mut text = [b'-'; TEXT_LEN];
        // The text of `LEN` bytes has exactly this length.
        let _written = URL_SAFE_NO_PAD.encode_slice(&digest[..LEN], &mut text);
        AddressId(text)
    }

    /// Returns the key at the length of a block of SHA-256; HMAC pads shorter keys
    /// with zeros itself.
    fn padded(&self) -> [u8; 64] {
        let mut padded = [0; 64];
        padded[..KEY_LEN].copy_from_slice(&self.0);
        padded
    }
}

/// Prints no part of the key, so that it does not reach logs.
impl fmt::Debug for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressKey")
    }
}

impl FromStr for AddressKey {
    type Err = AddressKeyError;

    fn from_str(text: &str) -> Result<Self, AddressKeyError> {
        let text = text.trim();
        let bytes = match text.len() == 2 * KEY_LEN {
            true => from_hex(text),
            false => STANDARD.decode(text).ok(),
        };
        let bytes = bytes.ok_or(AddressKeyError)?;
        bytes.try_into().map(Self).map_err(|_| AddressKeyError)
    }
}

impl From<[u8; KEY_LEN]> for AddressKey {
    fn from(bytes: [u8; KEY_LEN]) -> Self {
        Self(bytes)
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let starts = (0..text.len()).step_by(2);
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    starts.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> Email {
        Email::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn spellings_of_one_mailbox_have_one_id() {
        let key = AddressKey::from([7; KEY_LEN]);
        let id = key.email(&email("Ada@Example.COM"));
        assert_eq!(key.email(&email("ada@example.com")), id);
        assert_eq!(key.recipient(Channel::Email, "ADA@example.com"), id);
        assert_ne!(key.email(&email("ada@example.org")), id);
        let phone = Phone::try_from("+442079460958".to_owned()).unwrap();
        assert_eq!(
            key.recipient(Channel::Phone, "+442079460958"),
            key.phone(&phone)
        );
        assert_ne!(
            AddressKey::from([8; KEY_LEN]).email(&email("ada@example.com")),
            id
        );
    }

    #[test]
    fn an_id_is_a_text_of_twenty_characters() {
        let id = AddressKey::from([7; KEY_LEN]).email(&email("ada@example.com"));
        let text = id.to_string();
        assert_eq!(text.len(), 20);
        assert_eq!(AddressId::try_from(text.as_str()), Ok(id));
        for odd in ["", "AAAA", "AAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAA/"] {
            assert_eq!(AddressId::try_from(odd), Err(AddressIdError), "{odd}");
        }
    }

    #[test]
    fn a_key_is_hexadecimal_or_base64() {
        let hex = "07".repeat(KEY_LEN).parse::<AddressKey>();
        let base64 = STANDARD.encode([7; KEY_LEN]).parse::<AddressKey>();
        assert_eq!(hex, base64);
        assert_eq!(hex, Ok(AddressKey::from([7; KEY_LEN])));
        for odd in ["", "07", &"zz".repeat(KEY_LEN), &"07".repeat(31)] {
            assert_eq!(odd.parse::<AddressKey>(), Err(AddressKeyError), "{odd}");
        }
    }
}
