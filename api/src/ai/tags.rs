//! `POST /api/ai/campaigns/{id}/tags`

use assist::{Tag, builtin};
use axum::Json;
use axum::extract::State;
use domain::rules::Rules;
use domain::{AssistTask, CampaignId};
use projections::campaigns::CampaignDocument;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::AnsweredBy;
use super::call::Call;
use super::caller::Asker;
use super::{campaign, rules_of};
use crate::after::{AfterParam, Freshness};
use crate::consistency::Consistency;
use crate::extract::{Path, Query};
use crate::openapi::OneProblems;
use crate::problem::Problem;
use crate::schema;
use crate::state::{AppState, Shared, turn};

/// What a campaign is about.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignTags)]
pub(super) struct TagsResponse {
    /// In the order of the vocabulary, often none.
    #[schema(value_type = Vec<schema::Tag>)]
    tags: Vec<Tag>,
    #[serde(flatten)]
    by: AnsweredBy,
}

/// Says what a campaign is about, in words of a fixed vocabulary.
///
/// Nothing is saved: the campaign's own tags stay as they are.
#[utoipa::path(
    post,
    path = "/api/ai/campaigns/{id}/tags",
    tag = "ai",
    params(
        ("id" = inline(schema::CampaignId), Path, description = "The campaign's id"),
        AfterParam,
        Consistency
    ),
    responses(
        (status = 200, description = "The tags", body = TagsResponse),
        OneProblems
    )
)]
pub(super) async fn tag_campaign(
    State(app): State<AppState>,
    Asker(context): Asker,
    Path(id): Path<CampaignId>,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
) -> Result<Json<TagsResponse>, Problem> {
    let call = Call::begin(&app, context, AssistTask::Tags);
    let mut call = call.about(id.as_str());
    let tagged = tag(&app, &mut call, &id, consistency.with(params.after())).await;
    call.end(tagged).await.map(Json)
}

async fn tag(
    app: &AppState,
    call: &mut Call,
    id: &CampaignId,
    freshness: Freshness<'_>,
) -> Result<TagsResponse, Problem> {
    let _place = turn(&app.assistant.places).await?;
    let document = campaign(app, id, freshness).await?;
    let rules = rules(app, &document, freshness).await?;
    let (name, template) = (document.name.as_str(), &document.template);
    let asked = call.ask(async |model, usage| model.tags(name, template, &rules, usage).await);
    let tags = match asked.await {
        Some(tags) => tags,
        None => builtin::tags(name, template, &rules),
    };
    let names: Vec<&str> = tags.iter().map(|tag| tag.name()).collect();
    call.told(&names.join(", "));
    let by = call.by();
    Ok(TagsResponse { tags, by })
}

/// Whom it is for: before the launch, whom its segment means now.
async fn rules(
    app: &Shared,
    document: &CampaignDocument,
    freshness: Freshness<'_>,
) -> Result<Rules, Problem> {
    match (&document.rules, &document.segment_id) {
        (Some(rules), _) => Ok(rules.clone()),
        (None, Some(segment)) => rules_of(app, segment, freshness).await,
        (None, None) => {
            tracing::error!(campaign = %document.campaign_id, "a campaign is for nobody");
            Err(Problem::internal())
        }
    }
}
