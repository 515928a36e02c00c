//! Messages that are ready to be sent, and their size in a request.

use domain::{AddressId, MessageId};

use crate::campaigns::clearance::Clearance;

/// Largest size of the messages in one request, in bytes. Many servers reject bodies
/// of more than a megabyte; a batch of typical messages has a tenth of that.
const LARGEST_BODY: usize = 256 * 1024;

/// Bytes of a message in a request besides its id, address and text: the names of the
/// members, and the callback URL.
const MEMBERS: usize = 256;

/// Message with its text, ready to be sent.
pub(super) struct ReadyMessage {
    pub(super) id: MessageId,
    pub(super) clearance: Clearance,
    pub(super) address: AddressId,
    pub(super) to: String,
    pub(super) text: String,
}

impl ReadyMessage {
    /// Returns the approximate size of the message in a request, in bytes.
    pub(super) fn size(&self) -> usize {
        let MessageId { campaign, customer } = &self.id;
        let id = campaign.as_str().len() + customer.as_str().len();
        MEMBERS + id + json_size(&self.to) + json_size(&self.text)
    }
}

/// Returns how many messages of these sizes fit into one request, from the first on;
/// at least one, however large it is.
pub(super) fn within_body(sizes: impl Iterator<Item = usize>) -> usize {
    let totals = sizes.scan(0_usize, |total, size| {
        *total = total.saturating_add(size);
        Some(*total)
    });
    totals
        .enumerate()
        .take_while(|(place, total)| *place == 0 || *total <= LARGEST_BODY)
        .count()
}

/// Returns the size of a text as a JSON string, in bytes, without the quotes.
fn json_size(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn ready(text: &str) -> ReadyMessage {
        ReadyMessage {
            id: format!("msg_{:032x}_ada", 7).parse().unwrap(),
            clearance: Clearance::at(Instant::now()),
            address: "AAECAwQFBgcICQoLDA0O".try_into().unwrap(),
            to: "ada@example.com".to_owned(),
            text: text.to_owned(),
        }
    }

    /// Returns how many of a hundred messages with this text fit into one request.
    fn together(text: &str) -> usize {
        within_body((0..100).map(|_| ready(text).size()))
    }

    #[test]
    fn a_batch_is_limited_in_bytes_and_has_at_least_one_message() {
        assert_eq!(together("Hi Ada!"), 100);
        assert_eq!(together(&"x".repeat(2_000)), 100);
        assert_eq!(together(&"x".repeat(64 * 1024)), 3);
        assert_eq!(together(&"\n".repeat(64 * 1024)), 1);
        assert_eq!(together(&"x".repeat(LARGEST_BODY)), 1);
        assert_eq!(within_body([LARGEST_BODY, 1].into_iter()), 1);
        assert_eq!(within_body([LARGEST_BODY - 1, 1, 1].into_iter()), 2);
        assert_eq!(within_body([].into_iter()), 0);
    }

    #[test]
    fn the_size_of_a_text_is_that_of_its_json() {
        for text in [
            "",
            "Hi Ada!",
            "\"a\\b\"",
            "one\ntwo\r\n\t",
            "\u{1}\u{7f}",
            "zwölf €",
        ] {
            let json = serde_json::to_string(text).unwrap();
            assert_eq!(json_size(text), json.len() - 2, "{text}");
        }
    }
}
