//! Handler of `GET /api/ai/send-time`.

use axum::Json;
use axum::extract::State;
use chrono::Utc;
use chrono_tz::Tz;
use domain::{AssistTask, SegmentId, Timestamp};
use projections::analytics::{ActivityCounts, ActivityHours};
use projections::customers::Customers;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::call::{AnsweredBy, Call};
use super::caller::AssistCaller;
use super::rules_of;
use crate::http::after::After;
use crate::http::extract::Query;
use crate::http::openapi::NotFound;
use crate::http::problem::Problem;
use crate::http::schema::{self, WEEKDAYS};
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::state::AppState;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SendTimeParams {
    /// The segment to send to.
    #[param(inline, value_type = schema::SegmentId)]
    segment_id: SegmentId,
    /// The IANA time zone of all hours; by default UTC.
    #[serde(default)]
    #[param(inline, value_type = Option<schema::TimeZone>)]
    time_zone: Option<Zone>,
    /// Waits until the views have reached these positions.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

/// Time zone, parsed from its IANA name.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Zone(Tz);

impl TryFrom<String> for Zone {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let zone = name.parse().map(Self);
        zone.map_err(|_| "is not an IANA time zone, such as Asia/Kolkata")
    }
}

/// The best time to send to a segment: when most of its customers are active.
#[derive(Serialize, ToSchema)]
#[schema(as = SendTime)]
pub(super) struct SendTimeResponse {
    /// The segment.
    #[schema(value_type = schema::SegmentId)]
    segment_id: SegmentId,
    /// The time zone of all hours.
    #[schema(example = "Asia/Kolkata")]
    time_zone: &'static str,
    /// The hour in which most customers were active; `null` if none were, or if
    /// only days are known. A time of exactly midnight, UTC or in the deployment's
    /// time zone, counts as a day without an hour.
    #[schema(example = 19, minimum = 0, maximum = 23)]
    hour: Option<u8>,
    /// The day of the week on which most customers were active; `null` if none
    /// were.
    #[schema(value_type = Option<schema::Weekday>)]
    weekday: Option<&'static str>,
    /// The hour and the day in a sentence.
    #[schema(
        example = "412 of 1284 customers were active between 19:00 and 20:00, which no other hour exceeds; 530 on a Friday, which no other day exceeds."
    )]
    explanation: String,
    #[serde(flatten)]
    by: AnsweredBy,
    /// Number of customers in the segment.
    #[schema(example = 1_284)]
    customers: u64,
    /// Number of orders that they placed and that count.
    #[schema(example = 3_702)]
    orders: u64,
    /// Number of their other activities.
    #[schema(example = 9_114)]
    activities: u64,
    /// All 24 hours of the day.
    #[schema(min_items = 24, max_items = 24)]
    hours: Vec<HourResponse>,
    /// All days of the week.
    #[schema(min_items = 7, max_items = 7)]
    weekdays: Vec<WeekdayResponse>,
}

/// Activity in an hour of the day.
#[derive(Serialize, ToSchema)]
#[schema(as = BusyHour)]
pub(super) struct HourResponse {
    /// The hour, from 0 to 23.
    #[schema(example = 19)]
    hour: u8,
    #[serde(flatten)]
    busy: BusyResponse,
}

/// Activity on a day of the week.
#[derive(Serialize, ToSchema)]
#[schema(as = BusyWeekday)]
pub(super) struct WeekdayResponse {
    /// The day of the week.
    #[schema(value_type = schema::Weekday)]
    weekday: &'static str,
    #[serde(flatten)]
    busy: BusyResponse,
}

/// Activity in an hour or on a day of the week, over all time.
#[derive(Serialize, ToSchema)]
#[schema(as = Busy)]
struct BusyResponse {
    /// Number of customers who were active; each counts once.
    #[schema(example = 412)]
    customers: u64,
    /// Number of orders.
    #[schema(example = 530)]
    orders: u64,
    /// Number of other activities.
    #[schema(example = 1_211)]
    activities: u64,
}

