//! Outcomes of a campaign's messages, by what their customers have spent.

use domain::{
    BounceKind, CampaignId, MessageCommand, MessageStatus, Receipt, ReceiptKind, Suppression,
};
use projections::messages::SpendBracket;
use rand::seq::IndexedRandom;

use super::crowd::Crowd;
use super::project_all;
use crate::support::deployment::Deployment;
use crate::support::shop::{context, email_content, message_id, minute, order, text};

/// Returns the commands that bring a message to a status.
fn steps(status: MessageStatus) -> Vec<MessageCommand> {
    let queue = MessageCommand::Queue(email_content("ada@example.com"));
    let sent = MessageCommand::RecordSent(text("v-1").into());
    let receipt = |arrived| {
        let kind = match arrived {
            true => ReceiptKind::Delivered,
            false => ReceiptKind::Failed,
        };
        MessageCommand::RecordReceipt(Receipt::new(kind, text("v-1"), minute(1)))
    };
    let bounced = Receipt::new(
        ReceiptKind::Bounced(BounceKind::Soft),
        text("v-1"),
        minute(1),
    );
    let end_wait = MessageCommand::EndWaitForReceipt { sent_by: minute(9) };
    match status {
        MessageStatus::Queued => vec![queue],
        MessageStatus::Suppressed => vec![MessageCommand::Suppress(Suppression::NoAddress)],
        MessageStatus::Sent => vec![queue, sent],
        MessageStatus::Delivered => vec![queue, sent, receipt(true)],
        MessageStatus::Failed => vec![queue, sent, receipt(false)],
        MessageStatus::Bounced => vec![queue, sent, MessageCommand::RecordReceipt(bounced)],
        MessageStatus::Unconfirmed => vec![queue, sent, end_wait],
        MessageStatus::Rejected => vec![queue, MessageCommand::Reject(text("no"))],
        MessageStatus::Undeliverable => vec![queue, MessageCommand::GiveUp(text("no"))],
    }
}

async fn record_messages(deployment: &Deployment, campaign: u128, to: &[(&str, MessageStatus)]) {
    let commands = to.iter().flat_map(|(id, status)| {
        let steps = steps(*status).into_iter();
        steps.map(move |step| (message_id(campaign, id), step))
    });
    let done = deployment
        .commands
        .execute_on_messages(&context(), commands.collect())
        .await
        .unwrap();
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    project_all(deployment).await;
}

fn expected(tried: &[(i64, MessageStatus)], threshold: i64) -> [SpendBracket; 2] {
    let count = |above: bool, statuses: &[MessageStatus]| {
        let side = tried
            .iter()
            .filter(|(spend, _)| (*spend > threshold) == above);
        side.filter(|(_, status)| statuses.contains(status)).count() as u64
    };
    [true, false].map(|above| SpendBracket {
        above: above.then_some(threshold),
        up_to: (!above).then_some(threshold),
        sent: count(
            above,
            &[
                MessageStatus::Sent,
                MessageStatus::Delivered,
                MessageStatus::Unconfirmed,
            ],
        ),
        delivered: count(above, &[MessageStatus::Delivered]),
        failed: count(
            above,
            &[
                MessageStatus::Failed,
                MessageStatus::Bounced,
                MessageStatus::Rejected,
                MessageStatus::Undeliverable,
            ],
        ),
    })
}

/// Tries all round amounts and returns the one nearest to the 80th percentile of spend, among
/// customers with any.
fn threshold(tried: &[(i64, MessageStatus)]) -> i64 {
    let mut spend: Vec<i64> = tried.iter().map(|(spend, _)| *spend).collect();
    spend.retain(|spend| *spend > 0);
    spend.sort_unstable();
    let percentile = spend[(spend.len() * 4).div_ceil(5) - 1] as f64;
    let rounds = (0..12).flat_map(|power| [1, 2, 5].map(|n| n * 10i64.pow(power)));
    let distance = |round: &i64| (*round as f64 / percentile).ln().abs();
    rounds
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .unwrap()
}

#[tokio::test]
async fn outcomes_are_counted_by_what_customers_spent() {
    let Crowd {
        deployment,
        people,
        mut random,
    } = Crowd::random(1_300).await;
    let to: Vec<(&str, MessageStatus)> = people
        .keys()
        .map(|id| {
            (
                id.as_str(),
                *MessageStatus::ALL.choose(&mut random).unwrap(),
            )
        })
        .chain([("stranger", MessageStatus::Delivered)])
        .collect();
    record_messages(&deployment, 7, &to).await;
    record_messages(&deployment, 8, &[("c-1", MessageStatus::Delivered)]).await;
    let untried = [MessageStatus::Queued, MessageStatus::Suppressed];
    let tried = to.iter().filter(|(_, status)| !untried.contains(status));
    let spend = |id: &str| people.get(id).map_or(0, |person| person.total_spend());
    let tried: Vec<_> = tried.map(|(id, status)| (spend(id), *status)).collect();
    let (store, id) = (&deployment.store, CampaignId::from(7));
    let found = store.spend_brackets(&id).await.unwrap();
    assert_eq!(found, expected(&tried, threshold(&tried)));
    let stats = &store.campaign_stats(&[&id]).await.unwrap()[&id];
    let sum = |of: fn(&SpendBracket) -> u64| found.iter().map(of).sum::<u64>() as i64;
    let all = (sum(|b| b.sent), sum(|b| b.delivered), sum(|b| b.failed));
    assert_eq!(all, (stats.sent(), stats.delivered(), stats.failed()));
}

#[tokio::test]
async fn there_are_no_brackets_without_customers_on_both_sides() {
    let deployment = Deployment::fresh().await;
    let brackets = async |store: &projections::Store| {
        let found = store.spend_brackets(&CampaignId::from(7)).await;
        found.unwrap()
    };
    assert_eq!(brackets(&deployment.store).await, []);
    let deployment = deployment.prepared().await;
    let store = &deployment.store;
    assert_eq!(brackets(store).await, []);
    let delivered = MessageStatus::Delivered;
    record_messages(&deployment, 7, &[("c-1", delivered), ("c-2", delivered)]).await;
    assert_eq!(brackets(store).await, [], "nobody has spent anything");
    let commands = &deployment.commands;
    let recorded = commands
        .record_orders(&context(), vec![order("c-1", "o-1", 1_200)])
        .await;
    recorded.unwrap();
    project_all(&deployment).await;
    let found = brackets(store).await;
    let sides: Vec<_> = found.iter().map(|b| (b.above, b.up_to, b.sent)).collect();
    assert_eq!(sides, [(Some(1_000), None, 1), (None, Some(1_000), 1)]);
    let recorded = commands
        .record_orders(&context(), vec![order("c-1", "o-1", 900)])
        .await;
    recorded.unwrap();
    project_all(&deployment).await;
    assert_eq!(brackets(store).await, [], "all are on the same side");
}
