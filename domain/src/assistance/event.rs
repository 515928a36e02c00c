//! Records of calls for assistance.

use serde::{Deserialize, Serialize};

use crate::Text;

/// Task of a call for assistance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssistTask {
    /// Segment rules for a request in plain words.
    SegmentRules,
    /// Message drafts for an objective.
    Messages,
    /// Summary of a campaign's results.
    Summary,
    /// Tags for a campaign.
    Tags,
    /// Send time for a segment.
    SendTime,
    /// Customers similar to those of a segment.
    Lookalikes,
}

impl AssistTask {
    /// Returns the name in the log: `segment_rules`.
    pub fn name(self) -> &'static str {
        match self {
            Self::SegmentRules => "segment_rules",
            Self::Messages => "messages",
            Self::Summary => "summary",
            Self::Tags => "tags",
            Self::SendTime => "send_time",
            Self::Lookalikes => "lookalikes",
        }
    }
}

/// Source of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssistEngine {
    /// A language model on a server with the OpenAI API.
    OpenAi,
    /// Patron itself, without a model.
    BuiltIn,
}

impl AssistEngine {
    /// Returns the name in the log: `builtin`.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::BuiltIn => "builtin",
        }
    }
}

/// Outcome of a call for assistance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssistOutcome {
    /// The call was answered.
    Answered,
    /// The request was not understood.
    NotUnderstood,
    /// No answer could be produced.
    Failed,
    /// The client disconnected before there was an answer, or the call timed
    /// out.
    Abandoned,
}

impl AssistOutcome {
    /// Returns the name in the log: `answered`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NotUnderstood => "not_understood",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Text of at most 8 KiB with any characters, which keeps user input exactly as
/// it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Wording(Box<str>);

/// Error for a text that is too long for a [`Wording`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must have at most {MAX} bytes, has {0}", MAX = Wording::MAX)]
pub struct WordingError(usize);

impl Wording {
    /// Maximum length in bytes.
    pub const MAX: usize = 8 * 1024;

    /// Returns as much of a text as fits.
    pub fn cut(text: &str) -> Self {
        let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
        let end = ends.take_while(|end| *end <= Self::MAX).last();
        Self(text[..end.unwrap_or_default()].into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Wording {
    type Error = WordingError;

    fn try_from(text: String) -> Result<Self, WordingError> {
        match text.len() {
            0..=Self::MAX => Ok(Self(text.into_boxed_str())),
            bytes => Err(WordingError(bytes)),
        }
    }
}

impl From<Wording> for String {
    fn from(wording: Wording) -> Self {
        wording.0.into_string()
    }
}

/// Call for assistance, with its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assist {
    /// Requested task.
    pub task: AssistTask,
    /// User input: a request or an objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Wording>,
    /// Id of the segment or campaign that the call is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Text<128>>,
    /// Source of the answer.
    pub engine: AssistEngine,
    /// Language model that was called, even if its answer was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Text<128>>,
    /// Number of tokens that the model read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub input_tokens: u64,
    /// Number of tokens that the model wrote.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub output_tokens: u64,
    /// Duration in milliseconds.
    pub took_ms: u64,
    /// Outcome of the call.
    pub outcome: AssistOutcome,
    /// Reason why the model gave no answer, or its answer was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Text<256>>,
    /// Answer, without any references to individual customers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Wording>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Record of assistance on a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AssistanceEvent {
    /// A call for assistance ended.
    #[serde(rename = "assistance_given.1")]
    Given(Box<Assist>),
}
