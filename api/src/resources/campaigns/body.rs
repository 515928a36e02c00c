//! Request bodies of campaigns.

use domain::{
    Audience, CampaignChanges, CampaignContent, Change, MAX_CAMPAIGN_TAGS, MAX_RATE, SegmentId,
    Template, TemplateError, Text, Timestamp,
};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use utoipa::ToSchema;

use super::audience::{AudienceChangeSchema, AudienceSchema};
use crate::http::body::labels::Labels;
use crate::http::body::{BodyRules, Input};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::resources::shared::rules::{self, RulesSchema};

/// A campaign for a segment, or for rules of its own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a campaign object")]
#[schema(as = CampaignIn, example = json!({
    "name": "Come back",
    "segment_id": "seg_01936f2e7d1c7a309a511f0b6a0f9c11",
    "message": {"template": "Hi {{ name | default('there') }}, we miss you!"},
    "tags": ["spring"],
    "launch": true
}))]
pub(super) struct CampaignBody {
    /// The campaign's name, at most 200 bytes.
    #[schema(value_type = schema::Text200)]
    name: Text<200>,
    /// The segment that the campaign is for, with the rules it has at the launch.
    /// Either this or `rules` is required.
    #[serde(default)]
    #[schema(value_type = Option<schema::SegmentId>)]
    segment_id: Option<SegmentId>,
    /// Rules that select the audience instead of a segment, at most 64 KiB as
    /// JSON.
    #[serde(default)]
    #[schema(value_type = Option<RulesSchema>)]
    rules: Option<Value>,
    /// The message to send.
    message: MessageBody,
    /// Time of an automatic launch. Without it the campaign is launched by
    /// request.
    #[serde(default)]
    #[schema(value_type = Option<schema::Time>)]
    scheduled_at: Option<Timestamp>,
    /// `true` to launch the campaign immediately.
    #[serde(default)]
    #[schema(default = false)]
    launch: bool,
    /// Labels: at most 20, each at most 64 bytes.
    #[serde(default)]
    #[schema(value_type = Vec<schema::Text64>, max_items = 20)]
    tags: Labels<MAX_CAMPAIGN_TAGS>,
    /// Maximum number of messages sent per second.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100_000, example = 50)]
    messages_per_second: Option<MessageRate>,
}

/// Schema of [`CampaignBody`].
pub(super) type CampaignSchema = AudienceSchema<CampaignBody>;

/// The message to send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a message object")]
#[schema(as = CampaignMessageIn)]
pub(super) struct MessageBody {
    /// Jinja template of at most 16 KiB over the customer's fields:
    /// `customer_id`, `name`, `email`, `phone`, `city`, `country`, `tags`,
    /// `attributes`, `registered_at`, `unsubscribed`, `total_spend`,
    /// `order_count`, `average_order_value`, `first_order_at`, `last_order_at`,
    /// `visits`, `events`. The filter `money` formats an amount.
    #[schema(value_type = schema::TemplateText)]
    pub(super) template: CheckedTemplate,
}

/// Template that was checked by a trial rendering. Reading a template back from
/// the log skips that check.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct CheckedTemplate(pub(super) Template);

impl TryFrom<String> for CheckedTemplate {
    type Error = TemplateError;

    fn try_from(text: String) -> Result<Self, TemplateError> {
        Template::try_from(text).map(Self)
    }
}

/// Maximum number of messages per second, from 1 to [`MAX_RATE`].
#[derive(Deserialize)]
#[serde(try_from = "u64")]
struct MessageRate(u32);

impl TryFrom<u64> for MessageRate {
    type Error = String;

    fn try_from(rate: u64) -> Result<Self, String> {
        let in_bounds = u32::try_from(rate).ok();
        let in_bounds = in_bounds.filter(|rate| (1..=MAX_RATE).contains(rate));
        in_bounds
            .map(Self)
            .ok_or_else(|| format!("must be 1 to {MAX_RATE}, not {rate}"))
    }
}

impl Input for CampaignBody {
    fn check(&self, _: &BodyRules) -> Result<(), Problem> {
        let audience = audience(self.segment_id.clone(), self.rules.as_ref()).map(drop);
        if self.launch && self.scheduled_at.is_some() {
            let reason = "a campaign is launched at once or scheduled, not both".to_owned();
            return Err(refused("/scheduled_at", reason).and(audience));
        }
        audience
    }
}

impl CampaignBody {
    /// Parses the body into the content of a campaign.
    ///
    /// # Errors
    /// 422 with every invalid field.
    pub(super) fn into_content(self) -> Result<CampaignContent, Problem> {
        Ok(CampaignContent {
            audience: audience(self.segment_id, self.rules.as_ref())?,
            name: self.name,
            template: self.message.template.0,
            scheduled_at: self.scheduled_at,
            at_once: self.launch,
            messages_per_second: self.messages_per_second.map(|MessageRate(rate)| rate),
            tags: self.tags.0,
            clone_of: None,
        })
    }
}

