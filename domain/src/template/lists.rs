//! Analysis of which expressions may be lists. Adding or multiplying lists is
//! forbidden: the engine would do it lazily while it prints them, and would
//! count neither the time nor the memory against the limits.

use std::collections::BTreeMap;

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Filter};

/// Filters whose result is never a list.
#[rustfmt::skip]
const PLAIN: [&str; 15] = [
    "abs", "bool", "capitalize", "count", "float", "int", "join", "length",
    "lower", "money", "replace", "round", "string", "title", "upper",
];

/// Filters whose result is a list only if an input is one.
pub(super) const SELECTING: [&str; 7] = ["d", "default", "first", "last", "max", "min", "trim"];

/// Fields that contain other values.
pub(super) const CONTAINERS: [&str; 3] = ["attributes", "events", "tags"];

/// Variables that the template sets, each with whether it may be a list.
#[derive(Default)]
pub(super) struct Lists<'t>(BTreeMap<&'t str, bool>);

impl<'t> Lists<'t> {
    /// Records an assignment. Returns false if the variable is a list in one
    /// place and not in another, which is rejected, since in a loop a later
    /// assignment affects earlier uses.
    pub(super) fn assign(&mut self, name: &'t str, is_list: bool) -> bool {
        *self.0.entry(name).or_insert(is_list) == is_list
    }

    /// Returns whether an expression may be a list.
    pub(super) fn may_be_list(&self, expression: &Expr<'t>) -> bool {
        match expression {
            Expr::Var(name) => match self.0.get(name.id) {
                Some(is_list) => *is_list,
                None => CONTAINERS.contains(&name.id),
            },
            Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) | Expr::Call(_) => true,
            Expr::Const(_) | Expr::UnaryOp(_) | Expr::Compare(_) | Expr::Test(_) => false,
            Expr::BinOp(binary) => match binary.op {
                BinOpKind::Add | BinOpKind::ScAnd | BinOpKind::ScOr => {
                    self.may_be_list(&binary.left) || self.may_be_list(&binary.right)
                }
                _ => false,
            },
            Expr::IfExpr(choice) => {
                self.may_be_list(&choice.true_expr)
                    || choice
                        .false_expr
                        .as_ref()
                        .is_some_and(|e| self.may_be_list(e))
            }
            Expr::Slice(slice) => self.may_be_list(&slice.expr),
            Expr::GetItem(item) => self.may_contain_lists(&item.expr),
            Expr::GetAttr(attribute) => self.may_contain_lists(&attribute.expr),
            Expr::Filter(filter) => self.filter_may_be_list(filter),
        }
    }

    /// Returns whether an expression may contain lists. Fields never do.
    pub(super) fn may_contain_lists(&self, expression: &Expr<'t>) -> bool {
        match expression {
            Expr::Var(name) if CONTAINERS.contains(&name.id) => false,
            Expr::Call(_) => false,
            other => self.may_be_list(other),
        }
    }

    fn filter_may_be_list(&self, filter: &Filter<'t>) -> bool {
        let mut given = filter.args.iter().map(|argument| match argument {
            CallArg::Pos(value) | CallArg::Kwarg(_, value) => self.may_be_list(value),
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => true,
        });
        match filter.name {
            name if PLAIN.contains(&name) => false,
            name if SELECTING.contains(&name) => {
                filter
                    .expr
                    .as_ref()
                    .is_none_or(|value| self.may_be_list(value))
                    || given.any(|is| is)
            }
            _ => true,
        }
    }
}
