//! Domain model as plain values: ids, money, times, commands, and the events
//! that record their effects.
//!
//! This crate does no I/O and reads no clock. The `decide` of an aggregate
//! takes its state and a command and returns events or an error; `apply` folds
//! an event into the state.

mod activity;
mod address;
mod api_key;
mod assistance;
mod attributes;
mod campaign;
mod change;
mod claim;
mod contact;
mod customer;
mod day;
mod demo;
mod digest;
mod event;
mod ids;
mod import;
mod log_record;
mod merges;
mod message;
mod metadata;
mod money;
mod name;
mod order;
mod quarantine;
mod refusal;
mod role;
pub mod rules;
mod segment;
mod subject;
mod template;
mod text;
mod time;
mod updated_at;
mod user;
mod view;

pub use activity::{
    Activity, ActivityCommand, ActivityContent, ActivityError, ActivityEvent, Occurrence,
};
pub use address::{
    Address, AddressCommand, AddressError, AddressEvent, AddressId, AddressIdError, AddressKey,
    AddressKeyError, ListedFor, MAX_RETURNED, MAX_UNSUBSCRIBED, SOFT_BOUNCES_WITHIN, SentTo,
};
pub use api_key::{
    ApiKey, ApiKeyCommand, ApiKeyError, ApiKeyEvent, KeyContent, KeyHash, KeyHashError, KeyRefusal,
    KeySecret, KeySecretError, NewKey, USE_EVERY,
};
pub use assistance::{
    Assist, AssistEngine, AssistOutcome, AssistTask, AssistanceEvent, Wording, WordingError,
};
pub use attributes::{
    AttributeChanges, AttributeKey, AttributePath, AttributePathError, AttributeValue, Attributes,
    MAX_ATTRIBUTES, MAX_NESTING, Properties, leaf_count,
};
pub use campaign::{
    Audience, AudienceSize, Campaign, CampaignChanges, CampaignCommand, CampaignContent,
    CampaignError, CampaignEvent, CampaignStatus, CloneRequest, DeterminedOutcome, Launch,
    LaunchEffect, MAX_CAMPAIGN_TAGS, MAX_LISTED_UNDETERMINED, MAX_RATE,
};
pub use change::Change;
pub use claim::{Claim, ClaimAddress, ClaimError, ClaimEvent};
pub use contact::{
    ContactRules, Country, CountryError, Email, EmailDomains, EmailDomainsError, EmailError, Phone,
    PhoneError,
};
pub use customer::{
    Absorbed, AddressChanges, Addresses, Consent, ConsentRecord, ConsentWarning, Customer,
    CustomerChanges, CustomerCommand, CustomerError, CustomerEvent, CustomerServices, Forwarding,
    MAX_TAGS, ProfileChanges, RecordConsent,
};
pub use day::{Day, DayError};
pub use demo::{DEMO_ACTOR, Demo, DemoCommand, DemoError, DemoEvent, DemoPlan};
pub use digest::TextDigest;
pub use event::{DecodeError, Event, LoggedEvent, type_tags};
pub use ids::{
    ActivityId, CampaignId, CustomerId, Epoch, Holder, IdError, ImportId, JobId, KeyId, OrderId,
    SegmentId, SessionId, ShopAssigned, UserId, ViewName, is_placeholder,
};
pub use import::{
    Import, ImportCommand, ImportCounts, ImportError, ImportEvent, ImportFailure, ImportKind,
    ImportPlan, ImportStatus, ImportedFile, StartedImport,
};
pub use log_record::{Acceptance, LogRecord};
pub use merges::{Merges, MergesCommand, MergesError, MergesEvent, PlannedMerge};
pub use message::{
    BounceKind, Channel, DeliveryAttempt, Handover, Message, MessageCommand, MessageContent,
    MessageCount, MessageError, MessageEvent, MessageId, MessageIdError, MessageStatus, Receipt,
    ReceiptKind, RecordedMark, RecordedReceipt, RefusedReceipt, Suppression, SuppressionReason,
};
pub use metadata::Metadata;
pub use money::{Amount, AmountError, Currency, CurrencyError, MAX_AMOUNT};
pub use name::Name;
pub use order::{
    Figures, MAX_ITEMS, Move, Order, OrderCommand, OrderContent, OrderError, OrderEvent, OrderItem,
    OrderServices, OrderStatus,
};
pub use quarantine::{
    LogPosition, Quarantine, QuarantineCommand, QuarantineDecision, QuarantineError,
    QuarantineEvent,
};
pub use refusal::{Refusal, RefusalEvent, RefusalReason};
pub use role::{Role, RoleError, UserRole};
pub use segment::{MAX_RULES, Segment, SegmentCommand, SegmentContent, SegmentError, SegmentEvent};
pub use subject::{Subject, SubjectError, key_part, text_of_key_part};
pub use template::{
    PersonalContent, RENDERING_RULES, RecordedMessage, RenderError, Renderer, ReproduceError,
    Template, TemplateError, TemplateIdentity, TemplateValues,
};
pub use text::{Text, TextError, beginning};
pub use time::{Timestamp, TimestampError};
pub use updated_at::{AheadOfClock, ConsentAhead, check_consent_at, check_updated_at};
pub use user::{
    MAX_SESSION, MAX_SESSIONS, Sessions, User, UserCommand, UserError, UserEvent, UserIdentity,
    UserSignIn,
};
pub use view::{ViewCommand, ViewError, ViewEvent, ViewRequests};
