//! How many receipts the API takes, with nothing else to do.

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

use super::super::api_process::VENDOR_SECRET;
use super::super::http::Connection;
use super::stage::Stage;

/// Receipts per post, as the simulated vendor has it.
const BATCH: usize = 100;

/// Messages queued and sent at once.
const MESSAGES: usize = 10_000;

/// A signed post.
struct Post {
    headers: [(&'static str, String); 4],
    body: Bytes,
}

/// Queues and sends so many messages in the log, as workers would, then posts
/// a receipt for each; receipts per second.
pub(super) async fn measure(
    stage: &Stage<'_>,
    count: u64,
    connections: usize,
) -> anyhow::Result<f64> {
    let messages = messages(count)?;
    for some in messages.chunks(MESSAGES) {
        send(stage, some).await?;
    }
    let posts = messages.chunks(BATCH).map(post);
    let posts: Vec<Post> = posts.collect::<anyhow::Result<_>>()?;
    let posts = Mutex::new(posts.into_iter());
    let start = Instant::now();
    let posting = (0..connections.max(1)).map(|_| post_all(stage, &posts));
    try_join_all(posting).await?;
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

/// Of a campaign that nothing else knows of: a receipt asks the message alone.
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

/// Makes the next command on a message.
type Step<'s> = dyn Fn(&MessageId) -> anyhow::Result<MessageCommand> + 's;

const TEMPLATE: &str = "Hi {{ name }}, we miss you: what you like is waiting for you.";

async fn send(stage: &Stage<'_>, messages: &[MessageId]) -> anyhow::Result<()> {
    let context = Context {
        actor: "bench".to_owned(),
        address: None,
        request: Some("bench".to_owned()),
        now: Timestamp::from(Utc::now()),
    };
    let template = Template::try_from(TEMPLATE.to_owned())?;
    let renderer = Renderer::new(&template)?;
    let queue = |id: &MessageId| queue(&renderer, id);
    for step in [&queue as &Step, &take] {
        let made = messages.iter().map(|id| Ok((id.clone(), step(id)?)));
        let made = made.collect::<anyhow::Result<_>>()?;
        let done = stage
            .deployment
            .commands
            .execute_on_messages(&context, made);
        let is_done = done.await?.iter().all(Result::is_ok);
        anyhow::ensure!(is_done, "a message was refused");
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

fn take(id: &MessageId) -> anyhow::Result<MessageCommand> {
    let vendor_message_id: Text<128> = Text::try_from(vendors_id(id))?;
    Ok(MessageCommand::RecordSent(vendor_message_id.into()))
}

fn vendors_id(id: &MessageId) -> String {
    format!("vm_{}", id.customer)
}

fn post(messages: &[MessageId]) -> anyhow::Result<Post> {
    let now = Utc::now();
    let receipt = |id: &MessageId| {
        json!({
            "message_id": id.to_string(),
            "vendor_message_id": vendors_id(id),
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

/// Posts one after the other until none is left.
async fn post_all(stage: &Stage<'_>, posts: &Mutex<IntoIter<Post>>) -> anyhow::Result<()> {
    let mut connection = Connection::open(&stage.api.address).await?;
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
