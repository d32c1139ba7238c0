//! From tokens to statements.

use super::lexer::{Placed, Token, is_reserved, refused, tokens};
use super::{
    Argument, ColumnName, Condition, Expr, Item, Join, JoinKind, Literal, Refused, Select, Setting,
    Source, SqlType, Statement, StatementKind,
};

/// How deep expressions may nest.
const DEEPEST: usize = 8;

/// The statements of a batch.
pub fn parse(batch: &str) -> Result<Vec<Statement>, Refused> {
    let mut parser = Parser {
        tokens: tokens(batch)?,
        at: 0,
    };
    let mut statements = Vec::new();
    loop {
        while parser.symbol(";") {}
        if parser.peek() == &Token::End {
            return Ok(statements);
        }
        let start = parser.place().start;
        let kind = parser.statement()?;
        let end = parser.tokens[parser.at - 1].end;
        statements.push(Statement {
            span: start..end,
            kind,
        });
        if parser.peek() != &Token::End && parser.peek() != &Token::Symbol(";") {
            return Err(parser.unexpected("a semicolon"));
        }
    }
}

struct Parser {
    tokens: Vec<Placed>,
    at: usize,
}

impl Parser {
    fn place(&self) -> &Placed {
        &self.tokens[self.at]
    }

    fn peek(&self) -> &Token {
        &self.place().token
    }

    /// The next token, if `wanted` makes something of it.
    fn take<T>(
        &mut self,
        due: &str,
        wanted: impl FnOnce(&Token) -> Option<T>,
    ) -> Result<T, Refused> {
        let Some(taken) = wanted(self.peek()) else {
            return Err(self.unexpected(due));
        };
        self.at += 1;
        Ok(taken)
    }

    fn unexpected(&self, due: &str) -> Refused {
        let found = match self.peek() {
            Token::End => "the end".to_owned(),
            Token::Word(word) => word.clone(),
            Token::Symbol(symbol) => (*symbol).to_owned(),
            other => format!("{other:?}"),
        };
        refused(self.place().start, &format!("{found} where {due} is due"))
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let here = matches!(self.peek(), Token::Symbol(s) if *s == symbol);
        self.at += usize::from(here);
        here
    }

    fn expect(&mut self, symbol: &str) -> Result<(), Refused> {
        if self.symbol(symbol) {
            Ok(())
        } else {
            Err(self.unexpected(symbol))
        }
    }

