use domain::{
    Audience, AudienceSize, CampaignContent, CampaignEvent, CampaignStatus, Event, Launch, Template,
};

use super::*;
use crate::views::history::{folded, history};

const RULES: &str = "total_spend > 100 AND days_since_last_order < 30";

fn template(text: &str) -> Template {
    text.to_owned().try_into().unwrap()
}

fn content(audience: Audience, scheduled: bool) -> CampaignContent {
    let at = domain::Timestamp::from_millis(60_000).unwrap();
    let tags = ["b", "a"].map(|tag| tag.to_owned().try_into().unwrap());
    CampaignContent {
        name: "Spring".to_owned().try_into().unwrap(),
        audience,
        template: template("Hi {{ name }}"),
        scheduled_at: scheduled.then_some(at),
        at_once: false,
        messages_per_second: Some(100_000),
        tags: tags.into(),
        clone_of: None,
    }
}

fn for_rules() -> CampaignEvent {
    CampaignEvent::Created(content(Audience::Rules(RULES.parse().unwrap()), false))
}

fn for_segment() -> CampaignEvent {
    let segment = "seg_1".try_into().unwrap();
    CampaignEvent::Created(content(Audience::SegmentId(segment), true))
}

fn launched() -> CampaignEvent {
    CampaignEvent::Launched(Launch {
        rules: "visits > 3".parse().unwrap(),
        template: template("Hi {{ name }}").identity(),
        positions: "0:12,1:7".to_owned().try_into().unwrap(),
        clock: domain::Timestamp::from_millis(90_000).unwrap(),
        key: Some(7),
    })
}

fn resolved() -> CampaignEvent {
    CampaignEvent::Resolved(SIZE)
}

const SIZE: AudienceSize = AudienceSize {
    planned: 3_000_000_000,
    queued: 2_999_999_999,
    suppressed: 1,
    undetermined: 0,
};

fn fold(events: Vec<CampaignEvent>) -> Result<CampaignDocument, FoldError> {
    let subject = Subject::Campaign("cmp_1".try_into().unwrap());
    folded::<Campaigns>(&history(&subject, events, Event::Campaign))
}

fn status(events: Vec<CampaignEvent>) -> CampaignStatus {
    fold(events).unwrap().status
}

fn millis(at: Option<bson::DateTime>) -> Option<i64> {
    at.map(bson::DateTime::timestamp_millis)
}

#[test]
fn a_created_campaign_has_its_content() {
    let document = fold(vec![for_rules()]).unwrap();
    assert_eq!(document.campaign_id.as_str(), "cmp_1");
    assert_eq!(document.name, "Spring");
    assert_eq!(document.status, CampaignStatus::Draft);
    assert_eq!(document.segment_id, None);
    assert_eq!(document.rules, Some(RULES.parse().unwrap()));
    assert_eq!(document.template, template("Hi {{ name }}"));
    assert_eq!(document.scheduled_at, None);
    assert_eq!(document.messages_per_second, Some(100_000));
    assert_eq!(document.tags, ["a", "b"]);
    assert_eq!((document.launch, document.size), (None, None));
    assert_eq!(document.created_at.timestamp_millis(), 1_000);
    assert_eq!(document.updated_at, document.created_at);
    assert_eq!(document.created_by, "key:1");
    assert_eq!((document.launched_at, document.ended_at), (None, None));
    assert_eq!(document.version, 1);
}

#[test]
fn a_segments_rules_are_not_known_before_the_launch() {
    let document = fold(vec![for_segment()]).unwrap();
    assert_eq!(document.status, CampaignStatus::Scheduled);
    assert_eq!(document.segment_id, Some("seg_1".try_into().unwrap()));
    assert_eq!(document.rules, None);
    assert_eq!(millis(document.scheduled_at), Some(60_000));
    let document = fold(vec![for_segment(), launched()]).unwrap();
    assert_eq!(document.rules, Some("visits > 3".parse().unwrap()));
    assert_eq!(document.segment_id, Some("seg_1".try_into().unwrap()));
}

#[test]
fn the_launch_is_recorded() {
    let document = fold(vec![for_rules(), launched()]).unwrap();
    assert_eq!(document.status, CampaignStatus::Launching);
    assert_eq!(document.template, template("Hi {{ name }}"));
    assert_eq!(millis(document.launched_at), Some(2_000));
    let launch = document.launch.unwrap();
    assert_eq!(launch.rules, "visits > 3".parse().unwrap());
    assert_eq!(launch.positions, "0:12,1:7");
    assert_eq!(launch.clock.timestamp_millis(), 90_000);
}

