//! Presets: data files that say how the exports of a shop or a marketing tool become objects.

use std::fmt::Display;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::bindings::{confirmed, require_unique};
use super::columns::Columns;
use super::effects::check_first_row;
use super::error::ImportError;
use super::expressions::Expression;
use super::fields::Resource;
use super::options::{ImportOptions, Pair};
use super::overlay::{is_same_field, overlay};
use super::preset_lines;
use super::statuses::{Statuses, is_part_refund};

/// Embedded presets: name and text.
const EMBEDDED: [(&str, &str); 10] = [
    (
        "shopify-orders",
        include_str!("../presets/shopify-orders.toml"),
    ),
    (
        "shopify-customers",
        include_str!("../presets/shopify-customers.toml"),
    ),
    (
        "woocommerce-orders",
        include_str!("../presets/woocommerce-orders.toml"),
    ),
    (
        "woocommerce-customers",
        include_str!("../presets/woocommerce-customers.toml"),
    ),
    (
        "stripe-payments",
        include_str!("../presets/stripe-payments.toml"),
    ),
    (
        "magento-orders",
        include_str!("../presets/magento-orders.toml"),
    ),
    (
        "magento-orders-grid",
        include_str!("../presets/magento-orders-grid.toml"),
    ),
    (
        "mailchimp-audience",
        include_str!("../presets/mailchimp-audience.toml"),
    ),
    (
        "hubspot-contacts",
        include_str!("../presets/hubspot-contacts.toml"),
    ),
    (
        "online-retail",
        include_str!("../presets/online-retail.toml"),
    ),
];

static PRESETS: LazyLock<Vec<Preset>> = LazyLock::new(|| {
    let parsed = EMBEDDED
        .iter()
        .map(|(name, text)| Preset::parse(name, text));
    // A test parses every one of them.
    parsed.filter_map(Result::ok).collect()
});

/// Layout of a file, and how it becomes objects.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Preset {
    /// Name for options: `shopify-orders`.
    pub name: String,
    /// What the file is, for people: `Shopify's export of orders`.
    pub title: String,
    /// Resource that the file describes.
    pub resource: Resource,
    /// Columns that a file with this layout has.
    pub detect: Vec<String>,
    /// Times in the file are those of the shop's clock, in a zone that the file does not name.
    pub local_times: bool,
    /// Texts that stand for an empty cell, such as `NULL`.
    pub empty: Vec<String>,
    options: ImportOptions,
    when: Vec<Addition>,
}

/// Options that are added if the file has a column.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Addition {
    column: String,
    options: ImportOptions,
}

#[derive(Deserialize)]
struct PresetFile {
    title: String,
    resource: Resource,
    #[serde(default)]
    detect: Vec<String>,
    #[serde(default)]
    local_times: bool,
    #[serde(default)]
    empty: Vec<String>,
    #[serde(default)]
    when: Vec<AdditionFile>,
    #[serde(flatten)]
    options: Map<String, Value>,
}

#[derive(Deserialize)]
struct AdditionFile {
    column: String,
    #[serde(flatten)]
    options: Map<String, Value>,
}

/// Options of a preset for one file.
#[derive(Debug)]
pub(super) struct AppliedOptions {
    pub(super) options: ImportOptions,
    /// Fields of the preset whose columns the file lacks.
    pub(super) left_out: Vec<Pair>,
}

