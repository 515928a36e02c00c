//! Random commands on a few campaigns and their messages, and what the views must show of them.

use std::collections::BTreeMap;

use commands::Commands;
use domain::{
    Audience, AudienceSize, BounceKind, CampaignChanges, CampaignCommand, CampaignContent,
    CampaignId, Change, DeliveryAttempt, MessageCommand, MessageId, MessageStatus, Receipt,
    ReceiptKind, RefusedReceipt, Suppression,
};
use mongodb::bson::DateTime;
use projections::PageRequest;
use projections::audit::AuditFilter;
use projections::messages::MessageDocument;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::deployment::Deployment;
use crate::support::shop::{campaign, context, email_content, message_id, minute, text};

const CAMPAIGNS: u128 = 3;
const CUSTOMERS: u8 = 4;

/// Command on a campaign.
#[derive(Debug, Clone)]
pub(super) enum CampaignStep {
    Create(CampaignContent),
    Update(CampaignChanges),
    Delete,
    Launch,
    Resolve(AudienceSize),
    Pause,
    Resume,
    Retry,
    Complete,
    Cancel,
    Miss,
}

fn contents() -> impl Strategy<Value = CampaignContent> {
    let audience = prop_oneof![
        Just(Audience::Rules("visits > 3".parse().unwrap())),
        (0..3u8).prop_map(|n| Audience::SegmentId(format!("seg_{n}").try_into().unwrap())),
    ];
    let scheduled_at = prop::option::of(Just(minute(7)));
    (audience, scheduled_at).prop_map(|(audience, scheduled_at)| CampaignContent {
        audience,
        scheduled_at,
        ..campaign("Spring", "visits > 0")
    })
}

fn changes() -> impl Strategy<Value = CampaignChanges> {
    let audience = prop::option::of(Just(Audience::Rules("visits > 4".parse().unwrap())));
    let scheduled_at = prop_oneof![
        Just(Change::Keep),
        Just(Change::Clear),
        Just(Change::Set(minute(100_000_000))),
    ];
    let name = prop::option::of(Just(text("Summer")));
    (audience, scheduled_at, name).prop_map(|(audience, scheduled_at, name)| CampaignChanges {
        audience,
        scheduled_at,
        name,
        ..CampaignChanges::default()
    })
}

/// Generates a campaign's number and a command on it.
pub(super) fn campaign_steps() -> impl Strategy<Value = (u128, CampaignStep)> {
    let size = (0..9u64, 0..9u64).prop_map(|(queued, suppressed)| AudienceSize {
        planned: queued + suppressed,
        queued,
        suppressed,
        undetermined: 0,
    });
    let steps = prop_oneof![
        4 => contents().prop_map(CampaignStep::Create),
        3 => changes().prop_map(CampaignStep::Update),
        1 => Just(CampaignStep::Delete),
        4 => Just(CampaignStep::Launch),
        3 => size.prop_map(CampaignStep::Resolve),
        2 => Just(CampaignStep::Pause),
        2 => Just(CampaignStep::Resume),
        1 => Just(CampaignStep::Retry),
        1 => Just(CampaignStep::Complete),
        1 => Just(CampaignStep::Cancel),
        1 => Just(CampaignStep::Miss),
    ];
    (0..CAMPAIGNS, steps)
}

pub(super) async fn run_campaign_step(commands: &Commands, id: u128, step: CampaignStep) {
    let (context, id) = (context(), CampaignId::from(id));
    let done = match step {
        CampaignStep::Create(content) => commands.create_campaign(&context, id, content).await,
        CampaignStep::Update(changes) => commands.update_draft(&context, &id, &changes).await,
        CampaignStep::Delete => {
            commands
                .execute_on_campaign(&context, id, CampaignCommand::Delete)
                .await
        }
        CampaignStep::Launch => {
            let launched = commands.launch_campaign(&context, id, None).await;
            launched.map(|launched| launched.map(|launched| launched.outcome))
        }
        CampaignStep::Resolve(size) => {
            commands
                .execute_on_campaign(
                    &context,
                    id,
                    CampaignCommand::RecordAudience(size, Vec::new()),
                )
                .await
        }
        CampaignStep::Pause => {
            commands
                .execute_on_campaign(&context, id, CampaignCommand::Pause)
                .await
        }
        CampaignStep::Resume => {
            commands
                .execute_on_campaign(&context, id, CampaignCommand::Resume)
                .await
        }
        CampaignStep::Retry => {
            commands
                .execute_on_campaign(&context, id, CampaignCommand::RecordRetry { requeued: 2 })
                .await
        }
        CampaignStep::Complete => {
            commands
                .execute_on_campaign(&context, id, CampaignCommand::Complete)
                .await
        }
        CampaignStep::Cancel => {
            commands
                .execute_on_campaign(&context, id, CampaignCommand::Cancel)
                .await
        }
        CampaignStep::Miss => {
            commands
                .execute_on_campaign(&context, id, CampaignCommand::Miss)
                .await
        }
    };
    // A refused command records no event, so there is nothing to fold.
    let _ = done.unwrap();
}

