//! Memory for bodies, shared by all requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::problem::{Problem, ProblemKind};

/// How many bytes of bodies are held, and may be. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    held: Arc<AtomicUsize>,
    limit: usize,
}

impl Room {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            held: Arc::default(),
            limit,
        }
    }

    /// For a body that is about to be read.
    pub(crate) fn none(&self) -> Taken {
        self.beyond(0)
    }

    /// For a body of which the first `free` bytes do not count.
    pub(crate) fn beyond(&self, free: usize) -> Taken {
        Taken {
            room: self.clone(),
            bytes: 0,
            free,
        }
    }
}

/// A body's part of the room, given back when dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    room: Room,
    bytes: usize,
    /// How much more does not count.
    free: usize,
}

impl Taken {
    /// How much space for a body is worth having at once, whose client says
    /// that it has `declared` bytes.
    pub(crate) fn foresee(&self, declared: usize) -> usize {
        match self.free {
            0 => declared,
            free => declared.min(free),
        }
    }

    /// Takes this much more.
    ///
    /// # Errors
    /// 503 if others hold too much.
    pub(crate) fn more(&mut self, bytes: usize) -> Result<(), Problem> {
        let free = bytes.min(self.free);
        self.free -= free;
        let bytes = bytes - free;
        if bytes == 0 {
            return Ok(());
        }
        let before = self.room.held.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if before.saturating_add(bytes) > self.room.limit {
            let detail = "the server holds as many bodies as it can; send the request again";
            return Err(Problem::new(ProblemKind::Busy, detail));
        }
        Ok(())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_given_back() {
        let room = Room::new(10);
        let mut first = room.none();
        assert!(first.more(4).is_ok() && first.more(4).is_ok());
        let mut second = room.none();
        assert!(second.more(2).is_ok());
        assert_eq!(second.more(1).unwrap_err().kind(), ProblemKind::Busy);
        drop(second);
        assert!(first.more(2).is_ok());
        drop(first);
        assert!(room.none().more(10).is_ok());
        assert!(room.none().more(11).is_err());
    }

    #[test]
    fn the_first_bytes_may_be_free() {
        let room = Room::new(10);
        let full = &mut room.none();
        assert!(full.more(10).is_ok());
        let mut small = room.beyond(4);
        assert!(small.more(2).is_ok() && small.more(2).is_ok());
        assert!(small.more(1).is_err());
        assert_eq!(room.none().foresee(1_000), 1_000);
        assert_eq!(room.beyond(4).foresee(1_000), 4);
    }
}
