//! Results of a benchmark, as a table and as JSON.

use indicatif::HumanCount;
use serde_json::{Value, json};

/// Measured value with its unit.
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
}

/// Ratio of two figures of the same run, and its target.
struct Ratio {
    name: String,
    value: f64,
    wanted: String,
}

/// Figures and ratios, in the order of measurement.
#[derive(Default)]
pub(super) struct BenchReport {
    figures: Vec<Figure>,
    ratios: Vec<Ratio>,
}

impl BenchReport {
    /// Adds a figure.
    pub(super) fn figure(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        let name = name.into();
        tracing::info!(name, value, unit, "measured");
        self.figures.push(Figure { name, value, unit });
    }

    /// Adds a ratio and its target, such as `≥ 0.35`; an empty target is not shown.
    pub(super) fn ratio(&mut self, name: impl Into<String>, value: f64, wanted: &str) {
        self.ratios.push(Ratio {
            name: name.into(),
            value,
            wanted: wanted.to_owned(),
        });
    }

    pub(super) fn to_table(&self) -> String {
        let mut lines = Vec::new();
        for Figure { name, value, unit } in &self.figures {
            let number = match value.abs() >= 1_000.0 {
                true => grouped(value.round() as u64),
                false => format!("{value:.2}"),
            };
            lines.push(format!("{name:<52} {number:>12} {unit}"));
        }
        lines.push(String::new());
        for Ratio {
            name,
            value,
            wanted,
        } in &self.ratios
        {
            let target = match wanted.as_str() {
                "" => String::new(),
                wanted => format!(" (target {wanted})"),
            };
            lines.push(format!("{name:<52} {value:>12.2}{target}"));
        }
        lines.join("\n")
    }

    pub(super) fn to_json(&self) -> Value {
        let figures = self.figures.iter();
        let ratios = self.ratios.iter();
        json!({
            "figures": figures
                .map(|r| json!({"name": r.name, "value": r.value, "unit": r.unit}))
                .collect::<Vec<_>>(),
            "ratios": ratios
                .map(|r| json!({"name": r.name, "value": r.value, "wanted": r.wanted}))
                .collect::<Vec<_>>(),
        })
    }
}

/// Formats a count with thousands separators: `1,234,567`.
pub(super) fn grouped(count: u64) -> String {
    HumanCount(count).to_string()
}