#[test]
fn a_campaign_is_sending_once_its_audience_is_resolved() {
    let document = fold(vec![for_rules(), launched(), resolved()]).unwrap();
    assert_eq!(document.status, CampaignStatus::Sending);
    assert_eq!(document.size, Some(SIZE));
    assert_eq!(document.updated_at.timestamp_millis(), 3_000);
    assert_eq!((document.version, &*document.created_by), (3, "key:1"));
}

#[test]
fn a_resumed_campaign_returns_to_its_status() {
    let (pause, resume) = (CampaignEvent::Paused {}, CampaignEvent::Resumed {});
    let early = vec![for_rules(), launched(), pause.clone()];
    assert_eq!(status(early.clone()), CampaignStatus::Paused);
    let back = [early.clone(), vec![resume.clone()]].concat();
    assert_eq!(status(back), CampaignStatus::Launching);
    let meanwhile = [early, vec![resolved()]].concat();
    assert_eq!(status(meanwhile.clone()), CampaignStatus::Paused);
    let back = [meanwhile, vec![resume.clone()]].concat();
    assert_eq!(status(back), CampaignStatus::Sending);
    let late = vec![for_rules(), launched(), resolved(), pause, resume];
    assert_eq!(status(late), CampaignStatus::Sending);
}

#[test]
fn a_campaign_ends_once_completed_or_cancelled() {
    let sending = vec![for_rules(), launched(), resolved()];
    for (end, status) in [
        (CampaignEvent::Completed {}, CampaignStatus::Completed),
        (CampaignEvent::Cancelled {}, CampaignStatus::Cancelled),
    ] {
        let document = fold([sending.clone(), vec![end]].concat()).unwrap();
        assert_eq!((document.status, document.version), (status, 4));
        assert_eq!(millis(document.ended_at), Some(4_000));
        assert_eq!(millis(document.launched_at), Some(2_000));
    }
}

#[test]
fn a_missed_campaign_can_still_be_launched() {
    let missed = vec![for_segment(), CampaignEvent::Missed {}];
    let document = fold(missed.clone()).unwrap();
    assert_eq!(document.status, CampaignStatus::Missed);
    assert_eq!(document.ended_at, None);
    let late = [missed, vec![launched()]].concat();
    assert_eq!(status(late), CampaignStatus::Launching);
}

#[test]
fn a_retry_changes_only_version_and_time() {
    let sending = vec![for_rules(), launched(), resolved()];
    let before = fold(sending.clone()).unwrap();
    let retried = CampaignEvent::Retried { requeued: 2 };
    let after = fold([sending, vec![retried]].concat()).unwrap();
    let expected = CampaignDocument {
        updated_at: bson::DateTime::from_millis(4_000),
        version: 4,
        ..before
    };
    assert_eq!(after, expected);
}

#[test]
fn contradicting_events_are_rejected() {
    assert!(fold(vec![for_rules(), for_rules()]).is_err());
    assert!(fold(vec![launched()]).is_err());
}

#[test]
fn a_changed_draft_has_its_new_content_and_its_creation() {
    let segment = "seg_1".try_into().unwrap();
    let new = CampaignContent {
        name: "Summer".to_owned().try_into().unwrap(),
        messages_per_second: None,
        tags: Default::default(),
        ..content(Audience::SegmentId(segment), true)
    };
    let document = fold(vec![for_rules(), CampaignEvent::Updated(new)]).unwrap();
    assert_eq!(document.name, "Summer");
    assert_eq!(document.status, CampaignStatus::Draft);
    assert_eq!(document.segment_id.as_ref().unwrap().as_str(), "seg_1");
    assert_eq!(document.rules, None);
    assert_eq!(millis(document.scheduled_at), Some(60_000));
    assert_eq!(document.messages_per_second, None);
    assert_eq!(document.tags, [""; 0]);
    assert_eq!(document.created_by, "key:1");
    assert_eq!(millis(Some(document.created_at)), Some(1_000));
    assert_eq!(millis(Some(document.updated_at)), Some(2_000));
    assert_eq!(document.version, 2);
}

#[test]
fn a_draft_is_scheduled_or_deleted() {
    let scheduled = CampaignEvent::Scheduled { key: None };
    let document = fold(vec![for_rules(), scheduled]).unwrap();
    assert_eq!(document.status, CampaignStatus::Scheduled);
    assert!(!document.is_deleted);
    let deleted = fold(vec![for_rules(), CampaignEvent::Deleted {}]).unwrap();
    assert!(deleted.is_deleted);
}