impl Preset {
    /// Returns the presets that Patron has.
    pub fn all() -> &'static [Self] {
        &PRESETS
    }

    /// Returns the preset with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// Parses the text of a preset (TOML).
    ///
    /// # Errors
    /// Returns an error that names what is not understood.
    pub fn parse(name: &str, text: &str) -> Result<Self, ImportError> {
        let wrong = |error: &dyn Display| {
            let error = error.to_string();
            ImportError::Options(format!("preset {name}: {}", error.trim_end()))
        };
        let file: PresetFile = toml::from_str(text).map_err(|error| wrong(&error))?;
        let options = |within: &[&str], written: Map<String, Value>| {
            let options = serde_json::from_value(Value::Object(written.clone()));
            let options: ImportOptions = options.map_err(|error| {
                let place = preset_lines::of_options(text, within, &written);
                wrong(&format!("{place}{error}"))
            })?;
            check_own(file.resource, &options).map_err(|error| {
                let place = preset_lines::of_fields(text, within, file.resource, &options);
                wrong(&format!("{place}{error}"))
            })?;
            Ok::<_, ImportError>(options)
        };
        let when = file.when.into_iter().enumerate().map(|(index, addition)| {
            let column = addition.column;
            let options = options(&["when", &index.to_string()], addition.options)?;
            Ok(Addition { column, options })
        });
        Ok(Self {
            name: name.into(),
            title: file.title,
            resource: file.resource,
            detect: file.detect,
            local_times: file.local_times,
            empty: file.empty,
            when: when.collect::<Result<_, ImportError>>()?,
            options: options(&[], file.options)?,
        })
    }

    /// Returns the preset that fits a file with these columns best.
    pub fn detected(columns: &[String]) -> Option<&'static Self> {
        let fits = |preset: &&Self| {
            !preset.detect.is_empty() && preset.detect.iter().all(|name| columns.contains(name))
        };
        PRESETS
            .iter()
            .filter(fits)
            .max_by_key(|preset| preset.detect.len())
    }

    /// Returns the preset's own options, without those that depend on the columns of a file.
    ///
    /// # Errors
    /// Returns an error if the options contradict each other, which those of [`Preset::all`] do
    /// not.
    pub fn options(&self) -> Result<ImportOptions, ImportError> {
        self.with(&ImportOptions::default())
    }

    /// Returns the options with those of the preset where they are not given, before the columns
    /// are known.
    pub(super) fn with(&self, options: &ImportOptions) -> Result<ImportOptions, ImportError> {
        self.overlaid(&[], options)
    }

    /// Returns the options with those of the preset where they are not given, for a file with these
    /// columns. Fields whose columns the file lacks are left out, and without a column for refunds
    /// the statuses of orders that were paid back in part, which are then refused.
    ///
    /// # Errors
    /// Returns an error if a column of the preset is ambiguous or its expression malformed.
    pub(super) fn applied(
        &self,
        given: &ImportOptions,
        columns: Columns,
    ) -> Result<AppliedOptions, ImportError> {
        let mut all = self.overlaid(columns.names(), given)?;
        let has_pair = |pairs: &[Pair], pair: &Pair| {
            let is_same = |other: &Pair| is_same_field(self.resource, other, pair);
            pairs.iter().any(is_same)
        };
        let is_id = |field: &str| given.id.is_some() && field == self.resource.id_field();
        // A field that is given replaces all that the preset says about it.
        let is_free = |pair: &Pair| {
            !has_pair(&given.map, pair) && !has_pair(&given.set, pair) && !is_id(&pair.field)
        };
        all.set
            .retain(|pair| given.set.contains(pair) || is_free(pair));
        let mut missing = Vec::new();
        for (option, pairs, of_given) in [
            ("--map", &mut all.map, &given.map),
            ("--fallback", &mut all.fallback, &given.fallback),
        ] {
            let mut kept = Vec::new();
            for pair in pairs.drain(..) {
                if of_given.contains(&pair) {
                    kept.push(pair);
                } else if is_free(&pair) {
                    match self.has_columns(option, &pair, columns)? {
                        true => kept.push(pair),
                        false => missing.push(pair),
                    }
                }
            }
            *pairs = kept;
        }
        let (second, first): (Vec<_>, Vec<_>) = all.fallback.into_iter().partition(|pair| {
            has_pair(&all.map, pair) || (given.fallback.contains(pair) && !has_pair(&missing, pair))
        });
        all.fallback = second;
        all.map.extend(first);
        missing.retain(|pair| !has_pair(&all.map, pair) && !has_pair(&all.set, pair));
        let is_refund = |pair: &Pair| pair.field == "refunded_amount";
        if !all.map.iter().chain(&all.set).any(is_refund) {
            // Without the part that was paid back, such an order would count as a whole.
            all.status
                .retain(|pair| given.status.contains(pair) || !is_part_refund(&pair.field));
        }
        Ok(AppliedOptions {
            options: all,
            left_out: missing,
        })
    }

    /// Returns true if the file has the columns of a pair of the preset.
    fn has_columns(
        &self,
        option: &str,
        pair: &Pair,
        columns: Columns,
    ) -> Result<bool, ImportError> {
        let Pair { field, value } = pair;
        let (_, plain) = confirmed(value, columns);
        match Expression::parse(plain, columns) {
            Ok(_) => Ok(true),
            Err(error) if error.is_missing_column() => Ok(false),
            Err(error) => Err(ImportError::Options(format!(
                "preset {}: {option} {field}={value}: {error}",
                self.name
            ))),
        }
    }

    fn overlaid(
        &self,
        columns: &[String],
        given: &ImportOptions,
    ) -> Result<ImportOptions, ImportError> {
        let wrong = |error: anyhow::Error| ImportError::Options(error.to_string());
        require_unique(self.resource, given).map_err(wrong)?;
        Statuses::new(&given.status).map_err(wrong)?;
        let additions = self.when.iter();
        let additions = additions.filter(|addition| columns.contains(&addition.column));
        let above = additions.map(|addition| &addition.options).chain([given]);
        Ok(above.fold(self.options.clone(), |below, above| {
            overlay(self.resource, below, above.clone())
        }))
    }
}

/// Checks the fields and statuses of a preset's own options, of which those without a column are
/// left out later.
fn check_own(resource: Resource, options: &ImportOptions) -> anyhow::Result<()> {
    require_unique(resource, options)?;
    Statuses::new(&options.status)?;
    check_first_row(resource, &options.first_row)
}

#[cfg(test)]
#[path = "presets_tests.rs"]
mod tests;
