//! Finds every fault of one item.
//!
//! serde stops at the first fault of an item. To find the next one, the item is
//! repaired at the fault and parsed again: the field is removed, or gets its value
//! from the type's example. Only rejected items pay this cost.

use serde_json::Value;
use serde_path_to_error::{Path, Segment};
use utoipa::openapi::{RefOr, Schema};

use super::input::Input;
use crate::http::problem::{FieldError, MAX_ERRORS, Problem, ProblemKind};

/// Budget of one request for parsing rejected items again, in bytes. Beyond it, only
/// the first fault of an item is listed.
const EXAMINED_BYTES: usize = 16 * 1024 * 1024;

/// Maximum length in bytes of an item that is parsed again: as a [`Value`] it takes
/// up to 16 times the memory of its text.
pub(super) const MAX_EXAMINED: usize = 256 * 1024;

/// Examiner of a request's rejected items. It finds all faults of an item,
/// within the rest of [`EXAMINED_BYTES`].
pub(super) struct Examiner {
    left: usize,
    /// Valid example of the type, if it has one; built on first use.
    example: Option<Option<Value>>,
}

/// Fault of an item.
pub(super) struct Fault {
    pub(super) kind: ProblemKind,
    pub(super) pointer: String,
    pub(super) reason: String,
}

impl Default for Examiner {
    fn default() -> Self {
        Self {
            left: EXAMINED_BYTES,
            example: None,
        }
    }
}

impl Examiner {
    /// Finds every fault of an item, given the first one. The problem has the kind of
    /// the first fault. `check` runs on the repaired item.
    pub(super) fn examine<T: Input>(
        &mut self,
        text: &str,
        first: Fault,
        check: impl Fn(&T) -> Result<(), Problem>,
    ) -> Problem {
        let kind = first.kind;
        let item = match text.len() <= MAX_EXAMINED && text.len() <= self.left {
            true => {
                self.left -= text.len();
                serde_json::from_str(text).ok()
            }
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
        repaired.find_faults(text.len(), &mut self.left, check);
        let errors = repaired.faults.into_iter().map(Fault::into_error);
        Problem::fields(kind, errors.collect())
    }
}

/// Item in which the faults found so far are repaired.
struct RepairedItem<'a> {
    item: Value,
    example: Option<&'a Value>,
    faults: Vec<Fault>,
}

impl RepairedItem<'_> {
    /// Finds more faults, until there are none or one cannot be repaired.
    fn find_faults<T: Input>(
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
                // The field was removed, but it is required.
                Some(known) if fault.is_missing() => self.fill(&self.faults[known].pointer.clone()),
                Some(_) => false,
                None => {
                    self.faults.push(fault);
                    self.repair_last()
                }
            };
        }
    }

    /// Repairs the item at the last fault. Returns false if that is not possible.
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
            // Removing an element would shift the pointers of the others.
            Some((Value::Array(_), _)) => self.fill(&pointer),
            _ => false,
        }
    }

    /// Copies the example's value at a pointer into the item. Returns false if there
    /// is none, or if the item has that value already.
    fn fill(&mut self, pointer: &str) -> bool {
        let Some(value) = self
            .example
            .and_then(|example| example_at(example, pointer))
        else {
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

    /// Adds the faults of the item as a whole. Leaves out faults in repaired fields,
    /// since those may come from the repair.
    fn add(&mut self, checked: Result<(), Problem>) {
        let Err(problem) = checked else { return };
        let kind = problem.kind();
        for FieldError { pointer, detail } in problem.into_errors() {
            let is_repaired = |fault: &Fault| {
                let below = pointer.strip_prefix(&fault.pointer);
                below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
            };
            if !self.faults.iter().any(is_repaired) {
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
    /// Creates the fault that serde reports at a path.
    pub(super) fn new(path: &Path, reason: &str) -> Self {
        let kind = match reason.starts_with("unknown field") {
            true => ProblemKind::UnknownField,
            false => ProblemKind::InvalidField,
        };
        // serde's path ends at the object that lacks a field or has it twice.
        let mut pointer = pointer(path);
        let about = [MISSING, "duplicate field `"];
        let named = about.iter().find_map(|start| reason.strip_prefix(start));
        if let Some((name, _)) = named.and_then(|rest| rest.split_once('`')) {
            push_segment(&mut pointer, name);
        }
        Self {
            kind,
            pointer,
            reason: reason.to_owned(),
        }
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

/// Returns the message of a serde error without its line and column, which are
/// relative to the item and not to the client's body.
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
            Segment::Seq { index } => push_segment(&mut pointer, &index.to_string()),
            Segment::Map { key } => push_segment(&mut pointer, key),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

fn push_segment(pointer: &mut String, part: &str) {
    pointer.push('/');
    pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
}

/// Returns the example of a type's schema.
fn example<T: Input>() -> Option<Value> {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object
            .example
            .or_else(|| object.examples.into_iter().next()),
        _ => None,
    }
}

/// Returns the container of the value at a pointer, and the value's name in it.
fn parent<'v>(item: &'v mut Value, pointer: &str) -> Option<(&'v mut Value, String)> {
    let (above, name) = pointer.rsplit_once('/')?;
    Some((item.pointer_mut(above)?, unescaped(name)))
}

/// Returns the example's value at a pointer into an item. The first element of an
/// example's list stands for every element of an item's list.
fn example_at<'v>(example: &'v Value, pointer: &str) -> Option<&'v Value> {
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
