//! Import of a file of any size: reading, conversion to objects of the API, and a record of what
//! the destination acknowledged.
//!
//! A thread reads the file ([`source`]), converts records to objects ([`mapping`]) and groups them
//! into batches ([`batches`]). [`transfer`] keeps a few batches in flight to a [`Sink`], and
//! records those that it acknowledged, in order ([`recorder`]): in the journal, in the file of
//! refused lines, and to a [`Progress`]. Memory does not grow with the file.

mod batches;
mod bindings;
mod cells;
mod dates;
mod decimal;
mod error;
mod fields;
mod import;
mod journal;
mod lines;
mod mapping;
mod ndjson;
mod options;
mod record;
mod recorder;
mod rejects;
mod sink;
mod source;
mod table;
mod transfer;
mod values;

pub use error::ImportError;
pub use fields::Resource;
pub use import::{Import, ImportEnd, ImportStart, ImportTask};
pub use journal::{ImportCounts, ImportJournal, SourceId};
pub use lines::FilePosition;
pub use options::{AmountUnit, Delimiter, FileFormat, ImportOptions, Pair};
pub use record::{Reason, RecordOutcome};
pub use sink::{Progress, Sink};
