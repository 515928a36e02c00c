//! Phrases about spend, in total and per order.

use domain::rules::Operator;

use crate::Measure;
use crate::builtin::meaning::Meaning;
use crate::builtin::phrase::Manner::{Adjective, Noun, Post, Share, Verb};
use crate::builtin::phrase::{Interpretation, PhraseRow, means, within};
use crate::builtin::slots::{Scope, Slot};

const TOTAL: &str = "total_spend";
const AVERAGE: &str = "average_order_value";

const NOT_COMPARED: &str =
    "the request does not say whether more than, at least, or exactly this is meant";
const NO_WINDOW: &str = "rules support the total spend, not the spend within a period";
const ONE_ORDER: &str =
    "rules support the total and the average spend, not the amount of one order";
const VAGUE: &str = "the request does not say how much that is";

#[rustfmt::skip]
pub(super) const ROWS: &[PhraseRow] = &[
    (Verb, "[@have] @spends [@total] <money> [@total] [@total]", |_, s| within(TOTAL, s)),
    (Post, "[@having] @spend [is|was|of|that is|of at] <money>", |_, s| within(TOTAL, s)),
    (Post, "[@having] <money> [in|of] @spend", |_, s| within(TOTAL, s)),
    (Noun, "spenders [of|with] <money>", |_, s| within(TOTAL, s)),
    (Verb, "[@have] (not|never) [yet] spent (anything|any money|a rupee|money) [@us] [@yet]", |_, _| is(0)),
    (Verb, "[@have] spent nothing [@us] [@yet]", |_, _| is(0)),
    (Verb, "[@have] spent (something|anything|money) [@us] [@yet]", |_, _| means(Meaning::is(TOTAL, Operator::Greater, 0))),
    (Verb, "([@have] not spent|did not spend|do not spend) [@total] <money> [@total]", |_, s| contrary(s)),
    (Verb, "[@have] @buy [goods|products|items|things] (worth|for) <money> @all", |_, s| within(TOTAL, s)),
    (Verb, "[@have] never spent <money>", |_, _| Some(Interpretation::Refused(ONE_ORDER))),
    (Verb, "[@have] @spends <amount>", |_, _| Some(Interpretation::Refused(NOT_COMPARED))),
    (Verb, "[@have] @spends [<money>|<amount>] <within>", |_, _| Some(Interpretation::Refused(NO_WINDOW))),
    (Verb, "[@have] @spends [<money>|<amount>] (in|on) (one|a single|a|their last|their first) (order|purchase|visit)", |_, _| Some(Interpretation::Refused(ONE_ORDER))),

    (Post, "[@having] @average [is|was|of|that is] <money>", |_, s| within(AVERAGE, s)),
    (Verb, "[@have] @spends [on average|an average of] <money> @each [on average]", |_, s| within(AVERAGE, s)),
    (Verb, "on average @spends <money> @each", |_, s| within(AVERAGE, s)),

    (Noun, "(high|big|top|biggest|highest|heavy|best) spenders", |s, _| high(s, Measure::TotalSpend, 20)),
    (Adjective, "(high|highest|top|biggest) spending", |s, _| high(s, Measure::TotalSpend, 20)),
    (Noun, "(low|small|lowest|smallest) spenders", |s, _| low(s, Measure::TotalSpend, 20)),
    (Noun, "(average|medium|mid|typical|normal) spenders", |_, _| Some(Interpretation::Refused(VAGUE))),
    (Verb, "[@have] (spent|spend|spends) a lot [@us]", |_, _| Some(Interpretation::Refused(VAGUE))),
    (Post, "[@having] high @average", |s, _| high(s, Measure::AverageOrderValue, 20)),
    (Post, "[@having] low @average", |s, _| low(s, Measure::AverageOrderValue, 20)),
    (Post, "[@having] high @spend", |s, _| high(s, Measure::TotalSpend, 20)),
    (Post, "[@having] low @spend", |s, _| low(s, Measure::TotalSpend, 20)),

    (Share, "[in] [the] top <percent> [of] [all|our|the|my] spenders", |s, p| top(s, p, Measure::TotalSpend)),
    (Share, "[in] [the] bottom <percent> [of] [all|our|the|my] spenders", |s, p| bottom(s, p, Measure::TotalSpend)),
    (Share, "[in] [the] top <percent> [of] [all|our|the|my] [@people] (by|in|for) [their] (@spend|revenue)", |s, p| top(s, p, Measure::TotalSpend)),
    (Share, "[in] [the] bottom <percent> [of] [all|our|the|my] [@people] (by|in|for) [their] (@spend|revenue)", |s, p| bottom(s, p, Measure::TotalSpend)),
    (Share, "[in] [the] top <percent> [of] [all|our|the|my] [@people] (by|in|for) [the|their] [number of|total] (@order|order count)", |s, p| top(s, p, Measure::OrderCount)),
    (Share, "[in] [the] bottom <percent> [of] [all|our|the|my] [@people] (by|in|for) [the|their] [number of|total] (@order|order count)", |s, p| bottom(s, p, Measure::OrderCount)),
    (Share, "[in] [the] top <percent> [of] [all|our|the|my] [@people] (by|in|for) [the|their] [number of|total] visits", |s, p| top(s, p, Measure::Visits)),
    (Share, "[in] [the] bottom <percent> [of] [all|our|the|my] [@people] (by|in|for) [the|their] [number of|total] visits", |s, p| bottom(s, p, Measure::Visits)),
    (Share, "[in] [the] top <percent> [of] [all|our|the|my] [@people] (by|in|for) [their] @average", |s, p| top(s, p, Measure::AverageOrderValue)),
    (Share, "[in] [the] bottom <percent> [of] [all|our|the|my] [@people] (by|in|for) [their] @average", |s, p| bottom(s, p, Measure::AverageOrderValue)),
];

