//! `GET /api/reports/daily`

use std::ops::RangeInclusive;

use axum::Json;
use axum::extract::State;
use chrono::{Datelike, Days, NaiveDate, Utc};
use projections::daily_figures::{DailyFigures, DayFigures};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::after::After;
use crate::http::extract::Query;
use crate::http::openapi::Refused;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::state::AppState;

/// Maximum number of days of a report.
const MAX_DAYS: i64 = 366;

/// Years that times and dates may have.
const YEARS: RangeInclusive<i32> = 1900..=9999;

/// Number of days of a report without `since`.
const USUAL_DAYS: u64 = 30;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_daily_report))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DailyParams {
    /// First day; by default 29 days before the last one. What today is depends on the time
    /// zone: for the last days, `days` is right in every zone.
    #[param(inline, value_type = Option<schema::Day>)]
    since: Option<Day>,
    /// Number of days up to the last one, instead of `since`.
    #[param(inline, value_type = Option<schema::DayCount>)]
    days: Option<DayCount>,
    /// Last day; by default today, in the deployment's time zone.
    #[param(inline, value_type = Option<schema::Day>)]
    until: Option<Day>,
    /// Waits until the view has reached these positions.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

/// Number of days of a report.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u16")]
struct DayCount(u64);

impl TryFrom<u16> for DayCount {
    type Error = String;

    fn try_from(days: u16) -> Result<Self, Self::Error> {
        match i64::from(days) {
            1..=MAX_DAYS => Ok(Self(days.into())),
            _ => Err(format!("is not 1 to {MAX_DAYS}")),
        }
    }
}

/// A date of the form `2026-11-23`, in [`YEARS`].
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Day(NaiveDate);

impl TryFrom<String> for Day {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let date = text.parse::<NaiveDate>().ok();
        // chrono also accepts other forms, such as `2026-1-2`.
        let date = date.filter(|date| date.to_string() == text && YEARS.contains(&date.year()));
        date.map(Self)
            .ok_or("is not a date within the years 1900 to 9999, such as 2026-11-23")
    }
}

/// The shop's figures by day.
#[derive(Serialize, ToSchema)]
struct DailyReport {
    /// Time zone of the days.
    #[schema(example = "Europe/Berlin")]
    time_zone: &'static str,
    /// Currency of `revenue` and `gross_revenue`.
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    /// First day.
    #[schema(value_type = schema::Day)]
    since: String,
    /// Last day.
    #[schema(value_type = schema::Day)]
    until: String,
    /// Figures of each day, in ascending order without gaps.
    items: Vec<DayResponse>,
    /// Sums of the figures.
    totals: FiguresResponse,
    /// True if the figures may lack an event that is in quarantine.
    incomplete: bool,
}

/// Figures of one day.
#[derive(Serialize, ToSchema)]
#[schema(as = DailyFigures)]
struct DayResponse {
    /// The day.
    #[schema(value_type = schema::Day)]
    date: String,
    #[serde(flatten)]
    figures: FiguresResponse,
}

/// Figures of one or more days.
#[derive(Serialize, ToSchema)]
#[schema(as = ShopFigures)]
struct FiguresResponse {
    /// Customers who registered: by `registered_at` of their first profile, without
    /// it by the time at which that was recorded. Customers who are known from
    /// orders or activity alone do not count.
    #[schema(example = 12)]
    customers: i64,
    /// Orders placed, without those that are cancelled or refunded by now.
    #[schema(example = 40)]
    orders: i64,
    /// Sum of these orders' amounts without what was paid back, in minor units.
    #[schema(example = 199_900)]
    revenue: i64,
    /// Sum of these orders' amounts before refunds of a part, in minor units.
    #[schema(example = 204_900)]
    gross_revenue: i64,
    /// Activities that occurred.
    #[schema(example = 211)]
    activity: i64,
    /// Messages that the vendor accepted.
    #[schema(example = 120)]
    sent: i64,
    /// Messages that arrived, by the time in the receipt.
    #[schema(example = 101)]
    delivered: i64,
    /// Messages that did not arrive or bounced, by the time in the receipt, or that
    /// were rejected or given up.
    #[schema(example = 9)]
    failed: i64,
    /// Messages that were suppressed.
    #[schema(example = 4)]
    suppressed: i64,
}

