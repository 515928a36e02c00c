//! Compact state of an order, which Redis keeps in memory for every order.
//!
//! **Form.** A text: `a`, `m` or `n` if the order was moved to another customer,
//! a letter for the status, directly followed by the amount; then, after a space each, the time of the order, a digest of the items, the
//! refunded amount, and `updated_at` as its distance from the time of the
//! order. Numbers have the base 36, times are in milliseconds. Fields at the
//! end that are zero or absent are left out: `p5 avfsiyo0`.
//!
//! **Size.** Redis stores a hash in its compact encoding, at a third of the
//! memory, while every head in it has at most 64 bytes.

use serde::{Deserialize, Serialize};

use super::{Figures, OrderContent, OrderStatus};
use crate::digest::digest;
use crate::{Amount, Timestamp};

/// Bits of a digest of items. An order keeps one digest, and a change of its
/// items goes unnoticed with a probability of 2⁻⁴⁸.
const DIGEST: u64 = (1 << 48) - 1;

/// Figures of a recorded order, a digest of its items, and the time at which its
/// source last changed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct OrderState {
    pub(super) figures: Figures,
    /// Digest of the items; 0 without items.
    pub(super) items: u64,
    pub(super) updated_at: Option<Timestamp>,
    /// Set if the order is another customer's now.
    pub(super) moved: Option<Moved>,
}

/// What became of an order that was moved to another customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    /// It was moved alone: later commands change nothing.
    Alone,
    /// It was moved with its customer.
    WithCustomer,
    /// It was moved with its customer, and content that came later is not recorded
    /// where the order is now.
    Behind,
}

impl OrderState {
    /// Returns whether the order has this content, wherever it is.
    pub(super) fn has(&self, content: &OrderContent) -> bool {
        let moved = self.moved;
        *self
            == Self {
                moved,
                ..Self::of(content)
            }
    }

    pub(super) fn of(content: &OrderContent) -> Self {
        let items = match content.items.is_empty() {
            true => 0,
            false => digest(&content.items) & DIGEST,
        };
        Self {
            figures: content.figures(),
            items,
            updated_at: content.updated_at,
            moved: None,
        }
    }
}

impl From<OrderState> for String {
    fn from(state: OrderState) -> Self {
        let figures = state.figures;
        let letter = match figures.status {
            OrderStatus::Placed => 'p',
            OrderStatus::Cancelled => 'c',
            OrderStatus::Refunded => 'r',
        };
        let placed_at = figures.placed_at.millis();
        let refunded = figures.refunded_amount.minor();
        let updated = state.updated_at.map(|at| at.millis() - placed_at);
        let mut text = String::with_capacity(48);
        text.extend(state.moved.map(|moved| match moved {
            Moved::Alone => 'a',
            Moved::WithCustomer => 'm',
            Moved::Behind => 'n',
        }));
        text.push(letter);
        push_base36(&mut text, figures.amount.minor());
        let written = match (updated, refunded, state.items) {
            (Some(_), ..) => 3,
            (None, 1.., _) => 2,
            (None, _, 1..) => 1,
            _ => 0,
        };
        // A digest has 48 bits, so it is not negative.
        let optional = [state.items as i64, refunded, updated.unwrap_or(0)];
        for number in std::iter::once(placed_at).chain(optional.into_iter().take(written)) {
            text.push(' ');
            push_base36(&mut text, number);
        }
        text
    }
}

impl TryFrom<String> for OrderState {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let moved = match text.chars().next() {
            Some('a') => Some(Moved::Alone),
            Some('m') => Some(Moved::WithCustomer),
            Some('n') => Some(Moved::Behind),
            _ => None,
        };
        // The letter is one byte.
        let text = &text[usize::from(moved.is_some())..];
        let status = match text.chars().next() {
            Some('p') => OrderStatus::Placed,
            Some('c') => OrderStatus::Cancelled,
            Some('r') => OrderStatus::Refunded,
            _ => return Err("not the letter of an order's status".to_owned()),
        };
        // The letter is one byte.
        let mut fields = text[1..]
            .split(' ')
            .map(|field| i64::from_str_radix(field, 36));
        let mut next = || fields.next().transpose().map_err(|error| error.to_string());
        let amount = |number: Option<i64>| {
            Amount::try_from(number.unwrap_or(0)).map_err(|error| error.to_string())
        };
        let time = |millis| Timestamp::from_millis(millis).map_err(|error| error.to_string());
        let total = amount(next()?)?;
        let placed_at = next()?.ok_or("the time of the order is missing")?;
        let items = u64::try_from(next()?.unwrap_or(0)).map_err(|error| error.to_string())?;
        let refunded = amount(next()?)?;
        let updated_at = next()?.map(|distance| time(placed_at.saturating_add(distance)));
        Ok(Self {
            figures: Figures {
                amount: total,
                refunded_amount: refunded,
                placed_at: time(placed_at)?,
                status,
            },
            items,
            updated_at: updated_at.transpose()?,
            moved,
        })
    }
}

/// Appends a number with the base 36.
fn push_base36(text: &mut String, number: i64) {
    if number < 0 {
        text.push('-');
    }
    let mut rest = number.unsigned_abs();
    // 13 digits of this base hold 64 bits.
    let mut digits = ['0'; 13];
    let mut first = digits.len();
    loop {
        first -= 1;
        // A remainder below 36 is always a digit.
        digits[first] = char::from_digit((rest % 36) as u32, 36).unwrap_or('0');
        rest /= 36;
        if rest == 0 {
            break;
        }
    }
    text.extend(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn state() -> impl Strategy<Value = OrderState> {
        let amounts = || 0..=crate::MAX_AMOUNT;
        let millis = -2_208_988_800_000i64..=253_402_300_799_999;
        let statuses = prop::sample::select(vec![
            OrderStatus::Placed,
            OrderStatus::Cancelled,
            OrderStatus::Refunded,
        ]);
        let items = prop_oneof![Just(0), 0..=DIGEST];
        let refunded = prop_oneof![Just(0), amounts()];
        let updated = prop::option::of(millis.clone());
        let moved = prop::option::of(prop::sample::select(vec![
            Moved::Alone,
            Moved::WithCustomer,
            Moved::Behind,
        ]));
        (amounts(), refunded, millis, statuses, items, updated, moved).prop_map(
            |(amount, refunded, placed_at, status, items, updated, moved)| OrderState {
                figures: Figures {
                    amount: Amount::try_from(amount).unwrap(),
                    refunded_amount: Amount::try_from(refunded).unwrap(),
                    placed_at: Timestamp::from_millis(placed_at).unwrap(),
                    status,
                },
                items,
                updated_at: updated.map(|at| Timestamp::from_millis(at).unwrap()),
                moved,
            },
        )
    }

    proptest! {
        #[test]
        fn every_state_is_read_back(state in state()) {
            let json = serde_json::to_string(&state).unwrap();
            prop_assert_eq!(serde_json::from_str::<OrderState>(&json).unwrap(), state);
        }

        #[test]
        fn numbers_have_the_base_36(number: i64) {
            let mut text = String::new();
            push_base36(&mut text, number);
            prop_assert_eq!(i64::from_str_radix(&text, 36), Ok(number));
        }
    }

    #[test]
    fn what_is_no_state_is_refused() {
        for odd in [
            "",
            "m",
            "ma1 2",
            "x1 2",
            "p",
            "p1",
            "p1 ",
            "pé 1",
            "p1 2 -1",
            "p1 2 0 -1",
            "é1 2",
        ] {
            assert!(OrderState::try_from(odd.to_owned()).is_err(), "{odd}");
        }
    }
}
