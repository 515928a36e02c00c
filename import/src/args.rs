//! Options of `patron import`. Their doc comments are its manual.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use importer::{FileFormat, ImportError, ImportTask, OptionNames, Preset, Resource};

use super::table_args::TableArgs;

const EXAMPLE: &str = "\
Exports that Patron knows need no further options

  patron import orders orders_export.csv --dry-run
  patron import orders orders_export.csv --preset shopify-orders

and --presets lists them. Example of another file: columns separated by spaces, dates like
19970101, amounts like 11.77, and no order ids

  patron import orders CDNOW_master.txt --delimiter whitespace \\
      --map customer_id=customer_id --map amount=dollar_value --map placed_at=date \\
      --date-format %Y%m%d --set currency=USD --id 'cdnow-{line}'

Fields (* is required)
  customers  customer_id* name email phone city country tags attributes.KEY registered_at unsubscribed
  orders     order_id* customer_id* amount* refunded_amount currency* placed_at* status items
             items.sku items.name items.quantity items.unit_amount
  events     event_id* customer_id* name* occurred_at* properties.KEY

An empty cell leaves its field out, unless --clear-empty names it. Flags are true/false, yes/no,
y/n, t/f, on/off or 1/0, and the words of --yes-word and --no-word; unsubscribed is also subscribed or unsubscribed. items is a cell of JSON, or items.sku, … are
one item on each row: rows that follow each other and have one order_id are one order, whose other
fields may stand on its first row only. Without a column for the amount, it is the sum of quantity ×
unit amount. A KEY's value is text, unless the field ends in :number or :boolean, as in
--map attributes.age:number=Age. An e-mail address as customer_id of a table is written in lower
case; NDJSON is sent unchanged.

Columns
  --map 'name={First Name} {Last Name}'            a text made of several; {{ and }} are braces
  --map 'unsubscribed=!Accepts Email Marketing'    the contrary of a yes or no
  --map 'attributes.reason=UNSUB_REASON#2'         the second column of that name
  --map 'unsubscribed==Newsletter off'             the column as it is, whatever its name says
A column that really has such a name is taken first. '!!' is a literal '!'.

A spreadsheet's table with semicolons, decimal commas and times of a shop in Berlin

  patron import orders orders.csv --encoding windows-1252 --delimiter ';' --decimal comma \\
      --date-format '%d.%m.%Y %H:%M' --time-zone Europe/Berlin --map order_id=Nr ...

Exit status: 0 if all rows were accepted; 2 if some rows were refused; 64 if an option is wrong or
does not fit the file, or the file cannot be read; 1 if the import did not finish, in which case running the same command again
continues it.";

/// Send a file of customers, orders or activity to a Patron server
///
/// An interrupted import continues where it stopped when the same command is run again: a journal
/// next to the file records what the server has acknowledged. A line that is sent twice changes
/// nothing and is not counted twice.
#[derive(Args)]
#[command(after_long_help = EXAMPLE, after_help = "--help shows the fields and an example.")]
pub struct ImportArgs {
    /// Resource that the file describes
    #[arg(value_parser = PossibleValuesParser::new(Resource::ALL.map(Resource::name))
          .try_map(|name| name.parse::<Resource>()), required_unless_present = "presets")]
    pub(super) resource: Option<Resource>,

    /// File to send: NDJSON (one object per line, in the form of the API) or a table of columns
    #[arg(required_unless_present = "presets")]
    pub(super) file: Option<PathBuf>,

    /// Layout of the file: a name of --presets, or a file of one's own (TOML). Other options
    /// replace parts of it. Without it, and without --map, the layout is detected
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) preset: Option<String>,

    /// List the presets and end
    #[arg(long)]
    pub(super) presets: bool,

    /// Use the layout that is detected without asking
    #[arg(long)]
    pub(super) yes: bool,

    /// Print the first objects as they would be sent, one per line, and count what would be refused
    /// before sending. Sends and writes nothing
    #[arg(long)]
    pub(super) dry_run: bool,

    /// URL of the server
    #[arg(long, env = "PATRON_URL", default_value = "http://127.0.0.1:8080")]
    pub(super) url: String,

    /// API key that may ingest data; required unless nothing is sent
    #[arg(long, env = "PATRON_KEY", hide_env_values = true)]
    pub(super) key: Option<String>,

    /// Format of the file [default: ndjson for .ndjson and .jsonl, else csv]
    #[arg(long, value_enum)]
    pub(super) format: Option<FormatArg>,

    /// Number of rows, or of orders, per request
    #[arg(long, value_name = "ROWS", default_value_t = 5_000,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) batch: u32,

    /// File for refused rows, with their line numbers and reasons; replaced by each new import
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatArg {
    Ndjson,
    Csv,
}

impl ImportArgs {
    /// Returns the import that the options describe.
    ///
    /// # Errors
    /// Returns an error if an option is wrong, or a preset cannot be read.
    pub(super) fn task(&self) -> Result<ImportTask, ImportError> {
        // Both are required unless the presets are listed.
        let missing = || ImportError::Options("a resource and a file are needed".into());
        let file = self.file.as_deref().ok_or_else(missing)?;
        let sibling = |option: &Option<PathBuf>, suffix| {
            option.clone().unwrap_or_else(|| with_suffix(file, suffix))
        };
        Ok(ImportTask {
            option_names: OptionNames::Flags,
            file: file.to_owned(),
            resource: self.resource.ok_or_else(missing)?,
            format: self.format(file)?,
            options: self.table.options(),
            preset: self.preset.as_deref().map(preset).transpose()?,
            destination: self.url.trim_end_matches('/').into(),
            batch: self.batch as usize,
            rejects: sibling(&self.rejects, ".rejects.ndjson"),
            journal: sibling(&self.journal, ".patron-import"),
            restart: self.restart,
        })
    }

    fn format(&self, file: &Path) -> Result<FileFormat, ImportError> {
        let extension = file.extension().unwrap_or_default();
        let is = |name| extension.eq_ignore_ascii_case(name);
        match self.format {
            Some(FormatArg::Ndjson) => Ok(FileFormat::Ndjson),
            Some(FormatArg::Csv) => Ok(FileFormat::Csv),
            None if is("ndjson") || is("jsonl") => Ok(FileFormat::Ndjson),
            None if is("json") => Err(ImportError::Options(format!(
                "cannot tell the format of {}; if it has one object per line, pass --format ndjson",
                file.display()
            ))),
            None => Ok(FileFormat::Csv),
        }
    }
}

/// Returns the preset with this name, or the one in this file.
fn preset(name: &str) -> Result<Preset, ImportError> {
    if let Some(preset) = Preset::named(name) {
        return Ok(preset.clone());
    }
    let path = Path::new(name);
    let text = fs::read_to_string(path).map_err(|error| {
        let names: Vec<_> = Preset::all().iter().map(|preset| &*preset.name).collect();
        ImportError::Options(format!(
            "--preset {name}: there is neither a preset nor a file with this name ({error}); the \
             presets are {}",
            names.join(", ")
        ))
    })?;
    Preset::parse(name, &text)
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    name.into()
}
