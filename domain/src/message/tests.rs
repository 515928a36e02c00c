//! Messages, given-when-then.
