//! A setting of the process, as its program passes it to the API.

use serde::Serialize;
use utoipa::ToSchema;

/// A setting of the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Setting {
    /// Name of its environment variable; its flag, if it has no variable.
    #[schema(example = "PATRON_CURRENCY")]
    pub name: String,
    /// Its flag; `null` if it has none.
    #[schema(example = "--currency")]
    pub flag: Option<String>,
    /// Its value; `null` if it is not set, or a secret. A URL is shown without user,
    /// password and parameters.
    #[schema(example = "USD")]
    pub value: Option<String>,
    /// Where the value is from.
    pub source: SettingSource,
    /// `true` if the value is never shown.
    #[schema(example = false)]
    pub secret: bool,
}

/// Source of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SettingSource {
    /// A flag of the command line.
    Flag,
    /// An environment variable.
    Environment,
    /// The default.
    Default,
    /// The deployment: its first start fixed the value.
    Deployment,
    /// No value is set.
    Unset,
}
