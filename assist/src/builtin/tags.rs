//! Tags of a campaign, by its words and its rules.

use domain::Template;
use domain::rules::{Condition, Kind, Literal, NodeRef, Operator, Rules, fold_case};

use crate::Tag;

/// Words and phrases that imply a tag.
#[rustfmt::skip]
const WORDS: [(Tag, &[&str]); 10] = [
    (Tag::WinBack, &["win back", "winback", "miss you", "missed you", "come back", "comeback", "been a while", "reactivate", "inactive", "lapsed", "welcome back", "haven't seen you", "bring back"]),
    (Tag::Loyalty, &["loyal", "loyalty", "thank you", "thanks", "reward", "rewards", "points", "vip", "member", "members"]),
    (Tag::NewCustomers, &["welcome", "first order", "first purchase", "new customer", "new customers", "just joined", "get started", "onboarding", "signed up"]),
    (Tag::HighValue, &["exclusive", "premium", "big spenders", "high spenders", "top customers", "high value"]),
    (Tag::Seasonal, &["diwali", "holi", "eid", "christmas", "xmas", "new year", "easter", "halloween", "black friday", "cyber monday", "valentine", "valentine's", "navratri", "durga puja", "onam", "pongal", "raksha bandhan", "summer", "winter", "spring", "autumn", "monsoon", "festive", "festival", "holiday", "holidays", "season", "thanksgiving"]),
    (Tag::Discount, &["discount", "discounts", "off", "sale", "deal", "deals", "coupon", "voucher", "cashback", "save", "offer", "offers", "free shipping", "half price", "promo", "code"]),
    (Tag::Announcement, &["new arrivals", "new collection", "launch", "launching", "introducing", "announcing", "announcement", "now open", "opening", "just in", "new store", "new product", "news"]),
    (Tag::Reminder, &["reminder", "remind", "don't forget", "last chance", "ends today", "ends soon", "expires", "expiring", "still in your cart", "cart", "waiting for you"]),
    (Tag::Feedback, &["feedback", "review", "reviews", "survey", "rate us", "tell us", "your opinion", "how did we do", "what do you think"]),
    (Tag::CrossSell, &["you may also like", "you might like", "goes with", "pairs with", "complete your", "recommended", "recommendations", "matching", "accessories", "cross sell", "upsell"]),
];

/// Returns the tags of a campaign, each once, in the order of the vocabulary; often none.
pub fn tags(name: &str, template: &Template, rules: &Rules) -> Vec<Tag> {
    let text = words(&format!("{name} \n {}", spoken(template.as_str())));
    let has = |phrase: &&str| text.contains(&words(phrase));
    let said = WORDS.iter().filter(|(_, phrases)| phrases.iter().any(&has));
    let mut tags: Vec<Tag> = said.map(|(tag, _)| *tag).collect();
    tags.extend(asked(rules));
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// Normalizes a text to folded words, with a space before and after each.
pub(super) fn words(text: &str) -> String {
    let folded = fold_case(text).replace('’', "'");
    let parts = folded.split(|c: char| !c.is_alphanumeric() && c != '\'');
    let words: Vec<&str> = parts.filter(|word| !word.is_empty()).collect();
    format!(" {} ", words.join(" "))
}

/// Returns the literal text of a template, without the parts in braces.
fn spoken(template: &str) -> String {
    let mut spoken = String::new();
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        spoken.push_str(&rest[..start]);
        let end = rest[start..]
            .find('}')
            .map_or(rest.len(), |end| start + end + 1);
        rest = &rest[end..];
        spoken.push(' ');
    }
    spoken.push_str(rest);
    spoken
}

/// Returns the tags that follow from conditions that all customers must meet.
fn asked(rules: &Rules) -> Vec<Tag> {
    let root = rules.root();
    let nodes = root.rules().iter().map(NodeRef::from);
    let is_all =
        !root.is_negated() && (root.combinator().name() == "and" || root.rules().len() == 1);
    let conditions = nodes.filter(|_| is_all).filter_map(|node| match node {
        NodeRef::Condition(condition) => Some(condition),
        NodeRef::Group(group) if !group.is_negated() => match group.rules().first()?.into() {
            NodeRef::Condition(condition) => {
                Some(condition).filter(|silence| tag(silence) == Some(Tag::WinBack))
            }
            NodeRef::Group(_) => None,
        },
        NodeRef::Group(_) => None,
    });
    conditions.filter_map(tag).collect()
}

fn tag(condition: &Condition) -> Option<Tag> {
    use Operator::{AtLeast, AtMost, Equal, Greater, In, Less};
    let field = condition.field().to_string();
    let is_lower = matches!(condition.operator(), Greater | AtLeast);
    let is_upper = matches!(condition.operator(), Less | AtMost);
    let value = match condition.values() {
        [Literal::Integer(value), ..] => *value,
        _ => 0,
    };
    match (field.as_str(), condition.field().kind()) {
        ("days_since_last_order", _) if is_lower => Some(Tag::WinBack),
        ("days_since_registered", _) if is_upper => Some(Tag::NewCustomers),
        ("order_count", _) if condition.operator() == Equal && value == 0 => {
            Some(Tag::NewCustomers)
        }
        ("order_count", _) if is_lower && value >= 3 => Some(Tag::Loyalty),
        ("total_spend" | "average_order_value", Kind::Money) if is_lower && value > 0 => {
            Some(Tag::HighValue)
        }
        ("city" | "country", _) if matches!(condition.operator(), Equal | In) => Some(Tag::Local),
        _ => None,
    }
}
