//! What an answer must have from the request itself.

use domain::rules::{NodeRef, Rules, fold_case};

use crate::Facts;

/// The most words that are quoted of a prompt.
const MAX_WORDS: usize = 20;

/// Refuses activity that the store does not know, and attributes that the
/// prompt does not name: a model that cannot say something makes up a field
/// for it.
pub(super) fn check(rules: &Rules, prompt: &str, facts: &Facts) -> Result<(), String> {
    let prompt = fold_case(prompt);
    for (_, node) in rules.nodes() {
        let NodeRef::Condition(condition) = node else {
            continue;
        };
        let field = condition.field().to_string();
        let is_grounded = match (field.strip_prefix("attributes."), activity(&field)) {
            (Some(key), _) => is_named(key, &prompt),
            (_, Some(name)) => is_known(name, facts),
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

/// The activity of `events.<name>.count` and its like.
fn activity(field: &str) -> Option<&str> {
    let (name, _) = field.strip_prefix("events.")?.rsplit_once('.')?;
    Some(name)
}

/// Whether a folded prompt has all words of an attribute's key.
fn is_named(key: &str, prompt: &str) -> bool {
    let mut words = key.split(['_', '-']).filter(|word| !word.is_empty());
    let is_there = |word: &str| prompt.contains(&fold_case(word));
    words.clone().next().is_some() && words.all(is_there)
}

/// Of visits every store knows, were there none yet.
fn is_known(activity: &str, facts: &Facts) -> bool {
    activity == "visit"
        || facts
            .activities
            .keys()
            .any(|name| name.as_str() == activity)
}

/// Those words that the prompt has, as they stand there, each once.
pub(super) fn own_words(words: &[String], prompt: &str) -> Vec<String> {
    let mut own: Vec<String> = Vec::new();
    for word in words.iter().take(MAX_WORDS) {
        let found = within(prompt, word.trim());
        own.extend(found.filter(|word| !own.iter().any(|own| own == word)));
    }
    own
}

/// Where a text has another, in any case.
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

/// How many bytes at a text's beginning are another, in any case.
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
    fn words_are_quoted_as_they_stand_in_the_prompt() {
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
    fn a_field_is_not_made_up() {
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
