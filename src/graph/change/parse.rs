//! Reads the statements that changes are written as: what `fix first` prints can be given to `--what-if`.

use std::collections::BTreeSet;

use super::{Change, ChangeError, ModuleKind, On};
use crate::ids::DatabaseName;

impl Change {
    /// Reads statements, in order; USE names the database of those that follow.
    ///
    /// # Errors
    /// A statement that is none of those that changes are written as.
    pub fn read(text: &str) -> Result<Vec<Self>, ChangeError> {
        let mut reader = Reader {
            tokens: tokens(text)?,
            at: 0,
            database: None,
            options: Vec::new(),
        };
        let mut changes: Vec<Self> = Vec::new();
        while reader.skip_ends() {
            let read = reader.statement()?;
            changes.extend(read);
            join_last(&mut changes);
            reader.keep_user(&mut changes)?;
        }
        changes.extend(reader.switched()?);
        if changes.is_empty() {
            return Err(fault("there is no statement"));
        }
        Ok(changes)
    }
}

/// Makes one change of two REVOKEs in a row that differ in nothing but the grantor.
fn join_last(changes: &mut Vec<Change>) {
    let Some(last) = changes.pop() else {
        return;
    };
    let before = changes.last_mut();
    if let Some(Change::Revoke { by, .. }) = before
        && let Change::Revoke { by: more, .. } = &last
    {
        let (own, more) = (std::mem::take(by), more.clone());
        let joined = || own.iter().chain(&more).cloned().collect::<BTreeSet<_>>();
        let joined: Vec<Option<String>> = joined().into_iter().collect();
        by.clone_from(&more);
        if changes.last() == Some(&last) {
            if let Some(Change::Revoke { by, .. }) = changes.last_mut() {
                *by = joined;
            }
            return;
        }
        if let Some(Change::Revoke { by, .. }) = changes.last_mut() {
            *by = own;
        }
    }
    changes.push(last);
}

fn fault(why: impl Into<String>) -> ChangeError {
    ChangeError::Statement { why: why.into() }
}

/// A piece of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A keyword or a name without brackets.
    Word(String),
    /// A name in brackets.
    Name(String),
    /// A string.
    Text(String),
    /// `.`, `,`, `;`, `=` or `::`.
    Sign(&'static str),
}

const SIGNS: &[&str] = &["::", ".", ",", ";", "="];

fn tokens(text: &str) -> Result<Vec<Token>, ChangeError> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("--") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]).trim_start();
            continue;
        }
        let (token, after) = match first {
            '[' => closed(rest, '[', ']').map(|(name, after)| (Token::Name(name), after))?,
            '"' => closed(rest, '"', '"').map(|(name, after)| (Token::Name(name), after))?,
            '\'' => closed(rest, '\'', '\'').map(|(text, after)| (Token::Text(text), after))?,
            'N' | 'n' if rest[1..].starts_with('\'') => {
                closed(&rest[1..], '\'', '\'').map(|(text, after)| (Token::Text(text), after))?
            }
            _ => {
                if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                    (Token::Sign(sign), &rest[sign.len()..])
                } else {
                    let is_word = |c: char| c.is_alphanumeric() || "_@#$\\-".contains(c);
                    let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                    if end == 0 {
                        return Err(fault(format!("\"{first}\"")));
                    }
                    (Token::Word(rest[..end].to_owned()), &rest[end..])
                }
            }
        };
        found.push(token);
        rest = after.trim_start();
    }
    Ok(found)
}

/// What stands between two signs, the closing one doubled inside, and what follows.
fn closed(text: &str, open: char, close: char) -> Result<(String, &str), ChangeError> {
    let mut found = String::new();
    let mut rest = text.get(open.len_utf8()..).unwrap_or_default();
    loop {
        let Some(end) = rest.find(close) else {
            return Err(fault(format!("no {close} closes {text}")));
        };
        found.push_str(&rest[..end]);
        rest = &rest[end + close.len_utf8()..];
        match rest.strip_prefix(close) {
            Some(after) => {
                found.push(close);
                rest = after;
            }
            None => return Ok((found, rest)),
        }
    }
}

/// Words that stand in a row.
type Words = &'static [&'static str];

/// Makes a securable of its name.
type Named = fn(String) -> On;

