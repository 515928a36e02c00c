//! The options of `patron import`; their doc comments are its manual.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::fields::Resource;

const EXAMPLE: &str = "\
Example: a file of columns separated by spaces, dates like 19970101, amounts like 11.77,
and no order id of its own

  patron import orders CDNOW_master.txt --delimiter whitespace \\
      --map customer_id=customer_id --map amount=dollar_value --map placed_at=date \\
      --date-format %Y%m%d --set currency=USD --id 'cdnow-{line}'

sends its second line as

  {\"order_id\":\"cdnow-2\",\"customer_id\":\"00001\",\"amount\":1177,\"currency\":\"USD\",\"placed_at\":\"1997-01-01T00:00:00.000Z\"}

Fields (* must be there)
  customers  customer_id* name email phone city country tags attributes.KEY registered_at unsubscribed
  orders     order_id* customer_id* amount* currency* placed_at* status items
  events     event_id* customer_id* name* occurred_at* properties.KEY

An empty cell leaves its field out. tags are split at ';'. unsubscribed is true/false, yes/no
or 1/0. items is a cell of JSON. A KEY's value is text, unless the field ends in :number or
:boolean, as in --map attributes.age:number=Age.

Exit status: 0 everything was accepted; 2 some lines were refused; 1 could not finish, and
running the same command again continues.";

/// Send a file of customers, orders or activity to a Patron server
///
/// An interrupted import continues where it stopped when the same command is run again: what
/// the server has acknowledged is kept in a journal beside the file. A line sent twice changes
/// nothing and is not counted twice.
#[derive(Args)]
#[command(after_long_help = EXAMPLE, after_help = "--help shows the fields and an example.")]
pub(crate) struct ImportArgs {
    /// What the lines of the file are
    #[arg(value_enum)]
    pub(super) resource: Resource,

    /// The file: NDJSON (one object per line, as the API takes it) or a table of columns
    pub(super) file: PathBuf,

    /// Where the server is
    #[arg(long, env = "PATRON_URL", default_value = "http://127.0.0.1:8080")]
    pub(super) url: String,

    /// An API key that may send data in
    #[arg(long, env = "PATRON_KEY", hide_env_values = true)]
    pub(super) key: String,

    /// How the file is written [default: ndjson for .ndjson and .jsonl, else csv]
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,

    /// How many lines go in one request
    #[arg(long, value_name = "LINES", default_value_t = 5_000,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) batch: u32,

    /// Where refused lines go, with their number and the reason; replaced by each new import
    /// [default: FILE.rejects.ndjson]
    #[arg(long, value_name = "FILE")]
    pub(super) rejects: Option<PathBuf>,

    /// Where progress is kept until the import is complete [default: FILE.patron-import]
    #[arg(long, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,

    /// Start at the first line, whatever an interrupted import has done
    #[arg(long)]
    pub(super) restart: bool,

    // The last, because its heading holds for all that follows.
    #[command(flatten)]
    pub(super) table: TableArgs,
}

/// How a table's rows become objects; none of it applies to NDJSON.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[command(next_help_heading = "Tables (CSV)")]
pub(super) struct TableArgs {
    /// What separates columns: one ASCII character, 'tab', or 'whitespace' (runs of spaces and
    /// tabs, those at the start of a line ignored, no quoting) [default: ,]
    #[arg(long, value_name = "CHARACTER")]
    pub(super) delimiter: Option<Delimiter>,

    /// The first line is data already; columns are then named 1, 2, …
    #[arg(long)]
    pub(super) no_header: bool,

    /// Take a field from a column; repeatable. Without any --map, the columns named like a
    /// field are taken
    #[arg(long, value_name = "FIELD=COLUMN")]
    pub(super) map: Vec<Pair>,

    /// Give a field the same value on every line; repeatable
    #[arg(long, value_name = "FIELD=VALUE")]
    pub(super) set: Vec<Pair>,

    /// Make the id from the line number, as in 'cdnow-{line}'; the file's first line is 1
    #[arg(long, value_name = "TEMPLATE")]
    pub(super) id: Option<String>,

    /// How amounts are written: decimals of the currency (11.77), or its minor units (1177)
    /// [default: major]
    #[arg(long, value_enum)]
    pub(super) amount_unit: Option<AmountUnit>,

    /// How times are written, as in strftime: '%Y%m%d', '%d/%m/%Y %H:%M', '%s'. Without an
    /// offset (%z) they are UTC, without a time midnight [default: RFC 3339, or YYYY-MM-DD]
    #[arg(long, value_name = "FORMAT")]
    pub(super) date_format: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    Ndjson,
    Csv,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AmountUnit {
    Major,
    Minor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Delimiter {
    Whitespace,
    Byte(u8),
}

/// `left=right`, cut at the first `=`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Pair {
    pub(super) field: String,
    pub(super) value: String,
}

impl ImportArgs {
    pub(super) fn format(&self) -> anyhow::Result<Format> {
        let extension = self.file.extension().unwrap_or_default();
        let is = |name| extension.eq_ignore_ascii_case(name);
        match self.format {
            Some(format) => Ok(format),
            None if is("ndjson") || is("jsonl") => Ok(Format::Ndjson),
            None if is("json") => anyhow::bail!(
                "cannot tell how {} is written; if it has one object per line, say --format ndjson",
                self.file.display()
            ),
            None => Ok(Format::Csv),
        }
    }

    pub(super) fn journal_path(&self) -> PathBuf {
        let default = || beside(&self.file, ".patron-import");
        self.journal.clone().unwrap_or_else(default)
    }

    pub(super) fn rejects_path(&self) -> PathBuf {
        let default = || beside(&self.file, ".rejects.ndjson");
        self.rejects.clone().unwrap_or_else(default)
    }
}

impl FromStr for Delimiter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.as_bytes()) {
            ("whitespace", _) => Ok(Self::Whitespace),
            ("tab" | "\\t", _) => Ok(Self::Byte(b'\t')),
            (_, [b'"' | b'\r' | b'\n']) => Err("cannot separate columns".into()),
            (_, [byte]) if byte.is_ascii() => Ok(Self::Byte(*byte)),
            _ => Err("must be one ASCII character, 'tab' or 'whitespace'".into()),
        }
    }
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (field, value) = text.split_once('=').ok_or("there is no '=' in it")?;
        if field.is_empty() {
            return Err("there is no field before the '='".into());
        }
        Ok(Self {
            field: field.into(),
            value: value.into(),
        })
    }
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    name.into()
}
