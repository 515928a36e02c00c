//! Validation of templates. It works on the syntax tree, so that it also finds
//! mistakes in branches that are rarely taken.

use std::collections::BTreeSet;

use minijinja::machinery::ast::{BinOp, BinOpKind, CallArg, Expr, ForLoop, Slice, Stmt};
use minijinja::machinery::{Token, parse, tokenize};

use super::lists::{CONTAINERS, Lists, SELECTING};
use super::values::{FIELDS, Uses};
use super::{NAME, TemplateError};
use crate::MAX_NESTING;

/// Maximum number of tokens between a pair of braces, and of `elif`s. They
/// determine how deep the parser recurses, and the stack is limited.
const MAX_DEPTH: usize = 250;

/// Filters that templates may use. Entries are never removed: campaigns in the
/// log use them. Filters that take the name of another filter, read attributes
/// by name, or lay out text for machines are excluded.
#[rustfmt::skip]
pub(super) const FILTERS: [&str; 30] = [
    "abs", "bool", "capitalize", "count", "d", "default", "dictsort", "first",
    "float", "int", "items", "join", "last", "length", "list", "lower", "max",
    "min", "money", "replace", "reverse", "round", "sort", "split", "string",
    "sum", "title", "trim", "unique", "upper",
];

/// Tests that may follow `is`. Entries are never removed.
#[rustfmt::skip]
pub(super) const TESTS: [&str; 33] = [
    "!=", "<", "<=", "==", ">", ">=", "boolean", "defined", "divisibleby",
    "endingwith", "eq", "equalto", "even", "false", "float", "ge", "gt", "in",
    "int", "integer", "iterable", "le", "lower", "lt", "mapping", "ne", "none",
    "number", "odd", "startingwith", "string", "true", "undefined",
];

/// Functions that may be called. Entries are never removed.
const FUNCTIONS: [&str; 1] = ["range"];

/// Figures below an activity's name in `events`. Keys of `attributes` and names
/// of activities are not known in advance.
const ACTIVITY: [&str; 2] = ["count", "last_at"];

/// Checks that a template parses and names only existing fields. Returns the
/// fields that it uses.
pub(super) fn check(text: &str) -> Result<Uses, TemplateError> {
    check_depth(text)?;
    let tree = parse(text, NAME, Default::default()).map_err(|error| TemplateError::Syntax {
        line: error.line().unwrap_or(1),
        reason: error.detail().unwrap_or("does not parse").to_owned(),
    })?;
    let mut check = Check::default();
    check.statement(&tree)?;
    Ok(check.uses)
}

fn unsupported<T>(line: u16, reason: impl Into<String>) -> Result<T, TemplateError> {
    Err(TemplateError::Unsupported {
        line: line.into(),
        reason: reason.into(),
    })
}

fn check_depth(text: &str) -> Result<(), TemplateError> {
    let (mut tokens, mut elifs) = (0, 0);
    // The parser reports invalid tokens; they need not be reported here.
    for (token, span) in tokenize(text, false, Default::default()).map_while(Result::ok) {
        match token {
            Token::VariableStart | Token::BlockStart => tokens = 0,
            Token::Ident("elif") => elifs += 1,
            _ => tokens += 1,
        }
        if tokens.max(elifs) > MAX_DEPTH {
            return unsupported(span.start_line, "the expression is too long");
        }
    }
    Ok(())
}

/// Walk over a template's syntax tree.
#[derive(Default)]
struct Check<'t> {
    scopes: Vec<BTreeSet<&'t str>>,
    lists: Lists<'t>,
    /// Number of list and map literals around the current expression.
    literal_depth: usize,
    uses: Uses,
}

type Checked = Result<(), TemplateError>;