/// An argument: its name, if it has one, and its value, which NULL has not.
type Argument = (Option<String>, Option<String>);

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    database: Option<DatabaseName>,
    /// Values of options in order, each with whether a RECONFIGURE follows.
    options: Vec<(String, i32, bool)>,
}

impl Reader {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    /// Steps over ends of statements; whether there is more.
    fn skip_ends(&mut self) -> bool {
        while self.sign(";") {}
        self.at < self.tokens.len()
    }

    fn sign(&mut self, sign: &str) -> bool {
        let is_it = matches!(self.tokens.get(self.at), Some(Token::Sign(s)) if *s == sign);
        self.at += usize::from(is_it);
        is_it
    }

    fn word(&mut self, word: &str) -> bool {
        let is_it = matches!(self.tokens.get(self.at), Some(Token::Word(w)) if w.eq_ignore_ascii_case(word));
        self.at += usize::from(is_it);
        is_it
    }

    /// All of these words, or none.
    fn words(&mut self, words: &[&str]) -> bool {
        let start = self.at;
        if words.iter().all(|word| self.word(word)) {
            return true;
        }
        self.at = start;
        false
    }

    fn need(&mut self, word: &str) -> Result<(), ChangeError> {
        if self.word(word) {
            return Ok(());
        }
        Err(fault(format!("{word} is missing")))
    }

    fn name(&mut self) -> Result<String, ChangeError> {
        match self.next() {
            Some(Token::Word(name) | Token::Name(name) | Token::Text(name)) => Ok(name),
            _ => Err(fault("a name is missing")),
        }
    }

    fn database(&self) -> Result<DatabaseName, ChangeError> {
        let database = self.database.clone();
        database.ok_or_else(|| fault("USE names no database before it"))
    }

    fn statement(&mut self) -> Result<Option<Change>, ChangeError> {
        if self.word("USE") {
            self.database = Some(DatabaseName::new(self.name()?));
            return Ok(None);
        }
        if self.word("RECONFIGURE") {
            self.words(&["WITH", "OVERRIDE"]);
            for (_, _, is_active) in &mut self.options {
                *is_active = true;
            }
            return Ok(None);
        }
        if self.word("REVOKE") {
            return self.permission(true).map(Some);
        }
        if self.word("DENY") {
            return self.permission(false).map(Some);
        }
        if self.word("ALTER") {
            return self.alter().map(Some);
        }
        if self.word("DROP") {
            return self.drop().map(Some);
        }
        if self.word("EXEC") || self.word("EXECUTE") {
            return self.execute();
        }
        Err(fault(match self.next() {
            Some(Token::Word(word)) => format!("{word} begins no such statement"),
            _ => "a statement begins with a word".to_owned(),
        }))
    }

    fn alter(&mut self) -> Result<Change, ChangeError> {
        if self.words(&["SERVER", "ROLE"]) {
            return self.drop_member(None);
        }
        if self.word("ROLE") {
            let database = self.database()?;
            return self.drop_member(Some(database));
        }
        if self.word("LOGIN") {
            let name = self.name()?;
            self.need("DISABLE")?;
            return Ok(Change::DisableLogin { name });
        }
        if self.words(&["AUTHORIZATION", "ON", "DATABASE"]) {
            self.sign("::");
            let database = DatabaseName::new(self.name()?);
            self.need("TO")?;
            let to = self.name()?;
            let keep = None;
            return Ok(Change::ChangeOwner { database, to, keep });
        }
        if self.word("DATABASE") {
            let database = DatabaseName::new(self.name()?);
            self.need("SET")?;
            return match () {
                () if self.words(&["TRUSTWORTHY", "OFF"]) => {
                    Ok(Change::TrustworthyOff { database })
                }
                () if self.words(&["DB_CHAINING", "OFF"]) => Ok(Change::ChainingOff { database }),
                () => Err(fault("only TRUSTWORTHY OFF and DB_CHAINING OFF are set")),
            };
        }
        Err(fault("ALTER of something else"))
    }

    fn drop_member(&mut self, database: Option<DatabaseName>) -> Result<Change, ChangeError> {
        let role = self.name()?;
        self.need("DROP")?;
        self.need("MEMBER")?;
        let member = self.name()?;
        Ok(Change::DropMember {
            database,
            role,
            member,
        })
    }