fn suppressions() -> impl Strategy<Value = Suppression> {
    select(vec![
        Suppression::Unsubscribed,
        Suppression::Template {
            detail: "line 1".to_owned(),
        },
        Suppression::FrequencyCap { most: 3 },
        Suppression::Cancelled,
    ])
}

/// Generates a message's id and a command on it.
pub(super) fn message_steps() -> impl Strategy<Value = (MessageId, MessageCommand)> {
    let attempt = (1..4u32, 0..4i64).prop_map(|(number, at)| DeliveryAttempt {
        number,
        problem: text("503"),
        retry_at: minute(at),
    });
    let kinds = select(vec![
        ReceiptKind::Delivered,
        ReceiptKind::Failed,
        ReceiptKind::Bounced(BounceKind::Hard),
        ReceiptKind::Bounced(BounceKind::Soft),
        ReceiptKind::Complained,
        ReceiptKind::Deferred,
        ReceiptKind::Opened,
        ReceiptKind::Clicked(None),
    ]);
    let receipt = (kinds, any::<bool>(), 0..3i64).prop_map(|(kind, has_reason, at)| Receipt {
        reason: has_reason.then(|| text("no such mailbox")),
        ..Receipt::new(kind, text("v-1"), minute(at))
    });
    let refused = RefusedReceipt {
        problem: text("/occurred_at: is not a time"),
    };
    let end_wait = (0..3i64).prop_map(|at| MessageCommand::EndWaitForReceipt {
        sent_by: minute(at),
    });
    let commands = prop_oneof![
        6 => Just(MessageCommand::Queue(email_content("ada@example.com"))),
        2 => suppressions().prop_map(MessageCommand::Suppress),
        2 => attempt.prop_map(MessageCommand::RecordAttempt),
        3 => Just(MessageCommand::RecordSent(text("v-1").into())),
        2 => Just(MessageCommand::GiveUp(text("too often"))),
        1 => Just(MessageCommand::Reject(text("unknown_recipient"))),
        1 => Just(MessageCommand::Requeue),
        1 => Just(MessageCommand::RecordRefusedReceipt(refused)),
        1 => end_wait,
        4 => receipt.prop_map(MessageCommand::RecordReceipt),
    ];
    let id = (0..CAMPAIGNS, 0..CUSTOMERS)
        .prop_map(|(campaign, customer)| message_id(campaign, &format!("c-{customer}")));
    (id, commands)
}

/// Asserts that the views agree with the heads of campaigns and messages, and that the figures
/// agree with the messages.
pub(super) async fn assert_campaigns(deployment: &Deployment) {
    for id in 0..CAMPAIGNS {
        let id = CampaignId::from(id);
        assert_campaign(deployment, &id).await;
        let messages = assert_messages(deployment, &id).await;
        assert_stats(deployment, &id, &messages).await;
    }
}

