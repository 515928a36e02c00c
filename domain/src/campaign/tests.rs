//! Given-when-then tests of campaigns.

use cqrs_es::test::TestFramework;
use proptest::prelude::*;

use super::CampaignStatus::{
    Cancelled, Completed, Draft, Launching, Missed, Paused, Scheduled, Sending,
};
use super::*;
use crate::event::LoggedEvent;
use crate::{Change, SegmentId, Template, Text};

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
        clone_of: None,
    }
}

/// The content of [`content`] with a time.
fn timed() -> CampaignContent {
    CampaignContent {
        scheduled_at: Some(at("2026-03-01T09:00:00Z")),
        ..content()
    }
}

fn updated(content: CampaignContent) -> CampaignEvent {
    CampaignEvent::Updated(content)
}

fn text(text: &str) -> Text<200> {
    Text::try_from(text.to_owned()).unwrap()
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

fn launching(launch: &Launch) -> CampaignCommand {
    CampaignCommand::Launch {
        from: 1,
        launch: Box::new(launch.clone()),
    }
}

fn updating(content: CampaignContent, from: u64) -> CampaignCommand {
    CampaignCommand::Update { content, from }
}

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
); 10] {
    use CampaignCommand as Command;
    use CampaignEvent as Event;
    let other = launch(Some(2));
    [
        (
            launching(&other),
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
        (
            updating(timed(), 1),
            Some(updated(timed())),
            "e x x x x x x x",
            "changed",
        ),
        (
            Command::Delete,
            Some(Event::Deleted {}),
            "e x x x x x x x",
            "deleted",
        ),
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
            .when(launching(&again))
            .then_expect_events(vec![]);
        for key in [None, Some(2)] {
            CampaignTest::with(())
                .given(history(status))
                .when(launching(&launch(key)))
                .then_expect_error(CampaignError::Impossible {
                    status,
                    wanted: "launched",
                });
        }
    }
    // Launches without a key are never repetitions of each other.
    CampaignTest::with(())
        .given(vec![created(), CampaignEvent::Launched(launch(None))])
        .when(launching(&launch(None)))
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

#[test]
fn a_draft_takes_new_content_and_its_launch_takes_the_latest() {
    let one = CampaignContent {
        name: text("Summer"),
        audience: Audience::Rules("visits > 3".parse().unwrap()),
        ..content()
    };
    let test = CampaignTest::with(()).given(vec![created()]);
    test.when(updating(one.clone(), 1))
        .then_expect_events(vec![updated(one.clone())]);
    let history = vec![created(), updated(one.clone())];
    let draft = folded(history.clone());
    assert_eq!(draft.content_version(), Some(2));
    // The same content again changes nothing, from whichever content it was made.
    for from in [1, 2] {
        CampaignTest::with(())
            .given(history.clone())
            .when(updating(one.clone(), from))
            .then_expect_events(vec![]);
    }
    // A change, a launch or a schedule that was prepared from the first content.
    let stale = [
        updating(content(), 1),
        launching(&launch(None)),
        CampaignCommand::Schedule {
            from: 1,
            now: at("2026-03-01T08:00:00Z"),
            key: None,
        },
    ];
    for command in stale {
        CampaignTest::with(())
            .given(history.clone())
            .when(command)
            .then_expect_error(CampaignError::Changed);
    }
    let now = CampaignCommand::Launch {
        from: 2,
        launch: Box::new(launch(None)),
    };
    CampaignTest::with(())
        .given(history.clone())
        .when(now)
        .then_expect_events(vec![CampaignEvent::Launched(launch(None))]);
    // The first content again is a change.
    CampaignTest::with(())
        .given(history)
        .when(updating(content(), 2))
        .then_expect_events(vec![updated(content())]);
}

#[test]
fn a_repeated_creation_of_a_changed_or_deleted_draft_makes_no_event() {
    for later in [updated(timed()), CampaignEvent::Deleted {}] {
        CampaignTest::with(())
            .given(vec![created(), later.clone()])
            .when(CampaignCommand::Create(content()))
            .then_expect_events(vec![]);
        CampaignTest::with(())
            .given(vec![created(), later])
            .when(CampaignCommand::Create(timed()))
            .then_expect_error(CampaignError::Conflict);
    }
}

#[test]
fn a_deleted_draft_does_not_exist() {
    let history = vec![created(), CampaignEvent::Deleted {}];
    for (command, ..) in table() {
        let test = CampaignTest::with(())
            .given(history.clone())
            .when(command.clone());
        match command {
            CampaignCommand::Delete => test.then_expect_events(vec![]),
            _ => test.then_expect_error(CampaignError::NotFound),
        }
    }
    let deleted = folded(history);
    assert_eq!((deleted.status(), deleted.content_version()), (None, None));
    // The release of a hold still finds the segment.
    let timed = folded([created(), updated(timed()), CampaignEvent::Deleted {}]);
    assert_eq!(timed.held_segment(), Some(&SegmentId::from(7)));
}

#[test]
fn a_draft_with_a_time_is_launched_at_that_time() {
    let (early, late) = (at("2026-03-01T08:59:59Z"), at("2026-03-01T09:00:00Z"));
    let schedule = |now, key| CampaignCommand::Schedule { from: 2, now, key };
    let launch_at = |clock, key| CampaignCommand::Launch {
        from: 2,
        launch: Box::new(Launch {
            clock,
            ..launch(key)
        }),
    };
    let event = CampaignEvent::Scheduled { key: Some(3) };
    let history = vec![created(), updated(timed())];
    let draft = folded(history.clone());
    assert_eq!((draft.status(), draft.due_at()), (Some(Draft), None));
    assert_eq!(
        draft.check_launch(Some(3), early),
        Ok(LaunchEffect::Schedules)
    );
    assert_eq!(
        draft.check_launch(Some(3), late),
        Err(CampaignError::Passed)
    );
    CampaignTest::with(())
        .given(history.clone())
        .when(schedule(early, Some(3)))
        .then_expect_events(vec![event.clone()]);
    CampaignTest::with(())
        .given(history.clone())
        .when(launch_at(early, Some(3)))
        .then_expect_error(CampaignError::Changed);
    for command in [schedule(late, Some(3)), launch_at(late, Some(3))] {
        CampaignTest::with(())
            .given(history.clone())
            .when(command)
            .then_expect_error(CampaignError::Passed);
    }
    // Without a time there is nothing to wait for.
    CampaignTest::with(())
        .given(vec![created()])
        .when(schedule(early, None))
        .then_expect_error(CampaignError::Changed);

    let history = [history, vec![event]].concat();
    let scheduled = folded(history.clone());
    assert_eq!(scheduled.status(), Some(Scheduled));
    assert_eq!(scheduled.due_at(), Some(late));
    assert_eq!(scheduled.held_segment(), Some(&SegmentId::from(7)));
    // A second request does not launch it before its time, unless it repeats the
    // first one.
    for key in [None, Some(4)] {
        CampaignTest::with(())
            .given(history.clone())
            .when(launch_at(early, key))
            .then_expect_error(CampaignError::Impossible {
                status: Scheduled,
                wanted: "launched again before its time",
            });
    }
    for events in [
        history.clone(),
        [history.clone(), vec![CampaignEvent::Missed {}]].concat(),
    ] {
        CampaignTest::with(())
            .given(events)
            .when(launch_at(late, Some(3)))
            .then_expect_events(vec![]);
    }
    let launched = CampaignEvent::Launched(Launch {
        clock: late,
        ..launch(None)
    });
    CampaignTest::with(())
        .given(history.clone())
        .when(launch_at(late, None))
        .then_expect_events(vec![launched.clone()]);
    let sent = folded([history, vec![launched]].concat());
    assert_eq!(
        sent.check_launch(Some(3), late),
        Ok(LaunchEffect::Repeats(Scheduled))
    );
}

fn clone_request(name: Option<&str>) -> CloneRequest {
    CloneRequest {
        campaign_id: "cmp_2".try_into().unwrap(),
        name: name.map(text),
    }
}

#[test]
fn a_clone_has_the_content_but_not_the_schedule() {
    let source = CampaignContent {
        at_once: true,
        ..scheduled()
    };
    let named = source.clone().cloned(clone_request(Some("Summer")));
    let expected = CampaignContent {
        name: text("Summer"),
        scheduled_at: None,
        at_once: false,
        clone_of: Some(clone_request(Some("Summer"))),
        ..source.clone()
    };
    assert_eq!(named, expected);
    let copy = source.cloned(clone_request(None));
    assert_eq!(copy.name.as_str(), "Copy of Spring");
    let again = copy.cloned(clone_request(None));
    assert_eq!(again.name.as_str(), "Copy of Copy of Spring");
    let long = CampaignContent {
        name: text(&"ä".repeat(100)),
        ..content()
    };
    let cut = long.cloned(clone_request(None)).name;
    assert_eq!(cut.as_str(), format!("Copy of {}", "ä".repeat(96)));
}

#[test]
fn a_repeated_clone_is_recognized_by_its_request() {
    let clone = content().cloned(clone_request(None));
    let history = vec![CampaignEvent::Created(clone.clone()), updated(timed())];
    let changed = timed().cloned(clone_request(None));
    CampaignTest::with(())
        .given(history.clone())
        .when(CampaignCommand::Create(changed))
        .then_expect_events(vec![]);
    let campaign = folded(history.clone());
    assert_eq!(campaign.is_created_by(&clone_request(None)), Ok(true));
    let other = clone_request(Some("Copy of Spring"));
    assert_eq!(campaign.is_created_by(&other), Err(CampaignError::Conflict));
    assert_eq!(
        Campaign::default().is_created_by(&clone_request(None)),
        Ok(false)
    );
    // A creation with the content of the clone is not the clone.
    let same = CampaignContent {
        clone_of: None,
        ..clone
    };
    CampaignTest::with(())
        .given(history)
        .when(CampaignCommand::Create(same))
        .then_expect_error(CampaignError::Conflict);
}

#[test]
fn absent_changes_keep_the_content() {
    assert_eq!(scheduled().with(CampaignChanges::default()), scheduled());
    let changes = CampaignChanges {
        name: Some(text("Summer")),
        audience: Some(Audience::SegmentId(SegmentId::from(8))),
        template: Some(Template::try_from("Hello".to_owned()).unwrap()),
        scheduled_at: Change::Clear,
        messages_per_second: Change::Set(7),
        tags: Some(BTreeSet::new()),
    };
    let expected = CampaignContent {
        name: text("Summer"),
        audience: Audience::SegmentId(SegmentId::from(8)),
        template: Template::try_from("Hello".to_owned()).unwrap(),
        scheduled_at: None,
        messages_per_second: Some(7),
        tags: BTreeSet::new(),
        ..scheduled()
    };
    assert_eq!(scheduled().with(changes), expected);
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
        updated(timed()),
        CampaignEvent::Deleted {},
        CampaignEvent::Scheduled { key: None },
        CampaignEvent::Scheduled { key: Some(3) },
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
    prop::collection::vec(0..10_usize, 0..20)
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
            // A draft may be deleted, after which only its deletion can be repeated.
            let Some(before) = campaign.status() else {
                break;
            };
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
