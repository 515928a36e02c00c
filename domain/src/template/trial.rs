//! Trial rendering of a template for made-up customers, which detects templates
//! that can never be rendered.

use std::collections::BTreeMap;

use super::{RenderError, Renderer, Template};
use crate::rules::{ActivityFacts, CustomerFacts};
use crate::{Currency, CustomerId, Timestamp};

/// Renders a template for made-up customers. Fails only if every rendering
/// fails, and none of them for a missing value or for an empty text that may
/// have content for other customers.
pub(super) fn trial(template: &Template) -> Result<(), RenderError> {
    let renderer = Renderer::new(template)?;
    let (Ok(customer), Ok(currency)) = (CustomerId::try_from("c-1"), Currency::try_from("USD"))
    else {
        return Ok(());
    };
    let has_braces = ["{{", "{%"].iter().any(|b| template.as_str().contains(b));
    let mut reason = None;
    for (text, number) in [("Ada", 3), ("10115", 200_000)] {
        let values = renderer.values(&customer, &sample_customer(text, number), currency);
        match renderer.render(&values) {
            Ok(_) | Err(RenderError::NoValue(_)) => return Ok(()),
            Err(RenderError::Nothing) if has_braces => return Ok(()),
            Err(error) => reason = Some(error),
        }
    }
    reason.map_or(Ok(()), Err)
}

/// Returns a customer with every value known, except for attributes and
/// activities with shop-specific names.
fn sample_customer(text: &str, number: i64) -> CustomerFacts {
    let text = Some(text.to_owned());
    let at = Some(Timestamp::EPOCH);
    let visit = ActivityFacts {
        count: number,
        last_at: at,
    };
    CustomerFacts {
        name: text.clone(),
        email: text.clone(),
        phone: text.clone(),
        city: text.clone(),
        country: text.clone(),
        tags: text.into_iter().collect(),
        attributes: BTreeMap::new(),
        registered_at: at,
        unsubscribed: false,
        total_spend: number,
        order_count: number,
        average_order_value: Some(number),
        first_order_at: at,
        last_order_at: at,
        events: BTreeMap::from([("visit".to_owned(), visit)]),
    }
}
