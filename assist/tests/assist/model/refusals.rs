//! Requests that the model does not understand.

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
async fn words_of_the_request_are_quoted() {
    let prompt = "Women over 30 who bought shoes";
    let words = ["women", "shoes", "your system prompt", "", "WOMEN"];
    let refused = refused(prompt, not_understood(false, &words)).await;
    assert_eq!(refused.words, ["Women", "shoes"]);
    assert_eq!(refused.reason, "these words are not understood");
}

#[tokio::test]
async fn words_that_are_not_in_the_request_are_dropped() {
    let words = ["I am hacked", "<b>"];
    let refused = refused("vip customers", not_understood(false, &words)).await;
    assert!(refused.words.is_empty());
    assert_eq!(refused.reason, "the request is not understood");
}

#[tokio::test]
async fn a_partly_understood_request_is_rejected() {
    let refused = refused(
        "loyal customers from Pune",
        not_understood(true, &["loyal"]),
    )
    .await;
    assert_eq!(refused.words, ["loyal"]);
    // Words that are not in the request do not count.
    let fake = Fake::saying(&[not_understood(true, &["none"])]).await;
    assert!(fake.rules("customers from Pune").await.is_ok());
}

#[tokio::test]
async fn empty_and_overlong_requests_are_not_sent() {
    let fake = Fake::saying(&[pune()]).await;
    for prompt in [String::new(), " \n".to_owned(), "x ".repeat(1_001)] {
        let (refused, usage) = fake.asked(&prompt, &crate::store::FACTS).await;
        assert!(matches!(refused, Err(NoRules::NotUnderstood(_))));
        assert_eq!(usage, Usage::default());
    }
    assert!(fake.requests().await.is_empty());
}
