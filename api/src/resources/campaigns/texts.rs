//! Texts of messages. The log holds only the values of a text, so it is rendered
//! again when it is shown.

use commands::CommandError;
use domain::{LoggedEvent, MessageEvent, RecordedMessage, ReproduceError, Subject};
use projections::Page;
use projections::messages::MessageDocument;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::state::AppContext;

/// Message with its rendered text.
pub(super) struct Rendered {
    pub(super) message: MessageDocument,
    /// The text; `None` for a message that was never queued.
    pub(super) text: Option<Result<String, ReproduceError>>,
}

/// Renders the texts of a page of messages.
///
/// # Errors
/// [`CommandError`] if the log does not answer.
pub(super) async fn render_page(
    app: &AppContext,
    page: Page<MessageDocument>,
) -> Result<Page<Rendered>, CommandError> {
    let recorded = page.items.iter().filter_map(MessageDocument::recorded);
    let texts = app.commands.texts(recorded.collect()).await?;
    let mut texts = texts.into_iter();
    let items = page.items.into_iter().map(|message| Rendered {
        text: message.recorded().and_then(|_| texts.next()),
        message,
    });
    Ok(Page {
        items: items.collect(),
        next_cursor: page.next_cursor,
    })
}

/// Event of the log that a response shows.
pub(crate) struct ShownEvent<'e> {
    /// Type and schema version.
    pub(crate) tag: &'e str,
    /// Key of the aggregate.
    pub(crate) key: &'e str,
    /// Data as JSON.
    pub(crate) data: &'e str,
}

/// Returns the data of events, in the given order. The data of a queued message
/// gets its `text`, or a `text_problem` if the text cannot be rendered again.
///
/// # Errors
/// [`CommandError`] if the log does not answer.
pub(crate) async fn shown(
    app: &AppContext,
    events: &[ShownEvent<'_>],
) -> Result<Vec<Option<Box<RawValue>>>, CommandError> {
    let recorded: Vec<Option<RecordedMessage>> = events.iter().map(recorded).collect();
    let known = recorded.iter().flatten().cloned().collect();
    let mut texts = app.commands.texts(known).await?.into_iter();
    let data = events.iter().zip(recorded).map(|(event, recorded)| {
        let text = recorded.and_then(|_| texts.next());
        let with_text = text.and_then(|text| with_text(event.data, text));
        with_text.or_else(|| RawValue::from_string(event.data.to_owned()).ok())
    });
    Ok(data.collect())
}

fn recorded(event: &ShownEvent<'_>) -> Option<RecordedMessage> {
    let Ok(Subject::Message(_, campaign)) = Subject::parse(event.key) else {
        return None;
    };
    match MessageEvent::decode(event.tag, event.data) {
        Ok(MessageEvent::Queued(content)) => Some(RecordedMessage {
            campaign,
            template: content.template,
            content: content.content,
        }),
        _ => None,
    }
}

fn with_text(data: &str, text: Result<String, ReproduceError>) -> Option<Box<RawValue>> {
    let mut data: Map<String, Value> = serde_json::from_str(data).ok()?;
    let (name, value) = match text {
        Ok(text) => ("text", text),
        Err(error) => ("text_problem", error.to_string()),
    };
    data.insert(name.to_owned(), value.into());
    serde_json::value::to_raw_value(&data).ok()
}
