//! Roles of credentials and users.

use serde::{Deserialize, Serialize};

/// Role of a credential. The API decides which operations each role may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Role {
    /// Sends data, and has no other permission. For API keys only.
    Ingest,
    /// Reads data.
    Viewer,
    /// Reads data, manages segments and campaigns, and uses AI.
    Marketer,
    /// Has all permissions.
    Admin,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Ingest, Self::Viewer, Self::Marketer, Self::Admin];

    /// Returns the name: `viewer`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Viewer => "viewer",
            Self::Marketer => "marketer",
            Self::Admin => "admin",
        }
    }
}

/// Role of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum UserRole {
    /// No role: the user is locked out.
    None,
    /// Same as [`Role::Viewer`].
    Viewer,
    /// Same as [`Role::Marketer`].
    Marketer,
    /// Same as [`Role::Admin`].
    Admin,
}

impl UserRole {
    /// All user roles.
    pub const ALL: [Self; 4] = [Self::None, Self::Viewer, Self::Marketer, Self::Admin];

    /// Returns the role; `None` for [`Self::None`].
    pub const fn role(self) -> Option<Role> {
        match self {
            Self::None => None,
            Self::Viewer => Some(Role::Viewer),
            Self::Marketer => Some(Role::Marketer),
            Self::Admin => Some(Role::Admin),
        }
    }

    /// Returns the name: `viewer`.
    pub const fn as_str(self) -> &'static str {
        match self.role() {
            Some(role) => role.as_str(),
            None => "none",
        }
    }
}

/// Error for a text that is not a role of the expected kind.
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
    fn roles_parse_from_their_names_only() {
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
