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
mod columns;
mod consent;
mod damage;
mod dates;
mod decimal;
mod effects;
mod encoding;
mod error;
mod expressions;
mod fields;
mod fit;
mod flags;
mod ids;
mod import;
mod items;
mod journal;
mod layout;
mod lines;
mod lock;
mod mapped;
mod mapping;
mod money;
mod ndjson;
mod option_names;
mod options;
mod orders;
mod overlay;
#[cfg(test)]
mod own_presets_tests;
mod paths;
mod preset_lines;
mod presets;
mod preview;
mod private_file;
mod quoted;
mod record;
mod recorder;
mod refusals;
mod rejects;
mod rows;
mod seen;
mod sink;
mod source;
mod statuses;
mod table;
mod tags;
#[cfg(test)]
mod testing;
mod texts;
#[cfg(test)]
mod told_tests;
mod transfer;
mod unique;
mod values;
mod zones;

pub use encoding::{TextEncoding, binary_format};
pub use error::ImportError;
pub use fields::Resource;
pub use fit::Fit;
pub use import::{Import, ImportEnd, ImportStart, ImportTask};
pub use journal::{ImportCounts, ImportJournal, SourceId};
pub use layout::{Detected, Layout};
pub use lines::FilePosition;
pub use option_names::{OptionNames, option_pointer};
pub use options::{AmountUnit, DecimalSign, Delimiter, FileFormat, ImportOptions, Pair};
pub use presets::Preset;
pub use preview::Preview;
pub use record::{Reason, RecordOutcome, RowNotes};
pub use refusals::{RefusalKind, Refusals, kind_of_reason};
pub use sink::{Progress, Sink};
pub use zones::TimeZone;
