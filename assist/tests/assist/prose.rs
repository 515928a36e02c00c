//! Prose with placeholders for figures.

use assist::CampaignResults;
use assist::prose::{ProseError, fill};

use crate::store::FIGURES;

/// Returns figures of a campaign whose name has numbers.
fn figures() -> CampaignResults {
    CampaignResults {
        name: "Diwali 2026 (50% off)".to_owned(),
        ..FIGURES.clone()
    }
}

#[test]
fn placeholders_are_filled_with_figures() {
    for (text, expected) in [
        ("All went well.", "All went well."),
        (
            "{{campaign}} reached {{ sent }} customers ({{sent_rate}}).",
            "Diwali 2026 (50% off) reached 1,284 customers (98.8%).",
        ),
        (
            "{{delivered}}, or {{delivered_rate}}; {{pending}}: none. \"{{failed}}\"!",
            "1,140, or 89%; 0: none. \"144\"!",
        ),
        (
            "Above {{bracket_1_above}} it was {{bracket_1_delivered_rate}}",
            "Above ₹10,000.00 it was 95%",
        ),
        (
            "{{campaign}}'s audience",
            "Diwali 2026 (50% off)'s audience",
        ),
    ] {
        // `98.8%` stands for the rate of 1,284 of 1,300, as the figures write it.
        let rate = figures().written()["sent_rate"].clone();
        let expected = expected.replace("98.8%", &rate);
        assert_eq!(fill(text, &figures()), Ok(expected), "{text}");
    }
}

#[test]
fn numbers_of_the_author_are_rejected() {
    for (text, expected) in [
        ("1,284 customers", vec!["1", "284"]),
        ("{{sent}} in 2026", vec!["2026"]),
        ("Diwali 2026 (50% off)", vec!["2026", "50"]),
        ("Twelve failed", vec!["Twelve"]),
        (
            "half, two-thirds and twice",
            vec!["half", "two", "thirds", "twice"],
        ),
        (
            "twentyfour, ninety-five",
            vec!["twentyfour", "ninety", "five"],
        ),
        (
            "a twentieth, a seventh, tenfold",
            vec!["twentieth", "seventh", "tenfold"],
        ),
        ("{{sent}} million percent", vec!["million", "percent"]),
        ("١٦ customers, 十, Ⅻ", vec!["١٦", "十", "Ⅻ"]),
        ("16th, Q4", vec!["16th", "Q4"]),
        ("１２ and ½", vec!["１２", "½"]),
    ] {
        let error = fill(text, &figures());
        let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(error, Err(ProseError::Numbers(expected)), "{text}");
    }
}

#[test]
fn unknown_placeholders_are_rejected() {
    for unknown in [
        "opened",
        "Sent",
        "",
        "sent_rate | upper",
        "bracket_2_sent",
        "sent {",
    ] {
        let error = fill(&format!("Well, {{{{{unknown}}}}}."), &figures()).unwrap_err();
        let ProseError::Placeholder {
            unknown: name,
            known,
        } = error
        else {
            panic!("{unknown}: {error:?}");
        };
        assert_eq!(name, unknown);
        assert!(known.contains(&"delivered_rate".to_owned()), "{known:?}");
    }
}

#[test]
fn a_placeholder_stands_on_its_own() {
    for text in [
        "-{{failed}}",
        "x{{sent}}",
        "{{sent}}k",
        "{{sent}}%",
        "{{sent}}{{failed}}",
        "{{sent}} {{failed}}",
        "{{sent}}.{{failed}}",
        "{{sent}},{{failed}}",
        "${{sent}}",
        "Rs. {{sent}}",
        "{{sent}} rupees",
        "{{sent}} USD",
        "{{sent}} per cent",
        "{{sent}} %",
        "{{sent}} ₹",
        "- {{failed}}",
        "{{sent}}/{{audience}}",
        "{{sent}}.x",
    ] {
        let error = fill(text, &figures());
        assert!(
            matches!(error, Err(ProseError::Touched(_))),
            "{text}: {error:?}"
        );
    }
}
