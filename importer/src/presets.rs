//! Presets: data files that say how the exports of a shop or a marketing tool become objects.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::columns::Columns;
use super::error::ImportError;
use super::expressions::Expression;
use super::fields::Resource;
use super::options::{ImportOptions, Pair};

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
    options: Map<String, Value>,
    when: Vec<Addition>,
}

/// Options that are added if the file has a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Addition {
    column: String,
    #[serde(flatten)]
    options: Map<String, Value>,
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
    when: Vec<Addition>,
    #[serde(flatten)]
    options: Map<String, Value>,
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
        let wrong = |error: &dyn std::fmt::Display| {
            let error = error.to_string();
            ImportError::Options(format!("preset {name}: {}", error.trim_end()))
        };
        let file: PresetFile = toml::from_str(text).map_err(|error| wrong(&error))?;
        let preset = Self {
            name: name.into(),
            title: file.title,
            resource: file.resource,
            detect: file.detect,
            local_times: file.local_times,
            options: file.options,
            when: file.when,
        };
        let additions = preset.when.iter().map(|addition| &addition.options);
        for options in additions.chain([&preset.options]) {
            options_of(options.clone()).map_err(|error| wrong(&error))?;
        }
        Ok(preset)
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
    /// columns. Fields whose columns the file lacks are left out.
    pub(super) fn applied(
        &self,
        options: &ImportOptions,
        columns: Columns,
    ) -> Result<ImportOptions, ImportError> {
        let mut all = self.overlaid(columns.names(), options)?;
        let is_given = |pairs: &[Pair], field: &str| pairs.iter().any(|pair| pair.field == field);
        let is_id = |field: &str| options.id.is_some() && field == self.resource.id_field();
        let is_free = |pair: &Pair| {
            !is_given(&options.map, &pair.field)
                && !is_given(&options.set, &pair.field)
                && !is_id(&pair.field)
        };
        let has = |pair: &Pair| Expression::parse(&pair.value, columns).is_ok();
        let given = |pairs: &[Pair], pair: &Pair| pairs.contains(pair);
        all.set
            .retain(|pair| given(&options.set, pair) || is_free(pair));
        all.map
            .retain(|pair| given(&options.map, pair) || (is_free(pair) && has(pair)));
        all.fallback
            .retain(|pair| given(&options.fallback, pair) || (is_free(pair) && has(pair)));
        let (second, first): (Vec<_>, Vec<_>) = all
            .fallback
            .into_iter()
            .partition(|pair| is_given(&all.map, &pair.field));
        all.fallback = second;
        all.map.extend(first);
        Ok(all)
    }

    fn overlaid(
        &self,
        columns: &[String],
        options: &ImportOptions,
    ) -> Result<ImportOptions, ImportError> {
        let mut all = self.options.clone();
        for addition in &self.when {
            if columns.contains(&addition.column) {
                overlay(&mut all, &addition.options);
            }
        }
        let wrong = |error: serde_json::Error| ImportError::Options(error.to_string());
        if let Value::Object(given) = serde_json::to_value(options).map_err(wrong)? {
            overlay(&mut all, &given);
        }
        options_of(all).map_err(wrong)
    }
}

/// Replaces members; objects are overlaid member by member.
fn overlay(below: &mut Map<String, Value>, above: &Map<String, Value>) {
    for (name, value) in above {
        match (below.get_mut(name), value) {
            (Some(Value::Object(below)), Value::Object(above)) => overlay(below, above),
            _ => drop(below.insert(name.clone(), value.clone())),
        }
    }
}

fn options_of(options: Map<String, Value>) -> serde_json::Result<ImportOptions> {
    serde_json::from_value(Value::Object(options))
}

#[cfg(test)]
#[path = "presets_tests.rs"]
mod tests;
