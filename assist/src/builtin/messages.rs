//! Message variants for an objective: three prepared templates in different tones.

use domain::rules::fold_case;
use domain::{Template, TemplateError};

use super::tags::words;
use crate::Tone;

/// Maximum length of a variant's template, in characters.
pub const MAX_VARIANT: usize = 320;

/// Variant of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Tone of the variant.
    pub tone: Tone,
    /// Template of the message.
    pub template: Template,
}

/// Purpose of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Theme {
    WinBack,
    Welcome,
    Thanks,
    Feedback,
    Reminder,
    Sale,
    News,
    General,
}

/// Words in the objective, or else in the audience, that determine the theme; the first
/// match counts.
const THEMES: [(Theme, &[&str]); 7] = [
    (
        Theme::WinBack,
        &[
            "win back",
            "winback",
            "back",
            "inactive",
            "lapsed",
            "dormant",
            "miss",
            "reactivat",
            "re-engage",
            "days ago or never",
        ],
    ),
    (
        Theme::Feedback,
        &["feedback", "review", "survey", "opinion", "rating"],
    ),
    (
        Theme::Reminder,
        &["remind", "cart", "expir", "last chance", "forgot", "forget"],
    ),
    (
        Theme::Welcome,
        &[
            "welcome",
            "new customer",
            "first order",
            "first purchase",
            "onboard",
            "signed up",
            "joined",
            "never ordered",
        ],
    ),
    (
        Theme::Sale,
        &[
            "sale", "discount", "off", "offer", "deal", "coupon", "voucher", "cashback", "festive",
        ],
    ),
    (
        Theme::Thanks,
        &["thank", "loyal", "reward", "vip", "appreciat"],
    ),
    (
        Theme::News,
        &[
            "announc",
            "launch",
            "new arrival",
            "new collection",
            "introduc",
            "open",
            "news",
        ],
    ),
];

/// Returns three variants for an objective, the first in `tone` if it is given. They
/// contain the customer's name, and an offer that the objective states (`20% off`).
/// `audience` describes the recipients; it determines the theme if the objective does
/// not.
///
/// # Errors
/// [`TemplateError`] if a variant is not a valid template. Not expected: all texts are
/// fixed.
pub fn messages(
    objective: &str,
    tone: Option<Tone>,
    audience: Option<&str>,
) -> Result<[Variant; 3], TemplateError> {
    let theme = theme(objective)
        .or_else(|| audience.and_then(theme))
        .unwrap_or(Theme::General);
    let offer = offer(objective).map(|offer| format!(" Enjoy {offer}."));
    let variant = |tone: Tone| {
        let text = format!(
            "{}{}{}",
            greeting(tone),
            said(theme, tone),
            offer.as_deref().unwrap_or_default()
        );
        let template = Template::try_from(format!("{text} {}", closing(tone)))?;
        Ok(Variant { tone, template })
    };
    let [first, second, third] = tones(tone);
    Ok([variant(first)?, variant(second)?, variant(third)?])
}

/// Returns the requested tone, followed by two others.
fn tones(first: Option<Tone>) -> [Tone; 3] {
    use Tone::{Formal, Friendly, Playful, Urgent};
    match first {
        None | Some(Friendly) => [Friendly, Formal, Playful],
        Some(Formal) => [Formal, Friendly, Urgent],
        Some(Playful) => [Playful, Friendly, Urgent],
        Some(Urgent) => [Urgent, Friendly, Formal],
    }
}

fn theme(text: &str) -> Option<Theme> {
    let text = words(text);
    // A short keyword must be a whole word; a longer one may be the beginning of a word.
    let is_told = |told: &&str| match told.len() {
        0..=4 => text.contains(&words(told)),
        _ => text.contains(words(told).trim_end()),
    };
    let found = THEMES.iter().find(|(_, told)| told.iter().any(&is_told));
    found.map(|(theme, _)| *theme)
}