    fn is_keyword(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(w) if w.eq_ignore_ascii_case(word))
    }

    fn keyword(&mut self, word: &str) -> bool {
        let here = self.is_keyword(word);
        self.at += usize::from(here);
        here
    }

    fn expect_keyword(&mut self, word: &str) -> Result<(), Refused> {
        if self.keyword(word) {
            Ok(())
        } else {
            Err(self.unexpected(word))
        }
    }

    /// A name, bracketed or a bare word that is not reserved.
    fn name(&mut self) -> Result<String, Refused> {
        self.take("a name", |token| match token {
            Token::Bracketed(name) => Some(name.clone()),
            Token::Word(word) if !word.starts_with('@') && !is_reserved(word) => Some(word.clone()),
            _ => None,
        })
    }

    fn statement(&mut self) -> Result<StatementKind, Refused> {
        if self.keyword("USE") {
            return self.name().map(StatementKind::Use);
        }
        if self.keyword("SET") {
            return self.setting().map(StatementKind::Set);
        }
        if self.keyword("SELECT") {
            return self.select().map(StatementKind::Select);
        }
        Err(self.unexpected("SELECT, USE or SET"))
    }

    fn setting(&mut self) -> Result<Setting, Refused> {
        let name = self.take("a session option", word)?;
        let minus = if self.symbol("-") { "-" } else { "" };
        let value = self.take("the option's value", |token| match token {
            Token::Number(number) => Some(format!("{minus}{number}")),
            token => word(token).filter(|_| minus.is_empty()),
        })?;
        Ok(Setting { name, value })
    }

    fn select(&mut self) -> Result<Select, Refused> {
        let top = if self.keyword("TOP") {
            self.expect("(")?;
            let most = self.take("a number of rows", |token| match token {
                Token::Number(most) => u32::try_from(*most).ok(),
                _ => None,
            })?;
            self.expect(")")?;
            Some(most)
        } else {
            None
        };
        let mut select = Select {
            top,
            items: vec![self.item()?],
            sources: Vec::new(),
            joins: Vec::new(),
            conditions: Vec::new(),
        };
        while self.symbol(",") {
            select.items.push(self.item()?);
        }
        if self.keyword("FROM") {
            select.sources.push(self.source()?);
            while let Some(kind) = self.join_kind()? {
                select.sources.push(self.source()?);
                self.expect_keyword("ON")?;
                let mut on = vec![self.equality()?];
                while self.keyword("AND") {
                    on.push(self.equality()?);
                }
                select.joins.push(Join { kind, on });
            }
            if self.keyword("WHERE") {
                select.conditions.push(self.condition()?);
                while self.keyword("AND") {
                    select.conditions.push(self.condition()?);
                }
            }
        }
        Ok(select)
    }

    fn item(&mut self) -> Result<Item, Refused> {
        let expr = self.expr(0)?;
        let alias = if self.keyword("AS") {
            Some(self.name()?)
        } else {
            None
        };
        Ok(Item { expr, alias })
    }

    fn join_kind(&mut self) -> Result<Option<JoinKind>, Refused> {
        let kind = if self.keyword("INNER") {
            JoinKind::Inner
        } else if self.keyword("LEFT") {
            self.keyword("OUTER");
            JoinKind::Left
        } else if self.is_keyword("JOIN") {
            JoinKind::Inner
        } else {
            return Ok(None);
        };
        self.expect_keyword("JOIN")?;
        Ok(Some(kind))
    }

    /// `schema.view`, never a name of three or four parts, which could lead elsewhere.
    fn source(&mut self) -> Result<Source, Refused> {
        let schema = self.name()?;
        self.expect(".")?;
        let view = format!("{schema}.{}", self.name()?);
        let arguments = if self.symbol("(") {
            let mut arguments = vec![self.table_argument()?];
            while self.symbol(",") {
                arguments.push(self.table_argument()?);
            }
            self.expect(")")?;
            Some(arguments)
        } else {
            None
        };
        let named = self.keyword("AS") || matches!(self.peek(), Token::Bracketed(_)) || {
            matches!(self.peek(), Token::Word(word) if !is_reserved(word))
        };
        let alias = if named { Some(self.name()?) } else { None };
        Ok(Source {
            view,
            arguments,
            alias,
        })
    }

    fn table_argument(&mut self) -> Result<Argument, Refused> {
        if self.keyword("DEFAULT") {
            return Ok(Argument::Default);
        }
        self.take("a text or DEFAULT", |token| match token {
            Token::Text(text) => Some(Argument::Text(text.clone())),
            _ => None,
        })
    }

    fn column(&mut self) -> Result<ColumnName, Refused> {
        let first = self.name()?;
        if !self.symbol(".") {
            return Ok(ColumnName {
                source: None,
                column: first,
            });
        }
        Ok(ColumnName {
            source: Some(first),
            column: self.name()?,
        })
    }

    fn equality(&mut self) -> Result<(ColumnName, ColumnName), Refused> {
        let left = self.column()?;
        self.expect("=")?;
        Ok((left, self.column()?))
    }

    fn condition(&mut self) -> Result<Condition, Refused> {
        let column = self.column()?;
        let within = !self.keyword("NOT");
        if self.keyword("IN") {
            self.expect("(")?;
            let mut values = vec![self.literal()?];
            while self.symbol(",") {
                values.push(self.literal()?);
            }
            self.expect(")")?;
            return Ok(Condition::In {
                column,
                within,
                values,
            });
        }
        if !within {
            return Err(self.unexpected("IN"));
        }
        let at_least = self.symbol(">=");
        if at_least || self.symbol("<") {
            let value = self.literal()?;
            return Ok(Condition::Bound {
                column,
                at_least,
                value,
            });
        }
        let equal = self.symbol("=");
        if !equal && !self.symbol("<>") {
            return Err(self.unexpected("=, <>, >=, <, IN or NOT IN"));
        }
        let value = self.literal()?;
        Ok(Condition::Compare {
            column,
            equal,
            value,
        })
    }

    fn literal(&mut self) -> Result<Literal, Refused> {
        let minus = self.symbol("-");
        self.take("a number or a text", |token| match token {
            Token::Number(number) => Some(Literal::Int(if minus { -number } else { *number })),
            Token::Text(text) if !minus => Some(Literal::Text(text.clone())),
            _ => None,
        })
    }

    fn expr(&mut self, depth: usize) -> Result<Expr, Refused> {
        if depth > DEEPEST {
            return Err(refused(self.place().start, "expressions nested too deep"));
        }
        match self.peek().clone() {
            Token::Number(_) | Token::Text(_) | Token::Symbol("-") => {
                self.literal().map(Expr::Literal)
            }
            Token::Word(word) if word.eq_ignore_ascii_case("NULL") => {
                self.at += 1;
                Ok(Expr::Literal(Literal::Null))
            }
            Token::Word(word) if word.starts_with('@') => {
                self.at += 1;
                Ok(Expr::Call {
                    function: word.to_ascii_uppercase(),
                    arguments: Vec::new(),
                })
            }
            Token::Word(word) if self.tokens[self.at + 1].token == Token::Symbol("(") => {
                self.call(&word.to_ascii_uppercase(), depth + 1)
            }
            _ => self.column().map(Expr::Column),
        }
    }

    fn call(&mut self, function: &str, depth: usize) -> Result<Expr, Refused> {
        if is_reserved(function) && function != "CONVERT" {
            return Err(self.unexpected("an expression"));
        }
        self.at += 2;
        let expr = match function {
            "CAST" => {
                let value = Box::new(self.expr(depth)?);
                self.expect_keyword("AS")?;
                Expr::Cast {
                    value,
                    to: self.sql_type()?,
                    style: None,
                }
            }
            "CONVERT" => self.convert(depth)?,
            "COUNT" => {
                self.expect("*")?;
                Expr::Count
            }
            "DATEPART" => {
                self.expect_keyword("TZOFFSET")?;
                self.expect(",")?;
                Expr::OffsetMinutes(Box::new(self.expr(depth)?))
            }
            _ => Expr::Call {
                function: function.to_owned(),
                arguments: self.arguments(depth)?,
            },
        };
        self.expect(")")?;
        Ok(expr)
    }

    fn convert(&mut self, depth: usize) -> Result<Expr, Refused> {
        let to = self.sql_type()?;
        self.expect(",")?;
        let value = Box::new(self.expr(depth)?);
        let style = if self.symbol(",") {
            match self.literal()? {
                Literal::Int(style) => Some(style),
                _ => return Err(self.unexpected("a style's number")),
            }
        } else {
            None
        };
        Ok(Expr::Cast { value, to, style })
    }

    fn arguments(&mut self, depth: usize) -> Result<Vec<Expr>, Refused> {
        let mut arguments = Vec::new();
        if self.peek() == &Token::Symbol(")") {
            return Ok(arguments);
        }
        arguments.push(self.expr(depth)?);
        while self.symbol(",") {
            arguments.push(self.expr(depth)?);
        }
        Ok(arguments)
    }

    fn sql_type(&mut self) -> Result<SqlType, Refused> {
        let start = self.place().start;
        let name = self.take("a type", word)?;
        let length = if self.symbol("(") {
            let length = self.take("a length", |token| match token {
                Token::Number(number) => Some(number.to_string()),
                token => word(token),
            })?;
            self.expect(")")?;
            Some(length)
        } else {
            None
        };
        SqlType::new(&name, length.as_deref())
            .filter(|ty| *ty != SqlType::Unknown)
            .ok_or_else(|| refused(start, &format!("the type {name} in this form")))
    }
}

fn word(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) => Some(word.to_ascii_uppercase()),
        _ => None,
    }
}
