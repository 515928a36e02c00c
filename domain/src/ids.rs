//! Ids as types, parsed once at the edge and valid from then on.

mod printable;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use printable::is_placeholder;
use printable::{compose, require_plausible};

/// Maximum length of an id, in bytes of UTF-8.
const MAX_LEN: usize = 128;

/// Reason why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("an id must not be empty")]
    Empty,
    /// The text has this many bytes.
    #[error("an id has at most {MAX_LEN} bytes of UTF-8, this one has {0}")]
    TooLong(usize),
    /// An id that Patron assigns has this character, at this offset in
    /// characters.
    #[error(
        "an id is made of A-Z a-z 0-9 . _ : @ + -; character {0:?} at offset {1} is not allowed"
    )]
    Character(char, usize),
    /// An id that the shop assigns has this character, at this offset in
    /// characters.
    #[error(
        "an id is printable text whose only blank is the space; character {0:?} at offset {1} is \
         not allowed"
    )]
    Unprintable(char, usize),
    /// The text begins or ends with a space.
    #[error("an id must not begin or end with a space")]
    OuterSpace,
    /// The text is `.` or `..`, which clients cannot send as a segment of a URL
    /// path.
    #[error("an id must not be `.` or `..`, which have a special meaning in URL paths")]
    Place,
    /// The text is a number in scientific notation.
    #[error(
        "{0:?} looks like a number that a spreadsheet shortened; export the ids as text, or take \
         them from the shop"
    )]
    Shortened(Box<str>),
    /// The text is what programs write for a missing value.
    #[error("{0:?} stands for a missing value and is not an id")]
    Missing(Box<str>),
}

/// Checks an id that Patron assigns.
fn check_assigned(text: &str) -> Result<(), IdError> {
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

/// Declares an id type: its documentation, its name, the function that makes the
/// id of a text, and the documentation of its text.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $parse:expr, $text:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            #[doc = $text]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = IdError;

            fn try_from(text: &str) -> Result<Self, IdError> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                $parse(text).map(Self)
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
    };
}

/// Id that the shop assigns. Parsing takes everything that the log may have;
/// [`Self::from_shop`] is stricter.
pub trait ShopAssigned: Sized {
    /// Parses an id of new data. It is composed (Unicode NFC), so that two
    /// spellings of one text are one id.
    ///
    /// # Errors
    /// [`IdError`] for a text that is not an id, and for leftovers of
    /// spreadsheets and programs: `6.81012E+12`, `null`, `#N/A`.
    fn from_shop(text: String) -> Result<Self, IdError>;
}

/// Declares the types of ids that the shop assigns.
macro_rules! shop_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        id! {
            $(#[$doc])* $name, compose,
            "Returns the id as text: 1 to 128 bytes of printable text in the Unicode form NFC, \
             without a space at either end, but neither `.` nor `..`."
        }

        impl ShopAssigned for $name {
            fn from_shop(text: String) -> Result<Self, IdError> {
                require_plausible(&text)?;
                Self::try_from(text)
            }
        }
    )*};
}

shop_ids! {
    /// Id of a customer, assigned by the shop.
    CustomerId;
    /// Id of an order, unique within its customer.
    OrderId;
    /// Id of an activity, unique within its customer.
    ActivityId;
}

/// Declares the types of ids that Patron assigns. Append new ones to the list
/// below.
macro_rules! assigned_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        id! {
            $(#[$doc])* $name,
            |text: String| check_assigned(&text).map(|()| text.into_boxed_str()),
            "Returns the id as text: 1 to 128 bytes of `A-Z a-z 0-9 . _ : @ + -`, but neither `.` \
             nor `..`."
        }
    )*};
}

assigned_ids! {
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
