//! Throughput of receipts over HTTP, with no other load.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use std::vec::IntoIter;

use anyhow::Context as _;
use bytes::Bytes;
use chrono::Utc;
use commands::Context;
use domain::{
    CampaignId, Channel, CustomerId, MessageCommand, MessageContent, MessageId, Renderer, Template,
    Text, Timestamp,
};
use futures::future::try_join_all;
use serde_json::json;
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};

use super::test_bed::TestBed;
use crate::api_process::VENDOR_SECRET;
use crate::http::HttpConnection;

/// Receipts per post, the simulated vendor's default.
const BATCH: usize = 100;

/// Messages that are queued and sent together.
const MESSAGES: usize = 10_000;

/// Signed post of receipts.
struct Post {
    headers: [(&'static str, String); 4],
    body: Bytes,
}

/// Records in the log that `count` messages were queued and sent, as workers would, then posts a
/// receipt for each. Returns the receipts per second.
pub(super) async fn measure(
    test_bed: &TestBed<'_>,
    count: u64,
    connections: usize,
) -> anyhow::Result<f64> {
    let messages = messages(count)?;
    for chunk in messages.chunks(MESSAGES) {
        record_sent(test_bed, chunk).await?;
    }
    let posts = messages.chunks(BATCH).map(post);
    let posts: Vec<Post> = posts.collect::<anyhow::Result<_>>()?;
    let posts = Mutex::new(posts.into_iter());
    let start = Instant::now();
    let posting = (0..connections.max(1)).map(|_| post_all(test_bed, &posts));
    try_join_all(posting).await?;
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

/// Returns the ids of messages. Their campaign does not exist, since a receipt needs only its
/// message.
fn messages(count: u64) -> anyhow::Result<Vec<MessageId>> {
    let campaign = CampaignId::from(1);
    let message = |n: u64| {
        Ok(MessageId {
            campaign: campaign.clone(),
            customer: CustomerId::try_from(format!("c-{n:07}"))?,
        })
    };
    (0..count).map(message).collect()
}

/// Function that returns the next command on a message.
type Step<'s> = dyn Fn(&MessageId) -> anyhow::Result<MessageCommand> + 's;

const TEMPLATE: &str = "Hi {{ name }}, we miss you: what you like is waiting for you.";

async fn record_sent(test_bed: &TestBed<'_>, messages: &[MessageId]) -> anyhow::Result<()> {
    let context = Context {
        actor: "bench".to_owned(),
        address: None,
        request: Some("bench".to_owned()),
        now: Timestamp::from(Utc::now()),
    };
    let template = Template::try_from(TEMPLATE.to_owned())?;
    let renderer = Renderer::new(&template)?;
    let queue = |id: &MessageId| queue(&renderer, id);
    for step in [&queue as &Step, &mark_sent] {
        let commands = messages.iter().map(|id| Ok((id.clone(), step(id)?)));
        let commands = commands.collect::<anyhow::Result<_>>()?;
        let recorded = test_bed
            .deployment
            .commands
            .execute_on_messages(&context, commands);
        let is_recorded = recorded.await?.iter().all(Result::is_ok);
        anyhow::ensure!(is_recorded, "a message was refused");
    }
    Ok(())
}

fn queue(renderer: &Renderer, id: &MessageId) -> anyhow::Result<MessageCommand> {
    let customer = &id.customer;
    let values = serde_json::from_value(json!({"name": customer}))?;
    Ok(MessageCommand::Queue(MessageContent {
        channel: Channel::Email,
        to: Text::try_from(format!("{customer}@example.com"))?,
        template: renderer.identity(),
        content: renderer.personalize(values)?,
    }))
}

fn mark_sent(id: &MessageId) -> anyhow::Result<MessageCommand> {
    let vendor_message_id: Text<128> = Text::try_from(vendor_message_id(id))?;
    Ok(MessageCommand::RecordSent(vendor_message_id.into()))
}

fn vendor_message_id(id: &MessageId) -> String {
    format!("vm_{}", id.customer)
}

fn post(messages: &[MessageId]) -> anyhow::Result<Post> {
    let now = Utc::now();
    let receipt = |id: &MessageId| {
        json!({
            "message_id": id.to_string(),
            "vendor_message_id": vendor_message_id(id),
            "status": "delivered",
            "occurred_at": Timestamp::from(now).to_string(),
        })
    };
    let receipts: Vec<_> = messages.iter().map(receipt).collect();
    let body = serde_json::to_vec(&receipts)?;
    let first = messages.first().context("a post has receipts")?;
    let (id, at) = (format!("rcpt_{}", first.customer), now.timestamp());
    let signature = Webhook::new(VENDOR_SECRET)?.sign(&id, at, &body)?;
    Ok(Post {
        headers: [
            ("content-type", "application/json".to_owned()),
            (HEADER_WEBHOOK_ID, id),
            (HEADER_WEBHOOK_TIMESTAMP, at.to_string()),
            (HEADER_WEBHOOK_SIGNATURE, signature),
        ],
        body: body.into(),
    })
}

/// Sends the posts one after the other over one connection, until none is left.
async fn post_all(test_bed: &TestBed<'_>, posts: &Mutex<IntoIter<Post>>) -> anyhow::Result<()> {
    let mut connection = HttpConnection::open(&test_bed.api.address).await?;
    let next = || posts.lock().unwrap_or_else(PoisonError::into_inner).next();
    while let Some(Post { headers, body }) = next() {
        let headers = headers.iter().map(|(name, value)| (*name, &**value));
        let path = "/api/delivery/receipt";
        let answer = connection.post_with(path, headers, body).await?;
        let answer: serde_json::Value = serde_json::from_slice(&answer)?;
        anyhow::ensure!(answer["rejected"] == 0, "a receipt was refused");
    }
    Ok(())
}
