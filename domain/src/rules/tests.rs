//! What rules mean, how they are written, and what is refused.

use super::*;

#[test]
fn a_text_is_read_and_written_back() {
    let text = r#"total_spend > 10000 AND (visits < 3 OR NOT (city in ("Rome", "Pa\"ris")))"#;
    let rules: Rules = text.parse().unwrap();
    assert_eq!(rules.to_string(), text);
    assert_eq!(Rules::from_json(&rules.to_json()).unwrap(), rules);
}
