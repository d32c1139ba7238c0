//! Runs statements.

use std::collections::BTreeMap;

use super::lexer::{Token, tokens};
use super::parser::{parameters, parse};
use super::syntax::{Expr, Procedure, Statement};
use super::value::{Value, convert};
use super::{Failure, Host, Rows, functions};
use crate::support::contract::SqlType;

/// Far above what the script needs: a loop that does not end is a defect.
const MOST_STATEMENTS: usize = 50_000_000;

/// An error on its way, and the level at which CATCH cannot have it.
#[derive(Clone, Debug)]
pub struct Uncaught {
    pub failure: Failure,
    unbound_at: Option<usize>,
}

impl Uncaught {
    fn new(number: i32, text: impl Into<String>) -> Self {
        Self {
            failure: Failure {
                number,
                text: text.into(),
            },
            unbound_at: None,
        }
    }
}

/// How a statement ends.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Return,
}

type Ran<T> = Result<T, Uncaught>;

/// Variables with their types.
#[derive(Default)]
struct Scope(BTreeMap<String, (SqlType, Value)>);

struct Cursor {
    select: String,
    rows: Option<std::vec::IntoIter<Vec<Value>>>,
}

/// A session's part of a batch.
pub struct Interpreter<'h> {
    host: &'h mut dyn Host,
    printed: Vec<String>,
    cursors: BTreeMap<String, Cursor>,
    fetch_status: i64,
    /// What CATCH blocks around this see.
    caught: Vec<Failure>,
    level: usize,
    statements: usize,
}

impl<'h> Interpreter<'h> {
    pub fn new(host: &'h mut dyn Host) -> Self {
        Self {
            host,
            printed: Vec::new(),
            cursors: BTreeMap::new(),
            fetch_status: 0,
            caught: Vec::new(),
            level: 0,
            statements: 0,
        }
    }

    /// Runs a batch: what it printed, and the error that ended it.
    pub fn run(mut self, batch: &str) -> (Vec<String>, Option<Uncaught>) {
        let ended = self.batch(batch, &mut Scope::default());
        (self.printed, ended.err())
    }

    fn batch(&mut self, text: &str, scope: &mut Scope) -> Ran<()> {
        let statements = parse(text).map_err(|why| {
            self.host.gap(format!("not understood, {why}: {text}"));
            Uncaught::new(102, format!("Incorrect syntax ({why})."))
        })?;
        self.all(&statements, scope).map(drop)
    }

