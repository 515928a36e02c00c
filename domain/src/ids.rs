//! Ids as types, parsed once at the edge and valid from then on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Maximum length of an id, in bytes.
const MAX_LEN: usize = 128;

/// Reason why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("an id must not be empty")]
    Empty,
    /// The text has this many bytes.
    #[error("an id has at most {MAX_LEN} bytes, this one has {0}")]
    TooLong(usize),
    /// The text contains this character, at this offset in characters.
    #[error(
        "an id is made of A-Z a-z 0-9 . _ : @ + -; character {0:?} at offset {1} is not allowed"
    )]
    Character(char, usize),
    /// The text is `.` or `..`, which clients cannot send as a segment of a URL
    /// path.
    #[error("an id must not be `.` or `..`, which have a special meaning in URL paths")]
    Place,
}

fn check(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > MAX_LEN {
        return Err(IdError::TooLong(text.len()));
    }
    if text == "." || text == ".." {
        return Err(IdError::Place);
    }
    let odd = |c: &char| !(c.is_ascii_alphanumeric() || "._:@+-".contains(*c));
    match text.chars().enumerate().find(|(_, c)| odd(c)) {
        Some((at, c)) => Err(IdError::Character(c, at)),
        None => Ok(()),
    }
}

/// Declares the id types. Append new ones to the list below.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Returns the id as text: 1 to 128 bytes of
            /// `A-Z a-z 0-9 . _ : @ + -`, but neither `.` nor `..`.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = IdError;

            fn try_from(text: &str) -> Result<Self, IdError> {
                check(text).map(|()| Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                check(&text).map(|()| Self(text.into_boxed_str()))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// Id of a customer, assigned by the shop.
    CustomerId;
    /// Id of an order, unique within its customer.
    OrderId;
    /// Id of an activity, unique within its customer.
    ActivityId;
    /// Name of a view: `customers`.
    ViewName;
    /// Id of a segment: `seg_` and 32 hexadecimal digits if Patron assigned it.
    SegmentId;
    /// Id of a segment's holder, which is the id of a campaign.
    Holder;
    /// Id of a campaign: `cmp_` and 32 hexadecimal digits.
    CampaignId;
    /// Id of a user: `usr_` and 32 hexadecimal digits.
    UserId;
    /// Id of a user's session: `ses_` and 32 hexadecimal digits.
    SessionId;
    /// Epoch of a log: 32 hexadecimal digits.
    Epoch;
    /// Id of an API key: `key_` and 32 hexadecimal digits. It is not secret.
    KeyId;
    /// Id of a job of the API: `job_` and 32 hexadecimal digits.
    JobId;
    /// Id of an import: `imp_` and 32 hexadecimal digits.
    ImportId;
}

/// Implements the conversion from the 128 bits of a UUID for ids that Patron
/// assigns. Append new ones to the list below.
macro_rules! generated_ids {
    ($($name:ident = $prefix:literal;)*) => {$(
        impl From<u128> for $name {
            #[doc = concat!("Returns `", $prefix, "` and the 32 hexadecimal digits of `bits`.")]
            fn from(bits: u128) -> Self {
                Self(format!(concat!($prefix, "{:032x}"), bits).into_boxed_str())
            }
        }
    )*};
}

generated_ids! {
    SegmentId = "seg_";
    CampaignId = "cmp_";
    UserId = "usr_";
    SessionId = "ses_";
    KeyId = "key_";
    JobId = "job_";
    ImportId = "imp_";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_id_is_its_prefix_and_its_bits() {
        let id = SegmentId::from(0x1af);
        assert_eq!(id.as_str(), "seg_000000000000000000000000000001af");
        assert_eq!(SegmentId::try_from(id.as_str()), Ok(id));
    }

    #[test]
    fn an_invalid_id_is_rejected_with_its_reason() {
        assert_eq!(CustomerId::try_from(""), Err(IdError::Empty));
        assert_eq!(CustomerId::try_from("a/b"), Err(IdError::Character('/', 1)));
        assert_eq!(
            CustomerId::try_from("ä".repeat(65)),
            Err(IdError::TooLong(130))
        );
        for place in [".", ".."] {
            assert_eq!(CustomerId::try_from(place), Err(IdError::Place));
        }
        assert!(CustomerId::try_from("...").is_ok());
        assert!(CustomerId::try_from("x".repeat(128)).is_ok());
        assert!(CustomerId::try_from("jo+shop@example.com:1_2-3").is_ok());
    }
}
