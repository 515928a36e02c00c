//! Texts of ids that the shop assigns.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::{IdError, MAX_LEN};

/// Maximum length of a text that is composed, in bytes. Composed, a text has at
/// least a third of its bytes.
const MAX_UNCOMPOSED: usize = 3 * MAX_LEN;

/// What spreadsheets, databases and people write in place of a missing or wrong
/// value.
const MISSING: [&str; 16] = [
    "null",
    "undefined",
    "nan",
    "none",
    "n/a",
    "-",
    "(blank)",
    "\\n",
    "#n/a",
    "#na",
    "#ref!",
    "#name?",
    "#value!",
    "#div/0!",
    "#null!",
    "#num!",
];

/// Returns the text in the Unicode form NFC.
///
/// # Errors
/// [`IdError`] if the text is not an id that a shop may assign.
pub(super) fn compose(text: String) -> Result<Box<str>, IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > MAX_UNCOMPOSED {
        return Err(IdError::TooLong(text.len()));
    }
    let odd = |(at, c): &(usize, char)| !is_printable(*c) || (*at == 0 && is_mark(*c));
    if let Some((at, c)) = text.chars().enumerate().find(odd) {
        return Err(IdError::Unprintable(c, at));
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err(IdError::OuterSpace);
    }
    if text == "." || text == ".." {
        return Err(IdError::Place);
    }
    let composed = match is_composed(&text) {
        true => text,
        false => text.nfc().collect(),
    };
    match composed.len() {
        ..=MAX_LEN => Ok(composed.into_boxed_str()),
        length => Err(IdError::TooLong(length)),
    }
}

fn is_composed(text: &str) -> bool {
    text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes
}

/// Returns whether a reader sees the character, or it is the space.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    let is_other = matches!(
        c.general_category_group(),
        // Control, format, private use and unassigned characters.
        GeneralCategoryGroup::Other | GeneralCategoryGroup::Separator
    );
    !is_other && !is_blank(c)
}

/// Returns whether a letter, mark or symbol shows nothing of its own: fillers,
/// joiners and variation selectors, as listed in Unicode's
/// `Default_Ignorable_Code_Point`, and the empty Braille pattern.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\u{34f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{e0100}'..='\u{e01ef}'
    )
}

/// Returns whether the character changes the one before it.
fn is_mark(c: char) -> bool {
    !c.is_ascii() && c.general_category_group() == GeneralCategoryGroup::Mark
}

/// Refuses texts that stand for no id or for several: numbers that a spreadsheet
/// shortened, and words for a missing value.
pub(super) fn require_plausible(text: &str) -> Result<(), IdError> {
    if is_shortened(text) {
        return Err(IdError::Shortened(text.into()));
    }
    match is_placeholder(text) {
        true => Err(IdError::Missing(text.into())),
        false => Ok(()),
    }
}

/// Returns whether the text is what spreadsheets, databases and people write in
/// place of a missing value: `null`, `N/A`, `-` and the like, in any case.
pub fn is_placeholder(text: &str) -> bool {
    MISSING.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Returns whether the text is a number in scientific notation, as spreadsheets
/// show one of more than eleven digits: `6.81012E+12`.
fn is_shortened(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let Some((mantissa, exponent)) = text.split_once("E+").or_else(|| text.split_once("e+")) else {
        return false;
    };
    let is_mantissa = match mantissa.split_once(['.', ',']) {
        Some((whole, rest)) => is_number(whole) && is_number(rest),
        None => is_number(mantissa),
    };
    is_mantissa && is_number(exponent)
}