const NO_QUANTILES: &str = "the store has too little data to determine what is high or low";
const NOT_A_TENTH: &str = "shares are supported in steps of 10%, from 10% to 90%";

fn is(minor: i64) -> Option<Interpretation> {
    means(Meaning::is(TOTAL, Operator::Equal, minor))
}

fn contrary(slots: &[Slot]) -> Option<Interpretation> {
    match within(TOTAL, slots)? {
        Interpretation::Means(meaning) => means(meaning.contrary()),
        refused => Some(refused),
    }
}

/// Creates the condition for the top `percent` of the customers with a value above 0.
pub(super) fn high(scope: &Scope<'_>, measure: Measure, percent: u8) -> Option<Interpretation> {
    Some(match scope.facts.quantile(measure, 100 - percent) {
        Some(least) => {
            Interpretation::Means(Meaning::is(measure.field(), Operator::AtLeast, least))
        }
        None => Interpretation::Refused(NO_QUANTILES),
    })
}

/// Creates the condition for the bottom `percent` of the customers with a value above 0.
fn low(scope: &Scope<'_>, measure: Measure, percent: u8) -> Option<Interpretation> {
    let field = measure.field();
    Some(match scope.facts.quantile(measure, percent) {
        Some(most) => Interpretation::Means(Meaning::all(vec![
            Meaning::is(field, Operator::Greater, 0),
            Meaning::is(field, Operator::AtMost, most),
        ])),
        None => Interpretation::Refused(NO_QUANTILES),
    })
}

type Quantile = fn(&Scope<'_>, Measure, u8) -> Option<Interpretation>;

fn share(
    scope: &Scope<'_>,
    slots: &[Slot],
    measure: Measure,
    of: Quantile,
) -> Option<Interpretation> {
    match slots.first()? {
        Slot::Percent(percent) => match u8::try_from(*percent) {
            Ok(percent @ 10..=90) if percent.is_multiple_of(10) => of(scope, measure, percent),
            _ => Some(Interpretation::Refused(NOT_A_TENTH)),
        },
        _ => None,
    }
}

fn top(scope: &Scope<'_>, slots: &[Slot], measure: Measure) -> Option<Interpretation> {
    share(scope, slots, measure, high)
}

fn bottom(scope: &Scope<'_>, slots: &[Slot], measure: Measure) -> Option<Interpretation> {
    share(scope, slots, measure, low)
}
