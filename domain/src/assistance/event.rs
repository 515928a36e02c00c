//! What was asked, and what became of it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Text;
use crate::event::{DecodeError, LoggedEvent, from_json, to_json};

/// What somebody wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssistTask {
    /// Rules for a request in plain words.
    SegmentRules,
    /// Messages for an objective.
    Messages,
    /// How a campaign went.
    Summary,
    /// What a campaign is about.
    Tags,
    /// When to send to a segment.
    SendTime,
    /// Customers like those of a segment.
    Lookalikes,
}

impl AssistTask {
    /// Its name, as the log has it.
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

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssistEngine {
    /// A language model, on a server that speaks OpenAI's API.
    OpenAi,
    /// Patron itself.
    BuiltIn,
}

impl AssistEngine {
    /// Its name, as the log has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::BuiltIn => "builtin",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssistOutcome {
    /// An answer.
    Answered,
    /// What was asked was not understood.
    NotUnderstood,
    /// No answer could be found.
    Failed,
    /// Who asked went away before there was an answer, or it took too long.
    Abandoned,
}

impl AssistOutcome {
    /// Its name, as the log has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NotUnderstood => "not_understood",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// A text of at most 8 KiB with any characters, so that what people wrote is
/// kept as they wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Wording(Box<str>);

/// Why a text is no [`Wording`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must have at most {MAX} bytes, has {0}", MAX = Wording::MAX)]
pub struct WordingError(usize);

impl Wording {
    /// The most bytes.
    pub const MAX: usize = 8 * 1024;

    /// As much of a text as fits.
    pub fn cut(text: &str) -> Self {
        let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
        let end = ends.take_while(|end| *end <= Self::MAX).last();
        Self(text[..end.unwrap_or_default()].into())
    }

    /// The text itself.
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

/// What somebody wanted, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assist {
    /// What they wanted.
    pub task: AssistTask,
    /// What they wrote: a request, an objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Wording>,
    /// The segment or campaign it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Text<128>>,
    /// Who answered.
    pub engine: AssistEngine,
    /// The model that was asked, whether or not its answer was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Text<128>>,
    /// How many tokens the model read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub input_tokens: u64,
    /// How many it wrote.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub output_tokens: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What came of it.
    pub outcome: AssistOutcome,
    /// Why the model's answer was not taken, or there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Text<256>>,
    /// The answer, as far as it names no customers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Wording>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What happened on a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AssistanceEvent {
    /// `assistance_given.1`
    Given(Box<Assist>),
}

const GIVEN: &str = "assistance_given.1";

impl LoggedEvent for AssistanceEvent {
    const TAGS: &'static [&'static str] = &[GIVEN];

    fn tag(&self) -> &'static str {
        GIVEN
    }

    fn data(&self) -> Box<RawValue> {
        let Self::Given(assist) = self;
        to_json(assist)
    }

    fn decode(tag: &str, data: &str) -> Result<Self, DecodeError> {
        match tag {
            GIVEN => from_json(tag, data).map(Self::Given),
            _ => Err(DecodeError::Unknown(tag.to_owned())),
        }
    }
}
