//! From tokens to statements.

use super::lexer::{Placed, Token, tokens};
use super::syntax::{Expr, Procedure, Statement};
use super::value::Value;
use crate::support::contract::SqlType;

/// The statements of a batch.
pub(super) fn parse(text: &str) -> Result<Vec<Statement>, String> {
    let mut parser = Parser {
        text,
        tokens: tokens(text)?,
        at: 0,
    };
    let mut statements = Vec::new();
    while parser.skip_ends() != &Token::End {
        statements.push(parser.statement()?);
    }
    Ok(statements)
}

/// The parameters of sp_executesql: name, type, OUTPUT.
pub(super) fn parameters(text: &str) -> Result<Vec<(String, SqlType, bool)>, String> {
    let mut parser = Parser {
        text,
        tokens: tokens(text)?,
        at: 0,
    };
    let mut parameters = Vec::new();
    loop {
        let name = parser.variable()?;
        let ty = parser.sql_type()?;
        parameters.push((name, ty, parser.keyword("OUTPUT")));
        if !parser.symbol(",") {
            return match parser.peek() {
                Token::End => Ok(parameters),
                _ => Err(parser.unexpected("a comma")),
            };
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Placed>,
    at: usize,
}

type Parsed<T> = Result<T, String>;

impl Parser<'_> {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].token
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += usize::from(token != Token::End);
        token
    }

    fn skip_ends(&mut self) -> &Token {
        while self.symbol(";") {}
        self.peek()
    }

    fn unexpected(&self, due: &str) -> String {
        let start = self.tokens[self.at].start;
        let line = self.text[..start].lines().count();
        format!("{:?} in line {line} where {due} is due", self.peek())
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let here = matches!(self.peek(), Token::Symbol(s) if *s == symbol);
        self.at += usize::from(here);
        here
    }

    fn is_keyword(&self, ahead: usize, word: &str) -> bool {
        let token = self.tokens.get(self.at + ahead).map(|t| &t.token);
        matches!(token, Some(Token::Word(w)) if w.eq_ignore_ascii_case(word))
    }

    fn keyword(&mut self, word: &str) -> bool {
        let here = self.is_keyword(0, word);
        self.at += usize::from(here);
        here
    }

    fn expect(&mut self, due: &str) -> Parsed<()> {
        if self.symbol(due) || self.keyword(due) {
            return Ok(());
        }
        Err(self.unexpected(due))
    }

    fn variable(&mut self) -> Parsed<String> {
        match self.next() {
            Token::Variable(name) => Ok(name.to_ascii_lowercase()),
            _ => Err(self.unexpected("a variable before this")),
        }
    }

    fn word(&mut self) -> Parsed<String> {
        match self.next() {
            Token::Word(word) => Ok(word),
            _ => Err(self.unexpected("a word before this")),
        }
    }

    /// One statement and the semicolons after it, unless ELSE is due: none may stand before that.
    fn statement(&mut self) -> Parsed<Statement> {
        let word = self.word()?.to_ascii_uppercase();
        match word.as_str() {
            "DECLARE" => self.declare(),
            "SET" => self.set(),
            "SELECT" => self.select(),
            "IF" => self.condition(),
            "WHILE" => {
                let condition = self.expr()?;
                Ok(Statement::While(condition, Box::new(self.statement()?)))
            }
            "BEGIN" if self.keyword("TRY") => self.attempt(),
            "BEGIN" => {
                let inner = self.until_end()?;
                Ok(Statement::Block(inner))
            }
            "EXEC" | "EXECUTE" => self.execute(),
            "PRINT" => Ok(Statement::Print(self.expr()?)),
            "OPEN" => Ok(Statement::Open(self.word()?)),
            "FETCH" => {
                self.expect("NEXT")?;
                self.expect("FROM")?;
                let cursor = self.word()?;
                self.expect("INTO")?;
                let mut into = vec![self.variable()?];
                while self.symbol(",") {
                    into.push(self.variable()?);
                }
                Ok(Statement::Fetch(cursor, into))
            }
            "BREAK" => Ok(Statement::Break),
            "RETURN" => Ok(Statement::Return),
            other => Err(format!("the statement {other}, {}", self.unexpected(""))),
        }
    }

    /// Statements up to END, which is taken.
    fn until_end(&mut self) -> Parsed<Vec<Statement>> {
        let mut inner = Vec::new();
        loop {
            self.skip_ends();
            if self.keyword("END") {
                if inner.is_empty() {
                    return Err(self.unexpected("a statement in BEGIN … END"));
                }
                return Ok(inner);
            }
            inner.push(self.statement()?);
        }
    }

    fn attempt(&mut self) -> Parsed<Statement> {
        let tried = self.until_end()?;
        self.expect("TRY")?;
        self.expect("BEGIN")?;
        self.expect("CATCH")?;
        let caught = self.until_end()?;
        self.expect("CATCH")?;
        Ok(Statement::Try(tried, caught))
    }

    fn condition(&mut self) -> Parsed<Statement> {
        let condition = self.expr()?;
        let then = Box::new(self.statement()?);
        let other = if self.keyword("ELSE") {
            Some(Box::new(self.statement()?))
        } else {
            None
        };
        Ok(Statement::If(condition, then, other))
    }

    fn declare(&mut self) -> Parsed<Statement> {
        if let Token::Word(name) = self.peek().clone() {
            self.at += 1;
            return self.cursor(name);
        }
        let mut declared = Vec::new();
        loop {
            let name = self.variable()?;
            let ty = self.sql_type()?;
            let value = if self.symbol("=") {
                Some(self.expr()?)
            } else {
                None
            };
            declared.push((name, ty, value));
            if !self.symbol(",") {
                return Ok(Statement::Declare(declared));
            }
        }
    }

    /// ISO order of the words is not enough: LOCAL, then scroll, then type, then concurrency.
    fn cursor(&mut self, name: String) -> Parsed<Statement> {
        for word in [
            "CURSOR",
            "LOCAL",
            "FORWARD_ONLY",
            "STATIC",
            "READ_ONLY",
            "FOR",
        ] {
            self.expect(word)?;
        }
        let start = self.tokens[self.at].start;
        while !matches!(self.peek(), Token::Symbol(";") | Token::End) {
            self.at += 1;
        }
        let select = self.text[start..self.tokens[self.at].start].to_owned();
        Ok(Statement::DeclareCursor { name, select })
    }

    fn set(&mut self) -> Parsed<Statement> {
        if let Token::Variable(_) = self.peek() {
            let name = self.variable()?;
            self.expect("=")?;
            return Ok(Statement::Assign(vec![(name, self.expr()?)]));
        }
        let mut words = Vec::new();
        while !matches!(self.peek(), Token::Symbol(";") | Token::End) {
            let at = &self.tokens[self.at];
            words.push(self.text[at.start..at.end].to_ascii_uppercase());
            self.at += 1;
        }
        Ok(Statement::Option(words))
    }

    fn select(&mut self) -> Parsed<Statement> {
        let mut assigned = Vec::new();
        loop {
            let name = self.variable()?;
            self.expect("=")?;
            let subquery =
                matches!(self.peek(), Token::Symbol("(")) && self.is_keyword(1, "SELECT");
            if subquery && assigned.is_empty() {
                self.at += 2;
                return self.rows(name);
            }
            assigned.push((name, self.expr()?));
            if !self.symbol(",") {
                return Ok(Statement::Assign(assigned));
            }
        }
    }

    fn rows(&mut self, variable: String) -> Parsed<Statement> {
        let line = self.expr()?;
        self.expect("FROM")?;
        self.expect("(")?;
        let start = self.tokens[self.at].start;
        let mut depth = 1;
        loop {
            match self.next() {
                Token::Symbol("(") => depth += 1,
                Token::Symbol(")") if depth == 1 => break,
                Token::Symbol(")") => depth -= 1,
                Token::End => return Err("a derived table does not end".to_owned()),
                _ => {}
            }
        }
        let query = self.text[start..self.tokens[self.at - 1].start].to_owned();
        for due in ["AS", "q", "FOR", "XML", "PATH", "("] {
            self.expect(due)?;
        }
        match self.next() {
            Token::Text(name, _) if name.is_empty() => {}
            _ => return Err("FOR XML PATH with an element's name".to_owned()),
        }
        self.expect(")")?;
        self.expect(")")?;
        Ok(Statement::AssignRows {
            variable,
            line,
            query,
        })
    }

    fn execute(&mut self) -> Parsed<Statement> {
        let procedure = match self.next() {
            Token::Variable(name) => Procedure::Variable(name.to_ascii_lowercase()),
            Token::Word(first) => {
                let mut parts = vec![first];
                while self.symbol(".") {
                    parts.push(self.word()?);
                }
                Procedure::Name(parts)
            }
            _ => return Err(self.unexpected("a procedure before this")),
        };
        let mut arguments = Vec::new();
        loop {
            let argument = self.operand()?;
            // A procedure takes constants and variables, no expressions.
            if !matches!(argument, Expr::Literal(_) | Expr::Variable(_)) {
                return Err(self.unexpected("a constant or a variable before this"));
            }
            let output = self.keyword("OUTPUT");
            arguments.push((argument, output));
            if !self.symbol(",") {
                return Ok(Statement::Execute {
                    procedure,
                    arguments,
                });
            }
        }
    }

    fn sql_type(&mut self) -> Parsed<SqlType> {
        let name = self.word()?;
        let length = if self.symbol("(") {
            let length = match self.next() {
                Token::Number(number) => number.to_string(),
                Token::Word(word) => word,
                _ => return Err(self.unexpected("a length before this")),
            };
            self.expect(")")?;
            Some(length)
        } else {
            None
        };
        SqlType::new(&name, length.as_deref()).ok_or_else(|| format!("the type {name}"))
    }

    /// OR, then AND, then comparison, then `+`.
    fn expr(&mut self) -> Parsed<Expr> {
        let mut left = self.conjunction()?;
        while self.keyword("OR") {
            left = Expr::Binary("OR", Box::new(left), Box::new(self.conjunction()?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Parsed<Expr> {
        let mut left = self.comparison()?;
        while self.keyword("AND") {
            left = Expr::Binary("AND", Box::new(left), Box::new(self.comparison()?));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let left = self.sum()?;
        if self.keyword("IS") {
            self.expect("NULL")?;
            return Ok(Expr::IsNull(Box::new(left)));
        }
        for operator in ["=", "<>", "<=", ">=", "<", ">"] {
            if self.symbol(operator) {
                let right = self.sum()?;
                return Ok(Expr::Binary(operator, Box::new(left), Box::new(right)));
            }
        }
        Ok(left)
    }

    fn sum(&mut self) -> Parsed<Expr> {
        let mut left = self.operand()?;
        while self.symbol("+") {
            left = Expr::Binary("+", Box::new(left), Box::new(self.operand()?));
        }
        Ok(left)
    }

    fn operand(&mut self) -> Parsed<Expr> {
        Ok(match self.next() {
            Token::Number(number) => Expr::Literal(Value::int(number)),
            Token::Text(text, wide) => Expr::Literal(Value::literal(&text, wide)),
            Token::Variable(name) if name.starts_with("@@") => {
                Expr::Call(name.to_ascii_uppercase(), Vec::new())
            }
            Token::Variable(name) => Expr::Variable(name.to_ascii_lowercase()),
            Token::Symbol("(") => {
                let inner = self.expr()?;
                self.expect(")")?;
                inner
            }
            Token::Word(word) if word.eq_ignore_ascii_case("NULL") => Expr::Literal(Value::Null),
            Token::Word(source) if source == "q" && self.symbol(".") => match self.next() {
                Token::Bracketed(name) => Expr::Column(name),
                _ => return Err(self.unexpected("a column before this")),
            },
            Token::Word(function) if self.symbol("(") => self.call(&function)?,
            _ => {
                self.at -= 1;
                return Err(self.unexpected("an expression"));
            }
        })
    }

    fn call(&mut self, function: &str) -> Parsed<Expr> {
        let function = function.to_ascii_uppercase();
        if function == "CONVERT" {
            let ty = self.sql_type()?;
            self.expect(",")?;
            let value = Box::new(self.expr()?);
            let style = if self.symbol(",") {
                match self.next() {
                    Token::Number(style) => Some(style),
                    _ => return Err(self.unexpected("a style before this")),
                }
            } else {
                None
            };
            self.expect(")")?;
            return Ok(Expr::Convert(ty, value, style));
        }
        let mut arguments = Vec::new();
        if function == "DATEDIFF" {
            self.expect("millisecond")?;
            self.expect(",")?;
        }
        if !self.symbol(")") {
            arguments.push(self.expr()?);
            while self.symbol(",") {
                arguments.push(self.expr()?);
            }
            self.expect(")")?;
        }
        Ok(Expr::Call(function, arguments))
    }
}