    fn all(&mut self, statements: &[Statement], scope: &mut Scope) -> Ran<Flow> {
        for statement in statements {
            let flow = self.one(statement, scope)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn one(&mut self, statement: &Statement, scope: &mut Scope) -> Ran<Flow> {
        self.statements += 1;
        assert!(self.statements < MOST_STATEMENTS, "a loop without end");
        match statement {
            Statement::Declare(declared) => {
                for (name, ty, value) in declared {
                    let value = match value {
                        Some(value) => self.value(value, scope, None)?,
                        None => Value::Null,
                    };
                    scope.0.insert(name.clone(), (*ty, Value::Null));
                    self.assign(scope, name, value)?;
                }
            }
            Statement::Assign(assigned) => {
                for (name, value) in assigned {
                    let value = self.value(value, scope, None)?;
                    self.assign(scope, name, value)?;
                }
            }
            Statement::AssignRows {
                variable,
                line,
                query,
            } => self.rows(variable, line, query, scope)?,
            Statement::Option(words) => {
                if !self.host.option(words) {
                    let text = format!("'{}' is not a recognized SET option.", words.join(" "));
                    return Err(Uncaught::new(195, text));
                }
            }
            Statement::Block(inner) => return self.all(inner, scope),
            Statement::If(condition, then, other) => {
                let holds = self.holds(condition, scope)? == Some(true);
                let chosen = if holds { Some(then) } else { other.as_ref() };
                return chosen.map_or(Ok(Flow::On), |chosen| self.one(chosen, scope));
            }
            Statement::While(condition, body) => return self.repeat(condition, body, scope),
            Statement::Try(tried, caught) => return self.attempt(tried, caught, scope),
            Statement::Execute {
                procedure,
                arguments,
            } => self.execute(procedure, arguments, scope)?,
            Statement::Print(text) => self.print(text, scope)?,
            Statement::DeclareCursor { name, select } => {
                let select = select.clone();
                self.cursors
                    .insert(name.clone(), Cursor { select, rows: None });
            }
            Statement::Open(name) => self.open(name)?,
            Statement::Fetch(name, into) => self.fetch(name, into, scope)?,
            Statement::Break => return Ok(Flow::Break),
            Statement::Return => return Ok(Flow::Return),
        }
        Ok(Flow::On)
    }

    fn repeat(&mut self, condition: &Expr, body: &Statement, scope: &mut Scope) -> Ran<Flow> {
        while self.holds(condition, scope)? == Some(true) {
            match self.one(body, scope)? {
                Flow::On => {}
                Flow::Break => break,
                Flow::Return => return Ok(Flow::Return),
            }
        }
        Ok(Flow::On)
    }

    fn assign(&mut self, scope: &mut Scope, name: &str, value: Value) -> Ran<()> {
        let Some((ty, place)) = scope.0.get_mut(name) else {
            let text = format!("Must declare the scalar variable \"{name}\".");
            return Err(Uncaught::new(137, text));
        };
        *place = convert(value, *ty, None).map_err(|why| {
            self.host.gap(why.clone());
            Uncaught::new(257, why)
        })?;
        Ok(())
    }

    fn attempt(
        &mut self,
        tried: &[Statement],
        caught: &[Statement],
        scope: &mut Scope,
    ) -> Ran<Flow> {
        match self.all(tried, scope) {
            Err(uncaught) if uncaught.unbound_at != Some(self.level) => {
                self.caught.push(uncaught.failure);
                let ended = self.all(caught, scope);
                self.caught.pop();
                ended
            }
            ended => ended,
        }
    }

    fn print(&mut self, text: &Expr, scope: &Scope) -> Ran<()> {
        let value = self.value(text, scope, None)?;
        let Value::Text { text, wide, .. } = &value else {
            return Err(self.not_understood(format!("PRINT of {value:?}")));
        };
        let most = if *wide { 4000 } else { 8000 };
        let units: Vec<u16> = text.encode_utf16().take(most).collect();
        self.printed.push(String::from_utf16_lossy(&units));
        Ok(())
    }

    fn not_understood(&mut self, what: String) -> Uncaught {
        self.host.gap(what.clone());
        Uncaught::new(50000, what)
    }

    fn rows(&mut self, variable: &str, line: &Expr, query: &str, scope: &mut Scope) -> Ran<()> {
        let found = self.query(query)?;
        let mut all = String::new();
        for row in &found.rows {
            let value = self.value(line, scope, Some((&found.columns, row)))?;
            let Some(text) = value.as_text() else {
                return Err(self.not_understood(format!("FOR XML over {value:?}")));
            };
            // What XML would escape is none of the script's business.
            assert!(!text.contains(['<', '>', '&', '\r', '\n']), "{text}");
            all += text;
        }
        // Without rows there is no XML.
        let value = if found.rows.is_empty() {
            Value::Null
        } else {
            Value::text(&all, true, true)
        };
        self.assign(scope, variable, value)
    }

    fn query(&mut self, text: &str) -> Ran<Rows> {
        self.host.query(text).map_err(|failures| {
            let last = failures.last().expect("an error");
            Uncaught::new(last.number, last.text.clone())
        })
    }

    fn open(&mut self, name: &str) -> Ran<()> {
        let Some(cursor) = self.cursors.get(name) else {
            return Err(Uncaught::new(
                16916,
                format!("A cursor with the name '{name}' does not exist."),
            ));
        };
        let select = cursor.select.clone();
        let found = self.query(&select)?;
        if let Some(cursor) = self.cursors.get_mut(name) {
            cursor.rows = Some(found.rows.into_iter());
        }
        Ok(())
    }

    fn fetch(&mut self, name: &str, into: &[String], scope: &mut Scope) -> Ran<()> {
        let cursor = self.cursors.get_mut(name);
        let Some(rows) = cursor.and_then(|cursor| cursor.rows.as_mut()) else {
            return Err(Uncaught::new(16917, "Cursor is not open."));
        };
        match rows.next() {
            // The variables stay as they are.
            None => self.fetch_status = -1,
            Some(row) => {
                self.fetch_status = 0;
                assert_eq!(row.len(), into.len(), "error 16924");
                for (variable, value) in into.iter().zip(row) {
                    self.assign(scope, variable, value)?;
                }
            }
        }
        Ok(())
    }

    /// sp_executesql, by name or through a variable that holds `[database].sys.sp_executesql`.
    fn execute(
        &mut self,
        procedure: &Procedure,
        arguments: &[(Expr, bool)],
        scope: &mut Scope,
    ) -> Ran<()> {
        let mut parts = match procedure {
            Procedure::Name(parts) => parts.clone(),
            Procedure::Variable(name) => {
                let value = self.value(&Expr::Variable(name.clone()), scope, None)?;
                self.parts_of(&value)?
            }
        };
        let local = parts.split_off(parts.len().saturating_sub(2));
        let ours = local
            .iter()
            .map(String::as_str)
            .eq(["sys", "sp_executesql"]);
        if !ours || parts.len() > 1 {
            return Err(self.not_understood(format!("a call of {parts:?} {local:?}")));
        }
        let mut values = Vec::new();
        for (argument, _) in arguments {
            values.push(self.value(argument, scope, None)?);
        }
        let before = match parts.first() {
            Some(database) => Some(self.host.enter(database).map_err(|failure| Uncaught {
                failure,
                unbound_at: Some(self.level),
            })?),
            None => None,
        };
        let ended = self.call(&values);
        if let Some(before) = before {
            self.host.leave(before);
        }
        for ((argument, output), (given, value)) in arguments.iter().skip(2).zip(ended?) {
            if let (Expr::Variable(name), true, true) = (argument, *output, given) {
                self.assign(scope, name, value)?;
            }
        }
        Ok(())
    }

    fn parts_of(&mut self, value: &Value) -> Ran<Vec<String>> {
        let name = value.as_text().unwrap_or_default();
        let parts: Vec<String> = tokens(name)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|placed| match placed.token {
                Token::Word(part) | Token::Bracketed(part) => Some(part),
                _ => None,
            })
            .collect();
        if parts.len() == 3 {
            return Ok(parts);
        }
        Err(self.not_understood(format!("the procedure {name:?}")))
    }

    /// Runs the statement with its parameters: their values afterwards, and whether each is an OUTPUT one.
    fn call(&mut self, values: &[Value]) -> Ran<Vec<(bool, Value)>> {
        let unicode = |value: Option<&Value>| match value {
            Some(Value::Text {
                text, wide: true, ..
            }) => Ok(text.clone()),
            _ => Err(Uncaught::new(
                214,
                "Procedure expects parameter '@statement' of type 'ntext/nchar/nvarchar'.",
            )),
        };
        let statement = unicode(values.first())?;
        let declared = parameters(&unicode(values.get(1))?);
        let declared = declared.map_err(|why| self.not_understood(why))?;
        let given = values.get(2..).unwrap_or_default();
        if declared.len() != given.len() {
            return Err(Uncaught::new(8178, "a parameter was not supplied"));
        }
        let mut scope = Scope::default();
        for ((name, ty, _), value) in declared.iter().zip(given) {
            scope.0.insert(name.clone(), (*ty, Value::Null));
            self.assign(&mut scope, name, value.clone())?;
        }
        self.level += 1;
        let ended = self.batch(&statement, &mut scope);
        self.level -= 1;
        ended?;
        Ok(declared
            .iter()
            .map(|(name, _, output)| (*output, scope.0[name].1.clone()))
            .collect())
    }

    /// Three-valued: NULL makes a comparison neither true nor false.
    fn holds(&mut self, condition: &Expr, scope: &Scope) -> Ran<Option<bool>> {
        Ok(match condition {
            Expr::Binary("AND", left, right) => {
                match (self.holds(left, scope)?, self.holds(right, scope)?) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                }
            }
            Expr::Binary("OR", left, right) => {
                match (self.holds(left, scope)?, self.holds(right, scope)?) {
                    (Some(true), _) | (_, Some(true)) => Some(true),
                    (Some(false), Some(false)) => Some(false),
                    _ => None,
                }
            }
            Expr::IsNull(value) => Some(self.value(value, scope, None)? == Value::Null),
            Expr::Binary(operator, left, right) => {
                let left = self.value(left, scope, None)?;
                let right = self.value(right, scope, None)?;
                let order = match (&left, &right) {
                    (Value::Null, _) | (_, Value::Null) => return Ok(None),
                    (Value::Int(left, _), Value::Int(right, _)) => left.cmp(right),
                    (Value::Text { text: left, .. }, Value::Text { text: right, .. }) => {
                        let folded = |text: &str| text.trim_end_matches(' ').to_lowercase();
                        folded(left).cmp(&folded(right))
                    }
                    _ => return Err(self.not_understood(format!("{left:?} {operator} {right:?}"))),
                };
                Some(match *operator {
                    "=" => order.is_eq(),
                    "<>" => order.is_ne(),
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    ">=" => order.is_ge(),
                    other => return Err(self.not_understood(format!("a condition with {other}"))),
                })
            }
            other => return Err(self.not_understood(format!("the condition {other:?}"))),
        })
    }

