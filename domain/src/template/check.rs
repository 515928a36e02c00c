//! What a template may say. Checked on its syntax tree, so that mistakes are
//! found in branches that are rarely taken, too.

use std::collections::BTreeSet;

use minijinja::Error;
use minijinja::machinery::ast::{BinOp, BinOpKind, CallArg, Expr, ForLoop, Slice, Stmt};
use minijinja::machinery::{Token, parse, tokenize};

use super::lists::{CHOOSING, HOLDERS, Lists};
use super::values::{FIELDS, Uses};
use super::{NAME, TemplateError};

/// The most tokens between a pair of braces, and the most `elif`s: the parser
/// goes as deep as these say, and a stack has an end.
const MAX_DEPTH: usize = 250;

/// The filters that templates may use. What is once here stays: campaigns in
/// the log use it. Not here are those that take another filter's name as a
/// value, that reach for attributes, or that lay out text for machines.
#[rustfmt::skip]
pub(super) const FILTERS: [&str; 30] = [
    "abs", "bool", "capitalize", "count", "d", "default", "dictsort", "first",
    "float", "int", "items", "join", "last", "length", "list", "lower", "max",
    "min", "money", "replace", "reverse", "round", "sort", "split", "string",
    "sum", "title", "trim", "unique", "upper",
];

/// What may stand after `is`. What is once here stays.
#[rustfmt::skip]
pub(super) const TESTS: [&str; 33] = [
    "!=", "<", "<=", "==", ">", ">=", "boolean", "defined", "divisibleby",
    "endingwith", "eq", "equalto", "even", "false", "float", "ge", "gt", "in",
    "int", "integer", "iterable", "le", "lower", "lt", "mapping", "ne", "none",
    "number", "odd", "startingwith", "string", "true", "undefined",
];

/// What may be called. What is once here stays.
const FUNCTIONS: [&str; 1] = ["range"];

/// What the fields with fields of their own have below them: nothing known
/// of attributes, and of events below an activity's name.
const ACTIVITY: [&str; 2] = ["count", "last_at"];

/// Checks that the template parses and names only fields that exist. Returns
/// what it uses of a customer.
pub(super) fn check(text: &str) -> Result<Uses, TemplateError> {
    check_depth(text)?;
    let tree = parse(text, NAME, Default::default()).map_err(|error| syntax(&error))?;
    let mut check = Check::default();
    check.statement(&tree)?;
    Ok(check.uses)
}

fn syntax(error: &Error) -> TemplateError {
    TemplateError::Syntax {
        line: error.line().unwrap_or(1),
        reason: error.detail().unwrap_or("does not parse").to_owned(),
    }
}

fn unsupported<T>(line: u16, reason: impl Into<String>) -> Result<T, TemplateError> {
    Err(TemplateError::Unsupported {
        line: line.into(),
        reason: reason.into(),
    })
}

fn check_depth(text: &str) -> Result<(), TemplateError> {
    let (mut tokens, mut elifs) = (0, 0);
    // A token that is none is the parser's to tell.
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

/// The names that the template itself gave, by how far they reach.
#[derive(Default)]
struct Check<'t> {
    scopes: Vec<BTreeSet<&'t str>>,
    lists: Lists<'t>,
    /// How many lists and maps are around.
    within: usize,
    uses: Uses,
}

type Checked = Result<(), TemplateError>;

