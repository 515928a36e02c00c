//! Handlers of `POST /api/suppressions` and `DELETE /api/suppressions/{id}`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use commands::{CommandEffect, CommandError, Context, Outcome};
use domain::{AddressCommand, AddressId, Channel, ContactRules, Email, Phone, Text};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::body::batch::OneOrMany;
use crate::http::body::{BodyRules, Input};
use crate::http::extract::Path;
use crate::http::openapi::NotFound;
use crate::http::position;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::resources::data::answer::Ingested;
use crate::resources::data::ingest::{Ingest, Received, ingest};
use crate::state::{AppContext, AppState};

/// An address to put on the suppression list.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with an address")]
#[schema(as = SuppressionIn, example = json!({"address": "ada@example.com"}))]
pub(super) struct SuppressionBody {
    /// Email address, or phone number in the notation that data may have.
    #[schema(value_type = schema::SentAddress)]
    address: String,
}

/// Parsed address.
struct ParsedAddress {
    channel: Channel,
    to: Text<254>,
}

/// Parses an email address or a phone number.
///
/// # Errors
/// The reason why the text is neither.
fn parse(text: &str, rules: ContactRules) -> Result<ParsedAddress, String> {
    let (channel, to) = match text.contains('@') {
        true => {
            let email = Email::from_shop(text.to_owned(), rules.email_domains);
            (
                Channel::Email,
                email.map(String::from).map_err(|error| error.to_string()),
            )
        }
        false => {
            let phone = Phone::from_shop(text, rules.country);
            (
                Channel::Phone,
                phone.map(String::from).map_err(|error| error.to_string()),
            )
        }
    };
    let to = Text::try_from(to?).map_err(|error| error.to_string())?;
    Ok(ParsedAddress { channel, to })
}

impl Input for SuppressionBody {
    fn check(&self, rules: &BodyRules) -> Result<(), Problem> {
        parse(&self.address, rules.contacts)
            .map(drop)
            .map_err(invalid)
    }
}

fn invalid(reason: String) -> Problem {
    Problem::field(ProblemKind::InvalidField, "/address", reason)
}

impl Ingest for SuppressionBody {
    const KIND: &'static str = "suppressions";
    const ID: &'static str = "address";
    type Item = (Channel, Text<254>);

    fn into_item(self, received: Received) -> Result<(String, Self::Item), Problem> {
        let parsed = parse(&self.address, received.rules.contacts);
        let ParsedAddress { channel, to } = parsed.map_err(invalid)?;
        Ok((self.address, (channel, to)))
    }

    async fn record(
        app: &AppContext,
        context: &Context,
        items: Vec<Self::Item>,
    ) -> Result<Vec<Result<Outcome, Problem>>, CommandError> {
        let key = app.commands.address_key()?;
        let commands = items.into_iter().map(|(channel, to)| {
            let id = key.recipient(channel, to.as_str());
            (id, AddressCommand::Suppress { channel, to })
        });
        let commands = commands.collect();
        let outcomes = app.commands.execute_on_addresses(context, commands).await?;
        // Commands on addresses are never rejected.
        let accepted = |outcome: Result<Outcome, _>| outcome.map_err(|_| Problem::internal());
        Ok(outcomes.into_iter().map(accepted).collect())
    }
}

/// Puts addresses on the suppression list.
///
/// No campaign sends to these addresses until they are removed from the list, regardless of
/// which customer has them. An address that is already on the list is `unchanged`.
#[utoipa::path(
    post,
    path = "/api/suppressions",
    tag = "Suppressions",
    request_body(content(
        (OneOrMany<SuppressionBody> = "application/json"),
        (String = "application/x-ndjson")
    )),
    responses(
        (status = 202, description = "Durably recorded; of a batch, the items not rejected",
            body = Ingested,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`")))
    )
)]
pub(super) async fn suppress(
    State(app): State<AppState>,
    Caller(context): Caller,
    request: Request,
) -> Result<Response, Problem> {
    ingest::<SuppressionBody>(&app, &context, request).await
}

/// Takes an address off the suppression list.
///
/// Campaigns send to it again, unless a customer with it is unsubscribed. Soft bounces
/// are counted anew.
#[utoipa::path(
    delete,
    path = "/api/suppressions/{id}",
    tag = "Suppressions",
    params(("id" = inline(schema::AddressOrId), Path, description = "The id of the address, or the address")),
    responses(
        (status = 204, description = "Taken off the list",
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound
    )
)]
pub(super) async fn unsuppress(
    State(app): State<AppState>,
    Path(id): Path<String>,
    Caller(context): Caller,
) -> Result<impl IntoResponse, Problem> {
    let address = address_id(&app, &id)?.ok_or_else(missing)?;
    let lifted = app
        .commands
        .execute(&context, address, AddressCommand::Unsuppress)
        .await?;
    // Commands on addresses are never rejected.
    let outcome = lifted.map_err(|_| Problem::internal())?;
    if outcome.effect == CommandEffect::Unchanged {
        return Err(missing());
    }
    let place = (position::HEADER, position::of(outcome));
    Ok((StatusCode::NO_CONTENT, [place]))
}

/// Returns the id of an address that is given by its id or as it is; `None` if the text
/// is neither.
pub(super) fn address_id(app: &AppContext, text: &str) -> Result<Option<AddressId>, Problem> {
    if let Ok(id) = AddressId::try_from(text) {
        return Ok(Some(id));
    }
    let Ok(parsed) = parse(text, app.contacts) else {
        return Ok(None);
    };
    let key = app.commands.address_key()?;
    Ok(Some(key.recipient(parsed.channel, parsed.to.as_str())))
}

fn missing() -> Problem {
    Problem::new(
        ProblemKind::NotFound,
        "the address is not on the suppression list",
    )
}
