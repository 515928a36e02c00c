//! Progress for the user: a bar on a terminal, a line every few seconds elsewhere, and a summary
//! at the end.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use importer::{FilePosition, ImportCounts, ImportJournal, Progress, Refusals, RowNotes};
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};

/// Interval between plain lines.
const INTERVAL: Duration = Duration::from_secs(5);

/// Progress of one run.
pub(super) struct ProgressReport {
    bar: Option<ProgressBar>,
    started: Instant,
    size: u64,
    /// Offset in the file at which this run began.
    from: u64,
    /// Number of records that earlier runs had read.
    read_before: u64,
    /// Time of the next plain line, in milliseconds from the start.
    next_line: AtomicU64,
}

impl ProgressReport {
    /// Starts the display of a run. `begun` is the import's state before this run.
    pub(super) fn new(begun: &ImportJournal) -> Self {
        let size = begun.source.size;
        let bar = std::io::stderr()
            .is_terminal()
            .then(|| bar(size, begun.done.offset));
        Self {
            bar,
            started: Instant::now(),
            size,
            from: begun.done.offset,
            read_before: begun.counts.read,
            next_line: AtomicU64::new(INTERVAL.as_millis() as u64),
        }
    }

    /// Prints a message without disturbing the bar.
    pub(super) fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    /// Removes the bar.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Returns the summary of a complete import.
    pub(super) fn summary(
        &self,
        counts: &ImportCounts,
        refusals: &Refusals,
        rejects: &Path,
    ) -> String {
        let count = HumanCount;
        let mut text = format!(
            "{}: {} created, {} updated, {} unchanged, {} refused{}; {:.1} s, {} records/s\n",
            records_read(counts),
            count(counts.created),
            count(counts.updated),
            count(counts.unchanged),
            count(counts.refused),
            left_out(counts),
            self.started.elapsed().as_secs_f64(),
            self.rate(counts),
        );
        if self.read_before > 0 {
            let before = count(self.read_before);
            text += &format!("{before} of them were read before the interruption\n");
        }
        text += &row_notes(&counts.notes);
        if counts.refused > 0 {
            let refused = count(counts.refused);
            text += &format!("{refused} refused: see {}\n", rejects.display());
            text += &examples(refusals);
        }
        text
    }

    /// Returns the records per second of this run.
    fn rate(&self, counts: &ImportCounts) -> HumanCount {
        let records = (counts.read - self.read_before) as f64;
        HumanCount((records / self.started.elapsed().as_secs_f64().max(0.001)) as u64)
    }

    fn left(&self, done: FilePosition, elapsed: Duration) -> Duration {
        let behind = done.offset.saturating_sub(self.from).max(1);
        let ahead = self.size.saturating_sub(done.offset);
        elapsed.mul_f64(ahead as f64 / behind as f64)
    }
}

impl Progress for ProgressReport {
    /// Updates the bar, or prints a line if one is due.
    fn advanced(&self, done: FilePosition, counts: &ImportCounts) {
        let rate = self.rate(counts);
        if let Some(bar) = &self.bar {
            bar.set_position(done.offset);
            bar.set_message(format!("{} records, {rate}/s", HumanCount(counts.read)));
            return;
        }
        let elapsed = self.started.elapsed();
        if elapsed.as_millis() as u64 >= self.next_line.load(Ordering::Relaxed) {
            self.next_line
                .store((elapsed + INTERVAL).as_millis() as u64, Ordering::Relaxed);
            eprintln!(
                "{} records ({} %), {rate}/s, {} left",
                HumanCount(counts.read),
                done.offset * 100 / self.size.max(1),
                HumanDuration(self.left(done, elapsed)),
            );
        }
    }
}

fn bar(size: u64, from: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} % · {msg} · {eta} left");
    let bar = ProgressBar::new(size)
        .with_position(from)
        .with_message("0 records");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.reset_eta();
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

/// Returns how many records were read, and from how many rows if that is another number.
pub(super) fn records_read(counts: &ImportCounts) -> String {
    let read = HumanCount(counts.read);
    match counts.rows {
        rows if rows > counts.read => format!("{read} read from {} rows", HumanCount(rows)),
        _ => format!("{read} read"),
    }
}

/// Returns the counts of records that are neither recorded nor refused, if there are any.
pub(super) fn left_out(counts: &ImportCounts) -> String {
    let mut text = String::new();
    for (count, name) in [
        (counts.stale, "stale"),
        (counts.moved, "moved"),
        (counts.repeated, "repeated"),
        (counts.skipped, "skipped"),
    ] {
        if count > 0 {
            text += &format!(", {} {name}", HumanCount(count));
        }
    }
    text
}

/// Returns a line for each kind of reason, with its first example.
pub(super) fn examples(refusals: &Refusals) -> String {
    let mut text = String::new();
    for kind in refusals.kinds() {
        let lines = match kind.last_line == kind.line {
            true => format!("line {}", kind.line),
            false => format!("lines {}-{}", kind.line, kind.last_line),
        };
        let times = HumanCount(kind.count);
        text += &format!("  {times} × {} ({lines})\n", printable(&kind.reason.text));
    }
    if refusals.others() > 0 {
        text += &format!("  {} × other reasons\n", HumanCount(refusals.others()));
    }
    text
}

/// Escapes control characters, which a terminal would obey.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::new();
    for one in text.chars() {
        match one.is_control() {
            true => printable.extend(one.escape_default()),
            false => printable.push(one),
        }
    }
    printable
}

/// Returns a line for everything that has another effect than it stands in the file.
pub(super) fn row_notes(notes: &RowNotes) -> String {
    let mut text = String::new();
    let counted = |count: u64, one: &str, many: &str| {
        let unit = if count == 1 { one } else { many };
        format!("{} {unit}", HumanCount(count))
    };
    if notes.ambiguous_times > 0 {
        let times = counted(notes.ambiguous_times, "time", "times");
        text += &format!(
            "{times} happened twice, as clocks went back; the first of the two is meant\n"
        );
    }
    if notes.text_marks > 0 {
        let cells = counted(notes.text_marks, "cell", "cells");
        text += &format!(
            "{cells} had a spreadsheet's mark of text (an apostrophe, or =\"…\"), which was removed\n"
        );
    }
    if notes.still_unsubscribed > 0 {
        let customers = counted(notes.still_unsubscribed, "customer stays", "customers stay");
        text += &format!(
            "{customers} unsubscribed: only a consent after their opt-out lifts it \
             (--map consent_at=COLUMN)\n"
        );
    }
    text
}
