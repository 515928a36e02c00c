//! Tone of a message.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Tone of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Warm and personal.
    Friendly,
    /// Polite and reserved.
    Formal,
    /// Light and humorous.
    Playful,
    /// Short, with a call to act now.
    Urgent,
}

/// Error for a text that is not the name of a tone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a tone, expected one of friendly, formal, playful, urgent")]
pub struct UnknownTone(String);

impl Tone {
    /// All tones.
    pub const ALL: [Self; 4] = [Self::Friendly, Self::Formal, Self::Playful, Self::Urgent];

    /// Returns the tone's name, such as `friendly`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Friendly => "friendly",
            Self::Formal => "formal",
            Self::Playful => "playful",
            Self::Urgent => "urgent",
        }
    }
}

impl FromStr for Tone {
    type Err = UnknownTone;

    fn from_str(name: &str) -> Result<Self, UnknownTone> {
        let found = Self::ALL.into_iter().find(|tone| tone.name() == name);
        found.ok_or_else(|| UnknownTone(name.to_owned()))
    }
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