async fn assert_campaign(deployment: &Deployment, id: &CampaignId) {
    let document = deployment.store.campaign(id).await.unwrap();
    let head = deployment.commands.campaign(id).await.unwrap();
    let Some(head) = head.filter(|head| head.status().is_some()) else {
        assert_eq!(document, None, "it was never created, or was deleted");
        return;
    };
    let content = deployment.commands.campaign_content(id).await.unwrap();
    let (document, content) = (document.unwrap(), content.unwrap());
    assert_eq!(Some(document.status), head.status());
    assert_eq!(document.size, head.size());
    assert_eq!(document.name, content.name.as_str());
    assert_eq!(document.template, content.template);
    let scheduled_at = document.scheduled_at.map(DateTime::timestamp_millis);
    assert_eq!(scheduled_at, content.scheduled_at.map(|at| at.millis()));
    let launch = deployment.commands.campaign_launch(id).await.unwrap();
    let launch = launch.as_ref();
    let launched = document.launch.as_ref();
    assert_eq!(
        launched.map(|launch| (&launch.rules, &*launch.positions)),
        launch.map(|launch| (&launch.rules, launch.positions.as_str())),
    );
    let rules = match (launch, &content.audience) {
        (Some(launch), _) => Some(&launch.rules),
        (None, Audience::Rules(rules)) => Some(rules),
        (None, Audience::SegmentId(_)) => None,
    };
    assert_eq!(document.rules.as_ref(), rules);
}

async fn assert_messages(deployment: &Deployment, id: &CampaignId) -> Vec<MessageDocument> {
    let all = PageRequest {
        limit: 1_000,
        cursor: None,
    };
    let found = deployment.store.messages(id, None, &all).await.unwrap();
    let found = found.items;
    let id_of = |customer: u8| MessageId {
        campaign: id.clone(),
        customer: format!("c-{customer}").try_into().unwrap(),
    };
    let ids: Vec<MessageId> = (0..CUSTOMERS).map(id_of).collect();
    let heads = deployment.commands.messages(&ids).await.unwrap();
    for (id, head) in ids.iter().zip(heads) {
        let document = found.iter().find(|document| document.id() == *id);
        assert_eq!(document.map(|d| d.status), head.status(), "{id}");
        assert_eq!(document.map_or(0, |d| d.attempts), head.attempts(), "{id}");
        let due = document.filter(|d| d.status == MessageStatus::Queued);
        let due = due.map(|d| d.retry_at.map_or(0, DateTime::timestamp_millis));
        assert_eq!(due, head.due_at().map(|at| at.millis()), "{id}");
    }
    found
}

async fn assert_stats(deployment: &Deployment, id: &CampaignId, messages: &[MessageDocument]) {
    let figures = deployment.store.campaign_stats(&[id]).await.unwrap();
    let figures = &figures[id];
    for status in MessageStatus::ALL {
        let count = messages.iter().filter(|m| m.status == status).count();
        assert_eq!(figures.by_status.of(status), count as i64, "{status:?}");
    }
    assert_eq!(figures.audience(), messages.len() as i64);
    let parts = figures.sent() + figures.failed() + figures.suppressed() + figures.pending();
    assert_eq!(figures.audience(), parts);
    let sum = |of: fn(&MessageDocument) -> i64| messages.iter().map(of).sum::<i64>();
    assert_eq!(
        figures.marks.complained,
        sum(|m| i64::from(m.marks.complained_at.is_some()))
    );
    assert_eq!(
        figures.marks.opened,
        sum(|m| i64::from(m.marks.opened_at.is_some()))
    );
    assert_eq!(
        figures.marks.clicked,
        sum(|m| i64::from(m.marks.clicked_at.is_some()))
    );
    assert_eq!(
        figures.refused_receipts,
        sum(|m| i64::from(m.refused_receipts))
    );
    let mut reasons: BTreeMap<String, i64> = BTreeMap::new();
    for suppression in messages.iter().filter_map(|m| m.suppression.as_ref()) {
        *reasons.entry(suppression.reason.clone()).or_default() += 1;
    }
    assert_eq!(figures.suppressed_for, reasons);
    let attempted = AuditFilter {
        tag: Some("message_attempted.1".to_owned()),
        ..AuditFilter::default()
    };
    let all = PageRequest {
        limit: 100_000,
        cursor: None,
    };
    let audit = deployment.store.audit(&deployment.log, &attempted, &all);
    let attempts = audit.await.unwrap().items.into_iter();
    let attempts = attempts.filter(|row| row.entry.key.ends_with(&format!("/{id}")));
    assert_eq!(figures.attempts, attempts.count() as i64);
}
