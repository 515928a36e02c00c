//! Given-when-then tests of campaigns.

use cqrs_es::test::TestFramework;
use proptest::prelude::*;

use super::CampaignStatus::{
    Cancelled, Completed, Draft, Launching, Missed, Paused, Scheduled, Sending,
};
use super::*;
use crate::event::LoggedEvent;
use crate::{SegmentId, Template, Text};

type CampaignTest = TestFramework<Campaign>;

fn at(text: &str) -> Timestamp {
    Timestamp::try_from(text).unwrap()
}

fn content() -> CampaignContent {
    CampaignContent {
        name: Text::try_from("Spring".to_owned()).unwrap(),
        audience: Audience::SegmentId(SegmentId::from(7)),
        template: Template::try_from("Hi {{ name }}".to_owned()).unwrap(),
        scheduled_at: None,
        at_once: false,
        messages_per_second: None,
        tags: [Text::try_from("win-back".to_owned()).unwrap()].into(),
    }
}

fn scheduled() -> CampaignContent {
    CampaignContent {
        scheduled_at: Some(at("2026-03-01T09:00:00Z")),
        audience: Audience::Rules("visits > 3".parse().unwrap()),
        messages_per_second: Some(50),
        ..content()
    }
}

fn launch(key: Option<u64>) -> Launch {
    Launch {
        rules: "visits > 3".parse().unwrap(),
        template: content().template.identity(),
        positions: Text::try_from("0:12,1:7".to_owned()).unwrap(),
        clock: at("2026-03-01T09:00:00Z"),
        key,
    }
}

const SIZE: AudienceSize = AudienceSize {
    planned: 3,
    queued: 2,
    suppressed: 1,
    undetermined: 0,
};

fn created() -> CampaignEvent {
    CampaignEvent::Created(content())
}

fn launched() -> CampaignEvent {
    CampaignEvent::Launched(launch(Some(1)))
}

fn resolved() -> CampaignEvent {
    CampaignEvent::Resolved(SIZE)
}

fn paused() -> CampaignEvent {
    CampaignEvent::Paused {}
}

/// Events that lead to a status.
fn history(status: CampaignStatus) -> Vec<CampaignEvent> {
    let planned = CampaignEvent::Created(scheduled());
    match status {
        Draft => vec![created()],
        Scheduled => vec![planned],
        Launching => vec![created(), launched()],
        Sending => vec![created(), launched(), resolved()],
        Paused => vec![created(), launched(), resolved(), paused()],
        Completed => [history(Sending), vec![CampaignEvent::Completed {}]].concat(),
        Cancelled => [history(Sending), vec![CampaignEvent::Cancelled {}]].concat(),
        Missed => vec![planned, CampaignEvent::Missed {}],
    }
}

const ALL: [CampaignStatus; 8] = [
    Draft, Scheduled, Launching, Sending, Paused, Completed, Cancelled, Missed,
];

fn folded(events: impl IntoIterator<Item = CampaignEvent>) -> Campaign {
    let mut campaign = Campaign::default();
    for event in events {
        campaign.apply(event);
    }
    campaign
}

/// Each command with its event, its result from each status in the order of
/// [`ALL`] (`e`: the event, `-`: no event, `x`: rejected), and the word that a
/// rejection names.
fn table() -> [(
    CampaignCommand,
    Option<CampaignEvent>,
    &'static str,
    &'static str,
); 8] {
    use CampaignCommand as Command;
    use CampaignEvent as Event;
    let other = launch(Some(2));
    [
        (
            Command::Launch(Box::new(other.clone())),
            Some(Event::Launched(other)),
            "e e x x x x x e",
            "launched",
        ),
        (
            Command::RecordAudience(SIZE, Vec::new()),
            Some(resolved()),
            "- - e - - - - -",
            "",
        ),
        (Command::Pause, Some(paused()), "x x e e - x x x", "paused"),
        (
            Command::Resume,
            Some(Event::Resumed {}),
            "x x - - e x x x",
            "resumed",
        ),
        (
            Command::RecordRetry { requeued: 2 },
            Some(Event::Retried { requeued: 2 }),
            "x x x e e x x x",
            "retried",
        ),
        (
            Command::Complete,
            Some(Event::Completed {}),
            "- - - e - - - -",
            "",
        ),
        (
            Command::Cancel,
            Some(Event::Cancelled {}),
            "e e e e e x - e",
            "cancelled",
        ),
        (Command::Miss, Some(Event::Missed {}), "- e - - - - - -", ""),
    ]
}

