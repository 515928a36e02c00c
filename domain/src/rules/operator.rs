//! What a condition asks of its field.

use std::fmt;

use super::error::quoted;
use super::field::Kind;

/// A question that a value answers with yes or no. A value that is not there
/// answers every one with no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Between,
    In,
    Present,
    Contains,
    BeginsWith,
    EndsWith,
}

impl Question {
    /// Whether it is asked of texts alone.
    pub(super) fn is_of_text(self) -> bool {
        matches!(self, Self::Contains | Self::BeginsWith | Self::EndsWith)
    }
}

/// Declares the operators, each with its name on the wire and in texts, its
/// question, and whether it means the exact contrary.
macro_rules! operators {
    ($($(#[$doc:meta])* $name:ident = $text:literal $question:ident $negated:literal;)*) => {
        /// An operator, named as react-querybuilder names it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Operator {
            $($(#[$doc])* $name,)*
        }

        impl Operator {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name on the wire and in texts.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            pub(super) fn question(self) -> Question {
                match self { $(Self::$name => Question::$question,)* }
            }

            /// Whether it holds exactly where its question does not: also for
            /// a customer without a value.
            pub(super) fn is_negated(self) -> bool {
                match self { $(Self::$name => $negated,)* }
            }
        }
    };
}

operators! {
    /// The same.
    Equal = "=" Equal false;
    /// Not the same, or no value.
    NotEqual = "!=" Equal true;
    /// Less, or earlier.
    Less = "<" Less false;
    /// Less or the same.
    AtMost = "<=" AtMost false;
    /// More, or later.
    Greater = ">" Greater false;
    /// More or the same.
    AtLeast = ">=" AtLeast false;
    /// From one to another, both included.
    Between = "between" Between false;
    /// Outside, or no value.
    NotBetween = "notBetween" Between true;
    /// One of several.
    In = "in" In false;
    /// None of several, or no value.
    NotIn = "notIn" In true;
    /// No value.
    Null = "null" Present true;
    /// Any value.
    NotNull = "notNull" Present false;
    /// Has a part, in any case; of tags: has one.
    Contains = "contains" Contains false;
    /// Has no such part, or no value.
    DoesNotContain = "doesNotContain" Contains true;
    /// Starts so, in any case.
    BeginsWith = "beginsWith" BeginsWith false;
    /// Starts otherwise, or no value.
    DoesNotBeginWith = "doesNotBeginWith" BeginsWith true;
    /// Ends so, in any case.
    EndsWith = "endsWith" EndsWith false;
    /// Ends otherwise, or no value.
    DoesNotEndWith = "doesNotEndWith" EndsWith true;
}

impl Operator {
    /// The operator of this name, in any case.
    ///
    /// # Errors
    /// What is wrong with the name, for people.
    pub fn named(name: &str) -> Result<Self, String> {
        let found = Self::ALL
            .iter()
            .find(|operator| operator.name().eq_ignore_ascii_case(name));
        found.copied().ok_or_else(|| {
            let shown = quoted(name);
            let known: Vec<&str> = Self::ALL.iter().map(|operator| operator.name()).collect();
            format!(
                "unknown operator {shown}, expected one of {}",
                known.join(" ")
            )
        })
    }

    /// Whether a field of this kind can be asked.
    pub fn fits(self, kind: Kind) -> bool {
        match self.question() {
            Question::Present => true,
            Question::Equal => kind != Kind::Tags,
            Question::Less
            | Question::AtMost
            | Question::Greater
            | Question::AtLeast
            | Question::Between
            | Question::In => !matches!(kind, Kind::Tags | Kind::Flag),
            Question::Contains => matches!(kind, Kind::Text | Kind::Tags | Kind::Attribute),
            Question::BeginsWith | Question::EndsWith => {
                matches!(kind, Kind::Text | Kind::Attribute)
            }
        }
    }

    /// The operators that a field of this kind can be asked with.
    pub fn of(kind: Kind) -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(move |operator| operator.fits(kind))
    }

    /// How many values it takes.
    pub fn arity(self) -> Arity {
        match self.question() {
            Question::Present => Arity::None,
            Question::Between => Arity::Two,
            Question::In => Arity::Many,
            _ => Arity::One,
        }
    }
}

/// How many values an operator takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// None at all.
    None,
    /// One.
    One,
    /// A lower and an upper one.
    Two,
    /// One or more.
    Many,
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
