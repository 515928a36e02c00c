use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::pending;
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;

use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::layout::{Detected, Layout};
use crate::record::{Reason, RecordOutcome};

/// Destination that keeps items in memory, and refuses those without an amount.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, Value>>);

impl Sink for Memory {
    type Error = Infallible;

    async fn send(
        &self,
        resource: Resource,
        body: Vec<u8>,
        items: usize,
    ) -> Result<Vec<RecordOutcome>, Infallible> {
        let text = String::from_utf8(body).unwrap();
        let outcomes: Vec<_> = text
            .lines()
            .map(|line| {
                let item: Value = serde_json::from_str(line).unwrap();
                if item["amount"] == 0 {
                    return RecordOutcome::Refused(Reason::new("costs nothing"));
                }
                let id = item[resource.id_field()].as_str().unwrap().to_owned();
                self.0.lock().unwrap().insert(id, item);
                RecordOutcome::Created
            })
            .collect();
        assert_eq!(outcomes.len(), items);
        Ok(outcomes)
    }
}

impl Progress for Memory {
    fn advanced(&self, _: FilePosition, _: &ImportCounts) {}
}

fn task(folder: &TempDir, name: &str, text: &str) -> ImportTask {
    let file = folder.path().join(name);
    fs::write(&file, text).unwrap();
    ImportTask {
        resource: Resource::Orders,
        format: FileFormat::Csv,
        options: ImportOptions::default(),
        preset: None,
        destination: "memory".into(),
        batch: 2,
        rejects: folder.path().join("rejects"),
        journal: folder.path().join("journal"),
        restart: false,
        file,
    }
}

const ORDERS: &str = "order_id,customer_id,amount,currency,placed_at\n\
                      o-1,c-1,1.00,USD,2026-01-01\no-2,c-1,0,USD,2026-01-01\n\
                      o-3,,1.00,USD,2026-01-01\no-1,c-1,1.00,USD,2026-01-01\n\
                      o-1,c-1,1.00,USD,2026-01-01\no-1,c-1,2.00,USD,2026-01-01\n";

/// The API runs imports on a runtime of several threads.
fn spawnable<F: Future + Send>(future: F) -> F {
    future
}

#[tokio::test]
async fn every_record_has_an_outcome_and_refused_ones_an_example() {
    let folder = tempfile::tempdir().unwrap();
    let task = task(&folder, "orders.csv", ORDERS);
    let import = task.prepare().unwrap();
    assert_eq!(import.start(), &ImportStart::New);
    let memory = Memory::default();
    let ended = spawnable(import.run(&memory, &memory, pending())).await;
    let ImportEnd::Complete { counts, refusals } = ended.unwrap() else {
        panic!("nobody stopped the import");
    };
    let expected = ImportCounts {
        read: 5,
        rows: 6,
        created: 1,
        refused: 3,
        repeated: 1,
        ..ImportCounts::default()
    };
    assert_eq!(counts, expected);
    let kinds: Vec<_> = refusals
        .kinds()
        .iter()
        .map(|kind| (kind.line, &*kind.reason.text))
        .collect();
    assert_eq!(kinds[0], (3, "costs nothing"));
    assert_eq!(kinds[1], (4, "customer_id is empty: column customer_id"));
    assert!(kinds[2].1.contains("--last-wins"), "{kinds:?}");
    let mode = fs::metadata(&task.rejects).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!task.journal.exists());
}

#[tokio::test]
async fn a_complete_import_whose_journal_is_kept_ends_with_the_same_counts_again() {
    let folder = tempfile::tempdir().unwrap();
    let task = task(&folder, "orders.csv", ORDERS);
    let (first, second) = (Memory::default(), Memory::default());
    let run = async |memory: &Memory| {
        let import = task.prepare().unwrap().keep_journal();
        match import.run(memory, memory, pending()).await.unwrap() {
            ImportEnd::Complete { counts, .. } => counts,
            ImportEnd::Stopped(at) => panic!("stopped at {at:?}"),
        }
    };
    let counts = run(&first).await;
    assert_eq!(counts.created, 1);
    assert_eq!(run(&second).await, counts);
    assert!(second.0.lock().unwrap().is_empty(), "nothing is sent again");
}

#[test]
fn the_first_object_of_ndjson_is_found_behind_blank_lines() {
    let folder = tempfile::tempdir().unwrap();
    let first = |text: &str| task(&folder, "orders.ndjson", text).first_object().unwrap();
    let object = "{\"order_id\":\"o-1\"}";
    assert_eq!(
        first(&format!("\u{feff}\n \n{object}\n7\n")).as_deref(),
        Some(object)
    );
    assert_eq!(first("7\n{}\n"), None);
    assert_eq!(first(""), None);
}

#[test]
fn a_preview_counts_what_an_import_would_refuse_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let task = task(&folder, "orders.csv", ORDERS);
    let preview = task.preview(1).unwrap();
    assert_eq!(preview.first.len(), 1);
    assert!(preview.first[0].contains("\"o-1\""));
    assert_eq!(preview.sendable, 2);
    assert_eq!((preview.counts.refused, preview.counts.repeated), (2, 1));
    assert!(!task.rejects.exists() && !task.journal.exists());
}

#[test]
fn a_layout_is_detected_by_its_header_with_any_delimiter() {
    let folder = tempfile::tempdir().unwrap();
    let stripe = [
        "id",
        "Amount",
        "Amount Refunded",
        "Currency",
        "Status",
        "Customer ID",
    ];
    for (delimiter, expected) in [(",", None), (";", Some(b';')), ("\t", Some(b'\t'))] {
        let task = task(&folder, "export.csv", &stripe.join(delimiter));
        let detected = Detected {
            preset: Preset::named("stripe-payments").unwrap(),
            delimiter: expected.map(crate::Delimiter::Byte),
        };
        assert_eq!(task.layout().unwrap(), Layout::Detected(detected));
    }
    let layout = |text: &str| task(&folder, "other.csv", text).layout().unwrap();
    assert_eq!(layout(ORDERS), Layout::Mapped);
    assert_eq!(layout("a,b\n1,2\n"), Layout::Unknown);
}

#[test]
fn a_preset_is_for_one_resource() {
    let folder = tempfile::tempdir().unwrap();
    let mut task = task(&folder, "orders.csv", ORDERS);
    task.preset = Preset::named("shopify-customers").cloned();
    let error = task.check().unwrap_err().to_string();
    assert!(
        error.contains("is for customers, not for orders"),
        "{error}"
    );
}
