//! Handler of `POST /api/ai/messages`.

use assist::builtin::{self, Variant};
use assist::{Facts, Tone, explain, explain_without_personal_values};
use axum::Json;
use axum::extract::State;
use domain::rules::Rules;
use domain::{AssistTask, SegmentId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Prompt;
use super::call::{AnsweredBy, Call};
use super::caller::AssistCaller;
use super::rules_of;
use crate::http::after::AfterParam;
use crate::http::body::{Input, JsonBody};
use crate::http::extract::Query;
use crate::http::openapi::NotFound;
use crate::http::problem::Problem;
use crate::http::schema;
use crate::resources::shared::consistency::{Consistency, Freshness};
use crate::state::AppState;

/// The objective of a message.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with an objective")]
#[schema(as = MessagesIn)]
pub(super) struct MessagesBody {
    /// The objective in plain words.
    #[schema(value_type = schema::Prompt, example = "bring back lapsed customers with 20% off")]
    objective: Prompt,
    /// The segment that the message is for.
    #[serde(default)]
    #[schema(value_type = Option<schema::SegmentId>)]
    segment_id: Option<SegmentId>,
    /// The tone of the first variant.
    #[serde(default)]
    #[schema(value_type = Option<schema::Tone>)]
    tone: Option<Tone>,
}

impl Input for MessagesBody {}

/// Three variants of a message.
#[derive(Serialize, ToSchema)]
#[schema(as = Messages)]
pub(super) struct MessagesResponse {
    /// Variants in different tones; the requested tone comes first.
    #[schema(min_items = 3, max_items = 3)]
    variants: Vec<VariantResponse>,
    #[serde(flatten)]
    by: AnsweredBy,
}

/// One variant of a message.
#[derive(Serialize, ToSchema)]
#[schema(as = MessageVariant)]
pub(super) struct VariantResponse {
    /// The tone of the variant.
    #[schema(value_type = schema::Tone)]
    tone: Tone,
    /// A campaign template of at most 320 characters.
    #[schema(example = "Hi {{ name | default('there') }}, we miss you!")]
    template: String,
}

/// Writes three variants of a message for an objective.
#[utoipa::path(
    post,
    path = "/api/ai/messages",
    tag = "AI assistance",
    params(AfterParam, Consistency),
    request_body = MessagesBody,
    responses(
        (status = 200, description = "Three variants", body = MessagesResponse),
        NotFound
    )
)]
pub(super) async fn write_messages(
    State(app): State<AppState>,
    AssistCaller(context): AssistCaller,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
    JsonBody(body): JsonBody<MessagesBody>,
) -> Result<Json<MessagesResponse>, Problem> {
    let call = Call::begin(&app, context, AssistTask::Messages);
    let mut call = call.with_prompt(body.objective.as_str());
    if let Some(segment) = &body.segment_id {
        call = call.with_subject(segment.as_str());
    }
    let freshness = consistency.with(params.after());
    let written = write(&app, &mut call, &body, freshness).await;
    call.end(written).await.map(Json)
}

async fn write(
    app: &AppState,
    call: &mut Call,
    body: &MessagesBody,
    freshness: Freshness<'_>,
) -> Result<MessagesResponse, Problem> {
    let _place = app.assistant.places.wait().await?;
    let (objective, tone) = (body.objective.as_str(), body.tone);
    let audience = match &body.segment_id {
        Some(segment) => Some((
            rules_of(app, segment, freshness).await?,
            app.assistant
                .facts
                .get(&app.store, app.commands.currency())
                .await?,
        )),
        None => None,
    };
    let describe = |explainer: fn(&Rules, &Facts) -> Option<String>| {
        let (rules, facts) = audience.as_ref()?;
        explainer(rules, facts)
    };
    // The model runs outside the deployment. It receives a description without
    // personal data, or none if the rules have personal values.
    let to_model = describe(explain_without_personal_values);
    let asked = call.ask_model(async |model, usage| {
        let messages = model.messages(objective, tone, to_model.as_deref(), usage);
        messages.await
    });
    let variants = match asked.await {
        Some(variants) => variants,
        None => {
            let audience = describe(|rules, facts| Some(explain(rules, facts)));
            let variants = builtin::messages(objective, tone, audience.as_deref());
            variants.map_err(|error| {
                tracing::error!(%error, "a built-in message is not a valid template");
                Problem::internal()
            })?
        }
    };
    let variants: Vec<_> = variants.into_iter().map(VariantResponse::from).collect();
    let texts: Vec<&str> = variants.iter().map(|v| v.template.as_str()).collect();
    call.set_answer(&texts.join("\n"));
    let by = call.answered_by();
    Ok(MessagesResponse { variants, by })
}

impl From<Variant> for VariantResponse {
    fn from(variant: Variant) -> Self {
        Self {
            tone: variant.tone,
            template: variant.template.to_string(),
        }
    }
}
