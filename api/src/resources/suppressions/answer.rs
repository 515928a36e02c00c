//! Addresses of the suppression list, as they are shown.

use domain::{AddressId, Channel, ListedFor, Timestamp};
use projections::suppressions::{SuppressionDocument, Suppressions};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::schema;
use crate::resources::shared::quarantined::{Quarantined, ShowsDocument};

/// An address on the suppression list.
#[derive(Serialize, ToSchema)]
#[schema(as = SuppressedAddress)]
pub(super) struct SuppressedResponse {
    /// The id of the address: a keyed digest. The audit trail has the address under
    /// `address/` and this.
    #[schema(value_type = schema::AddressId)]
    pub(super) address_id: AddressId,
    /// The address, as it was when it was put on the list.
    #[schema(example = "ada@example.com")]
    pub(super) address: Option<String>,
    /// Kind of address.
    #[schema(value_type = Option<schema::Channel>)]
    pub(super) channel: Option<Channel>,
    /// Reason: `hard_bounce`, `complaint`, `soft_bounces`, or `manual`.
    #[schema(value_type = Option<schema::ListedFor>)]
    pub(super) detail: Option<ListedFor>,
    /// Number of hard bounces.
    #[schema(example = 1)]
    pub(super) hard_bounces: i64,
    /// Number of soft bounces.
    #[schema(example = 0)]
    pub(super) soft_bounces: i64,
    /// Number of complaints.
    #[schema(example = 0)]
    pub(super) complaints: i64,
    /// Time at which the address was put on the list.
    #[schema(value_type = schema::Time)]
    pub(super) created_at: Timestamp,
    /// The actor who put it there.
    #[schema(example = "key:bootstrap")]
    pub(super) created_by: String,
    /// The quarantined event of this address; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quarantined: Option<Quarantined>,
}

impl From<SuppressionDocument> for SuppressedResponse {
    fn from(document: SuppressionDocument) -> Self {
        Self {
            address_id: document.address_id,
            address: document.to,
            channel: document.channel,
            detail: document.detail,
            hard_bounces: document.hard_bounces,
            soft_bounces: document.soft_bounces,
            complaints: document.complaints,
            created_at: document.created_at.to_chrono().into(),
            created_by: document.created_by,
            quarantined: None,
        }
    }
}

impl ShowsDocument for SuppressedResponse {
    type View = Suppressions;

    fn document_id(&self) -> String {
        self.address_id.to_string()
    }

    fn set_quarantined(&mut self, quarantined: Quarantined) {
        self.quarantined = Some(quarantined);
    }
}
