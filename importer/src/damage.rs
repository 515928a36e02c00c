//! Signs that a spreadsheet or a script damaged an id or a phone number.

const SHORTENED: &str = "looks like a number that a spreadsheet shortened; format the column as \
                         text there and export again";
const MISSING: &str = "stands for a missing value";

/// What spreadsheets and programs write in place of a value. The API refuses these as ids, too.
const PLACEHOLDERS: [&str; 11] = [
    "null",
    "undefined",
    "nan",
    "#n/a",
    "#na",
    "#ref!",
    "#name?",
    "#value!",
    "#div/0!",
    "#null!",
    "#num!",
];
/// What people write in place of a phone number.
const NO_PHONE: [&str; 6] = ["n/a", "na", "none", "nil", "-", "unknown"];

/// Returns why the text cannot be an id, as the rest of a sentence that begins with the text: it is
/// a number that a spreadsheet shortened, or stands for a missing value.
pub(super) fn damage_of_id(text: &str) -> Option<&'static str> {
    damage(text, &PLACEHOLDERS)
}

/// Returns why the text cannot be a phone number, as [`damage_of_id`] does.
pub(super) fn damage_of_phone(text: &str) -> Option<&'static str> {
    damage(text, &PLACEHOLDERS).or_else(|| damage(text, &NO_PHONE))
}

fn damage(text: &str, placeholders: &[&str]) -> Option<&'static str> {
    let text = text.trim();
    if is_shortened(text) {
        return Some(SHORTENED);
    }
    let is_missing = placeholders
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word));
    is_missing.then_some(MISSING)
}

/// Returns true if an apostrophe before the text is the mark by which spreadsheets and shops keep a
/// number as text.
pub(super) fn has_text_mark(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next() == Some('\'')
        && characters
            .next()
            .is_some_and(|next| next.is_ascii_digit() || next == '+')
}

/// Returns true for an apostrophe before nothing but a number, such as a postal code.
pub(super) fn is_marked_number(text: &str) -> bool {
    let number = text
        .strip_prefix('\'')
        .map(|text| text.strip_prefix('+').unwrap_or(text));
    number.is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Returns true for `6.81012E+12` and `6,8E+12`.
fn is_shortened(text: &str) -> bool {
    let Some((number, power)) = text.split_once(['E', 'e']) else {
        return false;
    };
    let (whole, decimals) = number.split_once(['.', ',']).unwrap_or((number, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let whole = whole.strip_prefix(['+', '-']).unwrap_or(whole);
    let power = power.strip_prefix('+');
    whole.len() == 1
        && is_number(whole)
        && is_number(decimals)
        && power.is_some_and(|power| !power.is_empty() && is_number(power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortened_numbers_and_placeholders_are_damaged() {
        for text in [
            "6.81012E+12",
            "6,81012E+12",
            "1e+15",
            "4.47912E+11",
            " 6.8E+12 ",
        ] {
            assert_eq!(damage_of_id(text), Some(SHORTENED), "{text}");
            assert_eq!(damage_of_phone(text), Some(SHORTENED), "{text}");
        }
        for text in ["null", "NULL", "undefined", "#N/A", "#REF!", "NaN"] {
            assert_eq!(damage_of_id(text), Some(MISSING), "{text}");
        }
        for text in ["N/A", "none", "-", "NULL"] {
            assert_eq!(damage_of_phone(text), Some(MISSING), "{text}");
        }
        for text in [
            "6810123456789",
            "1E5",
            "5E10",
            "#1001",
            "0",
            "a@x.com",
            "E+12",
            "Nullmeyer",
        ] {
            assert_eq!(damage_of_id(text), None, "{text}");
        }
    }

    #[test]
    fn an_apostrophe_before_a_number_marks_text() {
        assert!(has_text_mark("'7410000000001"));
        assert!(has_text_mark("'+17755550154"));
        assert!(!has_text_mark("'t Hart"));
        assert!(!has_text_mark("7'5"));
        assert!(!has_text_mark("'"));
        assert!(is_marked_number("'01067"));
        assert!(!is_marked_number("'90s"));
        assert!(!is_marked_number("'+"));
    }
}