    fn permission(&mut self, is_revoke: bool) -> Result<Change, ChangeError> {
        self.words(&["GRANT", "OPTION", "FOR"]);
        let mut words = Vec::new();
        while let Some(Token::Word(word)) = self.tokens.get(self.at) {
            if ["ON", "FROM", "TO"]
                .iter()
                .any(|w| word.eq_ignore_ascii_case(w))
            {
                break;
            }
            words.push(word.to_uppercase());
            self.at += 1;
        }
        let permission = words.join(" ");
        let on = if self.word("ON") {
            self.on()?
        } else {
            On::Whole
        };
        let keyword = if self.word("FROM") || self.word("TO") {
            self.name()?
        } else {
            return Err(fault("FROM or TO is missing"));
        };
        self.word("CASCADE");
        let grantor = if self.word("AS") {
            Some(self.name()?)
        } else {
            None
        };
        let at_server = matches!(on, On::Login(_) | On::ServerRole(_))
            || (on == On::Whole && self.database.is_none());
        let database = if at_server {
            None
        } else {
            Some(self.database()?)
        };
        let (from, to) = (keyword.clone(), keyword);
        Ok(if is_revoke {
            Change::Revoke {
                database,
                permission,
                on,
                from,
                by: vec![grantor],
            }
        } else {
            Change::Deny {
                database,
                permission,
                on,
                to,
            }
        })
    }

    fn on(&mut self) -> Result<On, ChangeError> {
        const CLASSES: &[(Words, Named)] = &[
            (&["LOGIN"], On::Login),
            (&["SERVER", "ROLE"], On::ServerRole),
            (&["SCHEMA"], On::Schema),
            (&["USER"], On::User),
            (&["ROLE"], On::Role),
            (&["APPLICATION", "ROLE"], On::ApplicationRole),
            (&["ASSEMBLY"], On::Assembly),
            (&["CERTIFICATE"], On::Certificate),
            (&["EXTERNAL", "LANGUAGE"], On::ExternalLanguage),
        ];
        let start = self.at;
        for (words, make) in CLASSES {
            if self.words(words) && self.sign("::") {
                return self.name().map(make);
            }
            self.at = start;
        }
        if self.words(&["DATABASE"]) && self.sign("::") {
            self.database = Some(DatabaseName::new(self.name()?));
            return Ok(On::Whole);
        }
        self.at = start;
        if !(self.word("OBJECT") && self.sign("::")) {
            self.at = start;
        }
        let (schema, name) = self.two_parts()?;
        Ok(On::Object(schema, name))
    }

    /// `schema.name`, or a name of dbo's.
    fn two_parts(&mut self) -> Result<(String, String), ChangeError> {
        let first = self.name()?;
        if self.sign(".") {
            return Ok((first, self.name()?));
        }
        Ok(("dbo".to_owned(), first))
    }

    fn drop(&mut self) -> Result<Change, ChangeError> {
        const KINDS: &[(&str, ModuleKind)] = &[
            ("PROCEDURE", ModuleKind::Procedure),
            ("PROC", ModuleKind::Procedure),
            ("FUNCTION", ModuleKind::Function),
            ("AGGREGATE", ModuleKind::Aggregate),
            ("TRIGGER", ModuleKind::Trigger),
            ("VIEW", ModuleKind::View),
        ];
        let mut kinds = KINDS.iter();
        let kind = kinds
            .find(|(word, _)| self.word(word))
            .map(|(_, kind)| *kind);
        let Some(mut kind) = kind else {
            return Err(fault("DROP of something else than a module"));
        };
        let mut name = self.two_parts()?;
        if kind == ModuleKind::Trigger && self.words(&["ON", "DATABASE"]) {
            kind = ModuleKind::DatabaseTrigger;
            name.0.clear();
        }
        let database = self.database()?;
        Ok(Change::DropModule {
            database,
            name,
            kind,
        })
    }

