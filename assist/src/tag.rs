//! What a campaign is about, from a fixed vocabulary.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Declares the tags, each with its name.
macro_rules! tags {
    ($($(#[$doc:meta])* $tag:ident = $name:literal,)*) => {
        /// What a campaign is about. There are no others.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Tag {
            $($(#[$doc])* $tag,)*
        }

        impl Tag {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$tag),*];

            /// Its name: `win-back`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$tag => $name,)* }
            }
        }
    };
}

tags! {
    /// For customers who have not ordered for long.
    WinBack = "win-back",
    /// For those who order often.
    Loyalty = "loyalty",
    /// For those who came of late, or have not ordered yet.
    NewCustomers = "new-customers",
    /// For those who spend much.
    HighValue = "high-value",
    /// About a feast, a season or a day of the year.
    Seasonal = "seasonal",
    /// With something off.
    Discount = "discount",
    /// Tells of something new.
    Announcement = "announcement",
    /// Reminds of something.
    Reminder = "reminder",
    /// Asks what customers think.
    Feedback = "feedback",
    /// Suggests something that goes with what they have.
    CrossSell = "cross-sell",
    /// For one city or country.
    Local = "local",
}

/// That a text is no tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no tag, expected one of {list}", list = list())]
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
    fn a_tag_is_read_by_its_name() {
        for tag in Tag::ALL {
            assert_eq!(tag.name().parse(), Ok(*tag));
            assert_eq!(serde_json::to_value(tag).unwrap(), tag.name());
        }
        let error = "Win-Back".parse::<Tag>().unwrap_err();
        assert!(
            error.to_string().contains("\"Win-Back\" is no tag"),
            "{error}"
        );
    }
}
