use proptest::prelude::*;

use super::*;
use crate::{MessageId, Subject, key_part, text_of_key_part};

#[test]
fn a_generated_id_is_its_prefix_and_its_bits() {
    let id = SegmentId::from(0x1af);
    assert_eq!(id.as_str(), "seg_000000000000000000000000000001af");
    assert_eq!(SegmentId::try_from(id.as_str()), Ok(id));
}

#[test]
fn an_invalid_assigned_id_is_rejected_with_its_reason() {
    let id = |text: &str| SegmentId::try_from(text).map(String::from);
    assert_eq!(id(""), Err(IdError::Empty));
    assert_eq!(id("a/b"), Err(IdError::Character('/', 1)));
    assert_eq!(id(&"ä".repeat(65)), Err(IdError::TooLong(130)));
    assert_eq!(id(".."), Err(IdError::Place));
    let valid = "jo+shop@example.com:1_2-3";
    assert_eq!(id(valid).as_deref(), Ok(valid));
}

#[test]
fn ids_that_shops_use_are_accepted() {
    for text in [
        "#1001",
        "A/17",
        "Order 5",
        "Bestellung Ü-1",
        "...",
        "jo+shop@example.com:1_2-3",
        "100%",
        "a?b&c=d",
        "1e5a",
        "12E5-7",
        "12E5",
        "1.0",
        "nullable",
        "注文 7",
        "🛒-1",
        &"x".repeat(128),
    ] {
        assert_eq!(
            OrderId::from_shop(text.to_owned()).map(String::from),
            Ok(text.to_owned())
        );
    }
}

#[test]
fn an_invalid_shop_id_is_rejected_with_its_reason() {
    let id = |text: &str| CustomerId::try_from(text).map(String::from);
    assert_eq!(id(""), Err(IdError::Empty));
    assert_eq!(id(&"ä".repeat(65)), Err(IdError::TooLong(130)));
    for place in [".", ".."] {
        assert_eq!(id(place), Err(IdError::Place));
    }
    for outer in [" ", " a", "a "] {
        assert_eq!(id(outer), Err(IdError::OuterSpace), "{outer:?}");
    }
    for odd in [
        '\0',
        '\n',
        '\r',
        '\t',
        '\u{7f}',
        '\u{85}',
        '\u{a0}',
        '\u{ad}',
        '\u{200b}',
        '\u{202e}',
        '\u{2028}',
        '\u{2066}',
        '\u{feff}',
        '\u{e000}',
        '\u{378}',
        '\u{fe0f}',
        '\u{34f}',
        '\u{3164}',
        '\u{2800}',
        '\u{3000}',
        '\u{e0041}',
        '\u{10ffff}',
    ] {
        let expected = Err(IdError::Unprintable(odd, 1));
        assert_eq!(id(&format!("a{odd}b")), expected, "{odd:?}");
    }
    assert_eq!(id("\u{301}a"), Err(IdError::Unprintable('\u{301}', 0)));
}

#[test]
fn two_spellings_of_a_text_are_one_id() {
    let id = |text: &str| CustomerId::try_from(text).unwrap();
    assert_eq!(id("A\u{308}-1"), id("Ä-1"));
    assert_eq!(id("A\u{308}-1").as_str(), "Ä-1");
    // The length counts after composition.
    assert_eq!(id(&"a\u{308}".repeat(64)).as_str(), "ä".repeat(64));
}

#[test]
fn leftovers_of_spreadsheets_and_programs_are_not_taken_as_new_ids() {
    let id = |text: &str| CustomerId::from_shop(text.to_owned());
    for shortened in ["6.81012E+12", "1,2E+11", "6.8e+12", "1E+05"] {
        assert_eq!(id(shortened), Err(IdError::Shortened(shortened.into())));
    }
    for missing in [
        "null",
        "NULL",
        "undefined",
        "NaN",
        "#N/A",
        "#ref!",
        "#DIV/0!",
    ] {
        assert_eq!(id(missing), Err(IdError::Missing(missing.into())));
    }
    // A log may have such ids of old: they stay readable.
    assert!(CustomerId::try_from("null").is_ok());
}

/// Generates ids that a shop may assign, of one to twelve characters of any script.
fn shop_ids() -> impl Strategy<Value = CustomerId> {
    let characters = prop_oneof![
        4 => prop::char::range(' ', '~'),
        1 => prop::sample::select(vec!['/', '%', '#', '?', '&', '+', '"', '\\', '{', '\'', '.', '~']),
        1 => prop::sample::select(vec!['Ä', 'é', 'ß', 'Ж', '注', '🛒', '\u{308}', '\u{301}', '각']),
        1 => any::<char>(),
    ];
    let texts = prop::collection::vec(characters, 1..12);
    let id = |text: Vec<char>| CustomerId::try_from(text.into_iter().collect::<String>()).ok();
    texts.prop_filter_map("not an id", id)
}

proptest! {
    #[test]
    fn a_valid_id_survives_every_encoding(id in shop_ids(), other in shop_ids()) {
        let text = id.as_str();
        prop_assert_eq!(CustomerId::try_from(text), Ok(id.clone()), "it is composed");
        prop_assert!(text.len() <= MAX_LEN);
        let json = serde_json::to_string(&id).unwrap();
        prop_assert_eq!(serde_json::from_str::<CustomerId>(&json).ok(), Some(id.clone()));

        let part = key_part(text);
        prop_assert!(part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:@+-%".contains(&b)));
        prop_assert_eq!(text_of_key_part(&part), Some(text.to_owned()));

        let order = OrderId::try_from(other.as_str()).unwrap();
        let activity = ActivityId::try_from(other.as_str()).unwrap();
        let campaign = CampaignId::from(7);
        for subject in [
            Subject::Customer(id.clone()),
            Subject::Order(id.clone(), order),
            Subject::Activity(id.clone(), activity),
            Subject::Message(id.clone(), campaign.clone()),
        ] {
            let key = subject.to_string();
            prop_assert_eq!(subject.route(), text);
            prop_assert_eq!(Subject::named(&key), Ok(subject.clone()));
            prop_assert_eq!(Subject::parse(&key), Ok(subject));
        }
        let message = MessageId { campaign: campaign.clone(), customer: id };
        let shown = message.to_string();
        prop_assert!(MessageId::start(&campaign) < shown && shown < MessageId::end(&campaign));
        prop_assert_eq!(shown.parse(), Ok(message));
    }

    #[test]
    fn the_keys_of_ids_of_old_are_unchanged(text in "[A-Za-z0-9._:@+-]{1,128}") {
        prop_assume!(text != "." && text != "..");
        let id = CustomerId::try_from(text.as_str()).unwrap();
        prop_assert_eq!(id.as_str(), &text);
        prop_assert_eq!(Subject::Customer(id).to_string(), format!("customer/{text}"));
    }
}
