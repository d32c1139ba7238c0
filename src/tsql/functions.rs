//! The functions that code builds text with, by name, and what their results hang on.

use super::folded::{Budget, Folded, MOST_ALTERNATIVES, Taint, reasons};
use super::holes::HOLE;
use super::text_functions as text;
use super::types::DataType;
use super::value::{Kind, Measure, Value};

/// Which end of a text is trimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
    Both,
}

/// A function, by what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Cast,
    Convert,
    Concat,
    /// CONCAT_WS
    Join,
    /// `true` for NCHAR.
    Character(bool),
    /// `true` for UNICODE.
    Code(bool),
    Replace,
    Translate,
    Reverse,
    Stuff,
    Substring,
    Take(Side),
    /// A text and what is trimmed off it.
    Trim(Side),
    /// What is trimmed off, and the text.
    TrimOf(Side),
    /// `true` for UPPER.
    Case(bool),
    Replicate,
    Space,
    QuoteName,
    Format,
    StringAgg,
    Choose,
    Iif,
    Coalesce,
    NullIf,
    Length,
    Bytes,
    Position,
    /// PATINDEX
    Pattern,
    Str,
    Absolute,
    Base64,
    HexText,
    JsonValue,
    /// UNISTR
    Escaped,
    /// STRING_ESCAPE
    JsonEscape,
    /// MIN, MAX, GREATEST, LEAST: one of the values.
    OneOf,
    /// Bytes that are not known.
    Digest,
    /// A number, a date or the like.
    Number,
    /// The same, after the name of a part of a date.
    OfDate,
    /// Text that server, session or database decides.
    Environment,
    /// Text that whoever calls decides: its host's name, its session's context.
    Caller,
    /// PARSENAME
    NamePart,
    /// A function of users, which may read data.
    User,
    /// A method of a column's xml.
    OfColumn,
    /// FORMAT: a number or a date, as a pattern shows it.
    Shaped,
    /// Nothing is known of its text but what goes in.
    Opaque,
}

const FUNCTIONS: &[(&str, Function)] = &[
    ("cast", Function::Cast),
    ("try_cast", Function::Cast),
    ("parse", Function::Cast),
    ("try_parse", Function::Cast),
    ("convert", Function::Convert),
    ("try_convert", Function::Convert),
    ("concat", Function::Concat),
    ("concat_ws", Function::Join),
    ("char", Function::Character(false)),
    ("nchar", Function::Character(true)),
    ("ascii", Function::Code(false)),
    ("unicode", Function::Code(true)),
    ("replace", Function::Replace),
    ("translate", Function::Translate),
    ("reverse", Function::Reverse),
    ("stuff", Function::Stuff),
    ("substring", Function::Substring),
    ("left", Function::Take(Side::Left)),
    ("right", Function::Take(Side::Right)),
    ("trim", Function::Trim(Side::Both)),
    ("ltrim", Function::Trim(Side::Left)),
    ("rtrim", Function::Trim(Side::Right)),
    ("upper", Function::Case(true)),
    ("lower", Function::Case(false)),
    ("replicate", Function::Replicate),
    ("space", Function::Space),
    ("quotename", Function::QuoteName),
    ("format", Function::Shaped),
    ("formatmessage", Function::Format),
    ("string_agg", Function::StringAgg),
    ("choose", Function::Choose),
    ("iif", Function::Iif),
    ("isnull", Function::Coalesce),
    ("coalesce", Function::Coalesce),
    ("nullif", Function::NullIf),
    ("dateadd", Function::OfDate),
    ("datediff", Function::OfDate),
    ("datediff_big", Function::OfDate),
    ("datename", Function::OfDate),
    ("datepart", Function::OfDate),
    ("datetrunc", Function::OfDate),
    ("date_bucket", Function::OfDate),
    ("json_value", Function::JsonValue),
    ("parsename", Function::NamePart),
    ("len", Function::Length),
    ("datalength", Function::Bytes),
    ("charindex", Function::Position),
    ("patindex", Function::Pattern),
    ("str", Function::Str),
    ("abs", Function::Absolute),
    ("base64_decode", Function::Base64),
    ("fn_varbintohexstr", Function::HexText),
    ("min", Function::OneOf),
    ("max", Function::OneOf),
    ("greatest", Function::OneOf),
    ("least", Function::OneOf),
    ("unistr", Function::Escaped),
    ("string_escape", Function::JsonEscape),
    ("compress", Function::Digest),
    ("crypt_gen_random", Function::Digest),
    ("decompress", Function::Digest),
    ("decryptbyasymkey", Function::Digest),
    ("decryptbycert", Function::Digest),
    ("decryptbykey", Function::Digest),
    ("decryptbypassphrase", Function::Digest),
    ("encryptbyasymkey", Function::Digest),
    ("encryptbycert", Function::Digest),
    ("encryptbykey", Function::Digest),
    ("encryptbypassphrase", Function::Digest),
    ("hashbytes", Function::Digest),
    ("suser_sid", Function::Digest),
    ("host_name", Function::Caller),
    ("app_name", Function::Caller),
    ("program_name", Function::Caller),
    ("session_context", Function::Caller),
    ("context_info", Function::Caller),
    ("eventdata", Function::Caller),
    ("original_login", Function::Environment),
    ("db_name", Function::Environment),
    ("original_db_name", Function::Environment),
    ("suser_sname", Function::Environment),
    ("suser_name", Function::Environment),
    ("user_name", Function::Environment),
    ("current_user", Function::Environment),
    ("session_user", Function::Environment),
    ("system_user", Function::Environment),
    ("user", Function::Environment),
    ("serverproperty", Function::Environment),
    ("databasepropertyex", Function::Environment),
    ("object_name", Function::Environment),
    ("object_schema_name", Function::Environment),
    ("schema_name", Function::Environment),
    ("error_procedure", Function::Environment),
];