    fn value(
        &mut self,
        expr: &Expr,
        scope: &Scope,
        row: Option<(&[String], &[Value])>,
    ) -> Ran<Value> {
        match expr {
            Expr::Literal(value) => Ok(value.clone()),
            Expr::Variable(name) => scope
                .0
                .get(name)
                .map(|(_, value)| value.clone())
                .ok_or_else(|| {
                    Uncaught::new(137, format!("Must declare the scalar variable \"{name}\"."))
                }),
            Expr::Column(name) => {
                let at = row.and_then(|(columns, _)| columns.iter().position(|c| c == name));
                let value = at.and_then(|at| row.map(|(_, values)| values[at].clone()));
                value.ok_or_else(|| Uncaught::new(207, format!("Invalid column name '{name}'.")))
            }
            Expr::Convert(ty, value, style) => {
                let value = self.value(value, scope, row)?;
                convert(value, *ty, *style).map_err(|why| self.not_understood(why))
            }
            Expr::Call(name, arguments) => {
                let mut values = Vec::new();
                for argument in arguments {
                    values.push(self.value(argument, scope, row)?);
                }
                self.function(name, &values)
            }
            Expr::Binary("+", left, right) => {
                let left = self.value(left, scope, row)?;
                let right = self.value(right, scope, row)?;
                sum(&left, &right)
                    .ok_or_else(|| self.not_understood(format!("{left:?} + {right:?}")))
            }
            Expr::Binary(..) | Expr::IsNull(_) => {
                Err(self.not_understood("a condition for a value".to_owned()))
            }
        }
    }

