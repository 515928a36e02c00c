//! Ids that the shop assigns, checked as the API does.

use domain::{CustomerId, IdError, ShopAssigned};
use xxhash_rust::xxh3::xxh3_64;

/// Returns the id as the API keeps it. The rules are the same for customers, orders and activity.
///
/// # Errors
/// Returns the rest of a sentence that begins with the text.
pub(super) fn checked(text: &str) -> Result<String, String> {
    composed(text).map_err(|error| format!("is not an id: {error}"))
}

/// Hashes an id. Two spellings of one id have the same hash.
pub(super) fn hash_of_id(text: &str) -> u64 {
    if text.is_ascii() {
        return xxh3_64(text.as_bytes());
    }
    let id = composed(text).unwrap_or_else(|_| text.to_owned());
    xxh3_64(id.as_bytes())
}

/// Returns true if an id is an e-mail address. Such ids are written in lower case, since the
/// exports of one shop spell an address in several ways.
pub(super) fn is_address(text: &str) -> bool {
    let text = text.trim();
    let parts = text.split_once('@').filter(|_| !text.contains(' '));
    parts.is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !domain.contains('@')
    })
}

fn composed(text: &str) -> Result<String, IdError> {
    CustomerId::from_shop(text.to_owned()).map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_of_an_id_are_one() {
        assert_eq!(checked("Caf\u{e9}/1").as_deref(), Ok("Caf\u{e9}/1"));
        assert_eq!(checked("Cafe\u{301}/1").as_deref(), Ok("Caf\u{e9}/1"));
        assert_eq!(hash_of_id("Caf\u{e9}"), hash_of_id("Cafe\u{301}"));
        assert_ne!(hash_of_id("#1"), hash_of_id("#2"));
        let problem = checked(&"x".repeat(129)).unwrap_err();
        assert!(problem.contains("128 bytes"), "{problem}");
    }
}
