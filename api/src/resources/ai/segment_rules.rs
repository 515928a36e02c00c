//! Handler of `POST /api/ai/segment-rules`.

use assist::Facts;
use assist::builtin::{self, NotUnderstood, Understood};
use assist::model::{ModelError, NoRules};
use axum::Json;
use axum::extract::State;
use chrono::Utc;
use domain::{AssistTask, Timestamp};
use projections::customers::Customers;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::body::Prompt;
use super::call::{AnsweredBy, Call};
use super::caller::AssistCaller;
use crate::http::after::AfterParam;
use crate::http::body::{Input, JsonBody};
use crate::http::extract::Query;
use crate::http::problem::{FieldError, Problem, ProblemKind};
use crate::http::schema;
use crate::resources::shared::after;
use crate::resources::shared::consistency::{Consistency, Freshness};
use crate::resources::shared::rules::GroupSchema;
use crate::state::AppState;

/// A description of customers in plain words.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a prompt")]
#[schema(as = SegmentRulesIn)]
pub(super) struct RulesBody {
    /// The customers to select.
    #[schema(value_type = schema::Prompt, example = "high spenders who visited twice but haven't bought in 3 months")]
    prompt: Prompt,
}

impl Input for RulesBody {}

/// Rules that select the described customers.
#[derive(Serialize, ToSchema)]
#[schema(as = SegmentRules)]
pub(super) struct RulesResponse {
    /// The rules as JSON, in the form that segments accept.
    #[schema(value_type = GroupSchema)]
    rules: Value,
    /// The rules as text.
    #[schema(example = "total_spend >= 840000 AND visits = 2")]
    text: String,
    /// The rules in one sentence, derived from the rules alone.
    #[schema(
        example = "customers who spent at least $8,400.00 in all (the store's top fifth), and visited exactly 2 times"
    )]
    explanation: String,
    #[serde(flatten)]
    by: AnsweredBy,
    /// Number of customers who match.
    #[schema(example = 5_258)]
    count: u64,
    /// The time that relative dates refer to.
    #[schema(value_type = schema::Time)]
    as_of: Timestamp,
}

/// Turns a description in plain words into rules.
///
/// The customers who match are counted; nothing is saved. Words that are not
/// understood are quoted in the problem instead of guessed.
#[utoipa::path(
    post,
    path = "/api/ai/segment-rules",
    tag = "AI assistance",
    params(AfterParam, Consistency),
    request_body = RulesBody,
    responses(
        (status = 200, description = "The rules and their count", body = RulesResponse)
    )
)]
pub(super) async fn find_rules(
    State(app): State<AppState>,
    AssistCaller(context): AssistCaller,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
    JsonBody(body): JsonBody<RulesBody>,
) -> Result<Json<RulesResponse>, Problem> {
    let call = Call::begin(&app, context, AssistTask::SegmentRules);
    let mut call = call.with_prompt(body.prompt.as_str());
    let freshness = consistency.with(params.after());
    let found = find(&app, &mut call, &body.prompt, freshness).await;
    call.end(found).await.map(Json)
}

async fn find(
    app: &AppState,
    call: &mut Call,
    prompt: &Prompt,
    freshness: Freshness<'_>,
) -> Result<RulesResponse, Problem> {
    let _place = app.assistant.places.wait().await?;
    after::wait::<Customers>(app, freshness).await?;
    let facts = app
        .assistant
        .facts
        .get(&app.store, app.commands.currency())
        .await?;
    let understood = match parse_by_model(call, prompt, &facts).await {
        Some(parsed) => parsed.map_err(|reason| not_understood(&reason)),
        None => {
            // On a blocking thread, since long prompts take CPU time.
            let (prompt, facts) = (prompt.clone(), facts.clone());
            let parsing =
                tokio::task::spawn_blocking(move || builtin::rules(prompt.as_str(), &facts));
            let parsed = parsing.await.map_err(|_| Problem::internal())?;
            parsed.map_err(|reason| builtin_not_understood(call, &reason))
        }
    }?;
    let now = Timestamp::from(Utc::now());
    let text = understood.rules.to_string();
    // The permit is held only during the query, which scans customers.
    let count = {
        let _permit = app.previews.wait().await?;
        app.store.count_members(&understood.rules, now).await?
    };
    call.set_answer(&text);
    Ok(RulesResponse {
        rules: understood.rules.to_json(),
        text,
        explanation: understood.explanation,
        by: call.answered_by(),
        count,
        as_of: now,
    })
}

/// Asks the model to translate the prompt into rules. Returns `None` if no model
/// answered. If the rules are still invalid after a second attempt, the prompt counts as
/// not understood.
async fn parse_by_model(
    call: &mut Call,
    prompt: &Prompt,
    facts: &Facts,
) -> Option<Result<Understood, NotUnderstood>> {
    let asked = call.ask_model(async |model, usage| {
        match model.rules(prompt.as_str(), facts, usage).await {
            Ok(understood) => Ok(Ok(understood)),
            Err(NoRules::NotUnderstood(reason)) => Ok(Err(reason)),
            Err(NoRules::Model(ModelError::Invalid(reason))) => Ok(Err(NotUnderstood {
                words: Vec::new(),
                reason: format!("the model returned invalid rules: {reason}"),
            })),
            Err(NoRules::Model(error)) => Err(error),
        }
    });
    asked.await
}

/// Returns the problem of a prompt that the built-in grammar does not understand:
/// 503 if a model might have understood it but was not available.
fn builtin_not_understood(call: &Call, reason: &NotUnderstood) -> Problem {
    let Some(trouble) = call.trouble() else {
        return not_understood(reason);
    };
    let words = reason.words.iter().map(|words| format!("{words:?}"));
    let words = match reason.words.is_empty() {
        true => "the request".to_owned(),
        false => words.collect::<Vec<_>>().join(", "),
    };
    let detail = format!("{trouble}, and without it {words} is not understood: {reason}");
    Problem::new(ProblemKind::ModelUnavailable, detail)
}

fn not_understood(reason: &NotUnderstood) -> Problem {
    if reason.words.is_empty() {
        let reason = reason.to_string();
        return Problem::field(ProblemKind::NotUnderstood, "/prompt", reason);
    }
    let field = |words: &String| FieldError {
        pointer: "/prompt".to_owned(),
        detail: format!("{words:?}: {reason}"),
    };
    let errors = reason.words.iter().map(field).collect();
    Problem::fields(ProblemKind::NotUnderstood, errors)
}