    fn function(&mut self, name: &str, values: &[Value]) -> Ran<Value> {
        match (name, self.caught.last()) {
            ("@@FETCH_STATUS", _) => return Ok(Value::int(self.fetch_status)),
            ("ERROR_NUMBER" | "ERROR_MESSAGE", None) => return Ok(Value::Null),
            ("ERROR_NUMBER", Some(failure)) => return Ok(Value::int(i64::from(failure.number))),
            ("ERROR_MESSAGE", Some(failure)) => return Ok(Value::text(&failure.text, true, false)),
            _ => {}
        }
        if let Some(value) = functions::call(name, values, self.host.version()) {
            return value.map_err(|why| Uncaught::new(8152, why));
        }
        let value = self.host.function(name, values);
        value.ok_or_else(|| {
            let text = format!("'{name}' is not a recognized built-in function name.");
            self.host.gap(format!("{name} of {values:?}"));
            Uncaught::new(195, text)
        })
    }
}

fn sum(left: &Value, right: &Value) -> Option<Value> {
    Some(match (left, right) {
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        (Value::Int(left, _), Value::Int(right, _)) => {
            let sum = left + right;
            assert!(i32::try_from(sum).is_ok(), "error 8115");
            Value::int(sum)
        }
        (Value::Bytes(left), Value::Bytes(right)) => {
            Value::Bytes(left.iter().chain(right.iter()).copied().collect())
        }
        (
            Value::Text {
                text: left,
                wide: left_wide,
                max: left_max,
            },
            Value::Text {
                text: right,
                wide: right_wide,
                max: right_max,
            },
        ) => Value::text(
            &format!("{left}{right}"),
            *left_wide || *right_wide,
            *left_max || *right_max,
        ),
        _ => return None,
    })
}