impl<'t> Check<'t> {
    fn statements(&mut self, statements: &'t [Stmt<'t>]) -> Checked {
        statements.iter().try_for_each(|s| self.statement(s))
    }

    /// Names given in these reach no further.
    fn block(&mut self, names: &'t [(Expr<'t>, Expr<'t>)], body: &'t [Stmt<'t>]) -> Checked {
        self.scopes.push(BTreeSet::new());
        for (name, value) in names {
            self.assign(name, self.lists.has(value))?;
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
            Stmt::ForLoop(each) => self.each(each),
            // A name given in a branch reaches beyond it.
            Stmt::IfCond(choice) => {
                self.expression(&choice.expr)?;
                self.statements(&choice.true_body)?;
                self.statements(&choice.false_body)
            }
            Stmt::WithBlock(with) => {
                let values = with.assignments.iter().map(|(_, value)| value);
                self.all(values)?;
                self.block(&with.assignments, &with.body)
            }
            Stmt::Set(set) => {
                self.expression(&set.expr)?;
                self.assign(&set.target, self.lists.has(&set.expr))
            }
            Stmt::SetBlock(set) => {
                self.optional(set.filter.as_ref())?;
                self.block(&[], &set.body)?;
                let is_list = set.filter.as_ref().is_some_and(|f| self.lists.has(f));
                self.assign(&set.target, is_list)
            }
            Stmt::FilterBlock(filter) => {
                self.expression(&filter.filter)?;
                self.block(&[], &filter.body)
            }
            Stmt::AutoEscape(escape) => {
                unsupported(escape.span().start_line, "a message is not escaped")
            }
            Stmt::Do(call) => unsupported(call.span().start_line, "`do` does nothing here"),
        }
    }

    fn each(&mut self, each: &'t ForLoop<'t>) -> Checked {
        self.expression(&each.iter)?;
        self.scopes.push(BTreeSet::from(["loop"]));
        self.assign(&each.target, self.lists.holds(&each.iter))?;
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
            Expr::Var(name) => self.give(name.id, is_list, line),
            Expr::List(list) => each(&list.items),
            Expr::Tuple(tuple) => each(&tuple.items),
            _ => unsupported(line, "only names can be set"),
        }
    }

    fn give(&mut self, name: &'t str, is_list: bool, line: u16) -> Checked {
        let is_plain = FIELDS.contains(&name) && !HOLDERS.contains(&name);
        if HOLDERS.contains(&name) || (is_plain && is_list) {
            return unsupported(
                line,
                format!("{name} is a field, give the list another name"),
            );
        }
        if !self.lists.give(name, is_list) {
            let reason = format!("{name} is a list in one place and none in another");
            return unsupported(line, reason);
        }
        self.scopes.last_mut().map(|names| names.insert(name));
        Ok(())
    }

    fn all(&mut self, mut expressions: impl Iterator<Item = &'t Expr<'t>>) -> Checked {
        expressions.try_for_each(|expression| self.expression(expression))
    }

    fn optional(&mut self, expression: Option<&'t Expr<'t>>) -> Checked {
        self.all(expression.into_iter())
    }

    fn arguments(&mut self, arguments: &'t [CallArg<'t>]) -> Checked {
        self.all(arguments.iter().map(|argument| match argument {
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
                self.all(compare.ops.iter().map(|operand| &operand.expr))
            }
            Expr::IfExpr(choice) => {
                self.all([&choice.test_expr, &choice.true_expr].into_iter())?;
                self.optional(choice.false_expr.as_ref())
            }
            Expr::Slice(slice) => self.slice(slice, line),
            Expr::GetItem(item) => {
                self.holder(expression, &item.expr, line)?;
                self.expression(&item.subscript_expr)
            }
            Expr::GetAttr(attribute) => {
                self.holder(expression, &attribute.expr, line)?;
                self.path(expression)
            }
            Expr::List(list) => self.held(list.items.iter()),
            Expr::Tuple(tuple) => self.held(tuple.items.iter()),
            Expr::Map(map) => self.held(map.keys.iter().chain(&map.values)),
            Expr::Filter(_) | Expr::Test(_) | Expr::Call(_) => self.operation(expression, line),
        }
    }

    /// What a part is taken of: `attributes` in `attributes.size`. The template
    /// uses that part alone where its name stands in the template.
    fn holder(&mut self, part: &'t Expr<'t>, holder: &'t Expr<'t>, line: u16) -> Checked {
        match constant_path(part).as_deref() {
            Some(path @ [name, ..]) => {
                self.uses.add_path(path);
                self.name(name, line)?;
                self.path(holder)
            }
            _ => self.expression(holder),
        }
    }

    /// A slice of what has no value is an empty list, whose braces would be
    /// sent. Most filters refuse to take what has no value.
    fn slice(&mut self, slice: &'t Slice<'t>, line: u16) -> Checked {
        let is_there = match &slice.expr {
            Expr::Var(name) => name.id == "tags",
            Expr::Filter(filter) => !CHOOSING.contains(&filter.name),
            _ => false,
        };
        if !is_there {
            return unsupported(line, "a slice is made of a text: (name | string)[:3]");
        }
        self.expression(&slice.expr)?;
        let bounds = [&slice.start, &slice.stop, &slice.step];
        self.all(bounds.into_iter().flatten())
    }

    fn binary(&mut self, binary: &'t BinOp<'t>, line: u16) -> Checked {
        self.all([&binary.left, &binary.right].into_iter())?;
        let lists = [&binary.left, &binary.right].map(|operand| self.lists.has(operand));
        match (binary.op, lists) {
            (BinOpKind::Add, [true, true]) => unsupported(line, "lists cannot be added, use ~"),
            (BinOpKind::Mul, [true, _] | [_, true]) => unsupported(
                line,
                "what may be a list cannot be multiplied, make it a float",
            ),
            _ => Ok(()),
        }
    }

    fn operation(&mut self, expression: &'t Expr<'t>, line: u16) -> Checked {
        match expression {
            Expr::Filter(filter) if !FILTERS.contains(&filter.name) => {
                let known = FILTERS.join(", ");
                unsupported(line, format!("no filter {:?}, only {known}", filter.name))
            }
            Expr::Filter(filter) => {
                if filter.name == "money" {
                    self.uses.add_currency();
                }
                self.optional(filter.expr.as_ref())?;
                self.arguments(&filter.args)
            }
            Expr::Test(test) if !TESTS.contains(&test.name) => {
                unsupported(line, format!("nothing can be tested for {:?}", test.name))
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

    /// The values of a list or a map. Names that the template gave are none:
    /// lists of lists of lists could be as deep as loops are long, and a stack
    /// has an end.
    fn held(&mut self, values: impl Iterator<Item = &'t Expr<'t>>) -> Checked {
        self.within += 1;
        self.all(values)?;
        self.within -= 1;
        Ok(())
    }

    fn is_given(&self, name: &str) -> bool {
        self.scopes.iter().any(|names| names.contains(name))
    }

    fn name(&self, name: &str, line: u16) -> Checked {
        match self.is_given(name) {
            true if self.within > 0 => unsupported(
                line,
                format!("a list or map cannot hold the variable {name:?}"),
            ),
            true => Ok(()),
            false if FIELDS.contains(&name) => Ok(()),
            false => Err(TemplateError::Unknown(name.to_owned())),
        }
    }

    /// Below most fields there is nothing.
    fn path(&self, expression: &Expr<'t>) -> Checked {
        let Some(path) = path(expression) else {
            return Ok(());
        };
        let is_known = match path.as_slice() {
            [_] => true,
            [first, ..] if self.is_given(first) => true,
            ["attributes" | "events", _] => true,
            ["events", _, last] => ACTIVITY.contains(last),
            _ => false,
        };
        match is_known {
            true => Ok(()),
            false => Err(TemplateError::Unknown(path.join("."))),
        }
    }
}

/// `["events", "visit", "count"]`, if it is a variable and then nothing but
/// names and constant subscripts.
fn constant_path<'t>(expression: &'t Expr<'t>) -> Option<Vec<&'t str>> {
    let (holder, step) = match expression {
        Expr::Var(name) => return Some(vec![name.id]),
        Expr::GetAttr(attribute) => (&attribute.expr, attribute.name),
        Expr::GetItem(item) => match &item.subscript_expr {
            Expr::Const(constant) => (&item.expr, constant.value.as_str()?),
            _ => return None,
        },
        _ => return None,
    };
    let mut path = constant_path(holder)?;
    path.push(step);
    Some(path)
}

/// `["events", "visit", "count"]`, if it is nothing but names.
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
