//! Activities: actions of customers, such as visits.

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use crate::digest::digest;
use crate::updated_at::is_older;
use crate::{Attributes, CustomerId, MAX_ATTRIBUTES, Name, Timestamp, leaf_count};

/// Content of an activity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivityContent {
    /// Kind of activity: `visit`. New activities have a name that
    /// [`Name::folded`] made.
    pub name: Name,
    /// Time of the activity.
    pub occurred_at: Timestamp,
    /// Further properties.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub properties: Attributes,
    /// Time at which the source last changed the activity, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

/// Part of an activity that counts toward a customer's figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// Kind of activity.
    pub name: Name,
    /// Time of the activity.
    pub occurred_at: Timestamp,
}

/// Event of an activity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ActivityEvent {
    /// The activity was recorded for the first time.
    #[serde(rename = "activity_recorded.1")]
    Recorded(ActivityContent),
    /// The content changed. The event also holds what counted before, so that a
    /// fold can subtract it.
    #[serde(rename = "activity_updated.1")]
    Updated {
        /// Complete new content.
        content: ActivityContent,
        /// Occurrence that counted until now.
        previous: Occurrence,
    },
    /// The activity was recorded under a customer who was merged into this one.
    /// It counts in this customer's figures. The daily figures already counted it when
    /// it was first recorded.
    #[serde(rename = "activity_received.1")]
    Received {
        /// Complete content.
        content: ActivityContent,
        /// Customer under whom the activity was recorded.
        from: CustomerId,
        /// Occurrence that counted for this customer until now, if one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<Occurrence>,
    },
}

impl ActivityEvent {
    /// Returns the content after this event.
    pub fn content(&self) -> &ActivityContent {
        match self {
            Self::Recorded(content)
            | Self::Updated { content, .. }
            | Self::Received { content, .. } => content,
        }
    }

    /// Returns the occurrence that counted before this event, if there was one.
    pub fn previous(&self) -> Option<&Occurrence> {
        match self {
            Self::Recorded(_) => None,
            Self::Updated { previous, .. } => Some(previous),
            Self::Received { previous, .. } => previous.as_ref(),
        }
    }
}

/// Commands on activities. A command whose effect is already in place makes no
/// event.
#[derive(Debug, Clone)]
pub enum ActivityCommand {
    /// Records an activity. Different content than the recorded one makes an
    /// update, unless it is an older version by its `updated_at`.
    Record(ActivityContent),
    /// Records an activity of a customer who was merged into this one. One that is
    /// already recorded here keeps its content, or is updated if `replaces`.
    Receive {
        /// Complete content.
        content: ActivityContent,
        /// Customer under whom the activity was recorded.
        from: CustomerId,
        /// True if the content replaces what is recorded here.
        replaces: bool,
    },
}

impl ActivityCommand {
    fn content(&self) -> &ActivityContent {
        match self {
            Self::Record(content) | Self::Receive { content, .. } => content,
        }
    }
}

/// Reason why an activity is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActivityError {
    /// The activity has this many properties.
    #[error("an activity has at most {MAX_ATTRIBUTES} properties, this one has {0}")]
    TooManyProperties(usize),
}

/// Activity aggregate, with which later activities of the same id are compared;
/// empty until the activity is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Activity(Option<ActivityState>);

/// Name, time, and digest of the properties of a recorded activity, and the
/// distance of `updated_at` from its time in milliseconds, if it has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ActivityState(
    Name,
    #[serde(with = "crate::time::as_millis")] Timestamp,
    u64,
    #[serde(default, skip_serializing_if = "Option::is_none")] Option<i64>,
);

/// Bits of the digest in a head with `updated_at`: fewer, so that most of these
/// heads stay within 64 bytes, which Redis stores in a third of the memory.
const SHORT_DIGEST: u64 = (1 << 48) - 1;

impl ActivityState {
    fn of(content: &ActivityContent) -> Self {
        let updated = content.updated_at;
        let properties = match (content.properties.is_empty(), updated) {
            (true, _) => 0,
            (false, None) => digest(&content.properties),
            (false, Some(_)) => digest(&content.properties) & SHORT_DIGEST,
        };
        let distance = updated.map(|at| at.millis() - content.occurred_at.millis());
        Self(
            content.name.clone(),
            content.occurred_at,
            properties,
            distance,
        )
    }