/// Functions whose result can be no code.
const NUMBERS: &[&str] = &[
    "avg",
    "binary_checksum",
    "ceiling",
    "checksum",
    "checksum_agg",
    "col_length",
    "columnproperty",
    "count",
    "count_big",
    "current_timestamp",
    "current_transaction_id",
    "cursor_status",
    "database_principal_id",
    "databaseproperty",
    "datefromparts",
    "datetime2fromparts",
    "datetimefromparts",
    "day",
    "db_id",
    "dense_rank",
    "difference",
    "eomonth",
    "error_line",
    "error_number",
    "error_severity",
    "error_state",
    "file_id",
    "file_idex",
    "fileproperty",
    "floor",
    "getansinull",
    "getdate",
    "getutcdate",
    "grouping",
    "grouping_id",
    "has_dbaccess",
    "has_perms_by_name",
    "ident_current",
    "ident_incr",
    "ident_seed",
    "indexproperty",
    "is_member",
    "is_rolemember",
    "is_srvrolemember",
    "isdate",
    "isjson",
    "isnumeric",
    "log",
    "log10",
    "month",
    "newid",
    "newsequentialid",
    "ntile",
    "object_id",
    "objectproperty",
    "objectpropertyex",
    "pi",
    "power",
    "rand",
    "rank",
    "round",
    "row_number",
    "rowcount_big",
    "schema_id",
    "scope_identity",
    "sign",
    "sqrt",
    "square",
    "stats_date",
    "stdev",
    "stdevp",
    "sum",
    "suser_id",
    "switchoffset",
    "sysdatetime",
    "sysdatetimeoffset",
    "sysutcdatetime",
    "timefromparts",
    "todatetimeoffset",
    "trigger_nestlevel",
    "type_id",
    "typeproperty",
    "user_id",
    "var",
    "varp",
    "xact_state",
    "year",
];

/// What is known of a function by its own name; `bare`: not qualified, as functions of users must be.
pub(super) fn function(name: &str, bare: bool) -> Function {
    let row = FUNCTIONS
        .iter()
        .find(|(row, _)| row.eq_ignore_ascii_case(name));
    match row {
        Some((_, function)) if bare || *function == Function::HexText => *function,
        _ if !bare && is_method(name) => Function::OfColumn,
        _ if !bare => Function::User,
        _ if NUMBERS.iter().any(|row| row.eq_ignore_ascii_case(name)) => Function::Number,
        _ => Function::Opaque,
    }
}

/// Whether `name(…)` after a dot gives what is in a column of type xml.
fn is_method(name: &str) -> bool {
    name.eq_ignore_ascii_case("value") || name.eq_ignore_ascii_case("query")
}

/// Functions that are called without parentheses.
pub(super) fn without_parentheses(name: &str) -> Option<Function> {
    const NAMES: &[&str] = &[
        "current_timestamp",
        "current_user",
        "session_user",
        "system_user",
        "user",
    ];
    let known = NAMES.iter().any(|row| row.eq_ignore_ascii_case(name));
    known.then(|| function(name, true))
}