#[test]
fn every_command_has_its_result_from_every_status() {
    for (command, event, ends, wanted) in table() {
        for (status, end) in ALL.into_iter().zip(ends.split(' ')) {
            let test = CampaignTest::with(())
                .given(history(status))
                .when(command.clone());
            match end {
                "e" => test.then_expect_events(event.clone().into_iter().collect()),
                "-" => test.then_expect_events(vec![]),
                _ => test.then_expect_error(CampaignError::Impossible { status, wanted }),
            }
        }
    }
}

#[test]
fn every_event_leads_to_its_status() {
    for status in ALL {
        assert_eq!(folded(history(status)).status(), Some(status));
    }
}

#[test]
fn commands_on_a_campaign_that_does_not_exist_are_rejected() {
    for (command, ..) in table() {
        CampaignTest::with(())
            .given_no_previous_events()
            .when(command)
            .then_expect_error(CampaignError::NotFound);
    }
}

#[test]
fn a_repeated_creation_makes_no_event_in_any_status() {
    CampaignTest::with(())
        .given_no_previous_events()
        .when(CampaignCommand::Create(content()))
        .then_expect_events(vec![created()]);
    for status in ALL {
        let (same, other) = match status {
            Scheduled | Missed => (scheduled(), content()),
            _ => (content(), scheduled()),
        };
        CampaignTest::with(())
            .given(history(status))
            .when(CampaignCommand::Create(same))
            .then_expect_events(vec![]);
        CampaignTest::with(())
            .given(history(status))
            .when(CampaignCommand::Create(other))
            .then_expect_error(CampaignError::Conflict);
    }
}

#[test]
fn a_launch_can_be_repeated_only_with_its_key() {
    for status in [Launching, Sending, Paused, Completed, Cancelled] {
        let again = Launch {
            positions: Text::try_from("0:99".to_owned()).unwrap(),
            ..launch(Some(1))
        };
        CampaignTest::with(())
            .given(history(status))
            .when(CampaignCommand::Launch(Box::new(again)))
            .then_expect_events(vec![]);
        for key in [None, Some(2)] {
            CampaignTest::with(())
                .given(history(status))
                .when(CampaignCommand::Launch(Box::new(launch(key))))
                .then_expect_error(CampaignError::Impossible {
                    status,
                    wanted: "launched",
                });
        }
    }
    // Launches without a key are never repetitions of each other.
    CampaignTest::with(())
        .given(vec![created(), CampaignEvent::Launched(launch(None))])
        .when(CampaignCommand::Launch(Box::new(launch(None))))
        .then_expect_error(CampaignError::Impossible {
            status: Launching,
            wanted: "launched",
        });
}

#[test]
fn create_and_launch_does_both_or_neither() {
    let content = CampaignContent {
        at_once: true,
        ..content()
    };
    let create = |content: &CampaignContent| {
        let launch = Box::new(launch(Some(1)));
        CampaignCommand::CreateAndLaunch(content.clone(), launch)
    };
    let both = vec![CampaignEvent::Created(content.clone()), launched()];
    CampaignTest::with(())
        .given_no_previous_events()
        .when(create(&content))
        .then_expect_events(both.clone());
    CampaignTest::with(())
        .given([both, vec![CampaignEvent::Cancelled {}]].concat())
        .when(create(&content))
        .then_expect_events(vec![]);
    // A draft with the same content is a different creation.
    CampaignTest::with(())
        .given(vec![created()])
        .when(create(&content))
        .then_expect_error(CampaignError::Conflict);
}

