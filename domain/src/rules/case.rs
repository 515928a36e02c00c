//! Case-insensitive comparison of texts.

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

/// Returns the text in the form that `contains`, `beginsWith`, and `endsWith`
/// compare: with Unicode's full case folding, in normal form C. `Straße` and
/// `STRASSE` are equal, and so are both ways of writing `é`.
pub fn fold_case(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfd().default_case_fold().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::fold_case;

    #[test]
    fn case_and_composition_do_not_matter() {
        for (a, b) in [
            ("ADA", "ada"),
            ("Straße", "STRASSE"),
            ("caf\u{e9}", "CAFE\u{301}"),
            ("ΟΔΟΣ", "οδος"),
            ("\u{212a}", "k"),
            ("\u{3b1}\u{345}\u{313}", "\u{1f80}"),
        ] {
            assert_eq!(fold_case(a), fold_case(b), "{a} {b}");
        }
        assert_ne!(fold_case("e"), fold_case("é"));
    }
}
