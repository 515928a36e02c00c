//! Order of the calls of a request.
//!
//! Calls of one customer are recorded in the order of the request. Customers and activity
//! are recorded by separate commands, so calls are divided into waves: the even ones hold
//! calls of `identify`, the odd ones calls of `track`, and each call is in the first wave
//! that is not before those of its customer's earlier calls. The last two waves have all
//! that is left: a request has a limited number of waves, since each waits for the log.

use std::collections::HashMap;

use domain::CustomerId;

use super::call::CallType;

/// Maximum number of waves of a request.
pub(super) const MAX_WAVES: usize = 100;

/// Wave of each customer's last call.
#[derive(Default)]
pub(super) struct LastWaves(HashMap<CustomerId, usize>);

impl LastWaves {
    /// Returns the wave of a customer's next call.
    pub(super) fn next(&mut self, customer: &CustomerId, r#type: CallType) -> usize {
        let parity = match r#type {
            CallType::Identify => 0,
            CallType::Track => 1,
        };
        let last = self.0.entry(customer.clone()).or_default();
        if *last % 2 != parity {
            *last += 1;
        }
        match *last < MAX_WAVES {
            true => *last,
            false => MAX_WAVES - 2 + parity,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_one_customer_keep_their_order() {
        let mut last = LastWaves::default();
        let mut next = |customer: &str, r#type| {
            let customer = CustomerId::try_from(customer).unwrap();
            last.next(&customer, r#type)
        };
        use CallType::{Identify, Track};
        assert_eq!(next("a", Identify), 0);
        assert_eq!(next("a", Track), 1);
        assert_eq!(next("a", Track), 1);
        assert_eq!(next("b", Track), 1, "no earlier call");
        assert_eq!(next("a", Identify), 2);
        assert_eq!(next("b", Identify), 2);
        assert_eq!(next("a", Track), 3);
        assert_eq!(next("c", Identify), 0);
    }

    #[test]
    fn the_number_of_waves_is_limited() {
        let mut last = LastWaves::default();
        let customer = CustomerId::try_from("a").unwrap();
        let types = [CallType::Identify, CallType::Track].into_iter().cycle();
        let waves: Vec<usize> = types
            .map(|r#type| last.next(&customer, r#type))
            .take(3 * MAX_WAVES)
            .collect();
        assert_eq!(waves[..3], [0, 1, 2]);
        assert_eq!(waves[MAX_WAVES - 2..][..4], [98, 99, 98, 99]);
        assert!(waves.iter().all(|wave| *wave < MAX_WAVES));
    }
}