impl<'t> Check<'t> {
    fn statements(&mut self, statements: &'t [Stmt<'t>]) -> Checked {
        statements.iter().try_for_each(|s| self.statement(s))
    }

    /// Checks a block. Variables set in it are not visible after it.
    fn block(&mut self, names: &'t [(Expr<'t>, Expr<'t>)], body: &'t [Stmt<'t>]) -> Checked {
        self.scopes.push(BTreeSet::new());
        for (name, value) in names {
            self.assign(name, self.lists.may_be_list(value))?;
        }
        self.statements(body)?;
        self.scopes.pop();
        Ok(())
    }

    fn statement(&mut self, statement: &'t Stmt<'t>) -> Checked {
        match statement {
            Stmt::Template(template) => self.block(&[], &template.children),
            Stmt::EmitExpr(emit) => self.expression(&emit.expr),
            Stmt::EmitRaw(_) => Ok(()),
            Stmt::ForLoop(each) if each.recursive => {
                unsupported(each.span().start_line, "loops cannot be recursive")
            }
            Stmt::ForLoop(each) => self.for_loop(each),
            // A variable set in a branch is visible after it.
            Stmt::IfCond(choice) => {
                self.expression(&choice.expr)?;
                self.statements(&choice.true_body)?;
                self.statements(&choice.false_body)
            }
            Stmt::WithBlock(with) => {
                let values = with.assignments.iter().map(|(_, value)| value);
                self.expressions(values)?;
                self.block(&with.assignments, &with.body)
            }
            Stmt::Set(set) => {
                self.expression(&set.expr)?;
                self.assign(&set.target, self.lists.may_be_list(&set.expr))
            }
            Stmt::SetBlock(set) => {
                self.optional(set.filter.as_ref())?;
                self.block(&[], &set.body)?;
                let is_list = set
                    .filter
                    .as_ref()
                    .is_some_and(|f| self.lists.may_be_list(f));
                self.assign(&set.target, is_list)
            }
            Stmt::FilterBlock(filter) => {
                self.expression(&filter.filter)?;
                self.block(&[], &filter.body)
            }
            Stmt::AutoEscape(escape) => {
                unsupported(escape.span().start_line, "autoescape is not supported")
            }
            Stmt::Do(call) => unsupported(call.span().start_line, "`do` is not supported"),
        }
    }

    fn for_loop(&mut self, each: &'t ForLoop<'t>) -> Checked {
        self.expression(&each.iter)?;
        self.scopes.push(BTreeSet::from(["loop"]));
        self.assign(&each.target, self.lists.may_contain_lists(&each.iter))?;
        self.optional(each.filter_expr.as_ref())?;
        self.statements(&each.body)?;
        self.scopes.pop();
        self.block(&[], &each.else_body)
    }

    fn assign(&mut self, target: &'t Expr<'t>, is_list: bool) -> Checked {
        let line = target.span().start_line;
        let mut each = |items: &'t [Expr<'t>]| {
            let mut items = items.iter();
            items.try_for_each(|item| self.assign(item, is_list))
        };
        match target {
            Expr::Var(name) => self.assign_name(name.id, is_list, line),
            Expr::List(list) => each(&list.items),
            Expr::Tuple(tuple) => each(&tuple.items),
            _ => unsupported(line, "only names can be set"),
        }
    }

    fn assign_name(&mut self, name: &'t str, is_list: bool, line: u16) -> Checked {
        let is_plain = FIELDS.contains(&name) && !CONTAINERS.contains(&name);
        if CONTAINERS.contains(&name) || (is_plain && is_list) {
            return unsupported(
                line,
                format!("{name} is a field, use another name for the list"),
            );
        }
        if !self.lists.assign(name, is_list) {
            let reason = format!("{name} is a list in one place and not in another");
            return unsupported(line, reason);
        }
        self.scopes.last_mut().map(|names| names.insert(name));
        Ok(())
    }

    fn expressions(&mut self, mut expressions: impl Iterator<Item = &'t Expr<'t>>) -> Checked {
        expressions.try_for_each(|expression| self.expression(expression))
    }

    fn optional(&mut self, expression: Option<&'t Expr<'t>>) -> Checked {
        self.expressions(expression.into_iter())
    }

    fn arguments(&mut self, arguments: &'t [CallArg<'t>]) -> Checked {
        self.expressions(arguments.iter().map(|argument| match argument {
            CallArg::Pos(value)
            | CallArg::Kwarg(_, value)
            | CallArg::PosSplat(value)
            | CallArg::KwargSplat(value) => value,
        }))
    }

    fn expression(&mut self, expression: &'t Expr<'t>) -> Checked {
        let line = expression.span().start_line;
        match expression {
            Expr::Const(_) => Ok(()),
            Expr::Var(name) => {
                self.uses.add_path(&[name.id]);
                self.name(name.id, line)
            }
            Expr::UnaryOp(unary) => self.expression(&unary.expr),
            Expr::BinOp(binary) => self.binary(binary, line),
            Expr::Compare(compare) => {
                self.expression(&compare.expr)?;
                self.expressions(compare.ops.iter().map(|operand| &operand.expr))
            }
            Expr::IfExpr(choice) => {
                self.expressions([&choice.test_expr, &choice.true_expr].into_iter())?;
                self.optional(choice.false_expr.as_ref())
            }
            Expr::Slice(slice) => self.slice(slice, line),
            Expr::GetItem(item) => {
                self.container(expression, &item.expr, line)?;
                self.expression(&item.subscript_expr)
            }
            Expr::GetAttr(attribute) => {
                self.container(expression, &attribute.expr, line)?;
                self.path(expression)
            }
            Expr::List(list) => self.elements(list.items.iter()),
            Expr::Tuple(tuple) => self.elements(tuple.items.iter()),
            Expr::Map(map) => self.elements(map.keys.iter().chain(&map.values)),
            Expr::Filter(_) | Expr::Test(_) | Expr::Call(_) => self.operation(expression, line),
        }
    }

    /// Checks the container of an attribute or item: `attributes` in
    /// `attributes.size`. If the whole path is constant, the template uses only
    /// that part of the container.
    fn container(&mut self, part: &'t Expr<'t>, container: &'t Expr<'t>, line: u16) -> Checked {
        match constant_path(part).as_deref() {
            Some(path @ [name, ..]) => {
                self.uses.add_path(path);
                self.name(name, line)?;
                self.path(container)
            }
            _ => self.expression(container),
        }
    }

    /// Checks a slice. A slice of an undefined value is an empty list, which
    /// would be printed with its brackets. Most filters reject undefined
    /// values, so their results can be sliced.
    fn slice(&mut self, slice: &'t Slice<'t>, line: u16) -> Checked {
        let is_there = match &slice.expr {
            Expr::Var(name) => name.id == "tags",
            Expr::Filter(filter) => !SELECTING.contains(&filter.name),
            _ => false,
        };
        if !is_there {
            return unsupported(line, "only a text can be sliced: (name | string)[:3]");
        }
        self.expression(&slice.expr)?;
        let bounds = [&slice.start, &slice.stop, &slice.step];
        self.expressions(bounds.into_iter().flatten())
    }

    fn binary(&mut self, binary: &'t BinOp<'t>, line: u16) -> Checked {
        self.expressions([&binary.left, &binary.right].into_iter())?;
        let lists = [&binary.left, &binary.right].map(|operand| self.lists.may_be_list(operand));
        match (binary.op, lists) {
            (BinOpKind::Add, [true, true]) => {
                unsupported(line, "lists cannot be added: print each with join")
            }
            (BinOpKind::Mul, [true, _] | [_, true]) => unsupported(
                line,
                "a value that may be a list cannot be multiplied, convert it with float",
            ),
            _ => Ok(()),
        }
    }

    fn operation(&mut self, expression: &'t Expr<'t>, line: u16) -> Checked {
        match expression {
            Expr::Filter(filter) if !FILTERS.contains(&filter.name) => {
                let known = FILTERS.join(", ");
                unsupported(
                    line,
                    format!("unknown filter {:?}, expected one of {known}", filter.name),
                )
            }
            Expr::Filter(filter) => {
                if filter.name == "money" {
                    self.uses.add_currency();
                }
                self.optional(filter.expr.as_ref())?;
                self.arguments(&filter.args)
            }
            Expr::Test(test) if !TESTS.contains(&test.name) => {
                unsupported(line, format!("unknown test {:?}", test.name))
            }
            Expr::Test(test) => {
                self.expression(&test.expr)?;
                self.arguments(&test.args)
            }
            Expr::Call(call) => match &call.expr {
                Expr::Var(function) if FUNCTIONS.contains(&function.id) => {
                    self.arguments(&call.args)
                }
                _ => unsupported(line, "only range can be called"),
            },
            _ => Ok(()),
        }
    }

    /// Checks the elements of a list or a map. They must not be variables:
    /// nested lists could become as deep as loops are long, and the stack is
    /// limited.
    fn elements(&mut self, values: impl Iterator<Item = &'t Expr<'t>>) -> Checked {
        self.literal_depth += 1;
        self.expressions(values)?;
        self.literal_depth -= 1;
        Ok(())
    }

    fn is_assigned(&self, name: &str) -> bool {
        self.scopes.iter().any(|names| names.contains(name))
    }

    fn name(&self, name: &str, line: u16) -> Checked {
        match self.is_assigned(name) {
            true if self.literal_depth > 0 => unsupported(
                line,
                format!("a list or map cannot hold the variable {name:?}"),
            ),
            true => Ok(()),
            false if FIELDS.contains(&name) => Ok(()),
            false => Err(TemplateError::Unknown(name.to_owned())),
        }
    }

    /// Checks that a path names known figures. Most fields have no subfields.
    fn path(&self, expression: &Expr<'t>) -> Checked {
        let Some(path) = path(expression) else {
            return Ok(());
        };
        let is_known = match path.as_slice() {
            [_] => true,
            [first, ..] if self.is_assigned(first) => true,
            ["events", _] => true,
            ["attributes", names @ ..] => names.len() <= MAX_NESTING,
            ["events", _, last] => ACTIVITY.contains(last),
            _ => false,
        };
        match is_known {
            true => Ok(()),
            false => Err(TemplateError::Unknown(path.join("."))),
        }
    }
}

/// Returns the path of a variable followed only by names and constant
/// subscripts: `["events", "visit", "count"]`.
fn constant_path<'t>(expression: &'t Expr<'t>) -> Option<Vec<&'t str>> {
    let (container, step) = match expression {
        Expr::Var(name) => return Some(vec![name.id]),
        Expr::GetAttr(attribute) => (&attribute.expr, attribute.name),
        Expr::GetItem(item) => match &item.subscript_expr {
            Expr::Const(constant) => (&item.expr, constant.value.as_str()?),
            _ => return None,
        },
        _ => return None,
    };
    let mut path = constant_path(container)?;
    path.push(step);
    Some(path)
}

/// Returns the path of an expression that consists only of names:
/// `["events", "visit", "count"]`.
fn path<'t>(expression: &Expr<'t>) -> Option<Vec<&'t str>> {
    match expression {
        Expr::Var(name) => Some(vec![name.id]),
        Expr::GetAttr(attribute) => {
            let mut path = path(&attribute.expr)?;
            path.push(attribute.name);
            Some(path)
        }
        _ => None,
    }
}
