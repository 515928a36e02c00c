//! Operators of conditions.

use std::fmt;

use super::error::quoted;
use super::field::Kind;

/// Positive part of an operator: a comparison that holds or does not hold for a
/// value. It never holds for a missing value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
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

impl Comparison {
    /// Returns whether the comparison applies to texts only.
    pub(super) fn is_of_text(self) -> bool {
        matches!(self, Self::Contains | Self::BeginsWith | Self::EndsWith)
    }
}

/// Declares the operators: the name in JSON and texts, the comparison, and
/// whether the comparison is negated.
macro_rules! operators {
    ($($(#[$doc:meta])* $name:ident = $text:literal $comparison:ident $negated:literal;)*) => {
        /// Operator, named as in react-querybuilder.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Operator {
            $($(#[$doc])* $name,)*
        }

        impl Operator {
            /// All operators.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the name in JSON and in texts.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            pub(super) fn comparison(self) -> Comparison {
                match self { $(Self::$name => Comparison::$comparison,)* }
            }

            /// Returns whether the operator holds exactly where its comparison
            /// does not, which includes customers without a value.
            pub(super) fn is_negated(self) -> bool {
                match self { $(Self::$name => $negated,)* }
            }
        }
    };
}

operators! {
    /// Equal.
    Equal = "=" Equal false;
    /// Not equal, or no value.
    NotEqual = "!=" Equal true;
    /// Less than, or earlier than.
    Less = "<" Less false;
    /// Less than or equal, or not later than.
    AtMost = "<=" AtMost false;
    /// Greater than, or later than.
    Greater = ">" Greater false;
    /// Greater than or equal, or not earlier than.
    AtLeast = ">=" AtLeast false;
    /// Between two values, both included.
    Between = "between" Between false;
    /// Outside the range of two values, or no value.
    NotBetween = "notBetween" Between true;
    /// Equal to one of several values.
    In = "in" In false;
    /// Equal to none of several values, or no value.
    NotIn = "notIn" In true;
    /// Has no value.
    Null = "null" Present true;
    /// Has a value.
    NotNull = "notNull" Present false;
    /// Contains a part, ignoring case; for tags: has this tag.
    Contains = "contains" Contains false;
    /// Does not contain the part or tag, or has no value.
    DoesNotContain = "doesNotContain" Contains true;
    /// Begins with a text, ignoring case.
    BeginsWith = "beginsWith" BeginsWith false;
    /// Does not begin with the text, or has no value.
    DoesNotBeginWith = "doesNotBeginWith" BeginsWith true;
    /// Ends with a text, ignoring case.
    EndsWith = "endsWith" EndsWith false;
    /// Does not end with the text, or has no value.
    DoesNotEndWith = "doesNotEndWith" EndsWith true;
}

impl Operator {
    /// Looks up an operator by its name, ignoring case.
    ///
    /// # Errors
    /// A message for the user that describes the problem with the name.
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

    /// Returns whether the operator can be used on fields of this kind.
    pub fn fits(self, kind: Kind) -> bool {
        match self.comparison() {
            Comparison::Present => true,
            Comparison::Equal => kind != Kind::Tags,
            Comparison::Less
            | Comparison::AtMost
            | Comparison::Greater
            | Comparison::AtLeast
            | Comparison::Between
            | Comparison::In => !matches!(kind, Kind::Tags | Kind::Flag),
            Comparison::Contains => matches!(kind, Kind::Text | Kind::Tags | Kind::Attribute),
            Comparison::BeginsWith | Comparison::EndsWith => {
                matches!(kind, Kind::Text | Kind::Attribute)
            }
        }
    }

    /// Returns the operators that can be used on fields of this kind.
    pub fn of(kind: Kind) -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(move |operator| operator.fits(kind))
    }

    /// Returns how many values the operator takes.
    pub fn arity(self) -> Arity {
        match self.comparison() {
            Comparison::Present => Arity::None,
            Comparison::Between => Arity::Two,
            Comparison::In => Arity::Many,
            _ => Arity::One,
        }
    }
}

/// Number of values that an operator takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// No value.
    None,
    /// One value.
    One,
    /// A lower and an upper value.
    Two,
    /// One or more values.
    Many,
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
