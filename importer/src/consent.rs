//! What the name of a column says about marketing: that people accept it, or that they do not.

/// Meaning of `true` in a column of consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConsentColumn {
    /// The person accepts messages: `Accepts Email Marketing`, `Opt-in`.
    Acceptance,
    /// The person refuses messages: `Unsubscribed from all email`, `Opted out`.
    Refusal,
}

/// Beginnings of words that mean refusal. They outrank acceptance, as in `Consent withdrawn`.
const REFUSAL: [&str; 21] = [
    "unsub",
    "optout",
    "opted out",
    "opt out",
    "optedout",
    "declin",
    "refus",
    "reject",
    "revok",
    "withdr",
    "suppress",
    "blocked",
    "blacklist",
    "no consent",
    "not ",
    "dont ",
    "no marketing",
    "cancel",
    "ended",
    "stopp",
    "stop ",
];
const ACCEPTANCE: [&str; 11] = [
    "accept",
    "subscri",
    "optin",
    "opt in",
    "opted in",
    "optedin",
    "consent",
    "agree",
    "permission",
    "newsletter",
    "allow",
];

impl ConsentColumn {
    /// Returns the meaning of a column with this name, if its words are clear.
    pub(super) fn of(name: &str) -> Option<Self> {
        let words = words(name);
        let has = |beginnings: &[&str]| {
            let begins = |beginning: &&str| {
                words.starts_with(*beginning) || words.contains(&format!(" {beginning}"))
            };
            beginnings.iter().any(begins)
        };
        if has(&REFUSAL) {
            Some(Self::Refusal)
        } else if has(&ACCEPTANCE) {
            Some(Self::Acceptance)
        } else {
            None
        }
    }
}

/// Splits a name into lowercase words: `acceptsMarketing`, `ACCEPTS_MARKETING` and
/// `Accepts Marketing?` are `accepts marketing`.
fn words(name: &str) -> String {
    let mut words = String::new();
    let mut was_lowercase = false;
    for one in name.chars() {
        if one == '\'' || one == '\u{2019}' {
            continue;
        }
        if !one.is_alphanumeric() || (one.is_uppercase() && was_lowercase) {
            words.push(' ');
        }
        if one.is_alphanumeric() {
            words.extend(one.to_lowercase());
        }
        was_lowercase = one.is_lowercase();
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ") + " "
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_consent_have_a_meaning() {
        for name in [
            "Accepts Email Marketing",
            "accepts_marketing",
            "acceptsMarketing",
            "Opt-in",
            "OPTIN_TIME",
            "Opted in",
            "Subscribed",
            "Email subscription",
            "Email Marketing Consent",
            "newsletter",
            "Subscriber?",
            "marketing_permission",
            "Agreed to marketing",
        ] {
            assert_eq!(
                ConsentColumn::of(name),
                Some(ConsentColumn::Acceptance),
                "{name}"
            );
        }
        for name in [
            "unsubscribed",
            "Unsubscribed from all email",
            "UNSUB_TIME",
            "Opted out of email: News",
            "optOut",
            "Consent withdrawn",
            "Do not email",
            "Don't contact",
            "Not subscribed",
            "Declined marketing",
            "No consent",
            "Newsletter cancelled",
            "Subscription ended",
            "Newsletter stopped",
            "Stop emails",
        ] {
            assert_eq!(
                ConsentColumn::of(name),
                Some(ConsentColumn::Refusal),
                "{name}"
            );
        }
        for name in [
            "Mailing",
            "Status",
            "Option",
            "Notes",
            "email",
            "Acme",
            "Recommended",
            "",
        ] {
            assert_eq!(ConsentColumn::of(name), None, "{name}");
        }
    }
}
