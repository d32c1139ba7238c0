//! Statements other than EXEC that are sinks or lead to one.

use super::Sink;
use super::arguments::{Arguments, Command};
use super::code::Name;
use super::folded::{Folded, Taint, reasons};
use super::header::{self, Header};
use super::names::folded;
use super::procedures;
use super::value::Value;
use super::walk::Walk;
use super::words::Keyword;

/// What code, a procedure's name, an option or a subsystem has in it.
const TELLING: &[&str] = &[
    "exec",
    "xp_",
    "sp_",
    "assembly",
    "openrowset",
    "bulk",
    "select",
    "cmd",
    "shell",
    "script",
    "clr",
    "ole",
    "ad hoc",
];

/// Whether a parameter's default may decide what is done, rather than what it is done to.
fn is_telling(default: &Value) -> bool {
    let text = default.text().to_ascii_lowercase();
    default.kind.is_text() && TELLING.iter().any(|word| text.contains(word))
}

/// So far a statement's clauses are looked for.
const FAR: usize = 64;

impl Walk<'_, '_> {
    /// CREATE and ALTER. Returns the token to go on with.
    pub(super) fn create(&mut self, at: usize) -> usize {
        let Some(what) = header::created(self.code, at) else {
            return at + 1;
        };
        if let Some(header) = Header::read(self.code, what) {
            return self.module(at, header);
        }
        let creates = self.code.is_word(at, &["create"]);
        match self.code.text(what).to_ascii_lowercase().as_str() {
            "assembly" if creates => self.create_assembly(at, what),
            "assembly" => self.alter_assembly(at, what),
            "external" => self.external_library(at, what),
            "synonym" if creates => self.synonym(what),
            "queue" => self.activation(what),
            "type" if creates => self.external_type(what),
            _ => {}
        }
        at + 1
    }

    fn module(&mut self, at: usize, header: Header) -> usize {
        let body = header.body;
        if !self.begun {
            self.parameters(&header);
        }
        if header::is_external_name(self.code, body) {
            self.clr_module(body);
        }
        if self.depth == 0 && self.found.module.is_none() {
            if header.is_encrypted {
                let note =
                    "it is created WITH ENCRYPTION: once deployed, its text cannot be audited";
                self.found.note(self.code.origin(at), note.to_owned());
            }
            let name = self.code.parts(header.name);
            self.found.set_module(self.code.origin(at), header, name);
        }
        body.max(at + 1)
    }

    /// What the module's parameters hold when it begins: anything, or else their defaults.
    fn parameters(&mut self, header: &Header) {
        for (place, declared) in header.parameters.iter().enumerate() {
            let origin = self.code.origin(declared.at);
            // A module that is created by executed text has parameters of its own.
            let taint = match self.depth {
                0 => Taint::of_parameter(place),
                _ => Taint::DATA,
            };
            let mut value = Folded::from_outside(origin, taint, reasons::PARAMETER);
            if let Some(default) = declared.default {
                let default = self.argument(default, default + 1);
                if default.only().is_some_and(is_telling) {
                    value.add_alternative(&default, &mut self.found.budget);
                }
            }
            let name = self.code.text(declared.at);
            self.variables.begin_with(name, declared.data_type, value);
        }
    }

    fn clr_module(&mut self, external: usize) {
        let (place, how) = self.called_by(&[external, external + 1]);
        let mut command = Command::none();
        if let Some(name) = self.code.name(external + 2) {
            command.show(self.code.dotted(name));
        }
        self.report(place, Sink::ClrModule, how, command);
    }

    /// `CREATE TYPE t EXTERNAL NAME …`
    fn external_type(&mut self, what: usize) {
        let name = self.code.name(what + 1);
        let external = name.map(|name| name.next);
        if let Some(at) = external.filter(|at| header::is_external_name(self.code, *at)) {
            self.clr_module(at);
        }
    }

    /// The first of these words within a statement that began before `at`.
    fn word_ahead(&self, at: usize, words: &[&str]) -> Option<usize> {
        (at..at + FAR)
            .take_while(|at| *at < self.code.len() && !self.code.is(*at, ";"))
            .take_while(|at| !self.ends_statement(*at))
            .find(|at| self.code.is_word(*at, words))
    }

    fn ends_statement(&self, at: usize) -> bool {
        let executes_as = self.code.keyword(at) == Some(Keyword::Execute)
            && self.code.keyword(at + 1) == Some(Keyword::As);
        let keyword = self.code.keyword(at);
        keyword.is_some_and(Keyword::begins_statement) && !executes_as
            || keyword == Some(Keyword::Select)
    }

    fn create_assembly(&mut self, at: usize, what: usize) {
        let Some(name) = self.named(what + 1) else {
            return;
        };
        let Some(from) = self.word_ahead(name.next, &["from"]) else {
            return;
        };
        let mut command = Command::none();
        let mut next = from;
        while next == from || self.code.is(next, ",") {
            let (bits, after) = self.fold(Folded::default(), next + 1, true);
            command.add(&bits);
            next = after.max(next + 1);
        }
        let set = self.permission_set(next).unwrap_or("SAFE");
        let name = self.code.dotted(name);
        let (place, how) = self.called_by(&[at, what, from]);
        let note = format!("assembly {name} is created with permission set {set}");
        self.found.note(place.start, note);
        self.report(place, Sink::CreateAssembly, how, command);
    }

