//! Segments and their holds.

use commands::{CampaignRefusal, CommandEffect, Commands, Context, Outcome, verify_heads};
use domain::{
    Audience, CampaignChanges, CampaignCommand, CampaignContent, CampaignId, CampaignStatus,
    Change, Holder, SegmentCommand, SegmentError, SegmentId, Subject, Timestamp,
};
use futures::future::join_all;

use super::key;
use crate::support::deployment::Deployment;
use crate::support::shop::{address_key, campaign, context, segment};

fn id() -> SegmentId {
    SegmentId::try_from("seg_1").unwrap()
}

fn holder(n: usize) -> Holder {
    Holder::try_from(format!("cmp_{n}")).unwrap()
}

async fn hold(commands: &Commands, n: usize) -> Result<Outcome, SegmentError> {
    let held = commands
        .execute(&context(), id(), SegmentCommand::Hold(holder(n)))
        .await;
    held.unwrap()
}

async fn archive(commands: &Commands) -> Result<Outcome, SegmentError> {
    commands.archive_segment(&context(), id()).await.unwrap()
}

/// Returns a deployment with the one segment, and the commands of a second process on it.
async fn with_segment() -> (Deployment, Commands) {
    let deployment = Deployment::fresh().await;
    let (commands, content) = (&deployment.commands, segment("Regulars", "visits > 3"));
    let created = commands
        .execute(&context(), id(), SegmentCommand::Create(content))
        .await;
    assert_eq!(created.unwrap().unwrap().effect, CommandEffect::Created);
    let log = deployment.reopen().await;
    let other = Commands::open(log, None, Some(address_key()))
        .await
        .unwrap();
    (deployment, other)
}

#[tokio::test]
async fn a_segment_is_loaded_from_its_head_or_its_events() {
    let (deployment, _) = with_segment().await;
    let commands = &deployment.commands;
    let unknown = SegmentId::try_from("seg_2").unwrap();
    assert_eq!(commands.segment(&unknown).await.unwrap(), None);

    hold(commands, 1).await.unwrap();
    let loaded = commands.segment(&id()).await.unwrap().unwrap();
    assert_eq!(loaded.content(), Some(&segment("Regulars", "visits > 3")));
    assert!(loaded.held_by().eq([&holder(1)]) && !loaded.is_archived());
    // A head of another fold is ignored, and the segment is folded from its events.
    let key = key(&deployment.log, &Subject::Segment(id()));
    let (_, head) = deployment.raw_head(&key).await.unwrap();
    let old = head.splitn(4, ' ').take(2).collect::<Vec<_>>().join(" ");
    deployment
        .set_raw_head(&key, &format!("{old} 0 null"))
        .await;
    assert_eq!(commands.segment(&id()).await.unwrap(), Some(loaded));
}

#[tokio::test]
async fn repeated_commands_change_nothing() {
    let (deployment, _) = with_segment().await;
    let commands = &deployment.commands;
    let first = hold(commands, 1).await.unwrap();
    let again = hold(commands, 1).await.unwrap();
    assert_eq!(again.effect, CommandEffect::Unchanged);
    assert_eq!(again.position, first.position);
    let released = commands
        .execute(&context(), id(), SegmentCommand::Release(holder(2)))
        .await;
    assert_eq!(released.unwrap().unwrap().effect, CommandEffect::Unchanged);
    let content = segment("Regulars", "visits > 3");
    let repeated = commands
        .execute(&context(), id(), SegmentCommand::Create(content))
        .await;
    assert_eq!(repeated.unwrap().unwrap().effect, CommandEffect::Unchanged);
    let other = segment("Regulars", "visits > 4");
    let refused = commands
        .execute(&context(), id(), SegmentCommand::Create(other))
        .await;
    assert_eq!(refused.unwrap(), Err(SegmentError::Conflict));
}

/// A process can die between the end of a campaign and the release of its segment.
#[tokio::test]
async fn archiving_releases_holds_that_are_no_longer_needed() {
    let (deployment, _) = with_segment().await;
    let commands = &deployment.commands;
    let content = CampaignContent {
        audience: Audience::SegmentId(id()),
        scheduled_at: Some(context().now),
        ..campaign("Spring", "visits > 3")
    };
    let cancelled = CampaignId::try_from("cmp_1").unwrap();
    let context = context();
    let created = commands.create_campaign(&context, cancelled.clone(), content);
    created.await.unwrap().unwrap();
    assert!(archive(commands).await.is_err());
    let ended = commands
        .execute_on_campaign(&context, cancelled, CampaignCommand::Cancel)
        .await;
    ended.unwrap().unwrap();
    for n in [1, 2] {
        hold(commands, n).await.unwrap();
    }

    // The second hold is younger than 120 s, so its campaign may be about to be created.
    let refused = archive(commands).await;
    assert_eq!(
        refused,
        Err(SegmentError::InUse(vec![holder(1), holder(2)]))
    );
    let segment = commands.segment(&id()).await.unwrap().unwrap();
    assert!(segment.held_by().eq([&holder(2)]));
    let later = Context {
        now: Timestamp::from_millis(context.now.millis() + 120_000).unwrap(),
        ..context
    };
    let archived = commands.archive_segment(&later, id()).await.unwrap();
    assert_eq!(archived.unwrap().effect, CommandEffect::Updated);
}

