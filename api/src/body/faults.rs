//! Finds every fault of one item.
//!
//! A typed value cannot be made from an item with a fault, and making it ends
//! at the first one. To find the next, the item is repaired where the fault is
//! and read again: a field is left out, or takes the value that it has in the
//! type's example. Only refused items pay for this.

use serde_json::Value;
use serde_path_to_error::{Path, Segment};
use utoipa::openapi::{RefOr, Schema};

use super::Input;
use crate::problem::{FieldError, MAX_ERRORS, Problem, ProblemKind};

/// How many bytes of refused items one request has read again. Beyond them only
/// the first fault of an item is told.
const READ_AGAIN: usize = 16 * 1024 * 1024;

/// Length in bytes of the longest item that is read again: as a [`Value`] it
/// takes up to 16 times the memory of its text.
pub(super) const MAX_EXAMINED: usize = 256 * 1024;

/// Reads refused items of one request again to find all their faults, within
/// what remains of [`READ_AGAIN`].
pub(super) struct Examiner {
    left: usize,
    /// A whole item without faults, if the type has one; made when needed.
    example: Option<Option<Value>>,
}

/// A fault of an item.
pub(super) struct Fault {
    pub(super) kind: ProblemKind,
    pub(super) pointer: String,
    pub(super) reason: String,
}

impl Default for Examiner {
    fn default() -> Self {
        Self {
            left: READ_AGAIN,
            example: None,
        }
    }
}

impl Examiner {
    /// Finds every fault of an item, of which `first` is known. The
    /// problem's kind is that of the first; `check` is asked of the item as it
    /// was repaired.
    pub(super) fn examine<T: Input>(
        &mut self,
        text: &str,
        first: Fault,
        check: impl Fn(&T) -> Result<(), Problem>,
    ) -> Problem {
        let kind = first.kind;
        let item = match self.charge(text.len()) {
            true => serde_json::from_str(text).ok(),
            false => None,
        };
        let Some(item) = item else {
            return Problem::fields(kind, vec![first.into_error()]);
        };
        let mut repaired = RepairedItem {
            item,
            example: self.example.get_or_insert_with(example::<T>).as_ref(),
            faults: vec![first],
        };
        repaired.read_again(text.len(), &mut self.left, check);
        let errors = repaired.faults.into_iter().map(Fault::into_error);
        Problem::fields(kind, errors.collect())
    }

    /// Charges an item of this length to the request. Returns false, and charges
    /// nothing, if the item is too long or too little remains.
    fn charge(&mut self, bytes: usize) -> bool {
        let is_affordable = bytes <= MAX_EXAMINED && bytes <= self.left;
        if is_affordable {
            self.left -= bytes;
        }
        is_affordable
    }
}

/// An item without the faults that were found.
struct RepairedItem<'a> {
    item: Value,
    example: Option<&'a Value>,
    faults: Vec<Fault>,
}