/// What `@@name` gives.
pub(super) fn global(name: &str) -> Function {
    const TEXTS: &[&str] = &[
        "language",
        "servername",
        "servicename",
        "version",
        "remserver",
    ];
    let is_text = TEXTS.iter().any(|row| row.eq_ignore_ascii_case(name));
    if is_text {
        Function::Environment
    } else {
        Function::Number
    }
}

impl Function {
    /// Whether the argument at this place, from 0, is no value.
    pub(super) fn mutes(self, argument: usize) -> bool {
        matches!(self, Self::Iif | Self::OfDate) && argument == 0
    }
}

/// A call whose arguments have been read.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) function: Function,
    pub(super) arguments: Vec<Folded>,
    pub(super) data_type: DataType,
    pub(super) origin: usize,
}

impl Call {
    pub(super) fn of_nothing(function: Function, origin: usize) -> Self {
        Self {
            function,
            arguments: Vec::new(),
            data_type: DataType::default(),
            origin,
        }
    }

    /// Takes the argument at this place out.
    fn argument(&mut self, at: usize) -> Folded {
        self.arguments
            .get_mut(at)
            .map(std::mem::take)
            .unwrap_or_default()
    }

    pub(super) fn result(mut self, budget: &mut Budget) -> Folded {
        let origin = self.origin;
        match self.function {
            Function::Cast => self.argument(0).converted(self.data_type, origin, false),
            Function::Convert => self.convert(),
            Function::Coalesce => self.coalesce(budget),
            Function::Iif => self.one_of(1, budget),
            Function::OneOf => self.one_of(0, budget),
            Function::Choose => self.choose(budget),
            Function::NullIf => self.null_if(budget),
            Function::Number | Function::OfDate => {
                Folded::number(Kind::Numeric, origin, self.taint(Taint::CLEAN))
            }
            Function::Digest => {
                let mut bytes = Folded::from(Value::hole(HOLE, Kind::Binary, origin));
                bytes.taint = self.taint(Taint::CLEAN);
                bytes.because(reasons::FUNCTION);
                bytes
            }
            Function::Environment => {
                let reason = reasons::ENVIRONMENT;
                Folded::from_outside(origin, self.taint(Taint::CLEAN), reason)
            }
            Function::Caller => Folded::from_outside(origin, Taint::DATA, reasons::ENVIRONMENT),
            Function::User => {
                // What it reads besides is not known.
                Folded::from_outside(origin, self.taint(Taint::UNKNOWN), reasons::FUNCTION)
            }
            Function::OfColumn => Folded::from_outside(origin, Taint::DATA, reasons::DATA),
            Function::Shaped => self.shaped(),
            Function::Opaque | Function::StringAgg => {
                Folded::from_outside(origin, self.taint(Taint::CLEAN), reasons::FUNCTION)
            }
            _ => self.each(budget),
        }
    }

    fn taint(&self, least: Taint) -> Taint {
        self.arguments
            .iter()
            .fold(least, |taint, argument| taint.and(argument.taint))
    }

    /// FORMAT: of a known pattern without text of its own nothing comes that could be code.
    fn shaped(&self) -> Folded {
        let pattern = self.arguments.get(1).and_then(Folded::only);
        let harmless = |c: char| c.is_ascii_alphanumeric() || " -:./_#,".contains(c);
        let is_harmless = pattern.is_some_and(|p| p.text().chars().all(harmless));
        let taint = self.taint(Taint::CLEAN);
        if is_harmless {
            Folded::number(Kind::Numeric, self.origin, taint)
        } else {
            Folded::from_outside(self.origin, taint, reasons::FUNCTION)
        }
    }

    fn convert(&mut self) -> Folded {
        let style = self.arguments.get(1).map(Folded::only);
        let style = style.map(|style| style.and_then(Value::as_integer));
        let value = self.argument(0);
        match style {
            None => value.converted(self.data_type, self.origin, false),
            // A style that is not known changes nothing but dates and binaries.
            Some(style) => {
                value.map(|value| value.converted(self.data_type, style, self.origin, false))
            }
        }
    }

    /// The values of all arguments from `first` on.
    fn one_of(&mut self, first: usize, budget: &mut Budget) -> Folded {
        let mut result = self.argument(first);
        for argument in self.arguments.get(first + 1..).unwrap_or_default() {
            result.add_alternative(argument, budget);
        }
        result
    }

