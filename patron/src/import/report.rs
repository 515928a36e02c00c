//! Telling the user: a bar on a terminal, a line every few seconds elsewhere, and a summary.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};

use super::journal::{Counts, Journal};
use super::lines::Cursor;

/// Between two plain lines.
const INTERVAL: Duration = Duration::from_secs(5);

/// The progress of one run.
pub(super) struct Report {
    bar: Option<ProgressBar>,
    started: Instant,
    size: u64,
    /// Where this run began, and what earlier ones had read.
    from: u64,
    read_before: u64,
    /// Milliseconds after the start when a plain line is due.
    next_line: AtomicU64,
}

impl Report {
    /// `begun` is where the import stands before this run.
    pub(super) fn new(begun: &Journal) -> Self {
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

    /// Shows how far it is, if it is time to.
    pub(super) fn progress(&self, done: Cursor, counts: &Counts) {
        let rate = self.rate(counts);
        if let Some(bar) = &self.bar {
            bar.set_position(done.offset);
            bar.set_message(format!("{} lines, {rate}/s", HumanCount(counts.read)));
            return;
        }
        let elapsed = self.started.elapsed();
        if elapsed.as_millis() as u64 >= self.next_line.load(Ordering::Relaxed) {
            self.next_line
                .store((elapsed + INTERVAL).as_millis() as u64, Ordering::Relaxed);
            eprintln!(
                "{} lines ({} %), {rate}/s, {} left",
                HumanCount(counts.read),
                done.offset * 100 / self.size.max(1),
                HumanDuration(self.left(done, elapsed)),
            );
        }
    }

    /// Says something in between.
    pub(super) fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    /// Takes the bar away.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// The last words on a complete import.
    pub(super) fn summary(&self, counts: &Counts, rejects: &Path) -> String {
        let count = HumanCount;
        let mut text = format!(
            "{} read: {} created, {} updated, {} unchanged, {} refused; {:.1} s, {} lines/s\n",
            count(counts.read),
            count(counts.created),
            count(counts.updated),
            count(counts.unchanged),
            count(counts.refused),
            self.started.elapsed().as_secs_f64(),
            self.rate(counts),
        );
        if self.read_before > 0 {
            let before = count(self.read_before);
            text += &format!("{before} of them were read before the interruption\n");
        }
        if counts.refused > 0 {
            let refused = count(counts.refused);
            text += &format!("{refused} refused: see {}\n", rejects.display());
        }
        text
    }

    /// Lines per second of this run.
    fn rate(&self, counts: &Counts) -> HumanCount {
        let lines = (counts.read - self.read_before) as f64;
        HumanCount((lines / self.started.elapsed().as_secs_f64().max(0.001)) as u64)
    }

    fn left(&self, done: Cursor, elapsed: Duration) -> Duration {
        let behind = done.offset.saturating_sub(self.from).max(1);
        let ahead = self.size.saturating_sub(done.offset);
        elapsed.mul_f64(ahead as f64 / behind as f64)
    }
}

fn bar(size: u64, from: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} % · {msg} · {eta} left");
    let bar = ProgressBar::new(size)
        .with_position(from)
        .with_message("0 lines");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.reset_eta();
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}
