//! Tags of a campaign, chosen by the model.

use domain::Template;
use domain::rules::{Condition, Kind, NodeRef, Rules};
use serde::Deserialize;
use serde_json::json;

use super::error::AnswerError;
use super::schema::{list, object, one_of};
use super::task::ModelTask;
use super::{Model, ModelError, Usage};
use crate::Tag;

/// Limit of the answer's tokens, including reasoning tokens.
const MAX_TOKENS: u32 = 3_000;

/// Maximum number of tags of a campaign.
const MAX_TAGS: usize = 4;

const INSTRUCTIONS: &str = "You say what a campaign of messages to a shop's customers is about: \
    one to four `tags` of the vocabulary, each once. You are given the \
    campaign's name, its message, and the conditions on its recipients, without their combinators; amounts are in minor \
    units.";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    tags: Vec<String>,
}

impl Model {
    /// Returns one to four tags for a campaign. The model receives the fields and numbers
    /// of the rules but no texts, since a text may be a customer's address.
    ///
    /// # Errors
    /// [`ModelError`] if the model gives no usable answer.
    pub async fn tags(
        &self,
        name: &str,
        template: &Template,
        rules: &Rules,
        usage: &mut Usage,
    ) -> Result<Vec<Tag>, ModelError> {
        let tag = one_of(Tag::ALL.iter().map(|tag| tag.name()));
        let nodes = rules.nodes().into_iter().map(|(_, node)| node);
        let conditions = nodes.filter_map(|node| match node {
            NodeRef::Condition(condition) => Some(condition_text(condition)),
            NodeRef::Group(_) => None,
        });
        let task = ModelTask {
            name: "campaign_tags",
            instructions: INSTRUCTIONS.to_owned(),
            data: json!({
                "name": name,
                "message": template.as_str(),
                "asked_of_customers": conditions.collect::<Vec<_>>(),
            }),
            schema: object([("tags", list(tag))]),
            max_tokens: MAX_TOKENS,
        };
        self.run_task(task, usage, read).await
    }
}

fn condition_text(condition: &Condition) -> String {
    match condition.field().kind() {
        Kind::Text | Kind::Tags | Kind::Attribute => {
            format!("{} {}", condition.field(), condition.operator())
        }
        Kind::Flag | Kind::Count | Kind::Money | Kind::Time | Kind::Days => condition.to_string(),
    }
}

fn read(said: &str) -> Result<Vec<Tag>, AnswerError> {
    let answer: Answer = serde_json::from_str(said).map_err(|error| AnswerError::shape(&error))?;
    if answer.tags.is_empty() || answer.tags.len() > MAX_TAGS {
        return Err(AnswerError::because(format!(
            "an answer has 1 to {MAX_TAGS} tags"
        )));
    }
    let tags = answer.tags.iter().map(|name| name.parse());
    let tags: Result<Vec<Tag>, crate::UnknownTag> = tags.collect();
    let mut tags = tags.map_err(|unknown| AnswerError::because(unknown.to_string()))?;
    let count = tags.len();
    // The order is that of the vocabulary, like in the built-in engine.
    tags.sort_unstable();
    tags.dedup();
    match tags.len() == count {
        true => Ok(tags),
        false => Err(AnswerError::because("a tag occurs twice")),
    }
}
