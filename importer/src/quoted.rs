//! Texts of a file in messages.

/// Maximum number of characters that a message quotes.
const LONGEST: usize = 80;

/// Returns the beginning of a text in quotes. Control characters are escaped: a terminal would obey
/// them.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    quoted += &shown(text);
    quoted.push('"');
    quoted
}

/// Returns the beginning of a text, as [`quoted`] without quotes.
pub(super) fn shown(text: &str) -> String {
    let mut characters = text.chars();
    let mut shown = String::new();
    for one in characters.by_ref().take(LONGEST) {
        match one.is_control() {
            true => shown.extend(one.escape_default()),
            false => shown.push(one),
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_and_control_characters_escaped() {
        assert_eq!(quoted("Größe"), "\"Größe\"");
        assert_eq!(quoted("a\u{1b}[0m\nb"), "\"a\\u{1b}[0m\\nb\"");
        assert_eq!(shown(&"ä".repeat(80)), "ä".repeat(80));
        assert_eq!(shown(&"ä".repeat(81)), "ä".repeat(80) + "…");
    }
}
