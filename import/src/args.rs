//! Options of `patron import`. Their doc comments are its manual.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use importer::{AmountUnit, Delimiter, FileFormat, ImportOptions, ImportTask, Pair, Resource};

const EXAMPLE: &str = "\
Example: a file with columns separated by spaces, dates like 19970101, amounts like 11.77,
and no order ids

  patron import orders CDNOW_master.txt --delimiter whitespace \\
      --map customer_id=customer_id --map amount=dollar_value --map placed_at=date \\
      --date-format %Y%m%d --set currency=USD --id 'cdnow-{line}'

sends its second line as

  {\"order_id\":\"cdnow-2\",\"customer_id\":\"00001\",\"amount\":1177,\"currency\":\"USD\",\"placed_at\":\"1997-01-01T00:00:00.000Z\"}

Fields (* is required)
  customers  customer_id* name email phone city country tags attributes.KEY registered_at unsubscribed
  orders     order_id* customer_id* amount* currency* placed_at* status items
  events     event_id* customer_id* name* occurred_at* properties.KEY

An empty cell leaves its field out. tags are split at ';'. unsubscribed is true/false, yes/no
or 1/0. items is a cell of JSON. A KEY's value is text, unless the field ends in :number or
:boolean, as in --map attributes.age:number=Age.

Exit status: 0 if all lines were accepted; 2 if some lines were refused; 1 if the import did not
finish, in which case running the same command again continues it.";

/// Send a file of customers, orders or activity to a Patron server
///
/// An interrupted import continues where it stopped when the same command is run again: a journal
/// next to the file records what the server has acknowledged. A line that is sent twice changes
/// nothing and is not counted twice.
#[derive(Args)]
#[command(after_long_help = EXAMPLE, after_help = "--help shows the fields and an example.")]
pub struct ImportArgs {
    /// Resource that the lines of the file describe
    #[arg(value_parser = PossibleValuesParser::new(Resource::ALL.map(Resource::name))
          .try_map(|name| name.parse::<Resource>()))]
    pub(super) resource: Resource,

    /// File to send: NDJSON (one object per line, in the form of the API) or a table of columns
    pub(super) file: PathBuf,

    /// URL of the server
    #[arg(long, env = "PATRON_URL", default_value = "http://127.0.0.1:8080")]
    pub(super) url: String,

    /// API key that may ingest data
    #[arg(long, env = "PATRON_KEY", hide_env_values = true)]
    pub(super) key: String,

    /// Format of the file [default: ndjson for .ndjson and .jsonl, else csv]
    #[arg(long, value_enum)]
    pub(super) format: Option<FormatArg>,

    /// Number of lines per request
    #[arg(long, value_name = "LINES", default_value_t = 5_000,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) batch: u32,

    /// File for refused lines, with their numbers and reasons; replaced by each new import
    /// [default: FILE.rejects.ndjson]
    #[arg(long, value_name = "FILE")]
    pub(super) rejects: Option<PathBuf>,

    /// File that records progress until the import is complete [default: FILE.patron-import]
    #[arg(long, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,

    /// Start at the first line even if an interrupted import could continue
    #[arg(long)]
    pub(super) restart: bool,

    // Must be the last: its help heading applies to all options after it.
    #[command(flatten)]
    pub(super) table: TableArgs,
}

/// Conversion of a table's rows to objects. None of these options applies to NDJSON.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Tables (CSV)")]
pub(super) struct TableArgs {
    /// Separator of columns: one ASCII character, 'tab', or 'whitespace' (runs of spaces and
    /// tabs, those at the start of a line ignored, no quoting) [default: ,]
    #[arg(long, value_name = "CHARACTER")]
    pub(super) delimiter: Option<Delimiter>,

    /// Read the first line as data; the columns are then named 1, 2, …
    #[arg(long)]
    pub(super) no_header: bool,

    /// Fill a field from a column; repeatable. Without any --map, columns with the name of a field
    /// fill it
    #[arg(long, value_name = "FIELD=COLUMN")]
    pub(super) map: Vec<Pair>,

    /// Fill a field with the same value on every line; repeatable
    #[arg(long, value_name = "FIELD=VALUE")]
    pub(super) set: Vec<Pair>,

    /// Build the id from the line number, as in 'cdnow-{line}'; the first line of the file is 1
    #[arg(long, value_name = "TEMPLATE")]
    pub(super) id: Option<String>,

    /// Unit of amounts: decimals of the currency (11.77), or its minor units (1177)
    /// [default: major]
    #[arg(long, value_enum)]
    pub(super) amount_unit: Option<UnitArg>,

    /// Format of times, as in strftime: '%Y%m%d', '%d/%m/%Y %H:%M', '%s'. Without an offset (%z)
    /// times are UTC, and a date without a time is its midnight [default: RFC 3339, or YYYY-MM-DD]
    #[arg(long, value_name = "FORMAT")]
    pub(super) date_format: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatArg {
    Ndjson,
    Csv,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum UnitArg {
    Major,
    Minor,
}

impl ImportArgs {
    pub(super) fn task(&self) -> anyhow::Result<ImportTask> {
        Ok(ImportTask {
            file: self.file.clone(),
            resource: self.resource,
            format: self.format()?,
            options: self.table.options(),
            destination: self.url.trim_end_matches('/').into(),
            batch: self.batch as usize,
            rejects: self.rejects_path(),
            journal: self.journal_path(),
            restart: self.restart,
        })
    }

    fn format(&self) -> anyhow::Result<FileFormat> {
        let extension = self.file.extension().unwrap_or_default();
        let is = |name| extension.eq_ignore_ascii_case(name);
        match self.format {
            Some(FormatArg::Ndjson) => Ok(FileFormat::Ndjson),
            Some(FormatArg::Csv) => Ok(FileFormat::Csv),
            None if is("ndjson") || is("jsonl") => Ok(FileFormat::Ndjson),
            None if is("json") => anyhow::bail!(
                "cannot tell the format of {}; if it has one object per line, pass --format ndjson",
                self.file.display()
            ),
            None => Ok(FileFormat::Csv),
        }
    }

    fn journal_path(&self) -> PathBuf {
        let default = || with_suffix(&self.file, ".patron-import");
        self.journal.clone().unwrap_or_else(default)
    }

    pub(super) fn rejects_path(&self) -> PathBuf {
        let default = || with_suffix(&self.file, ".rejects.ndjson");
        self.rejects.clone().unwrap_or_else(default)
    }
}

impl TableArgs {
    fn options(&self) -> ImportOptions {
        ImportOptions {
            delimiter: self.delimiter,
            no_header: self.no_header,
            map: self.map.clone(),
            set: self.set.clone(),
            id: self.id.clone(),
            amount_unit: self.amount_unit.map(|unit| match unit {
                UnitArg::Major => AmountUnit::Major,
                UnitArg::Minor => AmountUnit::Minor,
            }),
            date_format: self.date_format.clone(),
        }
    }
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    name.into()
}