/// A process can die after it has held the segment and before it schedules the draft.
#[tokio::test]
async fn the_hold_of_a_draft_is_kept_while_its_launch_may_be_in_progress() {
    let (deployment, _) = with_segment().await;
    let commands = &deployment.commands;
    let content = CampaignContent {
        audience: Audience::SegmentId(id()),
        ..campaign("Spring", "visits > 3")
    };
    let (context, draft) = (context(), CampaignId::try_from("cmp_1").unwrap());
    let created = commands.create_campaign(&context, draft.clone(), content);
    created.await.unwrap().unwrap();
    hold(commands, 1).await.unwrap();
    let held = Err(SegmentError::InUse(vec![holder(1)]));
    assert_eq!(archive(commands).await, held);

    // The launch continues.
    let later = Timestamp::from_millis(context.now.millis() + 600_000).unwrap();
    let changes = CampaignChanges {
        scheduled_at: Change::Set(later),
        ..CampaignChanges::default()
    };
    let updated = commands.update_draft(&context, &draft, &changes).await;
    updated.unwrap().unwrap();
    let launched = commands.launch_campaign(&context, draft.clone(), None);
    let launched = launched.await.unwrap().unwrap();
    assert_eq!(launched.status, CampaignStatus::Scheduled);
    let much_later = Context {
        now: later,
        ..context.clone()
    };
    let refused = commands.archive_segment(&much_later, id()).await;
    assert_eq!(refused.unwrap(), held, "it is needed until the launch");
    let cancelled = commands
        .execute_on_campaign(&context, draft, CampaignCommand::Cancel)
        .await;
    cancelled.unwrap().unwrap();
    archive(commands).await.unwrap();
}

/// A process that creates a campaign may be suspended for so long that its hold is released as
/// unneeded. The creation is repeated here, which takes the same steps as its late completion.
#[tokio::test]
async fn a_campaign_created_after_its_hold_was_released_takes_the_hold_again() {
    let (deployment, _) = with_segment().await;
    let commands = &deployment.commands;
    let content = CampaignContent {
        audience: Audience::SegmentId(id()),
        scheduled_at: Some(context().now),
        ..campaign("Spring", "visits > 3")
    };
    let late = CampaignId::try_from("cmp_1").unwrap();
    let create = async || {
        let context = context();
        let created = commands.create_campaign(&context, late.clone(), content.clone());
        created.await.unwrap()
    };
    let release = async || {
        let released = commands
            .execute(&context(), id(), SegmentCommand::Release(holder(1)))
            .await;
        assert_eq!(released.unwrap().unwrap().effect, CommandEffect::Updated);
    };
    create().await.unwrap();
    release().await;
    assert_eq!(create().await.unwrap().effect, CommandEffect::Unchanged);
    let segment = commands.segment(&id()).await.unwrap().unwrap();
    assert!(segment.held_by().eq([&holder(1)]));

    // If the segment was archived meanwhile, the campaign cannot run and is cancelled.
    release().await;
    archive(commands).await.unwrap();
    let refused = CampaignRefusal::Segment(SegmentError::Archived);
    assert_eq!(create().await, Err(refused));
    let campaign = commands.campaign(&late).await.unwrap().unwrap();
    assert_eq!(campaign.status(), Some(CampaignStatus::Cancelled));
    assert_eq!(create().await.unwrap().effect, CommandEffect::Unchanged);
}

/// Holds and an archival race with each other from two processes: either side may win, never both.
#[tokio::test]
async fn a_segment_is_never_both_held_and_archived() {
    for _ in 0..10 {
        let (deployment, other) = with_segment().await;
        let holds = (0..3).map(|n| hold([&deployment.commands, &other][n % 2], n));
        let (held, archived) = tokio::join!(join_all(holds), archive(&other));
        let holders: Vec<Holder> = (0..3).filter(|n| held[*n].is_ok()).map(holder).collect();
        let segment = other.segment(&id()).await.unwrap().unwrap();
        assert!(segment.held_by().eq(&holders), "{held:?}");
        assert_eq!(segment.is_archived(), archived.is_ok());
        assert_ne!(
            archived.is_ok(),
            !holders.is_empty(),
            "{held:?} {archived:?}"
        );
        let key = key(&deployment.log, &Subject::Segment(id()));
        let report = verify_heads(&deployment.log, key.partition).await.unwrap();
        assert!(report.differences.is_empty(), "{:?}", report.differences);
    }
}
