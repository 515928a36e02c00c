//! Templates as stored in the log. Templates that were accepted once must stay
//! readable as long as the log exists: a failure here would stop the views of
//! campaigns and leave launched campaigns unsent.

use std::collections::BTreeSet;

use super::*;
use crate::template::check::{FILTERS, TESTS};

/// Stored templates: every field, filter, and test, every statement and kind of
/// expression, and each limit near its maximum. Lines are added, never changed.
const STORED: &str = include_str!("stored.json");

fn stored() -> Vec<String> {
    serde_json::from_str(STORED).unwrap()
}

#[test]
fn stored_templates_are_read_and_written_back_unchanged() {
    for text in stored() {
        let json = serde_json::to_string(&text).unwrap();
        let template: Template = match serde_json::from_str(&json) {
            Ok(template) => template,
            Err(error) => panic!("{text:.200}: {error}"),
        };
        assert_eq!(serde_json::to_string(&template).unwrap(), json);
        assert!(Renderer::new(&template).is_ok(), "{text:.200}");
    }
}

#[test]
fn every_supported_name_is_stored() {
    let all = stored();
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let words: BTreeSet<&str> = all
        .iter()
        .flat_map(|text| text.split(|c| !is_name(c)))
        .collect();
    for field in FIELDS {
        assert!(words.contains(field), "{field}");
    }
    let has = |before: &str, name: &str| {
        let named = format!("{before}{name}");
        let mut ends = all.iter().flat_map(|text| text.split(&named).skip(1));
        ends.any(|rest| !rest.starts_with(is_name))
    };
    for filter in FILTERS {
        assert!(has("| ", filter) || has("{% filter ", filter), "{filter}");
    }
    for test in TESTS.iter().filter(|test| test.starts_with(is_name)) {
        assert!(has(" is ", test), "{test}");
    }
    let longest = all.iter().map(String::len).max();
    assert_eq!(longest, Some(MAX_TEMPLATE));
}
