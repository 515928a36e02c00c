//! Server-sent events that follow a job or a campaign until it ends: `progress`
//! on a change, at most once a second, and finally `end`.

use std::borrow::Cow;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::time::Duration;

use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::{Stream, stream};
use serde::Serialize;
use tokio::time::{Interval, MissedTickBehavior, interval};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Polling interval.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Returns the interval at which to poll. A late tick delays the ticks after it.
pub(crate) fn ticks() -> Interval {
    let mut ticks = interval(POLL_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Streams the events that `next` returns. `next` gets the current state and returns
/// an event with the next state. The stream ends after an event without a next state.
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

/// Creates an event with this data.
pub(crate) fn event(name: &str, data: &impl Serialize) -> Event {
    // Cannot fail: event data is a struct of strings, numbers and JSON, which
    // always serializes.
    let data = serde_json::to_string(data).unwrap_or_default();
    Event::default().event(name).data(data)
}

/// Schema of an event with this data.
pub(crate) struct EventSchema<T>(PhantomData<T>);

impl<T: ToSchema> PartialSchema for EventSchema<T> {
    fn schema() -> RefOr<Schema> {
        let data = ObjectBuilder::new()
            .schema_type(Type::String)
            .content_media_type("application/json")
            .content_schema(Some(Ref::from_schema_name(T::name())));
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
}

impl<T: ToSchema> ToSchema for EventSchema<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Event", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into(), T::schema()));
        T::schemas(schemas);
    }
}
