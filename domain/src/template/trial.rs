//! Whether anything can come of a template: it is rendered for customers made
//! up here.

use std::collections::BTreeMap;

use super::{RenderError, Renderer, Template};
use crate::rules::{ActivityFacts, CustomerFacts};
use crate::{Currency, CustomerId, Timestamp};

/// A reason is given only where it fails for every one of them, and not for
/// want of a value, nor because all of it is for other customers.
pub(super) fn trial(template: &Template) -> Result<(), RenderError> {
    let renderer = Renderer::new(template)?;
    let (Ok(customer), Ok(currency)) = (CustomerId::try_from("c-1"), Currency::try_from("USD"))
    else {
        return Ok(());
    };
    let mut reason = None;
    for (text, number) in [("Ada", 3), ("10115", 200_000)] {
        let values = renderer.values(&customer, &made(text, number), currency);
        match renderer.render(&values) {
            Ok(_) | Err(RenderError::NoValue(_)) => return Ok(()),
            Err(RenderError::Nothing) if has_braces(template) => return Ok(()),
            Err(error) => reason = Some(error),
        }
    }
    reason.map_or(Ok(()), Err)
}

fn has_braces(template: &Template) -> bool {
    ["{{", "{%"].iter().any(|b| template.as_str().contains(b))
}

/// Somebody of whom everything is known, but for what shops name themselves.
fn made(text: &str, number: i64) -> CustomerFacts {
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
