//! What somebody may do.

use serde::{Deserialize, Serialize};

/// What a credential may do. What each role may call is the API's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Bring data in, and nothing else. For keys alone.
    Ingest,
    /// Read.
    Viewer,
    /// Also segments, campaigns and AI.
    Marketer,
    /// Everything.
    Admin,
}

impl Role {
    /// Its name: `viewer`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Viewer => "viewer",
            Self::Marketer => "marketer",
            Self::Admin => "admin",
        }
    }
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserRole {
    /// Nothing: locked out.
    None,
    /// As [`Role::Viewer`].
    Viewer,
    /// As [`Role::Marketer`].
    Marketer,
    /// As [`Role::Admin`].
    Admin,
}

impl UserRole {
    /// The role, unless it is none.
    pub fn role(self) -> Option<Role> {
        match self {
            Self::None => None,
            Self::Viewer => Some(Role::Viewer),
            Self::Marketer => Some(Role::Marketer),
            Self::Admin => Some(Role::Admin),
        }
    }

    /// Its name: `viewer`.
    pub fn as_str(self) -> &'static str {
        self.role().map_or("none", Role::as_str)
    }
}