    /// The user that a change of the owner keeps the former one as, and its roles: no other is made.
    fn keep_user(&mut self, changes: &mut [Change]) -> Result<(), ChangeError> {
        while self.skip_ends() {
            let start = self.at;
            if self.word("USE") {
                self.database = Some(DatabaseName::new(self.name()?));
                continue;
            }
            if !self.words(&["CREATE", "USER"]) {
                self.at = start;
                return Ok(());
            }
            let user = self.name()?;
            let is_own = self.words(&["FOR", "LOGIN"]) && self.name()? == user;
            let Some(Change::ChangeOwner { database, keep, .. }) = changes.last_mut() else {
                return Err(fault("CREATE USER stands only after a change of the owner"));
            };
            if !is_own || self.database.as_ref() != Some(database) {
                return Err(fault("the user that is made has to be the former owner's"));
            }
            for role in super::KEPT_ROLES {
                self.skip_ends();
                let joins = self.words(&["ALTER", "ROLE"])
                    && self.name()? == role
                    && self.words(&["ADD", "MEMBER"])
                    && self.name()? == user;
                if !joins {
                    return Err(fault(format!("the former owner has to join {role}")));
                }
            }
            *keep = Some(user);
        }
        Ok(())
    }

    /// The options that are off in the end. One that was set twice, the second time without a RECONFIGURE, was staged
    /// before and is again.
    fn switched(&self) -> Result<Vec<Change>, ChangeError> {
        let mut changes = Vec::new();
        for (at, (name, value, is_active)) in self.options.iter().enumerate() {
            let is_same = |other: &str| other.eq_ignore_ascii_case(name);
            let mut later = self.options.iter().skip(at + 1);
            let mut earlier = self.options.iter().take(at);
            let is_staged = !is_active && earlier.any(|(other, ..)| is_same(other));
            if later.any(|(other, ..)| is_same(other)) || is_staged {
                continue;
            }
            if *value != 0 {
                return Err(fault("options are only switched off"));
            }
            changes.push(Change::DisableOption { name: name.clone() });
        }
        Ok(changes)
    }

    fn execute(&mut self) -> Result<Option<Change>, ChangeError> {
        let mut procedure = self.name()?;
        while self.sign(".") {
            procedure = self.name()?;
        }
        let given = self.arguments()?;
        let text = |at: usize, name: &str| -> Result<String, ChangeError> {
            let named = given.iter().find(|(n, _)| n.as_deref() == Some(name));
            let found = named.or_else(|| given.get(at).filter(|(n, _)| n.is_none()));
            let found = found.and_then(|(_, value)| value.clone());
            found.ok_or_else(|| fault(format!("{procedure} needs {name}")))
        };
        match procedure.to_lowercase().as_str() {
            "sp_configure" => {
                let (name, value) = (text(0, "@configname")?, text(1, "@configvalue")?);
                let value = value
                    .parse()
                    .map_err(|_| fault(format!("the value {value}")))?;
                if !name.eq_ignore_ascii_case("show advanced options") {
                    self.options.push((name, value, false));
                }
                Ok(None)
            }
            "sp_droplinkedsrvlogin" => Ok(Some(Change::DropLinkedLogin {
                server: text(0, "@rmtsrvname")?,
                local: text(1, "@locallogin").ok(),
            })),
            "sp_serveroption" => {
                let (option, value) = (text(1, "@optname")?, text(2, "@optvalue")?);
                if !option.eq_ignore_ascii_case("rpc out") || !value.eq_ignore_ascii_case("false") {
                    return Err(fault("only 'rpc out' is switched off"));
                }
                let server = text(0, "@server")?;
                Ok(Some(Change::RpcOutOff { server }))
            }
            "sp_xp_cmdshell_proxy_account" => Ok(Some(Change::DropProxyAccount)),
            "sp_revoke_login_from_proxy" => Ok(Some(Change::RevokeProxy {
                from: text(0, "@name")?,
                proxy: text(1, "@proxy_name")?,
            })),
            _ => Err(fault(format!("EXEC of {procedure}"))),
        }
    }

    /// Arguments, with their names where they have one; NULL is no value.
    fn arguments(&mut self) -> Result<Vec<Argument>, ChangeError> {
        let mut found = Vec::new();
        while !matches!(self.tokens.get(self.at), None | Some(Token::Sign(";"))) {
            let mut name = None;
            if let Some(Token::Word(word)) = self.tokens.get(self.at)
                && word.starts_with('@')
            {
                name = Some(word.to_lowercase());
                self.at += 1;
                if !self.sign("=") {
                    return Err(fault("= is missing"));
                }
            }
            let value = self.name()?;
            let is_null = value.eq_ignore_ascii_case("NULL");
            found.push((name, (!is_null).then_some(value)));
            if !self.sign(",") {
                break;
            }
        }
        Ok(found)
    }
}
