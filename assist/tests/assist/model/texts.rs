//! Messages, summaries and tags.

use assist::builtin::{MAX_VARIANT, Variant};
use assist::model::{ModelError, Usage};
use assist::{Tag, Tone};
use domain::Template;
use domain::rules::Rules;
use serde_json::{Value as Json, json};

use super::Fake;
use crate::store::FIGURES;

/// Returns an answer with these texts, in the tones friendly, formal and urgent.
pub(crate) fn variants(texts: [&str; 3]) -> Json {
    let tones = ["friendly", "formal", "urgent"];
    let variant = |(tone, text)| json!({"tone": tone, "template": text});
    let variants: Vec<Json> = tones.into_iter().zip(texts).map(variant).collect();
    json!({ "variants": variants })
}

fn good() -> Json {
    variants([
        "Hi {{ name | default('there') }}, 20% off!",
        "Dear customer, 20% off.",
        "Now: 20% off, {{ city }}!",
    ])
}

async fn messages(
    answers: &[Json],
    tone: Option<Tone>,
) -> (Result<[Variant; 3], ModelError>, Usage) {
    let fake = Fake::saying(answers).await;
    let mut usage = Usage::default();
    let answer = fake
        .model
        .messages("Diwali: 20% off", tone, None, &mut usage);
    (answer.await, usage)
}

#[tokio::test]
async fn three_valid_variants_are_accepted() {
    let (answer, usage) = messages(&[good()], None).await;
    let [first, second, third] = answer.unwrap();
    let template = "Hi {{ name | default('there') }}, 20% off!";
    assert_eq!(first.template.as_str(), template);
    let tones = [first.tone, second.tone, third.tone];
    assert_eq!(tones, [Tone::Friendly, Tone::Formal, Tone::Urgent]);
    assert_eq!((usage.calls, usage.output_tokens), (1, 100));
}

#[tokio::test]
async fn invalid_variants_are_repaired_once() {
    let mut two_of_a_tone = good();
    two_of_a_tone["variants"][1]["tone"] = json!("friendly");
    let mut two = good();
    two["variants"].as_array_mut().unwrap().pop();
    let mut angry = good();
    angry["variants"][0]["tone"] = json!("angry");
    let mut extra = good();
    extra["variants"][0]["note"] = json!("best");
    let long = "x".repeat(MAX_VARIANT + 1);
    for (wrong, told) in [
        (
            variants(["{{ password }}", "b", "c"]),
            "/variants/0: unknown field",
        ),
        (variants(["a", "{{ name", "c"]), "/variants/1: line 1"),
        (
            variants(["a", "{% include 'x' %}", "c"]),
            "/variants/1: line 1",
        ),
        (variants(["a", "b", ""]), "/variants/2: a template has"),
        (variants(["a", "b", &long]), "this one has 321"),
        (variants(["Same.", "same. ", "Same."]), "say the same"),
        (two_of_a_tone, "have the same tone"),
        (two, "array of length 3"),
        (angry, "unknown variant"),
        (extra, "unknown field"),
    ] {
        let fake = Fake::saying(&[wrong.clone(), good()]).await;
        let mut usage = Usage::default();
        let answer = fake.model.messages("sell", None, None, &mut usage).await;
        assert!(answer.is_ok(), "{answer:?}");
        let requests = fake.requests().await;
        let repair = requests[1]["messages"][3]["content"].as_str().unwrap();
        assert!(repair.contains(told), "{told} in {repair}");
        let (answer, usage) = messages(&[wrong], None).await;
        assert!(matches!(answer, Err(ModelError::Invalid(_))), "{answer:?}");
        assert_eq!((usage.calls, usage.input_tokens), (2, 2_000));
    }
}

#[tokio::test]
async fn the_requested_tone_comes_first() {
    let (answer, _) = messages(&[good()], Some(Tone::Friendly)).await;
    assert!(answer.is_ok());
    let (answer, usage) = messages(&[good()], Some(Tone::Formal)).await;
    let Err(ModelError::Invalid(reason)) = answer else {
        panic!("{answer:?}");
    };
    assert!(reason.contains("the tone that was requested"), "{reason}");
    assert_eq!(usage.calls, 2);
}

async fn summary(answers: &[Json]) -> (Result<String, ModelError>, Usage) {
    let fake = Fake::saying(answers).await;
    let mut usage = Usage::default();
    let answer = fake.model.summary(&FIGURES, &mut usage).await;
    (answer, usage)
}

fn text(text: &str) -> Json {
    json!({ "summary": text })
}

/// Summary as the model writes it.
const PROSE: &str = "{{campaign}} reached {{sent}} customers, and {{delivered}} messages \
    ({{delivered_rate}}) were delivered. Among those above {{bracket_1_above}} it was \
    {{bracket_1_delivered_rate}}!";