    /// Returns the recorded `updated_at`.
    fn updated_at(&self) -> Option<Timestamp> {
        let at = self.1.millis().saturating_add(self.3?);
        // The sum is a timestamp again, since the distance was computed from one.
        Timestamp::from_millis(at).ok()
    }
}

impl Activity {
    /// Returns whether the command has an older version of the activity than
    /// the recorded one. It then changes nothing.
    pub fn is_stale(&self, command: &ActivityCommand) -> bool {
        let recorded = self.0.as_ref().and_then(ActivityState::updated_at);
        is_older(command.content().updated_at, recorded)
    }

    /// Returns the event that a command makes, if it makes one.
    ///
    /// # Errors
    /// As for [`Self::decide`].
    pub fn decide_on(
        &self,
        command: ActivityCommand,
    ) -> Result<Option<ActivityEvent>, ActivityError> {
        let (content, from, replaces) = match command {
            ActivityCommand::Record(content) => return self.decide(content),
            ActivityCommand::Receive {
                content,
                from,
                replaces,
            } => (content, from, replaces),
        };
        let received = |content, previous| ActivityEvent::Received {
            content,
            from,
            previous,
        };
        Ok(match self.decide(content)? {
            Some(ActivityEvent::Recorded(content)) => Some(received(content, None)),
            Some(ActivityEvent::Updated { content, previous }) if replaces => {
                Some(received(content, Some(previous)))
            }
            _ => None,
        })
    }

    /// Returns the recorded time if this content differs from what is recorded in its time
    /// alone, or not at all.
    pub fn time_of_same(&self, content: &ActivityContent) -> Option<Timestamp> {
        let state = self.0.as_ref()?;
        let same = ActivityContent {
            occurred_at: state.1,
            updated_at: content.updated_at.or(state.updated_at()),
            ..content.clone()
        };
        (*state == ActivityState::of(&same)).then_some(state.1)
    }

    /// Returns the event that this content makes, if it changes anything. An
    /// older version than the recorded one changes nothing. Content without
    /// `updated_at` leaves the recorded one.
    ///
    /// # Errors
    /// [`ActivityError::TooManyProperties`] for more than [`MAX_ATTRIBUTES`]
    /// properties.
    pub fn decide(&self, content: ActivityContent) -> Result<Option<ActivityEvent>, ActivityError> {
        let count = leaf_count(&content.properties);
        if count > MAX_ATTRIBUTES {
            return Err(ActivityError::TooManyProperties(count));
        }
        let Some(recorded) = &self.0 else {
            return Ok(Some(ActivityEvent::Recorded(content)));
        };
        let updated_at = recorded.updated_at();
        if is_older(content.updated_at, updated_at) {
            return Ok(None);
        }
        let content = ActivityContent {
            updated_at: content.updated_at.or(updated_at),
            ..content
        };
        if *recorded == ActivityState::of(&content) {
            return Ok(None);
        }
        let ActivityState(name, occurred_at, ..) = recorded;
        Ok(Some(ActivityEvent::Updated {
            content,
            previous: Occurrence {
                name: name.clone(),
                occurred_at: *occurred_at,
            },
        }))
    }
}

impl Aggregate for Activity {
    const TYPE: &'static str = "activity";
    type Command = ActivityCommand;
    type Event = ActivityEvent;
    type Error = ActivityError;
    type Services = ();