#[test]
fn resuming_returns_to_launching_or_sending() {
    let unresolved = vec![created(), launched(), paused()];
    let goes_on = |events: Vec<CampaignEvent>| {
        folded([events, vec![CampaignEvent::Resumed {}]].concat()).status()
    };
    assert_eq!(goes_on(unresolved.clone()), Some(Launching));
    // The audience is resolved even while the campaign is paused.
    CampaignTest::with(())
        .given(unresolved.clone())
        .when(CampaignCommand::RecordAudience(SIZE, Vec::new()))
        .then_expect_events(vec![resolved()]);
    let rests = [unresolved, vec![resolved()]].concat();
    assert_eq!(folded(rests.clone()).status(), Some(Paused));
    assert_eq!(folded(rests.clone()).size(), Some(SIZE));
    CampaignTest::with(())
        .given(rests.clone())
        .when(CampaignCommand::RecordAudience(SIZE, Vec::new()))
        .then_expect_events(vec![]);
    assert_eq!(goes_on(rests), Some(Sending));
}

#[test]
fn a_retry_before_the_audience_is_resolved_is_rejected() {
    for requeued in [0, 1] {
        CampaignTest::with(())
            .given(vec![created(), launched(), paused()])
            .when(CampaignCommand::RecordRetry { requeued })
            .then_expect_error(CampaignError::Impossible {
                status: Paused,
                wanted: "retried",
            });
    }
}

#[test]
fn a_retry_without_messages_makes_no_event() {
    for status in [Sending, Paused] {
        CampaignTest::with(())
            .given(history(status))
            .when(CampaignCommand::RecordRetry { requeued: 0 })
            .then_expect_events(vec![]);
    }
}

#[test]
fn a_campaign_is_due_only_while_it_is_scheduled() {
    for status in ALL {
        let due = folded(history(status)).due_at();
        let expected = (status == Scheduled).then_some(at("2026-03-01T09:00:00Z"));
        assert_eq!(due, expected, "{status:?}");
    }
    let by_hand = [history(Missed), vec![launched()]].concat();
    assert_eq!(folded(by_hand).status(), Some(Launching));
}

#[test]
fn the_state_names_the_event_of_the_launch() {
    for status in [Launching, Sending, Paused, Completed, Cancelled] {
        let events = history(status);
        let version = folded(events.clone()).launch_version().unwrap();
        let named = &events[usize::try_from(version).unwrap() - 1];
        assert_eq!(named, &CampaignEvent::Launched(launch(Some(1))));
    }
    assert_eq!(folded(history(Draft)).launch_version(), None);
}

#[test]
fn the_state_does_not_grow_with_the_content() {
    let long = CampaignContent {
        template: Template::try_from("x".repeat(16_000)).unwrap(),
        ..content()
    };
    let created = folded(vec![CampaignEvent::Created(long), launched()]);
    let state = serde_json::to_string(&created).unwrap();
    assert!(state.len() < 300, "{state}");
}

#[test]
fn a_rejection_names_status_and_command() {
    let error = CampaignError::Impossible {
        status: Draft,
        wanted: "paused",
    };
    assert_eq!(
        error.to_string(),
        "a campaign that is draft cannot be paused"
    );
}

#[test]
fn statuses_serialize_as_their_names() {
    for status in ALL {
        let json = serde_json::to_string(&status).unwrap();
        assert_eq!(json, format!("{:?}", status.name()));
    }
}

fn ada() -> CustomerId {
    "ada".try_into().unwrap()
}

fn determined(outcome: DeterminedOutcome) -> CampaignEvent {
    CampaignEvent::RecipientDetermined {
        customer_id: ada(),
        outcome,
    }
}