/// Finds the best time to send to a segment from its customers' past activity.
#[utoipa::path(
    get,
    path = "/api/ai/send-time",
    tag = "AI assistance",
    params(SendTimeParams, Consistency),
    responses(
        (status = 200, description = "The best hour and day of the week", body = SendTimeResponse),
        NotFound
    )
)]
pub(super) async fn get_send_time(
    State(app): State<AppState>,
    AssistCaller(context): AssistCaller,
    Query(params): Query<SendTimeParams>,
    consistency: Consistency,
) -> Result<Json<SendTimeResponse>, Problem> {
    let call = Call::begin(&app, context, AssistTask::SendTime);
    let mut call = call.with_subject(params.segment_id.as_str());
    let found = find(&app, &mut call, params, &consistency).await;
    call.end(found).await.map(Json)
}

async fn find(
    app: &AppState,
    call: &mut Call,
    params: SendTimeParams,
    consistency: &Consistency,
) -> Result<SendTimeResponse, Problem> {
    let _place = app.assistant.places.wait().await?;
    let segment_id = params.segment_id;
    let freshness = consistency.with(params.after.as_ref());
    let zone = params.time_zone.map_or(Tz::UTC, |Zone(zone)| zone);
    let rules = rules_of(app, &segment_id, freshness).await?;
    after::wait::<Customers>(app, freshness).await?;
    let now = Timestamp::from(Utc::now());
    // The permit is held only during the query, which scans customers.
    let busy = {
        let _permit = app.previews.wait().await?;
        app.store.busy_hours(&rules, now, zone).await?
    };
    let explanation = explain(&busy);
    call.set_answer(&explanation);
    Ok(SendTimeResponse::new(
        segment_id,
        zone,
        &busy,
        explanation,
        call.answered_by(),
    ))
}

/// Returns the best hour and day in a sentence.
fn explain(busy: &ActivityHours) -> String {
    let all = busy.customers;
    let Some(weekday) = busy.best_weekday() else {
        return format!("None of {all} customers has been active yet.");
    };
    let (first, rest) = WEEKDAYS[usize::from(weekday)].split_at(1);
    let day = format!("{}{rest}", first.to_uppercase());
    let days = busy.weekdays[usize::from(weekday)].customers;
    let Some(hour) = busy.best_hour() else {
        return format!(
            "{days} of {all} customers were active on a {day}, which no other day \
             exceeds; at which hours is not known."
        );
    };
    let (hours, next) = (busy.hours[usize::from(hour)].customers, (hour + 1) % 24);
    format!(
        "{hours} of {all} customers were active between {hour:02}:00 and \
         {next:02}:00, which no other hour exceeds; {days} on a {day}, which no other day exceeds."
    )
}

impl SendTimeResponse {
    fn new(
        segment_id: SegmentId,
        zone: Tz,
        busy: &ActivityHours,
        explanation: String,
        by: AnsweredBy,
    ) -> Self {
        let hours = (0..24).zip(&busy.hours);
        let weekdays = WEEKDAYS.into_iter().zip(&busy.weekdays);
        Self {
            segment_id,
            time_zone: zone.name(),
            hour: busy.best_hour(),
            weekday: busy.best_weekday().map(|day| WEEKDAYS[usize::from(day)]),
            explanation,
            by,
            customers: busy.customers,
            orders: busy.orders,
            activities: busy.activities,
            hours: hours
                .map(|(hour, busy)| HourResponse {
                    hour,
                    busy: busy.into(),
                })
                .collect(),
            weekdays: weekdays
                .map(|(weekday, busy)| WeekdayResponse {
                    weekday,
                    busy: busy.into(),
                })
                .collect(),
        }
    }
}

impl From<&ActivityCounts> for BusyResponse {
    fn from(busy: &ActivityCounts) -> Self {
        Self {
            customers: busy.customers,
            orders: busy.orders,
            activities: busy.activities,
        }
    }
}
