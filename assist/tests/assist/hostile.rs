//! Prompts that try to get something other than rules.

use assist::builtin;
use serde::Deserialize;

use crate::store::{FACTS, read};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hostile {
    prompts: Vec<String>,
    long: Vec<Long>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Long {
    text: String,
    times: usize,
}

#[test]
fn hostile_prompts_are_rejected_and_quoted() {
    let hostile: Hostile = toml::from_str(&read("hostile.toml")).unwrap();
    let long = hostile.long.iter().map(|long| long.text.repeat(long.times));
    let prompts: Vec<String> = hostile.prompts.into_iter().chain(long).collect();
    assert!(prompts.len() >= 40);
    for prompt in prompts {
        let shown: String = prompt.chars().take(80).collect();
        let Err(refused) = builtin::rules(&prompt, &FACTS) else {
            panic!("{shown:?} is accepted");
        };
        let all_quoted = refused.words.iter().all(|word| prompt.contains(word));
        assert!(all_quoted, "{shown:?}: {refused:?}");
    }
}
