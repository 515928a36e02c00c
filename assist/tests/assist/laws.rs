//! Properties that hold for any prompt.

use assist::{builtin, explain};
use domain::rules::Rules;
use proptest::prelude::*;
use proptest::sample::select;

use crate::store::{FACTS, requests};

/// Words of phrases, and words and signs that may be between them.
const WORDS: [&str; 70] = [
    "customers",
    "who",
    "that",
    "whose",
    "are",
    "is",
    "have",
    "haven't",
    "not",
    "never",
    "no",
    "and",
    "or",
    "but",
    "except",
    "either",
    "neither",
    "nor",
    ",",
    "(",
    ")",
    ".",
    "-",
    "₹",
    "$",
    "%",
    "+",
    "10",
    "5,000",
    "2.5",
    "lakh",
    "k",
    "more",
    "than",
    "at",
    "least",
    "between",
    "under",
    "over",
    "exactly",
    "spent",
    "ordered",
    "bought",
    "visited",
    "orders",
    "visits",
    "twice",
    "times",
    "in",
    "from",
    "the",
    "last",
    "days",
    "month",
    "ago",
    "since",
    "before",
    "2026-03-01",
    "March",
    "2026",
    "registered",
    "Mumbai",
    "Delhi",
    "Singapore",
    "vip",
    "gold",
    "tagged",
    "email",
    "high",
    "spenders",
];

fn sentence() -> impl Strategy<Value = String> {
    let words = prop::collection::vec(select(WORDS.to_vec()), 0..16);
    words.prop_map(|words| words.join(" "))
}

/// Generates a known request with a few words replaced, removed or inserted.
fn mutated() -> impl Strategy<Value = String> {
    let prompts: Vec<String> = requests()
        .into_iter()
        .map(|request| request.prompt)
        .collect();
    let change = (0..20_usize, 0..3_u8, select(WORDS.to_vec()));
    let changes = prop::collection::vec(change, 1..4);
    (select(prompts), changes).prop_map(|(prompt, changes)| {
        let mut words: Vec<&str> = prompt.split(' ').collect();
        for (at, how, word) in &changes {
            let at = *at % words.len().max(1);
            match how {
                0 => words.insert(at, word),
                1 if !words.is_empty() => words[at] = word,
                _ if !words.is_empty() => drop(words.remove(at)),
                _ => {}
            }
        }
        words.join(" ")
    })
}

/// Checks that a prompt yields valid rules, or a rejection that quotes it.
fn check(prompt: &str) -> Result<(), TestCaseError> {
    match builtin::rules(prompt, &FACTS) {
        Ok(read) => {
            let text = read.rules.to_string();
            prop_assert_eq!(text.parse(), Ok(read.rules.clone()), "{}", text);
            let json = read.rules.to_json();
            prop_assert_eq!(Rules::from_json(&json), Ok(read.rules.clone()));
            prop_assert_eq!(explain(&read.rules, &FACTS), read.explanation);
        }
        Err(refused) => {
            for word in &refused.words {
                prop_assert!(prompt.contains(word.as_str()), "{:?} in {:?}", word, prompt);
                prop_assert!(!word.is_empty());
            }
            prop_assert!(!refused.reason.is_empty());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_text_is_understood_or_quoted(prompt in "\\PC{0,120}") {
        check(&prompt)?;
    }

    #[test]
    fn any_characters_are_understood_or_quoted(
        prompt in prop::collection::vec(any::<char>(), 0..60)
    ) {
        check(&prompt.into_iter().collect::<String>())?;
    }

    #[test]
    fn sentences_are_understood_or_quoted(prompt in sentence()) {
        check(&prompt)?;
    }

    #[test]
    fn mutated_requests_are_understood_or_quoted(prompt in mutated()) {
        check(&prompt)?;
    }

    #[test]
    fn case_and_spaces_do_not_matter(prompt in sentence()) {
            let loud = format!("  {}  ", prompt.to_uppercase().replace(' ', "   "));
        let rules = |prompt: &str| builtin::rules(prompt, &FACTS).ok().map(|read| read.rules);
        prop_assert_eq!(rules(&prompt), rules(&loud), "{}", prompt);
    }
}
