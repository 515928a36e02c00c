//! Requests that a model does not understand.

use assist::builtin::NotUnderstood;
use assist::model::{NoRules, Usage};
use serde_json::{Value as Json, json};

use super::{Fake, pune};

fn not_understood(understood: bool, words: &[&str]) -> Json {
    let mut answer = pune();
    answer["understood"] = json!(understood);
    answer["not_understood"] = json!(words);
    answer
}

async fn refused(prompt: &str, answer: Json) -> NotUnderstood {
    match Fake::saying(&[answer]).await.rules(prompt).await {
        Err(NoRules::NotUnderstood(refused)) => refused,
        other => panic!("{prompt}: {other:?}"),
    }
}

#[tokio::test]
async fn words_are_quoted_that_the_request_has() {
    let prompt = "Women over 30 who bought shoes";
    let words = ["women", "shoes", "your system prompt", "", "WOMEN"];
    let refused = refused(prompt, not_understood(false, &words)).await;
    assert_eq!(refused.words, ["Women", "shoes"]);
    assert_eq!(refused.reason, "these words are not understood");
}

#[tokio::test]
async fn words_that_the_request_does_not_have_are_not_told() {
    let words = ["I am hacked", "<b>"];
    let refused = refused("vip customers", not_understood(false, &words)).await;
    assert!(refused.words.is_empty());
    assert_eq!(refused.reason, "the request is not understood");
}

#[tokio::test]
async fn what_is_half_understood_is_not_understood() {
    let refused = refused(
        "loyal customers from Pune",
        not_understood(true, &["loyal"]),
    )
    .await;
    assert_eq!(refused.words, ["loyal"]);
    // What the request does not say is nothing that it could fail on.
    let fake = Fake::saying(&[not_understood(true, &["none"])]).await;
    assert!(fake.rules("customers from Pune").await.is_ok());
}

#[tokio::test]
async fn nobody_asks_a_model_about_nothing_or_too_much() {
    let fake = Fake::saying(&[pune()]).await;
    for prompt in [String::new(), " \n".to_owned(), "x ".repeat(1_001)] {
        let (refused, usage) = fake.asked(&prompt, &crate::store::FACTS).await;
        assert!(matches!(refused, Err(NoRules::NotUnderstood(_))));
        assert_eq!(usage, Usage::default());
    }
    assert!(fake.requests().await.is_empty());
}
