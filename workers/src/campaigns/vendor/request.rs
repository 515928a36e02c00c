//! Messages in a request to the vendor.

use serde::Serialize;

/// A message to send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    /// Idempotency key: the vendor delivers a message once, however often it
    /// receives this id.
    pub(crate) message_id: &'a str,
    pub(crate) to: &'a str,
    pub(crate) text: &'a str,
}

/// JSON form of a message in a request to the vendor.
#[derive(Serialize)]
struct Item<'a> {
    message_id: &'a str,
    to: &'a str,
    content: Content<'a>,
    callback_url: &'a str,
}

#[derive(Serialize)]
struct Content<'a> {
    text: &'a str,
}

impl Outgoing<'_> {
    /// Returns the message as an item of the request's array.
    pub(super) fn to_json(self, callback_url: &str) -> Vec<u8> {
        let item = Item {
            message_id: self.message_id,
            to: self.to,
            content: Content { text: self.text },
            callback_url,
        };
        // Strings always have a JSON form.
        serde_json::to_vec(&item).unwrap_or_default()
    }
}

/// Joins the items at these indices to a JSON array, padded with spaces to `length`
/// bytes.
pub(super) fn array(
    items: &[Vec<u8>],
    places: impl Iterator<Item = usize>,
    length: usize,
) -> Vec<u8> {
    let mut array = Vec::with_capacity(length);
    array.push(b'[');
    for item in places.filter_map(|place| items.get(place)) {
        if array.len() > 1 {
            array.push(b',');
        }
        array.extend_from_slice(item);
    }
    let padded = length.saturating_sub(1).max(array.len());
    array.resize(padded, b' ');
    array.push(b']');
    array
}