impl RepairedItem<'_> {
    /// Finds more faults until there are none, or they cannot be repaired.
    fn read_again<T: Input>(
        &mut self,
        size: usize,
        left: &mut usize,
        check: impl Fn(&T) -> Result<(), Problem>,
    ) {
        let mut is_repaired = self.repair_last();
        while is_repaired && self.faults.len() < MAX_ERRORS && size <= *left {
            *left -= size;
            let fault = match serde_path_to_error::deserialize::<_, T>(&self.item) {
                Err(error) => Fault::new(error.path(), &without_place(error.inner())),
                Ok(item) => return self.add(check(&item)),
            };
            let is_known = |known: &Fault| known.pointer == fault.pointer;
            is_repaired = match self.faults.iter().position(is_known) {
                // It was left out and has to be there.
                Some(known) if fault.is_missing() => self.fill(&self.faults[known].pointer.clone()),
                Some(_) => false,
                None => {
                    self.faults.push(fault);
                    self.repair_last()
                }
            };
        }
    }

    fn repair_last(&mut self) -> bool {
        let Some(fault) = self.faults.last() else {
            return false;
        };
        let (pointer, is_missing) = (fault.pointer.clone(), fault.is_missing());
        if is_missing {
            return self.fill(&pointer);
        }
        match parent(&mut self.item, &pointer) {
            Some((Value::Object(fields), name)) => fields.remove(&name).is_some(),
            // Others would move up.
            Some((Value::Array(_), _)) => self.fill(&pointer),
            _ => false,
        }
    }

    /// Takes a value from the example; whether it has one that was not there.
    fn fill(&mut self, pointer: &str) -> bool {
        let Some(value) = self.example.and_then(|example| at(example, pointer)) else {
            return false;
        };
        let place = match parent(&mut self.item, pointer) {
            Some((Value::Object(fields), name)) => Some(fields.entry(name).or_insert(Value::Null)),
            Some((Value::Array(elements), index)) => {
                let index = index.parse::<usize>().ok();
                index.and_then(|index| elements.get_mut(index))
            }
            _ => None,
        };
        place.is_some_and(|place| std::mem::replace(place, value.clone()) != *value)
    }

    /// Adds what is wrong with the item as a whole, but for what is only wrong
    /// with it as it was repaired.
    fn add(&mut self, checked: Result<(), Problem>) {
        let Err(problem) = checked else { return };
        let kind = problem.kind();
        for FieldError { pointer, detail } in problem.into_errors() {
            if !self.faults.iter().any(|fault| fault.covers(&pointer)) {
                self.faults.push(Fault {
                    kind,
                    pointer,
                    reason: detail,
                });
            }
        }
    }
}

impl Fault {
    /// The fault that serde reports at a path.
    pub(super) fn new(path: &Path, reason: &str) -> Self {
        let kind = match reason.starts_with("unknown field") {
            true => ProblemKind::UnknownField,
            false => ProblemKind::InvalidField,
        };
        Self {
            kind,
            pointer: with_absent(pointer(path), reason),
            reason: reason.to_owned(),
        }
    }

    /// Returns true if the pointer is this fault's, or lies below it.
    fn covers(&self, pointer: &str) -> bool {
        let below = pointer.strip_prefix(&self.pointer);
        below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    }

    fn is_missing(&self) -> bool {
        self.reason.starts_with(MISSING)
    }

    fn into_error(self) -> FieldError {
        FieldError {
            pointer: self.pointer,
            detail: self.reason,
        }
    }
}

/// The message of a serde error without its line and column, which count within
/// the item and not within the client's body.
pub(super) fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

const MISSING: &str = "missing field `";

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => push(&mut pointer, &index.to_string()),
            Segment::Map { key } => push(&mut pointer, key),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// Appends the name of a missing or duplicate field: serde's path ends at the
/// object around it.
fn with_absent(mut pointer: String, reason: &str) -> String {
    let about = [MISSING, "duplicate field `"];
    let named = about.iter().find_map(|start| reason.strip_prefix(start));
    if let Some((name, _)) = named.and_then(|rest| rest.split_once('`')) {
        push(&mut pointer, name);
    }
    pointer
}

fn push(pointer: &mut String, part: &str) {
    pointer.push('/');
    pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
}

/// The whole item that a type's schema shows.
fn example<T: Input>() -> Option<Value> {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object
            .example
            .or_else(|| object.examples.into_iter().next()),
        _ => None,
    }
}

/// The value that contains the one at a pointer, and the latter's name in it.
fn parent<'v>(item: &'v mut Value, pointer: &str) -> Option<(&'v mut Value, String)> {
    let (above, name) = pointer.rsplit_once('/')?;
    Some((item.pointer_mut(above)?, unescaped(name)))
}

/// The example's value at a pointer into an item; its lists stand for longer
/// ones by their first element.
fn at<'v>(example: &'v Value, pointer: &str) -> Option<&'v Value> {
    let mut parts = pointer.split('/').skip(1);
    parts.try_fold(example, |value, part| match value {
        Value::Object(fields) => fields.get(&unescaped(part)),
        Value::Array(elements) => elements.first(),
        _ => None,
    })
}

fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}
