//! A campaign's figures, as the views have them.

use domain::Currency;

/// What became of a campaign's messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignFigures {
    /// What the campaign is called.
    pub name: String,
    /// What the store's money is.
    pub currency: Currency,
    /// How many customers were meant.
    pub audience: u64,
    /// How many messages went out.
    pub sent: u64,
    /// How many arrived.
    pub delivered: u64,
    /// How many did not.
    pub failed: u64,
    /// How many customers were not to be written to.
    pub suppressed: u64,
    /// How many messages have not ended yet.
    pub pending: u64,
    /// The same by what customers spent.
    pub brackets: Vec<Bracket>,
}

/// Customers by what they spent in all, and what became of their messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bracket {
    /// They spent more than this, in minor units.
    pub above: Option<i64>,
    /// They spent at most this.
    pub up_to: Option<i64>,
    /// How many messages went out.
    pub sent: u64,
    /// How many arrived.
    pub delivered: u64,
}

/// A part of a whole that is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    part: u128,
    whole: u128,
}

impl CampaignFigures {
    /// All that count messages or customers.
    pub(crate) fn counts(&self) -> Vec<u64> {
        let mut counts = vec![
            self.audience,
            self.sent,
            self.delivered,
            self.failed,
            self.suppressed,
            self.pending,
        ];
        let of_bracket = |bracket: &Bracket| [bracket.sent, bracket.delivered];
        counts.extend(self.brackets.iter().flat_map(of_bracket));
        counts
    }

    /// All shares that are worth telling.
    pub(crate) fn rates(&self) -> Vec<Rate> {
        let of_all = [
            Rate::of(self.delivered, self.sent),
            Rate::of(self.failed, self.sent),
            Rate::of(self.sent, self.audience),
            Rate::of(self.suppressed, self.audience),
            Rate::of(self.pending, self.audience),
        ];
        let of_brackets = self.brackets.iter().map(Bracket::rate);
        of_all.into_iter().chain(of_brackets).flatten().collect()
    }

    /// Between what the brackets lie, in minor units.
    pub(crate) fn amounts(&self) -> Vec<i64> {
        let bounds = self.brackets.iter().flat_map(|b| [b.above, b.up_to]);
        bounds.flatten().collect()
    }
}

impl Bracket {
    pub(crate) fn rate(&self) -> Option<Rate> {
        Rate::of(self.delivered, self.sent)
    }
}

impl Rate {
    pub(crate) fn of(part: u64, whole: u64) -> Option<Self> {
        let (part, whole) = (part.into(), whole.into());
        (whole > 0).then_some(Self { part, whole })
    }

    /// In percent with so many decimals, as a whole number of the last one,
    /// rounded half up. What is not all is not rounded to all, nor something
    /// to nothing: then there is none.
    pub(crate) fn percent(self, places: u32) -> Option<u128> {
        let one = 10_u128.checked_pow(places)?;
        let all = one.checked_mul(100)?;
        let rounded = (self.part.checked_mul(all)?.checked_mul(2)? + self.whole) / (2 * self.whole);
        let is_exact = self.part == 0 || self.part == self.whole;
        (is_exact || (rounded > 0 && rounded != all)).then_some(rounded)
    }

    /// With as few decimals as tell the truth: `95%`, `99.7%`; `None` if two are
    /// too few.
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
    fn a_rate_never_says_all_or_nothing_unless_it_is() {
        let written = |part, whole| Rate::of(part, whole).unwrap().written().unwrap_or_default();
        assert_eq!(written(19, 20), "95%");
        assert_eq!(written(1_140, 1_284), "89%");
        assert_eq!(written(1_000, 1_000), "100%");
        assert_eq!(written(0, 1_000), "0%");
        assert_eq!(written(999, 1_000), "99.9%");
        assert_eq!(written(1, 10_000), "0.01%");
        assert_eq!(written(1, 1_000_000), "");
        assert_eq!(written(u64::MAX - 1, u64::MAX), "");
        assert_eq!(Rate::of(0, 0), None);
    }
}
