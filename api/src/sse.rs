//! Server-sent events that follow something until it ends: `progress` when it
//! has changed, at most once a second, and at last `end`.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::{Stream, stream};
use serde::Serialize;
use tokio::time::{Interval, MissedTickBehavior, interval};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Schema};

/// How often what is followed is read.
const EVERY: Duration = Duration::from_secs(1);

/// Ticks each time that what is followed is to be read. A tick that comes late
/// delays those after it.
pub(crate) fn ticks() -> Interval {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Streams the events that `next` makes of a state, with the state for the
/// event after each; none after the last.
pub(crate) fn events<S, F>(
    state: S,
    mut next: impl FnMut(S) -> F + Send + 'static,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>>
where
    S: Send + 'static,
    F: Future<Output = Option<(Event, Option<S>)>> + Send + 'static,
{
    let events = stream::unfold(Some(state), move |state| {
        let next = state.map(&mut next);
        async move { next?.await.map(|(event, rest)| (Ok(event), rest)) }
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

/// An event with this data.
pub(crate) fn event(name: &str, data: &impl Serialize) -> Event {
    // The data of events are structs of texts, numbers and JSON, which always
    // have a JSON form.
    let data = serde_json::to_string(data).unwrap_or_default();
    Event::default().event(name).data(data)
}

/// The schema of an event whose data has the schema of this name.
pub(crate) fn event_schema(data: &str) -> RefOr<Schema> {
    let data = ObjectBuilder::new()
        .schema_type(Type::String)
        .content_media_type("application/json")
        .content_schema(Some(Ref::from_schema_name(data)));
    let name = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(["progress", "end"]));
    let event = ObjectBuilder::new()
        .property("event", name)
        .required("event")
        .property("data", data)
        .required("data");
    RefOr::T(Schema::from(event))
}