/// Returns the shop's figures by day.
///
/// Days are those of the deployment's time zone; a time of exactly midnight UTC in
/// the shop's data counts as a date without a time. Orders and activity count as they
/// are now, on the day that the shop gave: a refund removes an order from the day on
/// which it was placed, and a refund of a part reduces its revenue. Messages count
/// when something happened to them: one that failed and was then delivered counts in
/// both. A report has at most 366 days.
#[utoipa::path(
    get,
    path = "/api/reports/daily",
    tag = "Reports",
    params(DailyParams, Consistency),
    responses(
        (status = 200, description = "The figures", body = DailyReport),
        Refused
    )
)]
async fn get_daily_report(
    State(app): State<AppState>,
    Query(params): Query<DailyParams>,
    consistency: Consistency,
) -> Result<Json<DailyReport>, Problem> {
    let zone = app.store.zone();
    let today = Utc::now().with_timezone(&zone).date_naive();
    let (since, until) = range(params.since, params.days, params.until, today)?;
    let freshness = consistency.with(params.after.as_ref());
    after::wait_for(&app, DailyFigures::NAME, freshness).await?;
    let found = app.store.daily_figures(since, until).await?;
    let mut totals = DayFigures::default();
    let mut items = Vec::new();
    for date in since.iter_days().take_while(|date| *date <= until) {
        let figures = found.days.get(&date).copied().unwrap_or_default();
        totals = totals.plus(&figures).ok_or_else(too_large)?;
        items.push(DayResponse {
            date: date.to_string(),
            figures: figures.try_into()?,
        });
    }
    Ok(Json(DailyReport {
        time_zone: zone.name(),
        currency: app.commands.currency().code(),
        since: since.to_string(),
        until: until.to_string(),
        items,
        totals: totals.try_into()?,
        incomplete: found.is_incomplete,
    }))
}

/// Returns the first and the last day of a report.
fn range(
    since: Option<Day>,
    days: Option<DayCount>,
    until: Option<Day>,
    today: NaiveDate,
) -> Result<(NaiveDate, NaiveDate), Problem> {
    if since.is_some() && days.is_some() {
        let detail = "query: since and days exclude each other: both say which day is the first";
        return Err(Problem::new(ProblemKind::InvalidParameter, detail));
    }
    let until = until.map_or(today, |Day(day)| day);
    let days = days.map_or(USUAL_DAYS, |DayCount(days)| days);
    let usual = until.checked_sub_days(Days::new(days - 1));
    // Days before 1900 cannot have any figures, and are no dates in an answer.
    let usual = usual.filter(|day| YEARS.contains(&day.year()));
    let since = since.map_or(usual.unwrap_or(until), |Day(day)| day);
    let days = (until - since).num_days() + 1;
    match days {
        1..=MAX_DAYS => Ok((since, until)),
        ..1 => {
            let detail = format!("query: since: {since} lies after until, {until}");
            Err(Problem::new(ProblemKind::Refused, detail))
        }
        _ => {
            let detail = format!("query: a report has at most {MAX_DAYS} days, not {days}");
            Err(Problem::new(ProblemKind::Refused, detail))
        }
    }
}

/// Returns the problem of totals that exceed 64 bits.
fn too_large() -> Problem {
    let detail = "the totals of these days exceed 64 bits; ask for fewer days";
    Problem::new(ProblemKind::Refused, detail)
}

impl TryFrom<DayFigures> for FiguresResponse {
    type Error = Problem;

    fn try_from(figures: DayFigures) -> Result<Self, Problem> {
        Ok(Self {
            customers: figures.customers,
            orders: figures.orders,
            revenue: figures.revenue,
            gross_revenue: figures.gross_revenue().ok_or_else(too_large)?,
            activity: figures.activity,
            sent: figures.sent,
            delivered: figures.delivered,
            failed: figures.failed,
            suppressed: figures.suppressed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Option<Day> {
        Day::try_from(text.to_owned()).ok()
    }

    #[test]
    fn a_date_has_one_form() {
        for text in ["2026-11-23", "2024-02-29", "1900-01-01", "9999-12-31"] {
            assert_eq!(day(text).unwrap().0.to_string(), text);
        }
        for text in [
            "",
            "2026-11",
            "2026-1-2",
            "2026-02-30",
            "2026-11-23T00:00:00Z",
            " 2026-11-23",
            "1899-12-31",
            "-0001-01-01",
            "+10000-01-01",
        ] {
            assert!(day(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_report_has_30_days_up_to_today_unless_asked_otherwise() {
        let today = day("2026-11-29").unwrap().0;
        let range = |since, until| {
            let found = range(day(since), None, day(until), today);
            found.map(|(since, until)| format!("{since} {until}"))
        };
        let last = |since, days, until| {
            let days = DayCount::try_from(days).ok();
            let found = super::range(day(since), days, day(until), today);
            found.map(|(since, until)| format!("{since} {until}"))
        };
        assert_eq!(last("", 7, "").unwrap(), "2026-11-23 2026-11-29");
        assert_eq!(last("", 1, "2026-03-30").unwrap(), "2026-03-30 2026-03-30");
        assert!(last("2026-11-23", 7, "").is_err());
        assert!(DayCount::try_from(0).is_err() && DayCount::try_from(367).is_err());
        assert_eq!(range("", "").unwrap(), "2026-10-31 2026-11-29");
        assert_eq!(range("", "2026-03-30").unwrap(), "2026-03-01 2026-03-30");
        assert_eq!(range("2026-11-29", "").unwrap(), "2026-11-29 2026-11-29");
        assert_eq!(range("2025-11-29", "").unwrap(), "2025-11-29 2026-11-29");
        assert_eq!(range("", "1900-01-02").unwrap(), "1900-01-02 1900-01-02");
        for (since, until) in [
            ("2025-11-28", ""),
            ("2026-11-30", ""),
            ("2026-03-02", "2026-03-01"),
        ] {
            let refused = range(since, until).unwrap_err();
            assert_eq!(refused.kind(), ProblemKind::Refused, "{since} {until}");
        }
    }
}
