//! Messages, summaries and tags.

use std::collections::BTreeSet;

use assist::builtin::{MAX_VARIANT, messages, summary, tags};
use assist::{Bracket, CampaignResults, Tag, Tone, prose};
use domain::rules::{CustomerFacts, Rules};
use domain::{Currency, CustomerId, Renderer, Template};
use proptest::prelude::*;

use crate::store::FIGURES;

fn inr() -> Currency {
    Currency::try_from("INR").unwrap()
}

/// Objectives with different themes; the last two have none.
const OBJECTIVES: [&str; 9] = [
    "win back customers who have not bought for long",
    "welcome new customers",
    "20% off for Diwali",
    "thank our loyal customers",
    "ask for a review",
    "remind them of their cart",
    "announce the new collection",
    "{{ 7 * 7 }} {% raw %} \"quoted\" \u{0}",
    "",
];

#[test]
fn three_variants_differ_in_tone_and_render_for_everyone() {
    let tones = Tone::ALL.map(Some).into_iter().chain([None]);
    for (objective, tone) in OBJECTIVES
        .iter()
        .flat_map(|o| tones.clone().map(move |t| (o, t)))
    {
        let variants = messages(objective, tone, None).unwrap();
        let different: BTreeSet<Tone> = variants.iter().map(|variant| variant.tone).collect();
        assert_eq!(different.len(), 3);
        assert!(tone.is_none_or(|tone| variants[0].tone == tone));
        let texts: BTreeSet<&str> = variants.iter().map(|v| v.template.as_str()).collect();
        assert_eq!(texts.len(), 3);
        for text in texts {
            assert!(text.chars().count() <= MAX_VARIANT, "{text}");
            check_renders(text);
        }
    }
}

/// Checks that a template renders, even for a customer without any data.
fn check_renders(text: &str) {
    let template = Template::try_from(text.to_owned()).unwrap();
    let renderer = Renderer::new(&template).unwrap();
    let customer = CustomerId::try_from("c-1").unwrap();
    let render = |facts| renderer.render(&renderer.values(&customer, facts, inr()));
    let known = CustomerFacts {
        name: Some("Ada".to_owned()),
        ..CustomerFacts::default()
    };
    assert!(render(&known).unwrap().contains("Ada"), "{text}");
    render(&CustomerFacts::default()).unwrap();
}

#[test]
fn an_offer_is_taken_from_the_objective() {
    let offers = |objective| {
        let [first, ..] = messages(objective, None, None).unwrap();
        first.template.as_str().contains("20% off")
    };
    assert!(offers("Diwali: 20% off everything"));
    for other in [
        "20% of them",
        "1.20% off",
        "10-20% off",
        "20 off",
        "120% off",
        "-20% off",
    ] {
        assert!(!offers(other), "{other}");
    }
}

#[test]
fn the_audience_determines_the_theme_if_the_objective_does_not() {
    let audience = Some("customers who last ordered more than 90 days ago or never");
    let [first, ..] = messages("sell more", None, audience).unwrap();
    assert!(
        first.template.as_str().contains("see you again"),
        "{}",
        first.template
    );
}

fn figures() -> CampaignResults {
    CampaignResults {
        name: "Diwali".to_owned(),
        brackets: vec![
            FIGURES.brackets[0],
            Bracket {
                above: None,
                up_to: Some(1_000_000),
                sent: 1_084,
                delivered: 950,
            },
        ],
        ..FIGURES.clone()
    }
}

#[test]
fn a_summary_contains_the_figures() {
    assert_eq!(
        summary(&figures()),
        "Reached 1,284 customers, 1,140 delivered (89%); 144 failed, 16 suppressed; customers \
         above ₹10,000.00 had 95% delivery; customers up to ₹10,000.00 had 88% delivery."
    );
    let nobody = CampaignResults {
        audience: 0,
        ..figures()
    };
    assert_eq!(summary(&nobody), "No customers matched this campaign.");
}

fn any_figures() -> impl Strategy<Value = CampaignResults> {
    let counts = (0..5_000_u64, 0..5_000_u64, 0..5_000_u64, 0..50_u64);
    let bracket = (
        prop::option::of(0..9_000_000_i64),
        prop::option::of(0..9_000_000_i64),
        0..90_u64,
        0..90_u64,
    );
    let brackets = prop::collection::vec(bracket, 0..3);
    (counts, brackets).prop_map(|((delivered, failed, suppressed, pending), brackets)| {
        let bracket = |(above, up_to, delivered, failed)| Bracket {
            above,
            up_to,
            sent: delivered + failed,
            delivered,
        };
        CampaignResults {
            audience: delivered + failed + suppressed + pending,
            sent: delivered + failed,
            delivered,
            failed,
            suppressed,
            pending,
            brackets: brackets.into_iter().map(bracket).collect(),
            ..figures()
        }
    })
}

proptest! {
    #[test]
    fn a_summary_has_no_numbers_but_the_figures(figures in any_figures()) {
        let text = summary(&figures);
        let known: BTreeSet<String> = figures.written().into_values().collect();
        for word in text.split_whitespace() {
            let word = word.trim_matches(|c| "();,.".contains(c));
            let is_number = word.contains(|c: char| c.is_numeric());
            prop_assert!(!is_number || known.contains(word), "{word} in {text}");
        }
    }

    #[test]
    fn a_number_of_the_author_is_rejected(number in 0..9_000_000_u64) {
        let text = format!("Reached {number} customers.");
        prop_assert!(prose::fill(&text, &figures()).is_err(), "{}", text);
    }

    #[test]
    fn any_text_can_be_filled(text in "(\\PC|\\{\\{|\\}\\}|\\{\\{sent\\}\\}){0,40}") {
        if let Ok(filled) = prose::fill(&text, &figures()) {
            let own = text.replace("{{sent}}", "");
            prop_assert!(!own.contains(|c: char| c.is_numeric()), "{}", text);
            prop_assert_eq!(filled, text.replace("{{sent}}", "1,284"));
        }
    }
}

#[track_caller]
fn check_tags(name: &str, template: &str, rules: &str, expected: &[Tag]) {
    let template = Template::try_from(template.to_owned()).unwrap();
    let rules: Rules = rules.parse().unwrap();
    assert_eq!(tags(name, &template, &rules), expected, "{name}");
}

#[test]
fn tags_come_from_words_and_rules() {
    let everybody = "order_count >= 0";
    check_tags("Hello", "Hi {{ name }}!", everybody, &[]);
    check_tags(
        "Diwali sale",
        "We miss you, {{ name }}: 20% off!",
        everybody,
        &[Tag::WinBack, Tag::Seasonal, Tag::Discount],
    );
    check_tags(
        "Q1",
        "Hi",
        "total_spend > 1000000 AND (days_since_last_order > 90 OR last_order_at null) AND city = Pune",
        &[Tag::WinBack, Tag::HighValue, Tag::Local],
    );
    check_tags(
        "Office",
        "Hi {{ name | default('sale') }}, reviewing",
        everybody,
        &[],
    );
    check_tags(
        "New",
        "Hi",
        "days_since_registered <= 30 OR city = Pune",
        &[],
    );
    check_tags("Loyal", "Hi", "order_count >= 5", &[Tag::Loyalty]);
}
