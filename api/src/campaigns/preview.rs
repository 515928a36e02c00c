//! `POST /api/campaigns/preview`

use axum::Json;
use axum::extract::State;
use chrono::Utc;
use domain::rules::Rules;
use domain::{
    Audience, Channel, Currency, CustomerId, Renderer, SegmentError, SegmentId, Timestamp,
};
use projections::PageRequest;
use projections::customers::{CustomerDocument, Customers};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::body::{MessageBody, audience};
use super::create::bad_segment;
use crate::after::{self, AfterParam};
use crate::body::{Input, JsonBody};
use crate::consistency::Consistency;
use crate::extract::Query;
use crate::openapi::PreviewProblems;
use crate::problem::Problem;
use crate::quarantined::{self, Quarantined, ShowsDocument};
use crate::rules::RulesSchema;
use crate::schema::{self, for_somebody};
use crate::segments::Sample;
use crate::state::{AppState, Shared, turn};

/// A message to look at before anybody gets it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a message")]
#[schema(as = CampaignPreviewIn, example = json!({
    "message": {"template": "Hi {{ name | default('there') }}, we miss you!"},
    "rules": "days_since_last_order > 90"
}))]
pub(super) struct PreviewBody {
    /// What would be sent.
    message: MessageBody,
    /// To whom: a segment,
    #[serde(default)]
    #[schema(value_type = Option<schema::SegmentId>)]
    segment_id: Option<SegmentId>,
    /// or these rules.
    #[serde(default)]
    #[schema(value_type = Option<RulesSchema>)]
    rules: Option<Value>,
    /// To how many of them it is rendered.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 50, default = 5)]
    sample: Option<Sample>,
}

impl Input for PreviewBody {
    fn check(&self, _: &Shared) -> Result<(), Problem> {
        audience(self.segment_id.clone(), self.rules.as_ref()).map(drop)
    }
}

for_somebody! {
    /// How [`PreviewBody`] is described.
    PreviewSchema = PreviewBody;
}

/// What some of those who are meant would get.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignPreview)]
pub(super) struct PreviewResponse {
    /// By customer.
    messages: Vec<RenderedMessage>,
}

/// What a customer would get, or why they would not.
#[derive(Serialize, ToSchema)]
struct RenderedMessage {
    /// Who.
    #[schema(value_type = schema::Id)]
    customer_id: CustomerId,
    /// What they are called.
    #[schema(example = "Ada Example")]
    name: Option<String>,
    /// By which way; `null` if there is none.
    #[schema(value_type = Option<schema::Channel>)]
    channel: Option<Channel>,
    /// To which address.
    #[schema(example = "ada@example.com")]
    to: Option<String>,
    /// What the message would say.
    #[schema(example = "Hi Ada Example, we miss you!")]
    text: Option<String>,
    /// Why they would get none: `unsubscribed`, `no_address` or `template`.
    #[schema(example = "no_address")]
    suppression: Option<&'static str>,
    /// Why the template cannot be rendered for them.
    #[schema(example = "undefined value")]
    problem: Option<String>,
    /// The event that holds the customer back; absent if none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quarantined: Option<Quarantined>,
}

/// Renders a message for some of those it would go to.
#[utoipa::path(
    post,
    path = "/api/campaigns/preview",
    tag = "campaigns",
    params(AfterParam, Consistency),
    request_body = PreviewSchema,
    responses(
        (status = 200, description = "What they would get", body = PreviewResponse),
        PreviewProblems
    )
)]
pub(super) async fn preview_message(
    State(app): State<AppState>,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
    JsonBody(body): JsonBody<PreviewBody>,
) -> Result<Json<PreviewResponse>, Problem> {
    let rules = match audience(body.segment_id, body.rules.as_ref())? {
        Audience::Rules(rules) => rules,
        Audience::SegmentId(segment) => rules_of(&app, &segment).await?,
    };
    let renderer = Renderer::new(&body.message.template.0);
    let renderer = renderer.map_err(|error| {
        tracing::error!(%error, "a template that parsed does not");
        Problem::internal()
    })?;
    after::wait::<Customers>(&app, consistency.with(params.after())).await?;
    let _turn = turn(&app.previews).await?;
    let some = some(&app, &rules, body.sample.unwrap_or_default()).await?;
    let messages = some.into_iter().filter_map(|(id, document)| {
        let id = CustomerId::try_from(id).ok()?;
        let currency = app.commands.currency();
        Some(RenderedMessage::new(&renderer, currency, id, document))
    });
    let mut messages: Vec<_> = messages.collect();
    quarantined::mark(&app, &mut messages).await?;
    Ok(Json(PreviewResponse { messages }))
}

/// A segment's rules as they are now, by its head.
async fn rules_of(app: &Shared, segment: &SegmentId) -> Result<Rules, Problem> {
    let found = app.commands.segment(segment).await?;
    let found = found.ok_or_else(|| bad_segment(&SegmentError::NotFound))?;
    if found.is_archived() {
        return Err(bad_segment(&SegmentError::Archived));
    }
    let content = found.content();
    let content = content.ok_or_else(|| bad_segment(&SegmentError::NotFound))?;
    Ok(content.rules.clone())
}

/// Some whom the rules match now.
async fn some(
    app: &Shared,
    rules: &Rules,
    sample: Sample,
) -> Result<Vec<(String, CustomerDocument)>, Problem> {
    if sample.size() == 0 {
        return Ok(Vec::new());
    }
    let page = PageRequest {
        limit: sample.size(),
        cursor: None,
    };
    let now = Timestamp::from(Utc::now());
    Ok(app.store.members(rules, now, &page).await?.items)
}

impl RenderedMessage {
    fn new(
        renderer: &Renderer,
        currency: Currency,
        customer_id: CustomerId,
        document: CustomerDocument,
    ) -> Self {
        let values = renderer.values(&customer_id, &document.facts(), currency);
        let (text, problem) = match renderer.render(&values) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let (channel, to) = match (document.email, document.phone) {
            (Some(email), _) => (Some(Channel::Email), Some(email)),
            (None, Some(phone)) => (Some(Channel::Phone), Some(phone)),
            (None, None) => (None, None),
        };
        let suppression = match (document.unsubscribed, &to, &problem) {
            (true, _, _) => Some("unsubscribed"),
            (false, None, _) => Some("no_address"),
            (false, Some(_), Some(_)) => Some("template"),
            (false, Some(_), None) => None,
        };
        Self {
            customer_id,
            name: document.name,
            channel,
            to,
            text,
            suppression,
            problem,
            quarantined: None,
        }
    }
}

impl ShowsDocument for RenderedMessage {
    type View = Customers;

    fn document_id(&self) -> String {
        self.customer_id.to_string()
    }

    fn set_quarantined(&mut self, quarantined: Quarantined) {
        self.quarantined = Some(quarantined);
    }
}
