//! Check that an answer is grounded in the request and in the store's facts.

use domain::Name;
use domain::rules::{NodeRef, Rules, fold_case};

use crate::Facts;

/// Maximum number of words that are quoted from a prompt.
const MAX_WORDS: usize = 20;

/// Rejects activities that are not in the facts, and attributes that the prompt does not
/// name. A model that cannot express something tends to make up a field for it.
pub(super) fn check(rules: &Rules, prompt: &str, facts: &Facts) -> Result<(), String> {
    let prompt = fold_case(prompt);
    for (_, node) in rules.nodes() {
        let NodeRef::Condition(condition) = node else {
            continue;
        };
        let field = condition.field().to_string();
        let is_grounded = match (field.strip_prefix("attributes."), activity(&field)) {
            (Some(key), _) => is_named(key, &prompt),
            // Visits are always known, even before the first one.
            (_, Some(name)) => {
                let is_this = |known: &Name| known.as_str() == name;
                name == "visit" || facts.activities.keys().any(is_this)
            }
            _ => true,
        };
        if !is_grounded {
            return Err(format!(
                "{field:?} is neither known nor named in the request: it is not understood"
            ));
        }
    }
    Ok(())
}

/// Returns the activity of a field such as `events.<name>.count`.
fn activity(field: &str) -> Option<&str> {
    let (name, _) = field.strip_prefix("events.")?.rsplit_once('.')?;
    Some(name)
}

/// Returns whether a folded prompt contains all words of an attribute's key.
fn is_named(key: &str, prompt: &str) -> bool {
    let mut words = key.split(['_', '-', '.']).filter(|word| !word.is_empty());
    let is_there = |word: &str| prompt.contains(&fold_case(word));
    words.clone().next().is_some() && words.all(is_there)
}

/// Returns the words that occur in the prompt, as they are written there, each once.
pub(super) fn own_words(words: &[String], prompt: &str) -> Vec<String> {
    let mut own: Vec<String> = Vec::new();
    for word in words.iter().take(MAX_WORDS) {
        let found = within(prompt, word.trim());
        own.extend(found.filter(|word| !own.iter().any(|own| own == word)));
    }
    own
}

/// Finds a text in another one, ignoring case. Returns it as it is written there.
fn within(text: &str, part: &str) -> Option<String> {
    if part.is_empty() || part.len() > 2 * text.len() {
        return None;
    }
    let start = |(start, _)| {
        let rest = &text[start..];
        let length = begins(rest, part)?;
        Some(rest[..length].to_owned())
    };
    text.char_indices().find_map(start)
}

/// Returns the length in bytes of a prefix of `text` that equals `part`, ignoring case.
fn begins(text: &str, part: &str) -> Option<usize> {
    let mut rest = text.chars();
    let is_next = |wanted: char| {
        let is_same = |c: char| c.to_lowercase().eq(wanted.to_lowercase());
        rest.next().is_some_and(is_same)
    };
    let is_all = part.chars().all(is_next);
    is_all.then(|| text.len() - rest.as_str().len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Currency;

    #[test]
    fn words_are_quoted_as_they_are_written_in_the_prompt() {
        let own = |words: &[&str], prompt| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            own_words(&words, prompt)
        };
        assert_eq!(
            own(&["WOMEN", " shoes "], "Women in Shoes"),
            ["Women", "Shoes"]
        );
        assert_eq!(own(&["ÄRGER", "é"], "viel Ärger"), ["Ärger"]);
        assert_eq!(own(&["a", "A", "a"], "A b"), ["A"]);
        assert_eq!(own(&["", " ", "secret", "İİİ"], "vip"), [""; 0]);
    }

    #[test]
    fn made_up_fields_are_rejected() {
        let mut facts = Facts::new(Currency::try_from("INR").unwrap());
        let review = "review".to_owned().try_into().unwrap();
        facts.activities.insert(review, 1);
        let is_taken = |rules: &str, prompt| check(&rules.parse().unwrap(), prompt, &facts).is_ok();
        for rules in [
            "visits = 2",
            "events.visit.count = 2",
            "events.review.count > 0",
        ] {
            assert!(is_taken(rules, ""), "{rules}");
        }
        assert!(is_taken(
            "attributes.shoe_size = 39",
            "whose shoe size is 39"
        ));
        for rules in [
            "attributes.gender = women",
            "attributes.-_ = 1",
            "events.play.count = 2",
        ] {
            assert!(!is_taken(rules, "women who play - _"), "{rules}");
        }
    }
}
