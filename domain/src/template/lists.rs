//! Which expressions may be lists. Lists are not added or multiplied: the
//! engine makes that of them only when they are shown, and then counts neither
//! the time nor the memory.

use std::collections::BTreeMap;

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Filter};

/// The filters of which no list comes.
#[rustfmt::skip]
const PLAIN: [&str; 15] = [
    "abs", "bool", "capitalize", "count", "float", "int", "join", "length",
    "lower", "money", "replace", "round", "string", "title", "upper",
];

/// The filters of which a list comes only if one went in.
pub(super) const CHOOSING: [&str; 7] = ["d", "default", "first", "last", "max", "min", "trim"];

/// The fields that hold others.
pub(super) const HOLDERS: [&str; 3] = ["attributes", "events", "tags"];

/// The names that the template gave, and whether each may be a list.
#[derive(Default)]
pub(super) struct Lists<'t>(BTreeMap<&'t str, bool>);

impl<'t> Lists<'t> {
    /// Whether a name may be given to a list, or to what is none. It is the
    /// one or the other everywhere, as loops come back to where they were.
    pub(super) fn give(&mut self, name: &'t str, is_list: bool) -> bool {
        *self.0.entry(name).or_insert(is_list) == is_list
    }

    /// Whether it may be a list.
    pub(super) fn has(&self, expression: &Expr<'t>) -> bool {
        match expression {
            Expr::Var(name) => match self.0.get(name.id) {
                Some(is_list) => *is_list,
                None => HOLDERS.contains(&name.id),
            },
            Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) | Expr::Call(_) => true,
            Expr::Const(_) | Expr::UnaryOp(_) | Expr::Compare(_) | Expr::Test(_) => false,
            Expr::BinOp(binary) => match binary.op {
                BinOpKind::Add | BinOpKind::ScAnd | BinOpKind::ScOr => {
                    self.has(&binary.left) || self.has(&binary.right)
                }
                _ => false,
            },
            Expr::IfExpr(choice) => {
                self.has(&choice.true_expr)
                    || choice.false_expr.as_ref().is_some_and(|e| self.has(e))
            }
            Expr::Slice(slice) => self.has(&slice.expr),
            Expr::GetItem(item) => self.holds(&item.expr),
            Expr::GetAttr(attribute) => self.holds(&attribute.expr),
            Expr::Filter(filter) => self.filtered(filter),
        }
    }

    /// Whether there may be lists in it. There are none in fields.
    pub(super) fn holds(&self, expression: &Expr<'t>) -> bool {
        match expression {
            Expr::Var(name) if HOLDERS.contains(&name.id) => false,
            Expr::Call(_) => false,
            other => self.has(other),
        }
    }

    fn filtered(&self, filter: &Filter<'t>) -> bool {
        let mut given = filter.args.iter().map(|argument| match argument {
            CallArg::Pos(value) | CallArg::Kwarg(_, value) => self.has(value),
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => true,
        });
        match filter.name {
            name if PLAIN.contains(&name) => false,
            name if CHOOSING.contains(&name) => {
                filter.expr.as_ref().is_none_or(|value| self.has(value)) || given.any(|is| is)
            }
            _ => true,
        }
    }
}
