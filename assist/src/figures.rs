//! Figures of a campaign, as the views count them.

use std::collections::BTreeMap;

use domain::Currency;

use crate::money::{self, grouped};

/// Numbers of a campaign's messages, by outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignResults {
    /// Name of the campaign.
    pub name: String,
    /// Currency of the store.
    pub currency: Currency,
    /// Number of customers in the audience.
    pub audience: u64,
    /// Number of messages that were sent, including failed ones.
    pub sent: u64,
    /// Number of messages that were delivered.
    pub delivered: u64,
    /// Number of messages that failed.
    pub failed: u64,
    /// Number of customers whose message was suppressed.
    pub suppressed: u64,
    /// Number of messages without a final status.
    pub pending: u64,
    /// Figures by what customers have spent.
    pub brackets: Vec<Bracket>,
}

/// Figures of the customers whose total spend is within a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bracket {
    /// Exclusive lower bound of the total spend, in minor units.
    pub above: Option<i64>,
    /// Inclusive upper bound of the total spend, in minor units.
    pub up_to: Option<i64>,
    /// Number of messages that were sent, including failed ones.
    pub sent: u64,
    /// Number of messages that were delivered.
    pub delivered: u64,
}

/// Share of a whole that is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeliveryRate {
    part: u128,
    whole: u128,
}

impl CampaignResults {
    /// Returns the text of each placeholder in prose: the campaign's name,
    /// counts, rates that can be stated, and amounts.
    pub fn written(&self) -> BTreeMap<String, String> {
        let count = |count: u64| Some(grouped(&count.to_string()));
        let rate = |part, whole| DeliveryRate::of(part, whole).and_then(DeliveryRate::written);
        let of_audience = |count| rate(count, self.audience);
        let mut all = vec![
            ("campaign".to_owned(), Some(self.name.clone())),
            ("audience".to_owned(), count(self.audience)),
            ("sent".to_owned(), count(self.sent)),
            ("sent_rate".to_owned(), of_audience(self.sent)),
            ("delivered".to_owned(), count(self.delivered)),
            ("delivered_rate".to_owned(), rate(self.delivered, self.sent)),
            ("failed".to_owned(), count(self.failed)),
            ("failed_rate".to_owned(), rate(self.failed, self.sent)),
            ("suppressed".to_owned(), count(self.suppressed)),
            ("suppressed_rate".to_owned(), of_audience(self.suppressed)),
            ("pending".to_owned(), count(self.pending)),
            ("pending_rate".to_owned(), of_audience(self.pending)),
        ];
        let money = |minor: i64| money::written(self.currency, minor);
        for (bracket, number) in self.brackets.iter().zip(1..) {
            let figures = [
                ("above", bracket.above.map(money)),
                ("up_to", bracket.up_to.map(money)),
                ("sent", count(bracket.sent)),
                ("delivered", count(bracket.delivered)),
                (
                    "delivered_rate",
                    bracket.rate().and_then(DeliveryRate::written),
                ),
            ];
            let named = |(name, figure)| (format!("bracket_{number}_{name}"), figure);
            all.extend(figures.map(named));
        }
        let known = all.into_iter();
        known
            .filter_map(|(name, figure)| Some((name, figure?)))
            .collect()
    }
}

impl Bracket {
    pub(crate) fn rate(&self) -> Option<DeliveryRate> {
        DeliveryRate::of(self.delivered, self.sent)
    }
}

impl DeliveryRate {
    pub(crate) fn of(part: u64, whole: u64) -> Option<Self> {
        let (part, whole) = (part.into(), whole.into());
        (whole > 0).then_some(Self { part, whole })
    }

    /// Returns the percentage with `places` decimals, as a whole number of the last
    /// decimal, rounded half up. `None` if a share below 100 % would round to 100 %, or
    /// one above 0 % to 0 %.
    fn percent(self, places: u32) -> Option<u128> {
        let one = 10_u128.checked_pow(places)?;
        let all = one.checked_mul(100)?;
        let rounded = (self.part.checked_mul(all)?.checked_mul(2)? + self.whole) / (2 * self.whole);
        // "100%" must mean all and "0%" none, however large the whole is.
        let is_exact = self.part == 0 || self.part == self.whole;
        (is_exact || (rounded > 0 && rounded != all)).then_some(rounded)
    }

    /// Formats the percentage with as few decimals as are needed to keep it apart from
    /// 0 % and 100 %: `95%`, `99.7%`; `None` if two are too few.
    pub(crate) fn written(self) -> Option<String> {
        let tell = |places: u32| Some((places, self.percent(places)?));
        let (places, percent) = (0..=2).find_map(tell)?;
        let (one, width) = (10_u128.pow(places), places as usize);
        Some(match places {
            0 => format!("{percent}%"),
            _ => format!("{}.{:0width$}%", percent / one, percent % one),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_rounded_to_neither_all_nor_nothing() {
        let written = |part, whole| {
            DeliveryRate::of(part, whole)
                .unwrap()
                .written()
                .unwrap_or_default()
        };
        assert_eq!(written(19, 20), "95%");
        assert_eq!(written(1_140, 1_284), "89%");
        assert_eq!(written(1_000, 1_000), "100%");
        assert_eq!(written(0, 1_000), "0%");
        assert_eq!(written(999, 1_000), "99.9%");
        assert_eq!(written(1, 10_000), "0.01%");
        assert_eq!(written(1, 1_000_000), "");
        assert_eq!(written(u64::MAX - 1, u64::MAX), "");
        assert_eq!(DeliveryRate::of(0, 0), None);
    }
}
