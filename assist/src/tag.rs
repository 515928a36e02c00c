//! Tags of campaigns, from a fixed vocabulary.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Declares the tags with their names.
macro_rules! tags {
    ($($(#[$doc:meta])* $tag:ident = $name:literal,)*) => {
        /// Topic of a campaign, from a fixed vocabulary.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Tag {
            $($(#[$doc])* $tag,)*
        }

        impl Tag {
            /// All tags.
            pub const ALL: &[Self] = &[$(Self::$tag),*];

            /// Returns the tag's name, such as `win-back`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$tag => $name,)* }
            }
        }
    };
}

tags! {
    /// For customers who have not ordered for a long time.
    WinBack = "win-back",
    /// For customers who order often.
    Loyalty = "loyalty",
    /// For customers who joined recently or have not ordered yet.
    NewCustomers = "new-customers",
    /// For customers who spend a lot.
    HighValue = "high-value",
    /// About a holiday, a season or a day of the year.
    Seasonal = "seasonal",
    /// Offers a discount.
    Discount = "discount",
    /// Announces something new.
    Announcement = "announcement",
    /// Reminds of something.
    Reminder = "reminder",
    /// Asks what customers think.
    Feedback = "feedback",
    /// Suggests products that go with earlier purchases.
    CrossSell = "cross-sell",
    /// For one city or country.
    Local = "local",
}

/// Error for a text that is not the name of a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a tag, expected one of {list}", list = list())]
pub struct UnknownTag(String);

fn list() -> String {
    let names: Vec<&str> = Tag::ALL.iter().map(|tag| tag.name()).collect();
    names.join(", ")
}

impl FromStr for Tag {
    type Err = UnknownTag;

    fn from_str(name: &str) -> Result<Self, UnknownTag> {
        let found = Self::ALL.iter().find(|tag| tag.name() == name);
        found.copied().ok_or_else(|| UnknownTag(name.to_owned()))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_parsed_from_its_name() {
        for tag in Tag::ALL {
            assert_eq!(tag.name().parse(), Ok(*tag));
            assert_eq!(serde_json::to_value(tag).unwrap(), tag.name());
        }
        let error = "Win-Back".parse::<Tag>().unwrap_err();
        assert!(
            error.to_string().contains("\"Win-Back\" is not a tag"),
            "{error}"
        );
    }
}