    fn choose(&mut self, budget: &mut Budget) -> Folded {
        let chosen = self
            .arguments
            .first()
            .and_then(Folded::only)
            .and_then(Value::as_integer);
        match chosen {
            Some(place) => match usize::try_from(place) {
                Ok(place) if place > 0 && place < self.arguments.len() => self.argument(place),
                _ => Folded::null(),
            },
            None => self.one_of(1, budget),
        }
    }

    /// The first argument that is not NULL.
    fn coalesce(&mut self, budget: &mut Budget) -> Folded {
        let mut result: Option<Folded> = None;
        for argument in std::mem::take(&mut self.arguments) {
            let is_known =
                |value: &Value| !value.is_null() && value.kind != Kind::Other && value.is_exact();
            let may_be_null =
                argument.has_more() || !argument.values().iter().all(|value| is_known(value));
            let argument = argument.without_null();
            match (&mut result, argument) {
                (Some(result), Some(argument)) => result.add_alternative(&argument, budget),
                (None, Some(argument)) => result = Some(argument),
                (_, None) => {}
            }
            if !may_be_null {
                break;
            }
        }
        result.unwrap_or_else(Folded::null)
    }

    fn null_if(&mut self, budget: &mut Budget) -> Folded {
        let (mut value, other) = (self.argument(0), self.argument(1));
        match (value.only(), other.only()) {
            (Some(a), Some(b)) if a.is_exact() && b.is_exact() => {
                let (a, b) = (a.text().trim_end(), b.text().trim_end());
                let equal = a.eq_ignore_ascii_case(b);
                if equal { Folded::null() } else { value }
            }
            _ => {
                value.add_alternative(&Folded::null(), budget);
                value
            }
        }
    }

    /// The function of each combination of its arguments' values.
    fn each(&mut self, budget: &mut Budget) -> Folded {
        let arguments = std::mem::take(&mut self.arguments);
        let all = arguments.iter().try_fold(1_usize, |all, argument| {
            all.checked_mul(argument.values().len())
                .filter(|all| *all <= MOST_ALTERNATIVES)
        });
        let most = arguments
            .iter()
            .map(|argument| argument.values().len())
            .max();
        let mut result: Option<Folded> = None;
        for combination in 0..all.or(most).unwrap_or(1) {
            let values = combined(&arguments, combination, all.is_some());
            // A length of one alternative says nothing of another.
            let mut measures = values.iter().filter_map(|value| value.measure);
            let text = values.first().map_or("", |value| value.text());
            if values.len() > 1 && all > Some(1) && measures.any(|m| m.beyond(text).is_none()) {
                continue;
            }
            let loose = self.function == Function::Length && arguments.iter().any(|a| a.loose);
            let value = match values.first() {
                Some(text) if loose => {
                    Value::measuring(Some(Measure::of(text.text())), self.origin)
                }
                _ => text::apply(self.function, &values, self.origin, budget),
            };
            let value = Folded::from(value);
            match &mut result {
                Some(result) => result.add_alternative(&value, budget),
                None => result = Some(value),
            }
        }
        let unknown = || Folded::from_outside(self.origin, Taint::CLEAN, reasons::FUNCTION);
        let mut result = result.unwrap_or_else(unknown);
        for argument in &arguments {
            result.derive_from(argument);
        }
        result.because(reasons::FUNCTION);
        if all.is_none() {
            result.open(reasons::ALTERNATIVES);
        }
        if result.loose && self.counts_on_place(&arguments) {
            result.open(reasons::FUNCTION);
        }
        result
    }

    /// Whether the result hangs on where in its argument a text stands, other than from its beginning or its end.
    fn counts_on_place(&self, arguments: &[Folded]) -> bool {
        let place = arguments.get(1).and_then(Folded::only);
        let at_start =
            self.function == Function::Stuff && place.and_then(Value::as_integer) == Some(1);
        let mut values = arguments.iter().flat_map(Folded::values);
        let from_end = values.any(|value| value.measure.is_some());
        let measures = self.function == Function::Length;
        !at_start && !from_end && !measures && text::counts_on_place(self.function)
    }
}

/// One value of each argument. Where not all combinations are made, each value is in one.
fn combined(arguments: &[Folded], mut combination: usize, all: bool) -> Vec<&Value> {
    let value = |argument: &'_ Folded| {
        let count = argument.values().len();
        let place = combination % count;
        if all {
            combination /= count;
        }
        place
    };
    let places: Vec<usize> = arguments.iter().map(value).collect();
    let pairs = arguments.iter().zip(places);
    pairs
        .map(|(argument, place)| argument.value(place))
        .collect()
}
