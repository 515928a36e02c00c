//! Statuses of a file and their meaning.

use super::options::Pair;
use super::quoted::{quoted, shown};
use super::record::Reason;

/// Statuses of the API.
const STATUSES: [&str; 3] = ["placed", "cancelled", "refunded"];
/// Meaning of a status whose orders are left out.
const SKIP: &str = "skip";

/// Remedy for orders whose refund is not known.
const PART_REFUND: &str = "part of such an order was paid back, so map that part with --map \
                           refunded_amount=COLUMN, or ";

/// Meaning of the statuses in a file.
#[derive(Debug)]
pub(super) struct Statuses {
    /// Exact statuses, then beginnings, the longest first; in lower case.
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    text: String,
    is_beginning: bool,
    meaning: Option<&'static str>,
}

/// Meaning of one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatusMeaning {
    /// Status of the API.
    Status(&'static str),
    /// The order is left out.
    Skip,
}

impl Rule {
    /// Returns true if the rule was written as this text.
    fn is_of(&self, text: &str) -> bool {
        let own = text.strip_suffix('*').unwrap_or(text);
        own == self.text && self.is_beginning == text.ends_with('*')
    }
}

impl Statuses {
    /// # Errors
    /// Returns an error if a status is mapped to something else than a status or `skip`.
    pub(super) fn new(pairs: &[Pair]) -> anyhow::Result<Self> {
        let mut rules = Vec::new();
        for Pair { field, value } in pairs {
            let known = |name: &&str| value.trim().eq_ignore_ascii_case(name);
            let meaning = STATUSES.into_iter().find(known);
            anyhow::ensure!(
                meaning.is_some() || known(&SKIP),
                "--status {field}={value}: a status becomes placed, cancelled, refunded or skip"
            );
            let text = Self::folded(field);
            anyhow::ensure!(
                !rules.iter().any(|rule: &Rule| rule.is_of(&text)),
                "--status {field} is given twice; upper case and lower case are the same"
            );
            let beginning = text.strip_suffix('*').map(str::to_owned);
            rules.push(Rule {
                is_beginning: beginning.is_some(),
                text: beginning.unwrap_or(text),
                meaning,
            });
        }
        rules.sort_by_key(|rule| (rule.is_beginning, usize::MAX - rule.text.len()));
        Ok(Self { rules })
    }

    /// Returns a status as statuses are compared.
    pub(super) fn folded(status: &str) -> String {
        status.trim().to_lowercase()
    }

    /// Returns the meaning of a status.
    ///
    /// # Errors
    /// Returns a reason that names the option if the status has none.
    pub(super) fn meaning(&self, status: &str) -> Result<StatusMeaning, Reason> {
        let text = Self::folded(status);
        let rule = self.rules.iter().find(|rule| match rule.is_beginning {
            true => text.starts_with(&rule.text),
            false => text == rule.text,
        });
        let same = STATUSES.into_iter().find(|name| *name == text);
        match (rule, same) {
            (Some(rule), _) => Ok(rule
                .meaning
                .map_or(StatusMeaning::Skip, StatusMeaning::Status)),
            (None, Some(name)) => Ok(StatusMeaning::Status(name)),
            (None, None) => Err(Reason {
                text: format!(
                    "status {} is none of placed, cancelled and refunded; {}say which one it means \
                     with --status '{shown}=placed', or leave such orders out with --status \
                     '{shown}=skip'",
                    quoted(status),
                    match is_part_refund(status) {
                        true => PART_REFUND,
                        false => "",
                    },
                    shown = shown(status),
                ),
                pointer: Some("/status".into()),
            }),
        }
    }
}

/// Returns true for a status that says that part of an order was paid back, such as
/// `partially_refunded`.
pub(super) fn is_part_refund(status: &str) -> bool {
    let status = Statuses::folded(status);
    status.starts_with("part") && status.contains("refund")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(pairs: &[&str]) -> anyhow::Result<Statuses> {
        let pairs: Vec<_> = pairs.iter().map(|pair| pair.parse().unwrap()).collect();
        Statuses::new(&pairs)
    }

    #[test]
    fn the_most_exact_rule_counts_in_any_case() {
        let statuses = statuses(&[
            "*=placed",
            "C*=skip",
            "canceled=cancelled",
            "Voided=cancelled",
        ]);
        let statuses = statuses.unwrap();
        let meaning = |text| statuses.meaning(text).unwrap();
        assert_eq!(meaning("Canceled"), StatusMeaning::Status("cancelled"));
        assert_eq!(meaning("C536379"), StatusMeaning::Skip);
        assert_eq!(meaning(" VOIDED "), StatusMeaning::Status("cancelled"));
        assert_eq!(meaning("536365"), StatusMeaning::Status("placed"));
    }

    #[test]
    fn a_status_without_a_meaning_names_the_option() {
        let statuses = statuses(&["voided=cancelled"]).unwrap();
        assert_eq!(
            statuses.meaning("Refunded"),
            Ok(StatusMeaning::Status("refunded"))
        );
        let reason = statuses.meaning("paid").unwrap_err();
        assert!(
            reason.text.contains("--status 'paid=placed'"),
            "{}",
            reason.text
        );
        assert!(reason.text.contains("placed, cancelled and refunded"));
        assert_eq!(reason.pointer.as_deref(), Some("/status"));
    }

    #[test]
    fn a_status_has_one_meaning() {
        let message = statuses(&["voided=cancelled", "Voided=placed"]).unwrap_err();
        assert_eq!(
            message.to_string(),
            "--status Voided is given twice; upper case and lower case are the same"
        );
    }

    #[test]
    fn only_statuses_of_the_api_are_meanings() {
        let message = statuses(&["paid=done"]).unwrap_err().to_string();
        assert!(message.contains("--status paid=done"), "{message}");
    }
}
