//! What a campaign is about.

use domain::Template;
use domain::rules::{Condition, Kind, NodeRef, Rules};
use serde::Deserialize;
use serde_json::json;

use super::error::Wrong;
use super::schema::{list, object, one_of};
use super::task::Task;
use super::{Model, ModelError, Usage};
use crate::Tag;

/// How long an answer may be, with what a model thinks before it.
const MAX_TOKENS: u32 = 3_000;

/// How many tags a campaign may have.
const MAX_TAGS: usize = 4;

const INSTRUCTIONS: &str = "You say what a campaign of messages to a shop's customers is about: \
    one to four `tags` of the vocabulary, each once. You are given the \
    campaign's name, its message, and what is asked of the customers who get it, but for how that is joined, amounts in \
    minor units.";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    tags: Vec<String>,
}

impl Model {
    /// What a campaign is about, one to four tags. Of the rules the model is
    /// told fields and numbers, no texts: those may be somebody's address.
    ///
    /// # Errors
    /// [`ModelError`] where the model gives no answer that can be used.
    pub async fn tags(
        &self,
        name: &str,
        template: &Template,
        rules: &Rules,
        usage: &mut Usage,
    ) -> Result<Vec<Tag>, ModelError> {
        let tag = one_of(Tag::ALL.iter().map(|tag| tag.name()));
        let task = Task {
            name: "campaign_tags",
            instructions: INSTRUCTIONS.to_owned(),
            data: json!({
                "name": name,
                "message": template.as_str(),
                "asked_of_customers": asked(rules),
            }),
            schema: object([("tags", list(tag))]),
            max_tokens: MAX_TOKENS,
        };
        self.ask(task, usage, read).await
    }
}

fn asked(rules: &Rules) -> Vec<String> {
    let nodes = rules.nodes().into_iter().map(|(_, node)| node);
    let asked = nodes.filter_map(|node| match node {
        NodeRef::Condition(condition) => Some(told(condition)),
        NodeRef::Group(_) => None,
    });
    asked.collect()
}

fn told(condition: &Condition) -> String {
    match condition.field().kind() {
        Kind::Text | Kind::Tags | Kind::Attribute => {
            format!("{} {}", condition.field(), condition.operator())
        }
        Kind::Flag | Kind::Count | Kind::Money | Kind::Time | Kind::Days => condition.to_string(),
    }
}

fn read(said: &str) -> Result<Vec<Tag>, Wrong> {
    let answer: Answer = serde_json::from_str(said).map_err(|error| Wrong::shape(&error))?;
    if answer.tags.is_empty() || answer.tags.len() > MAX_TAGS {
        return Err(Wrong::because(format!("there are 1 to {MAX_TAGS} tags")));
    }
    let tags = answer.tags.iter().map(|name| name.parse());
    let tags: Result<Vec<Tag>, crate::UnknownTag> = tags.collect();
    let mut tags = tags.map_err(|unknown| Wrong::because(unknown.to_string()))?;
    let count = tags.len();
    // In the order of the vocabulary, as the builtin has them.
    tags.sort_unstable();
    tags.dedup();
    match tags.len() == count {
        true => Ok(tags),
        false => Err(Wrong::because("a tag is there twice")),
    }
}
