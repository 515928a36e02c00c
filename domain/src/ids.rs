//! Ids as types: parsed once at the edge, trusted inside.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest id taken, in bytes.
const MAX_LEN: usize = 128;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("an id must not be empty")]
    Empty,
    /// The text has this many bytes.
    #[error("an id has at most {MAX_LEN} bytes, this one has {0}")]
    TooLong(usize),
    /// The character, and how many characters stand before it.
    #[error(
        "an id is made of A-Z a-z 0-9 . _ : @ + -; character {0:?} at offset {1} is none of them"
    )]
    Character(char, usize),
    /// `.` or `..`, which no client can put into a path.
    #[error("an id must not be `.` or `..`: in a path they mean another place")]
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

/// Declares the id types; append to the list below.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The id as text: 1 to 128 bytes of `A-Z a-z 0-9 . _ : @ + -`, and
            /// neither `.` nor `..`.
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
    /// A customer, as the shop names them.
    CustomerId;
    /// An order of one customer. Unique within its customer.
    OrderId;
    /// Something a customer did. Unique within its customer.
    ActivityId;
    /// A read model, by name: `customers`.
    ViewName;
    /// A segment, `seg_` and 32 hexadecimal digits where Patron names it.
    SegmentId;
    /// What needs a segment: a campaign, by its id.
    Holder;
    /// A campaign, `cmp_` and 32 hexadecimal digits.
    CampaignId;
    /// A user, `usr_` and 32 hexadecimal digits.
    UserId;
    /// A session of a user, `ses_` and 32 hexadecimal digits.
    SessionId;
    /// The epoch of a log: 32 hexadecimal digits.
    Epoch;
    /// An API key, `key_` and 32 hexadecimal digits. It is no secret.
    KeyId;
    /// A job of the API, `job_` and 32 hexadecimal digits.
    JobId;
}

/// Lets ids be made from the 128 bits of a UUID; append to the list below.
macro_rules! made {
    ($($name:ident = $prefix:literal;)*) => {$(
        impl From<u128> for $name {
            #[doc = concat!("`", $prefix, "` and 32 hexadecimal digits.")]
            fn from(bits: u128) -> Self {
                Self(format!(concat!($prefix, "{:032x}"), bits).into_boxed_str())
            }
        }
    )*};
}

made! {
    SegmentId = "seg_";
    CampaignId = "cmp_";
    UserId = "usr_";
    SessionId = "ses_";
    KeyId = "key_";
    JobId = "job_";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_our_own_is_its_prefix_and_its_bits() {
        let id = SegmentId::from(0x1af);
        assert_eq!(id.as_str(), "seg_000000000000000000000000000001af");
        assert_eq!(SegmentId::try_from(id.as_str()), Ok(id));
    }

    #[test]
    fn an_id_says_what_is_wrong_with_it() {
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
