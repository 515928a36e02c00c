//! Pagination of lists with `limit` and `cursor`.

use projections::{Page, PageRequest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::after::After;
use crate::http::schema;

/// Maximum number of items in a page: 1 to 500, by default 50.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "u64")]
pub(crate) struct Limit(usize);

impl Limit {
    const MAX: u64 = 500;
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl TryFrom<u64> for Limit {
    type Error = String;

    fn try_from(limit: u64) -> Result<Self, String> {
        if (1..=Self::MAX).contains(&limit) {
            Ok(Self(limit as usize))
        } else {
            Err(format!("must be 1 to {}, not {limit}", Self::MAX))
        }
    }
}

/// Parameters of a list without filters.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// Maximum number of items in the page.
    #[param(inline, value_type = Option<schema::Limit>)]
    limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[param(inline, value_type = Option<schema::Cursor>)]
    cursor: Option<String>,
    /// Waits until the view has these positions.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

impl PageParams {
    pub(crate) fn after(&self) -> Option<&After> {
        self.after.as_ref()
    }

    pub(crate) fn page(self) -> PageRequest {
        page(self.limit, self.cursor)
    }
}

pub(crate) fn page(limit: Option<Limit>, cursor: Option<String>) -> PageRequest {
    PageRequest {
        limit: limit.unwrap_or_default().0,
        cursor,
    }
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Listed<T> {
    /// Items, in the order of the list.
    pub(crate) items: Vec<T>,
    /// Cursor of the next page; `null` on the last page.
    #[schema(example = "22632d3130303122")]
    pub(crate) next_cursor: Option<String>,
}

impl<T> Listed<T> {
    pub(crate) fn from_page<D>(page: Page<D>, item: impl FnMut(D) -> T) -> Self {
        Self {
            items: page.items.into_iter().map(item).collect(),
            next_cursor: page.next_cursor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_1_to_500() {
        assert!(Limit::try_from(1).is_ok());
        assert!(Limit::try_from(500).is_ok());
        assert_eq!(Limit::try_from(0).unwrap_err(), "must be 1 to 500, not 0");
        assert!(Limit::try_from(501).is_err());
    }
}
