//! Queries of the view `campaigns`.

use commands::Context;
use domain::{
    CampaignCommand, CampaignContent, CampaignId, CampaignStatus, MessageCommand, Suppression,
};
use futures::TryStreamExt;
use mongodb::bson::{Document, doc};
use projections::PageRequest;
use projections::campaigns::CampaignDocument;

use super::{project, project_all};
use crate::support::deployment::Deployment;
use crate::support::shop::{campaign, context, email_content, message_id, minute, text};

/// Returns a deployment with campaigns 1 to `count`. Two are created per minute; every third is
/// scheduled for the minute of its number.
async fn with_campaigns(count: u8) -> Deployment {
    let deployment = Deployment::fresh().await.prepared().await;
    for n in 1..=count {
        let scheduled = n.is_multiple_of(3);
        let content = CampaignContent {
            scheduled_at: scheduled.then(|| minute(n.into())),
            ..campaign(&format!("Campaign {n}"), "visits > 0")
        };
        let context = Context {
            now: minute((n / 2).into()),
            ..context()
        };
        let created = deployment
            .commands
            .create_campaign(&context, u128::from(n).into(), content);
        created.await.unwrap().unwrap();
    }
    project(&deployment, "campaigns").await.unwrap();
    deployment
}

/// Returns the numbers of campaigns, which are part of their names.
fn numbers(campaigns: &[CampaignDocument]) -> Vec<u8> {
    let number = |campaign: &CampaignDocument| campaign.name[9..].parse().unwrap();
    campaigns.iter().map(number).collect()
}

#[tokio::test]
async fn campaigns_are_listed_newest_first() {
    let deployment = with_campaigns(7).await;
    let mut page = PageRequest {
        limit: 3,
        cursor: None,
    };
    let mut found = Vec::new();
    loop {
        let part = deployment.store.campaigns(&page).await.unwrap();
        found.extend(numbers(&part.items));
        page.cursor = part.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, [7, 6, 5, 4, 3, 2, 1]);
    let id = CampaignId::from(3);
    let one = deployment.store.campaign(&id).await.unwrap().unwrap();
    assert_eq!((one.campaign_id, &*one.name), (id, "Campaign 3"));
    let none = deployment.store.campaign(&CampaignId::from(8)).await;
    assert_eq!(none.unwrap(), None);
}

#[tokio::test]
async fn campaigns_are_found_by_due_time_and_status() {
    let deployment = with_campaigns(10).await;
    let store = &deployment.store;
    let due = async |at| numbers(&store.campaigns_due(minute(at)).await.unwrap());
    assert_eq!(due(2).await, [0; 0]);
    assert_eq!(due(3).await, [3]);
    assert_eq!(due(8).await, [3, 6]);
    let id = CampaignId::from(3);
    let cancelled = deployment
        .commands
        .execute_on_campaign(&context(), id, CampaignCommand::Cancel)
        .await;
    cancelled.unwrap().unwrap();
    project(&deployment, "campaigns").await.unwrap();
    assert_eq!(due(9).await, [6, 9]);
    let found =
        async |statuses: &[CampaignStatus]| numbers(&store.campaigns_in(statuses).await.unwrap());
    assert_eq!(found(&[CampaignStatus::Scheduled]).await, [6, 9]);
    let ended = [CampaignStatus::Cancelled, CampaignStatus::Completed];
    assert_eq!(found(&ended).await, [3]);
    assert_eq!(found(&[]).await, [0; 0]);
}

/// Only campaigns under way, or cancelled a moment ago, have unsent messages. Partial indexes
/// contain nothing else, so that finding them does not depend on the number of all campaigns.
#[tokio::test]
async fn cancelled_campaigns_are_found_by_their_unsent_messages() {
    let deployment = with_campaigns(4).await;
    let (commands, store) = (&deployment.commands, &deployment.store);
    let message = |campaign| message_id(campaign, "c-1");
    let queue = |campaign| {
        (
            message(campaign),
            MessageCommand::Queue(email_content("ada@example.com")),
        )
    };
    let give_up = (message(2), MessageCommand::GiveUp(text("422")));
    let suppress = (message(3), MessageCommand::Suppress(Suppression::Cancelled));
    let made = vec![queue(1), queue(2), queue(3), queue(4), give_up, suppress];
    let made = commands
        .execute_on_messages(&context(), made)
        .await
        .unwrap();
    assert!(made.iter().all(Result::is_ok));
    for campaign in 1..=3 {
        let context = context();
        let cancelled = commands.execute_on_campaign(
            &context,
            CampaignId::from(campaign),
            CampaignCommand::Cancel,
        );
        cancelled.await.unwrap().unwrap();
    }
    project_all(&deployment).await;

    let ids = |numbers: &[u128]| numbers.iter().map(|n| CampaignId::from(*n)).collect();
    let expected: Vec<CampaignId> = ids(&[1, 2, 4]);
    let unsent = store.campaigns_with_unsent().await.unwrap();
    assert_eq!(unsent, expected);
    let expected: Vec<CampaignId> = ids(&[1, 2]);
    assert_eq!(store.cancelled_among(&unsent).await.unwrap(), expected);

    let stats = store.collection("campaign_stats", 1);
    let used = stats.aggregate([doc! {"$indexStats": {}}]).await.unwrap();
    let used: Vec<Document> = used.try_collect().await.unwrap();
    for index in ["by_status.queued_1", "by_status.undeliverable_1"] {
        let is = |found: &&Document| found.get_str("name").ok() == Some(index);
        let used = used.iter().find(is).unwrap().get_document("accesses");
        assert_eq!(used.unwrap().get_i64("ops").unwrap(), 1, "{index}");
    }
}