    /// ALTER ASSEMBLY is one where it gives the assembly more rights, or other code under the name that is trusted.
    fn alter_assembly(&mut self, at: usize, what: usize) {
        let Some(name) = self.named(what + 1) else {
            return;
        };
        let code = self.code.is_word(name.next, &["from"]).then_some(name.next);
        let set = self.permission_set(name.next).filter(|set| *set != "SAFE");
        if code.is_none() && set.is_none() {
            return;
        }
        let written = self.code.dotted(name);
        let mut command = Command::none();
        match code {
            Some(from) => command.add(&self.fold(Folded::default(), from + 1, true).0),
            None => command.show(written.clone()),
        }
        let mut words = vec![at, what];
        words.extend(code);
        let (place, how) = self.called_by(&words);
        if code.is_some() {
            let note = format!("the code of assembly {written} is replaced");
            self.found.note(place.start, note);
        }
        if let Some(set) = set {
            let note = format!("assembly {written} is given permission set {set}");
            self.found.note(place.start, note);
        }
        self.report(place, Sink::CreateAssembly, how, command);
    }

    /// What PERMISSION_SET is made, from the token at `at` on.
    fn permission_set(&self, at: usize) -> Option<&'static str> {
        const SETS: &[&str] = &["SAFE", "EXTERNAL_ACCESS", "UNSAFE"];
        let option = self.word_ahead(at, &["permission_set"])?;
        let value = option + 1 + usize::from(self.code.is(option + 1, "="));
        let set = SETS.iter().find(|set| self.code.is_word(value, &[set]));
        Some(set.copied().unwrap_or("that is not known"))
    }

    /// The name at `at`, unless a keyword stands there.
    fn named(&self, at: usize) -> Option<Name> {
        let name = self.code.name(at)?;
        self.code.keyword(at).is_none().then_some(name)
    }

    /// CREATE or ALTER EXTERNAL LIBRARY or LANGUAGE.
    fn external_library(&mut self, at: usize, what: usize) {
        if !self.code.is_word(what + 1, &["library", "language"]) {
            return;
        }
        let Some(name) = self.named(what + 2) else {
            return;
        };
        let follows = ["from", "authorization", "set", "add", "remove"];
        if !self.code.is_word(name.next, &follows) {
            return;
        }
        let mut command = Command::none();
        let content = self.word_ahead(name.next + 1, &["content"]);
        if let Some(content) = content.filter(|at| self.code.is(*at + 1, "=")) {
            command.add(&self.fold(Folded::default(), content + 2, true).0);
        }
        let (place, how) = self.called_by(&[at, what, what + 1]);
        self.report(place, Sink::ExternalScript, how, command);
    }

    /// `CREATE SYNONYM s FOR …`
    fn synonym(&mut self, what: usize) {
        let Some(name) = self.named(what + 1) else {
            return;
        };
        if !self.code.is_word(name.next, &["for"]) {
            return;
        }
        if let Some(target) = self.named(name.next + 1) {
            let name = self.code.parts(name);
            let target = self.code.parts(target);
            self.found.synonyms.insert(&name, &target);
        }
    }

    /// The procedure that a Service Broker queue starts.
    fn activation(&mut self, what: usize) {
        let procedure = self.word_ahead(what + 1, &["procedure_name"]);
        let procedure = procedure.filter(|at| self.code.is(at + 1, "="));
        let Some(name) = procedure.and_then(|at| self.named(at + 2)) else {
            return;
        };
        let called = self.called(name);
        let note = format!("messages in a queue start {}", called.parts.join("."));
        self.found.note(called.place.start, note);
        self.invoke(called, &Arguments::default());
    }

    /// GRANT of something on a procedure that is a sink is worth knowing, and is none itself.
    pub(super) fn grant(&mut self, at: usize) {
        let ahead = at + 1..(at + FAR).min(self.code.len());
        let on = ahead
            .take_while(|at| !self.code.is(*at, ";") && !self.code.is_word(*at, &["to"]))
            .find(|at| self.code.is_word(*at, &["on"]));
        let Some(on) = on else {
            return;
        };
        let class = self.code.is(on + 2, ":") && self.code.is(on + 3, ":");
        let Some(name) = self.code.name(on + if class { 4 } else { 1 }) else {
            return;
        };
        let (own, _) = self.code.part(name.last);
        let row = procedures::procedure(own);
        if row.is_some() {
            let note = format!("a right on {} is granted", folded(own));
            self.found.note(self.code.origin(at), note);
        }
    }

    /// BULK INSERT.
    pub(super) fn bulk(&mut self, at: usize) {
        if !self.code.is_word(at + 1, &["insert"]) {
            return;
        }
        let Some(name) = self.code.name(at + 2) else {
            return;
        };
        if self.code.is_word(name.next, &["from"]) {
            let (file, _) = self.fold(Folded::default(), name.next + 1, true);
            let (place, how) = self.called_by(&[at, at + 1]);
            self.report(place, Sink::BulkFile, how, Command::of(&file));
        }
    }

    /// DBCC ADDEXTENDEDPROC.
    pub(super) fn dbcc(&mut self, at: usize) {
        if !self.code.is_word(at + 1, &["addextendedproc"]) {
            return;
        }
        let first = at + 2 + usize::from(self.code.is(at + 2, "("));
        let command = self.arguments(first).all();
        let (place, how) = self.called_by(&[at, at + 1]);
        self.report(place, Sink::ExtendedProcAdd, how, command);
    }

    /// `name(`: a function that reaches the file system.
    pub(super) fn function(&mut self, open: usize) {
        let own = open.saturating_sub(1);
        let (name, _) = self.code.part(own);
        if open < self.seen_source || !procedures::is_file_function(name) {
            return;
        }
        self.seen_source = self.code.after_group(open);
        let mut first = own;
        while first >= 2 && self.code.is(first - 1, ".") && self.code.name(first - 2).is_some() {
            first -= 2;
        }
        let called = self.called(Name {
            first,
            last: own,
            next: open,
        });
        let command = self.arguments(open + 1).all();
        self.report(called.place, Sink::OtherXp, called.how, command);
    }
}