/// Changes to a draft. An absent field keeps its value; `null` clears a field that
/// is optional.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with changes")]
#[schema(as = CampaignChanges, example = json!({
    "name": "Come back soon",
    "message": {"template": "Hi {{ name | default('there') }}, we miss you!"},
    "messages_per_second": 50,
    "scheduled_at": null
}))]
pub(super) struct CampaignChangesBody {
    /// The campaign's name, at most 200 bytes.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = schema::Text200, required = false)]
    name: Option<Text<200>>,
    /// The segment that the campaign is for. It replaces the rules of the campaign's
    /// own. `null` counts as absent.
    #[serde(default)]
    #[schema(value_type = Option<schema::SegmentId>)]
    segment_id: Option<SegmentId>,
    /// Rules that select the audience. They replace the segment, and may not be
    /// given together with one. `null` counts as absent.
    #[serde(default)]
    #[schema(value_type = Option<RulesSchema>)]
    rules: Option<Value>,
    /// The message to send.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = MessageBody, required = false)]
    message: Option<MessageBody>,
    /// Time for which the launch schedules the campaign. Without it the launch
    /// starts the campaign.
    #[serde(default)]
    #[schema(value_type = Option<schema::Time>)]
    scheduled_at: Change<Timestamp>,
    /// Complete new set of labels: at most 20, each at most 64 bytes.
    #[serde(default)]
    #[schema(value_type = Option<Vec<schema::Text64>>, max_items = 20)]
    tags: Change<Labels<MAX_CAMPAIGN_TAGS>>,
    /// Maximum number of messages sent per second.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100_000, example = 50)]
    messages_per_second: Change<MessageRate>,
}

/// Schema of [`CampaignChangesBody`].
pub(super) type CampaignChangesSchema = AudienceChangeSchema<CampaignChangesBody>;

/// Reads a field that may be absent, but not `null`.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

impl Input for CampaignChangesBody {
    fn check(&self, _: &BodyRules) -> Result<(), Problem> {
        self.audience().map(drop)
    }
}

impl CampaignChangesBody {
    fn audience(&self) -> Result<Option<Audience>, Problem> {
        match (&self.segment_id, &self.rules) {
            (None, None) => Ok(None),
            (segment, rules) => audience(segment.clone(), rules.as_ref()).map(Some),
        }
    }

    /// Parses the body into changes.
    ///
    /// # Errors
    /// 422 with every invalid field.
    pub(super) fn into_changes(self) -> Result<CampaignChanges, Problem> {
        let audience = self.audience()?;
        Ok(CampaignChanges {
            audience,
            name: self.name,
            template: self.message.map(|message| message.template.0),
            scheduled_at: self.scheduled_at,
            messages_per_second: match self.messages_per_second {
                Change::Keep => Change::Keep,
                Change::Clear => Change::Clear,
                Change::Set(MessageRate(rate)) => Change::Set(rate),
            },
            tags: match self.tags {
                Change::Keep => None,
                Change::Clear => Some(Labels::<MAX_CAMPAIGN_TAGS>::default().0),
                Change::Set(Labels(tags)) => Some(tags),
            },
        })
    }
}

/// A clone of a campaign.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a name")]
#[schema(as = CampaignCloneIn, example = json!({"name": "Come back, again"}))]
pub(super) struct CampaignCloneBody {
    /// The clone's name, at most 200 bytes. By default `Copy of` and the name of the
    /// campaign.
    #[serde(default)]
    #[schema(value_type = Option<schema::Text200>)]
    pub(super) name: Option<Text<200>>,
}

impl Input for CampaignCloneBody {}

/// Parses an audience: either a segment or rules.
///
/// # Errors
/// 422 for both, for neither, and for invalid rules.
pub(super) fn audience(
    segment_id: Option<SegmentId>,
    rules: Option<&Value>,
) -> Result<Audience, Problem> {
    match (segment_id, rules) {
        (Some(segment), None) => Ok(Audience::SegmentId(segment)),
        (None, Some(rules)) => Ok(Audience::Rules(rules::read("/rules", rules)?)),
        (Some(_), Some(_)) => {
            let reason = "segment_id and rules are mutually exclusive".to_owned();
            Err(refused("/rules", reason))
        }
        (None, None) => {
            let reason = "missing field `segment_id` or `rules`".to_owned();
            let kind = ProblemKind::InvalidField;
            Err(Problem::field(kind, "/segment_id", reason))
        }
    }
}

fn refused(pointer: &str, reason: String) -> Problem {
    Problem::field(ProblemKind::Refused, pointer, reason)
}
