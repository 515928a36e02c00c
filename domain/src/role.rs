//! What somebody may do.

use serde::{Deserialize, Serialize};

/// What a credential may do. What each role may call is the API's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
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
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ingest, Self::Viewer, Self::Marketer, Self::Admin];

    /// Its name: `viewer`.
    pub const fn as_str(self) -> &'static str {
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
#[serde(try_from = "String", into = "String")]
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
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Viewer, Self::Marketer, Self::Admin];

    /// The role, unless it is none.
    pub const fn role(self) -> Option<Role> {
        match self {
            Self::None => None,
            Self::Viewer => Some(Role::Viewer),
            Self::Marketer => Some(Role::Marketer),
            Self::Admin => Some(Role::Admin),
        }
    }

    /// Its name: `viewer`.
    pub const fn as_str(self) -> &'static str {
        match self.role() {
            Some(role) => role.as_str(),
            None => "none",
        }
    }
}

/// The text is no role that may be had here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{role:?} is not one of {}", .expected.join(", "))]
pub struct RoleError {
    role: String,
    expected: [&'static str; 4],
}

impl TryFrom<String> for Role {
    type Error = RoleError;

    fn try_from(role: String) -> Result<Self, RoleError> {
        let found = Self::ALL.into_iter().find(|known| known.as_str() == role);
        let expected = Self::ALL.map(Self::as_str);
        found.ok_or(RoleError { role, expected })
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.as_str().to_owned()
    }
}

impl TryFrom<String> for UserRole {
    type Error = RoleError;

    fn try_from(role: String) -> Result<Self, RoleError> {
        let found = Self::ALL.into_iter().find(|known| known.as_str() == role);
        let expected = Self::ALL.map(Self::as_str);
        found.ok_or(RoleError { role, expected })
    }
}

impl From<UserRole> for String {
    fn from(role: UserRole) -> Self {
        role.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_their_names_and_nothing_else() {
        for role in Role::ALL {
            let json = format!("\"{}\"", role.as_str());
            assert_eq!(serde_json::to_string(&role).unwrap(), json);
            assert_eq!(serde_json::from_str::<Role>(&json).unwrap(), role);
        }
        for role in UserRole::ALL {
            let json = format!("\"{}\"", role.as_str());
            assert_eq!(serde_json::to_string(&role).unwrap(), json);
            assert_eq!(serde_json::from_str::<UserRole>(&json).unwrap(), role);
        }
        let none: Result<Role, _> = "none".to_owned().try_into();
        let said = none.unwrap_err().to_string();
        assert_eq!(
            said,
            "\"none\" is not one of ingest, viewer, marketer, admin"
        );
        assert!(UserRole::try_from("ingest".to_owned()).is_err());
        assert!(Role::try_from("Admin".to_owned()).is_err());
    }
}
