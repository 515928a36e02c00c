//! Warnings about parts of an accepted item that had no effect, or another one than they say.

use domain::ConsentWarning;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::http::problem::MAX_ERRORS;

/// Part of an accepted item that was changed, left out, or had no effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Warning)]
pub(crate) struct Warning {
    /// Kind of the warning.
    pub(crate) code: WarningCode,
    /// JSON pointer to the part, from the root of the item or the call.
    #[schema(example = "/unsubscribed")]
    pub(crate) pointer: String,
    /// Explanation.
    #[schema(example = "an array cannot be kept")]
    pub(crate) detail: String,
}

/// Kind of a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WarningCode {
    /// The part was left out.
    LeftOut,
    /// The part is kept under another name.
    Renamed,
    /// The customer opted out and stays unsubscribed: no later consent is proven.
    #[serde(rename = "still_unsubscribed")]
    StillUnsubscribed,
    /// The customer consented after this opt-out and stays subscribed.
    #[serde(rename = "still_subscribed")]
    StillSubscribed,
}

/// Warnings about one item. The texts of those about consent are made when they are written: a
/// batch may have one for each item.
#[derive(Debug, Default)]
pub(crate) struct ItemWarnings {
    /// Reason why what the item says about consent has no effect.
    pub(crate) consent: Option<ConsentWarning>,
    /// JSON pointer to the object that has the consent.
    pub(crate) parent: &'static str,
    /// Other warnings.
    pub(crate) others: Vec<Warning>,
}

impl ItemWarnings {
    /// Returns whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.consent.is_none() && self.others.is_empty()
    }
}

impl Serialize for ItemWarnings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let consent = self.consent;
        let consent = consent.map(|warning| Warning::of_consent(warning, self.parent));
        serializer.collect_seq(consent.iter().chain(&self.others).take(MAX_ERRORS))
    }
}

impl Warning {
    /// Returns the warning about the consent in an object at `parent`.
    fn of_consent(warning: ConsentWarning, parent: &str) -> Self {
        let (code, member, detail) = match warning {
            ConsentWarning::StillUnsubscribed { since, is_dated } => {
                let since = since.map(|at| format!(" at {at}")).unwrap_or_default();
                let (member, remedy) = match is_dated {
                    true => ("consent_at", "this consent is not later"),
                    false => (
                        "unsubscribed",
                        "only a later consent lifts that: send consent_at, the time at which \
                         they consented, or record their consent by hand",
                    ),
                };
                let detail =
                    format!("the customer opted out{since} and remains unsubscribed: {remedy}");
                (WarningCode::StillUnsubscribed, member, detail)
            }
            ConsentWarning::StillSubscribed { since } => {
                let detail = format!(
                    "the customer consented at {since}, which is after this opt-out, and stays \
                     subscribed"
                );
                (WarningCode::StillSubscribed, "unsubscribed", detail)
            }
        };
        Self {
            code,
            pointer: format!("{parent}/{member}"),
            detail,
        }
    }
}
