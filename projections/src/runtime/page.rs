//! Pagination with cursors.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Request for one page of a list.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// Maximum number of items.
    pub limit: usize,
    /// Cursor that the previous page returned; `None` for the first page.
    pub cursor: Option<String>,
}

/// Page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// Items in the list's order.
    pub items: Vec<T>,
    /// Cursor of the next page; `None` on the last page.
    pub next_cursor: Option<String>,
}

/// Error for a cursor that no page of the list returned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the cursor was not returned by a page of this list")]
pub struct PageError;

impl PageRequest {
    /// Returns the number of items to fetch: one more than the limit, which
    /// shows if there is another page.
    pub(crate) fn fetch(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX - 1) + 1
    }

    /// Decodes the sort key after which the page begins; `None` for the first
    /// page.
    ///
    /// # Errors
    /// [`PageError`] for a cursor of another list.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, PageError> {
        let Some(cursor) = &self.cursor else {
            return Ok(None);
        };
        let json = from_hex(cursor).ok_or(PageError)?;
        serde_json::from_slice(&json)
            .map(Some)
            .map_err(|_| PageError)
    }

    /// Cuts the fetched items to the limit, and makes the next cursor from the
    /// sort key of the last item.
    pub fn cut<T, K: Serialize>(&self, mut items: Vec<T>, key: impl Fn(&T) -> K) -> Page<T> {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let last = items.last().filter(|_| more);
        Page {
            next_cursor: last.map(|item| cursor(&key(item))),
            items,
        }
    }
}

/// Returns the cursor for a page that ends at this sort key.
pub(crate) fn cursor<K: Serialize>(key: &K) -> String {
    // Sort keys are texts and numbers, which always have a JSON form.
    let json = serde_json::to_vec(key).unwrap_or_default();
    json.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    // `from_str_radix` would also accept a sign and capital letters.
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match *pair {
        [high, low] => Some((digit(high)? << 4) | digit(low)?),
        _ => None,
    };
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_page_has_a_cursor_to_the_next() {
        let request = PageRequest {
            limit: 2,
            cursor: None,
        };
        let page = request.cut(vec!["a", "b", "c"], |item| (*item, 7));
        assert_eq!(page.items, ["a", "b"]);
        let next = PageRequest {
            limit: 2,
            cursor: page.next_cursor,
        };
        assert_eq!(next.after(), Ok(Some(("b".to_owned(), 7))));
        assert_eq!(next.cut(vec!["c"], |item| *item).next_cursor, None);
    }

    #[test]
    fn invalid_cursors_are_rejected() {
        // The last two would be texts if `+9` were a blank, or `4A` a letter.
        for cursor in ["zz", "7", "é", "", "7b7d", "+9226222", "224A22"] {
            let request = PageRequest {
                limit: 1,
                cursor: Some(cursor.to_owned()),
            };
            assert_eq!(request.after::<String>(), Err(PageError), "{cursor}");
        }
    }
}