    async fn handle(
        &mut self,
        command: ActivityCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), ActivityError> {
        if let Some(event) = self.decide_on(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ActivityEvent) {
        self.0 = Some(ActivityState::of(event.content()));
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::test::TestFramework;

    use super::*;
    use crate::event::LoggedEvent;
    use crate::{AttributeValue, Text};

    type ActivityTest = TestFramework<Activity>;

    fn visit(page: &str) -> ActivityContent {
        let page = AttributeValue::Text(Text::try_from(page.to_owned()).unwrap());
        ActivityContent {
            name: Name::try_from("visit".to_owned()).unwrap(),
            occurred_at: Timestamp::try_from("2026-01-02T03:04:05Z").unwrap(),
            properties: [(Name::try_from("page".to_owned()).unwrap(), page)].into(),
            updated_at: None,
        }
    }

    #[test]
    fn a_new_activity_is_recorded() {
        ActivityTest::with(())
            .given_no_previous_events()
            .when(ActivityCommand::Record(visit("/")))
            .then_expect_events(vec![ActivityEvent::Recorded(visit("/"))]);
    }

    #[test]
    fn repeating_an_activity_makes_no_event() {
        ActivityTest::with(())
            .given(vec![ActivityEvent::Recorded(visit("/"))])
            .when(ActivityCommand::Record(visit("/")))
            .then_expect_events(vec![]);
    }

    #[test]
    fn changed_content_is_an_update_with_the_previous_occurrence() {
        ActivityTest::with(())
            .given(vec![ActivityEvent::Recorded(visit("/"))])
            .when(ActivityCommand::Record(visit("/cart")))
            .then_expect_events(vec![ActivityEvent::Updated {
                content: visit("/cart"),
                previous: Occurrence {
                    name: visit("/").name,
                    occurred_at: visit("/").occurred_at,
                },
            }]);
    }

    fn changed_at(page: &str, updated_at: &str) -> ActivityContent {
        ActivityContent {
            updated_at: Some(Timestamp::try_from(updated_at).unwrap()),
            ..visit(page)
        }
    }

    #[test]
    fn an_older_version_is_stale_and_changes_nothing() {
        let given = ActivityEvent::Recorded(changed_at("/", "2026-01-03T00:00:00Z"));
        let older = ActivityCommand::Record(changed_at("/cart", "2026-01-02T23:59:59.999Z"));
        ActivityTest::with(())
            .given(vec![given.clone()])
            .when(older.clone())
            .then_expect_events(vec![]);
        let mut recorded = Activity::default();
        recorded.apply(given);
        assert!(recorded.is_stale(&older));
        let head = serde_json::to_string(&recorded).unwrap();
        assert!(head.len() + "12 1234567 1 ".len() <= 64, "{head}");
        let recorded: Activity = serde_json::from_str(&head).unwrap();
        assert!(recorded.is_stale(&older));
        assert!(!recorded.is_stale(&ActivityCommand::Record(visit("/cart"))));
    }

    #[test]
    fn a_version_without_a_time_is_applied_and_leaves_the_recorded_one() {
        let time = "2026-01-03T00:00:00Z";
        ActivityTest::with(())
            .given(vec![ActivityEvent::Recorded(changed_at("/", time))])
            .when(ActivityCommand::Record(visit("/cart")))
            .then_expect_events(vec![ActivityEvent::Updated {
                content: changed_at("/cart", time),
                previous: Occurrence {
                    name: visit("/").name,
                    occurred_at: visit("/").occurred_at,
                },
            }]);
        ActivityTest::with(())
            .given(vec![ActivityEvent::Recorded(changed_at("/", time))])
            .when(ActivityCommand::Record(visit("/")))
            .then_expect_events(vec![]);
    }

    #[test]
    fn heads_of_before_updated_at_are_read() {
        let mut recorded = Activity::default();
        recorded.apply(ActivityEvent::Recorded(visit("/")));
        let head = serde_json::to_string(&recorded).unwrap();
        let numbers: Vec<serde_json::Value> = serde_json::from_str(&head).unwrap();
        assert_eq!(numbers.len(), 3);
        assert_eq!(serde_json::from_str::<Activity>(&head).unwrap(), recorded);
    }

    #[test]
    fn the_time_of_the_same_content_is_known() {
        let mut recorded = Activity::default();
        assert_eq!(recorded.time_of_same(&visit("/")), None);
        recorded.apply(ActivityEvent::Recorded(visit("/")));
        let later = ActivityContent {
            occurred_at: Timestamp::try_from("2026-02-03T00:00:00Z").unwrap(),
            ..visit("/")
        };
        assert_eq!(recorded.time_of_same(&later), Some(visit("/").occurred_at));
        assert_eq!(recorded.time_of_same(&visit("/cart")), None);
    }

    #[test]
    fn too_many_properties_are_refused() {
        let mut content = visit("/");
        for n in 0..MAX_ATTRIBUTES {
            let key = Name::try_from(format!("p{n}")).unwrap();
            content.properties.insert(key, AttributeValue::Integer(1));
        }
        ActivityTest::with(())
            .given_no_previous_events()
            .when(ActivityCommand::Record(content))
            .then_expect_error(ActivityError::TooManyProperties(MAX_ATTRIBUTES + 1));
    }

    #[test]
    fn events_survive_the_log() {
        let event = ActivityEvent::Recorded(visit("/"));
        assert_eq!(
            ActivityEvent::decode(event.tag(), event.data().get()).unwrap(),
            event
        );
    }
}
