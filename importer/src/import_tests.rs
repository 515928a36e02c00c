use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
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
pub(crate) struct Memory(Mutex<BTreeMap<String, Value>>);

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

pub(crate) fn task(folder: &TempDir, name: &str, text: &str) -> ImportTask {
    let file = folder.path().join(name);
    fs::write(&file, text).unwrap();
    ImportTask {
        option_names: OptionNames::Flags,
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

pub(crate) const ORDERS: &str = "order_id,customer_id,amount,currency,placed_at\n\
                      o-1,c-1,1.00,USD,2026-01-01\no-2,c-1,0,USD,2026-01-01\n\
                      o-3,,1.00,USD,2026-01-01\no-1,c-1,1.00,USD,2026-01-01\n\
                      o-1,c-1,1.00,USD,2026-01-01\no-1,c-1,2.00,USD,2026-01-01\n";

impl Import {
    pub(crate) fn into_recorder(self) -> ImportRecorder {
        self.recorder
    }
}

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

#[test]
fn three_paths_of_one_file_are_not_three_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut task = task(&folder, "orders.csv", ORDERS);
    task.journal = folder.path().join("./zz");
    task.rejects = folder.path().join("zz");
    let error = task.check().unwrap_err().to_string();
    assert!(error.contains("must be three different files"), "{error}");
    fs::create_dir(folder.path().join("sub")).unwrap();
    task.journal = folder.path().join("sub/../orders.csv");
    let error = task.check().unwrap_err().to_string();
    assert!(error.contains("must be three different files"), "{error}");
}

/// Stops before the second batch is sent.
async fn begin(task: &ImportTask) -> FilePosition {
    struct FirstBatch;
    impl Sink for FirstBatch {
        type Error = std::io::Error;

        async fn send(
            &self,
            _: Resource,
            body: Vec<u8>,
            items: usize,
        ) -> Result<Vec<RecordOutcome>, std::io::Error> {
            match String::from_utf8_lossy(&body).contains("o-1") {
                true => Ok(vec![RecordOutcome::Refused(Reason::new("no")); items]),
                false => Err(std::io::Error::other("away")),
            }
        }
    }
    let import = task.prepare().unwrap();
    let ended = import.run(&FirstBatch, &Memory::default(), pending()).await;
    ended.unwrap_err().0
}

const TWO_BATCHES: &str = "order_id,customer_id,amount,currency,placed_at\n\
                           o-1,c-1,1.00,USD,2026-01-01\no-2,c-1,1.00,USD,2026-01-01\n";

#[tokio::test]
async fn an_import_continues_with_its_refused_rows_under_another_spelling_of_their_path() {
    let folder = tempfile::tempdir().unwrap();
    let mut task = task(&folder, "orders.csv", TWO_BATCHES);
    task.batch = 1;
    begin(&task).await;
    let refused = fs::read_to_string(&task.rejects).unwrap();
    assert!(
        refused.contains("\"o-1") || refused.contains("o-1,c-1"),
        "{refused}"
    );
    fs::create_dir(folder.path().join("sub")).unwrap();
    task.rejects = folder.path().join("sub/../rejects");
    let import = task.prepare().unwrap();
    assert!(matches!(import.start(), ImportStart::Continued(_)));
    assert_eq!(import.earlier_rejects(), None);
    let memory = Memory::default();
    import.run(&memory, &memory, pending()).await.unwrap();
    assert_eq!(fs::read_to_string(&task.rejects).unwrap(), refused);
}

#[tokio::test]
async fn refused_rows_of_an_interrupted_import_stay_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut task = task(&folder, "orders.csv", TWO_BATCHES);
    task.batch = 1;
    begin(&task).await;
    let earlier = fs::canonicalize(&task.rejects).unwrap();
    task.rejects = folder.path().join("others");
    let import = task.prepare().unwrap();
    assert_eq!(import.earlier_rejects(), Some(&*earlier));
    let memory = Memory::default();
    import.run(&memory, &memory, pending()).await.unwrap();
    assert!(earlier.exists());
}

#[tokio::test]
async fn refused_rows_of_the_last_import_stay_until_the_next_one_has_sent_something() {
    let folder = tempfile::tempdir().unwrap();
    let mut task = task(&folder, "orders.csv", TWO_BATCHES);
    task.batch = 1;
    fs::write(&task.rejects, "{\"line\":7}\n").unwrap();
    let import = task.prepare().unwrap();
    assert!(task.rejects.exists(), "preparing changes nothing");
    let memory = Memory::default();
    import.run(&memory, &memory, pending()).await.unwrap();
    assert!(!task.rejects.exists(), "nothing is refused now");
}

#[tokio::test]
async fn a_second_import_with_the_same_journal_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let task = task(&folder, "orders.csv", ORDERS);
    let first = task.prepare().unwrap();
    let second = task.prepare().err().unwrap();
    assert!(matches!(second, ImportError::Running { .. }), "{second}");
    assert!(
        second
            .to_string()
            .contains("another import of this file is running")
    );
    let other = ImportTask {
        journal: folder.path().join("other"),
        ..task.clone()
    };
    drop(other.prepare().unwrap());
    let memory = Memory::default();
    first.run(&memory, &memory, pending()).await.unwrap();
    drop(task.prepare().unwrap());
    let names = fs::read_dir(folder.path()).unwrap();
    let mut names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.any(|name| name.ends_with(".lock")));
}

#[test]
fn a_place_for_refused_rows_that_cannot_be_written_is_found_before_reading() {
    let folder = tempfile::tempdir().unwrap();
    let task = task(&folder, "orders.csv", ORDERS);
    task.check().unwrap();
    let other = ImportTask {
        rejects: folder.path().join("none").join("rejects"),
        ..task
    };
    let message = other.check().unwrap_err().to_string();
    assert!(
        message.starts_with("cannot write ") && message.contains("rejects"),
        "{message}"
    );
}