/// [`PROSE`] with the figures filled in.
const FILLED: &str = "Diwali 50 reached 1,284 customers, and 1,140 messages (89%) were delivered. \
    Among those above ₹10,000.00 it was 95%!";

#[tokio::test]
async fn a_summary_has_figures_for_placeholders() {
    let (answer, usage) = summary(&[text(PROSE)]).await;
    assert_eq!(answer.unwrap(), FILLED);
    assert_eq!(usage.calls, 1);
}

#[tokio::test]
async fn a_summary_with_numbers_or_wrong_placeholders_is_repaired() {
    for (wrong, told) in [
        ("Reached 1,284 customers.", "write no numbers"),
        ("Reached twelve customers.", "twelve"),
        ("Diwali 50 reached many.", "write no numbers"),
        (
            "{{opened}} customers opened it.",
            "expected one of audience",
        ),
        ("{{sent}}k customers.", "plain punctuation around {{sent}}"),
    ] {
        let fake = Fake::saying(&[text(wrong), text(PROSE)]).await;
        let mut usage = Usage::default();
        let answer = fake.model.summary(&FIGURES, &mut usage).await;
        assert_eq!(answer.unwrap(), FILLED, "{wrong}");
        assert_eq!(usage.calls, 2);
        let requests = fake.requests().await;
        let repair = requests[1]["messages"][3]["content"].as_str().unwrap();
        assert!(repair.contains(told), "{told} in {repair}");
    }
}

#[tokio::test]
async fn a_summary_that_is_invalid_twice_is_an_error() {
    for wrong in [
        "Reached 1,284 customers.",
        "Half of all were reached.",
        "89% were delivered.",
        "Twelve failed.",
        "{{clicked}} clicked.",
        "{{sent}}{{failed}}",
        "{{sent}} {{ failed",
        "{sent} were reached.",
        "{{{sent}}} were reached.",
        "A.\nB.",
        "All <b>well</b>.",
        "* well",
        "",
        " ",
        "Well. So. Far. Good.",
        &"Well, ".repeat(101),
        &"{{campaign}}, and ".repeat(60),
    ] {
        let (answer, usage) = summary(&[text(wrong)]).await;
        assert!(matches!(answer, Err(ModelError::Invalid(_))), "{wrong}");
        assert_eq!(usage.calls, 2);
    }
    let (answer, _) = summary(&[json!({"summary": "Well.", "advice": "Send more."})]).await;
    assert!(matches!(answer, Err(ModelError::Invalid(_))), "{answer:?}");
}

#[tokio::test]
async fn the_figures_are_sent_by_placeholder() {
    let fake = Fake::saying(&[text(PROSE)]).await;
    let mut usage = Usage::default();
    fake.model.summary(&FIGURES, &mut usage).await.unwrap();
    let requests = fake.requests().await;
    let data = requests[0]["messages"][1]["content"].as_str().unwrap();
    let data: Json = serde_json::from_str(data).unwrap();
    let figures = &data["figures"];
    assert_eq!(figures["campaign"], "Diwali 50");
    assert_eq!(figures["delivered"], "1,140");
    assert_eq!(figures["delivered_rate"], "89%");
    assert_eq!(figures["bracket_1_above"], "₹10,000.00");
    assert_eq!(figures["bracket_1_delivered_rate"], "95%");
    assert_eq!(figures["bracket_1_up_to"], Json::Null);
}

async fn tags(answers: &[Json]) -> (Result<Vec<Tag>, ModelError>, Usage) {
    let fake = Fake::saying(answers).await;
    let mut usage = Usage::default();
    let template = Template::try_from("20% off".to_owned()).unwrap();
    let rules: Rules = "order_count >= 0".parse().unwrap();
    let answer = fake
        .model
        .tags("Diwali", &template, &rules, &mut usage)
        .await;
    (answer, usage)
}

#[tokio::test]
async fn tags_outside_the_vocabulary_are_rejected() {
    let good = json!({"tags": ["discount", "seasonal"]});
    let (answer, _) = tags(std::slice::from_ref(&good)).await;
    assert_eq!(answer.unwrap(), [Tag::Seasonal, Tag::Discount]);
    for wrong in [
        json!({"tags": ["fraud"]}),
        json!({"tags": ["Discount"]}),
        json!({"tags": ["discount", "discount"]}),
        json!({"tags": []}),
        json!({"tags": ["discount", "seasonal", "loyalty", "local", "feedback"]}),
        json!({"tags": "discount"}),
        json!({"tags": ["discount"], "why": "it says so"}),
    ] {
        let (answer, usage) = tags(&[wrong.clone(), good.clone()]).await;
        assert!(answer.is_ok() && usage.calls == 2, "{wrong}");
        let (answer, usage) = tags(&[wrong]).await;
        assert!(matches!(answer, Err(ModelError::Invalid(_))), "{answer:?}");
        assert_eq!((usage.calls, usage.input_tokens), (2, 2_000));
    }
}