#[test]
fn an_undetermined_customer_is_determined_once_and_only_before_the_end() {
    let size = AudienceSize {
        undetermined: 1,
        ..SIZE
    };
    let resolve = CampaignCommand::RecordAudience(size, vec![ada()]);
    let mut campaign = folded([created(), launched()]);
    for event in campaign.decide(resolve).unwrap() {
        campaign.apply(event);
    }
    assert_eq!(campaign.undetermined().collect::<Vec<_>>(), [&ada()]);
    let command = |customer, outcome| CampaignCommand::RecordRecipient(customer, outcome);
    let bob = "bob".try_into().unwrap();
    let of_bob = campaign.decide(command(bob, DeterminedOutcome::Queued));
    assert_eq!(of_bob, Ok(vec![]), "only listed customers are determined");

    let mut ended = campaign.clone();
    ended.apply(CampaignEvent::Completed {});
    let late = ended.decide(command(ada(), DeterminedOutcome::Queued));
    assert_eq!(late, Ok(vec![]));

    for (outcome, planned, queued, suppressed) in [
        (DeterminedOutcome::Queued, 4, 3, 1),
        (DeterminedOutcome::Suppressed, 4, 2, 2),
        (DeterminedOutcome::Unmatched, 3, 2, 1),
    ] {
        let mut campaign = campaign.clone();
        let events = campaign.decide(command(ada(), outcome)).unwrap();
        assert_eq!(events, [determined(outcome)]);
        for event in events {
            campaign.apply(event);
        }
        let size = AudienceSize {
            planned,
            queued,
            suppressed,
            undetermined: 0,
        };
        assert_eq!(campaign.size(), Some(size));
        assert_eq!(campaign.undetermined().count(), 0);
        let again = campaign.decide(command(ada(), outcome));
        assert_eq!(again, Ok(vec![]));
    }
}

#[test]
fn events_survive_the_log() {
    let mut tags: Vec<&str> = vec![];
    let all = ALL.into_iter().flat_map(history);
    let unkeyed = CampaignEvent::Launched(Launch { ..launch(None) });
    let more = [
        CampaignEvent::Resumed {},
        CampaignEvent::Retried { requeued: 9 },
        CampaignEvent::Undetermined {
            customers: vec![ada()],
        },
        determined(DeterminedOutcome::Queued),
        unkeyed,
    ];
    for event in all.chain(more) {
        let read = CampaignEvent::decode(event.tag(), event.data().get()).unwrap();
        assert_eq!(read, event);
        tags.push(event.tag());
    }
    for tag in CampaignEvent::tags() {
        assert!(tags.contains(tag), "{tag}");
    }
    assert!(CampaignEvent::decode("campaign_created.2", "{}").is_err());
    assert_eq!(paused().data().get(), "{}");
}

#[test]
fn the_state_survives_its_head() {
    for status in ALL {
        let campaign = folded(history(status));
        let json = serde_json::to_string(&campaign).unwrap();
        assert_eq!(serde_json::from_str::<Campaign>(&json).unwrap(), campaign);
    }
}

fn commands() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..8_usize, 0..20)
}

proptest! {
    /// Repeating a command makes no second event, except for retries. A
    /// campaign that has ended stays ended, and only a sending campaign
    /// completes.
    #[test]
    fn any_commands_respect_the_life_cycle(asked in commands(), planned: bool) {
        let content = if planned { scheduled() } else { content() };
        let mut campaign = folded([CampaignEvent::Created(content)]);
        for index in asked {
            let before = campaign.status().unwrap();
            let (command, ..) = table()[index].clone();
            let is_retry = matches!(command, CampaignCommand::RecordRetry { .. });
            let Some(event) = campaign.decide(command.clone()).unwrap_or_default().pop() else {
                continue;
            };
            prop_assert!(!matches!(before, Completed | Cancelled));
            let completes = event == CampaignEvent::Completed {};
            prop_assert!(!completes || before == Sending);
            campaign.apply(event);
            let again = campaign.decide(command).unwrap_or_default();
            prop_assert!(is_retry || again.is_empty());
            let awake = matches!(campaign.status(), Some(Sending | Completed));
            prop_assert!(!awake || campaign.size().is_some());
        }
    }
}