/// Returns the offer that the objective states in digits: `20% off`.
fn offer(objective: &str) -> Option<String> {
    let (before, after) = objective.split_once('%')?;
    let start = before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let digits = &before[start..];
    let is_decimal = before[..start].ends_with(['.', ',', '-', '–', '−']);
    let percent: u8 = digits.parse().ok()?;
    let is_off = fold_case(after).trim_start().starts_with("off")
        || fold_case(after).trim_start().starts_with("discount");
    (is_off && !is_decimal && (1..=100).contains(&percent)).then(|| format!("{percent}% off"))
}

fn greeting(tone: Tone) -> &'static str {
    match tone {
        Tone::Friendly => "Hi {{ name | default('there') }}, ",
        Tone::Formal => "Dear {{ name | default('customer') }}, ",
        Tone::Playful => "Hey {{ name | default('you') }}! ",
        Tone::Urgent => "{{ name | default('Hello') }}: ",
    }
}

fn closing(tone: Tone) -> &'static str {
    match tone {
        Tone::Friendly => "See you soon!",
        Tone::Formal => "We look forward to serving you.",
        Tone::Playful => "Go on, have a look!",
        Tone::Urgent => "Visit us today.",
    }
}

#[rustfmt::skip]
fn said(theme: Theme, tone: Tone) -> &'static str {
    use Tone::{Formal, Friendly, Playful, Urgent};
    match (theme, tone) {
        (Theme::WinBack, Friendly) => "it has been a while, and we would love to see you again.",
        (Theme::WinBack, Formal) => "we have not had the pleasure of serving you for some time.",
        (Theme::WinBack, Playful) => "Our shelves keep asking where you are.",
        (Theme::WinBack, Urgent) => "we have missed you, so come back now.",
        (Theme::Welcome, Friendly) => "welcome, it is lovely to have you with us.",
        (Theme::Welcome, Formal) => "thank you for joining us, and welcome.",
        (Theme::Welcome, Playful) => "You are in, let the fun begin.",
        (Theme::Welcome, Urgent) => "your first order is only a step away.",
        (Theme::Thanks, Friendly) => "thank you for being with us, it means a lot.",
        (Theme::Thanks, Formal) => "we would like to thank you for your continued trust.",
        (Theme::Thanks, Playful) => "You are a star, and stars deserve thanks.",
        (Theme::Thanks, Urgent) => "our thanks to you are waiting.",
        (Theme::Feedback, Friendly) => "how did we do? We would love to hear from you.",
        (Theme::Feedback, Formal) => "we would value your opinion of our service.",
        (Theme::Feedback, Playful) => "Spill it: what do you think of us?",
        (Theme::Feedback, Urgent) => "tell us now what you think, it takes a minute.",
        (Theme::Reminder, Friendly) => "just a little reminder from us: something is waiting for you.",
        (Theme::Reminder, Formal) => "may we remind you that something awaits you with us.",
        (Theme::Reminder, Playful) => "Psst, you forgot something here.",
        (Theme::Reminder, Urgent) => "last chance, this will not wait.",
        (Theme::Sale, Friendly) => "we have picked an offer that you may like.",
        (Theme::Sale, Formal) => "we are pleased to present our current offer.",
        (Theme::Sale, Playful) => "Your wallet called, it likes our offer.",
        (Theme::Sale, Urgent) => "our offer is on, do not miss it.",
        (Theme::News, Friendly) => "we have something new, and you are among the first to know.",
        (Theme::News, Formal) => "we are pleased to announce something new.",
        (Theme::News, Playful) => "Drum roll: there is something new.",
        (Theme::News, Urgent) => "something new has just arrived.",
        (Theme::General, Friendly) => "we have been thinking of you and have something to show you.",
        (Theme::General, Formal) => "we would be pleased to welcome you at our store.",
        (Theme::General, Playful) => "Guess who has something for you?",
        (Theme::General, Urgent) => "there is something for you right now.",
    }
}
