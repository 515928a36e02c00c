//! Signs that a spreadsheet or a script damaged an id or a phone number.

use domain::is_placeholder;

const SHORTENED: &str = "looks like a number that a spreadsheet shortened; format the column as \
                         text there and export again";
const MISSING: &str = "stands for a missing value";
const NO_NUMBER: &str = "stands for a missing value; --empty with this text reads it as an empty \
                         cell";

/// What people write in place of a phone number. They do not write all of these for an id.
const NO_PHONE: [&str; 3] = ["na", "nil", "unknown"];

/// Returns why the text cannot be an id, as the rest of a sentence that begins with the text: it is
/// a number that a spreadsheet shortened, or stands for a missing value.
pub(super) fn damage_of_id(text: &str) -> Option<&'static str> {
    damage(text, &[])
}

/// Returns why the text cannot be a phone number, as [`damage_of_id`] does.
pub(super) fn damage_of_phone(text: &str) -> Option<&'static str> {
    damage(text, &NO_PHONE).map(|problem| match problem {
        MISSING => NO_NUMBER,
        other => other,
    })
}

fn damage(text: &str, more: &[&str]) -> Option<&'static str> {
    let text = text.trim();
    if is_shortened(text) {
        return Some(SHORTENED);
    }
    let is_one_of_more = || more.iter().any(|word| text.eq_ignore_ascii_case(word));
    (is_placeholder(text) || is_one_of_more()).then_some(MISSING)
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

/// Returns the text of the formula by which spreadsheets keep a number as text: `="1001"`.
pub(super) fn text_of_formula(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("=\"")?.strip_suffix('"')?;
    (!inner.contains('"')).then_some(inner)
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
        for text in [
            "null",
            "NULL",
            "undefined",
            "#N/A",
            "#REF!",
            "NaN",
            "N/A",
            "none",
            "\\N",
            "(blank)",
            "-",
        ] {
            assert_eq!(damage_of_id(text), Some(MISSING), "{text}");
        }
        for text in ["N/A", "none", "-", "NULL"] {
            assert_eq!(damage_of_phone(text), Some(NO_NUMBER), "{text}");
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
