//! The values of variables while statements are walked, and the blocks that decide whether an assignment
//! replaces a value or only may.

mod carried;
mod escapes;

pub(super) use super::frames::Block;
pub(super) use escapes::Leaves;

use super::code::Code;
use super::folded::{Budget, Folded, reasons};
use super::frames::{Branch, Frame};
use super::numbered::{ByVariable, Names, Variable};
use super::rows::Rows;
use super::types::DataType;
use super::value::Value;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// A table whose rows are followed.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) rows: Rows,
    /// The columns' types, in their order.
    pub(super) types: Vec<DataType>,
    /// The column that numbers the rows.
    pub(super) identity: Option<usize>,
    /// Its first number, and what is added for each row; 1 and 1 where none is given.
    pub(super) numbering: Option<(i64, i64)>,
    /// Whether a key decides in which order rows come.
    pub(super) is_keyed: bool,
    /// Of a cursor: the row that FETCH reads next, where that is known.
    pub(super) next: Option<usize>,
}

impl Table {
    /// For each column the place of its value in a row that gives `columns`, or all.
    pub(super) fn places(&self, columns: &[String]) -> Vec<Option<usize>> {
        let place = |(place, own): (usize, &String)| match (columns, self.identity) {
            ([], Some(identity)) if place == identity => None,
            ([], Some(identity)) if place > identity => Some(place - 1),
            ([], _) => Some(place),
            (columns, _) => columns.iter().position(|name| name == own),
        };
        self.rows.columns.iter().enumerate().map(place).collect()
    }

    /// A value as the column at this place holds it.
    pub(super) fn typed(&self, place: usize, value: Folded, origin: usize) -> Folded {
        match self.types.get(place) {
            Some(data_type) if !value.fits(*data_type) => value.converted(*data_type, origin, true),
            _ => value,
        }
    }
}

/// What `@@FETCH_STATUS` is kept under.
pub(super) const FETCH_STATUS: &str = "@@fetch_status";

/// All variables of one batch.
#[derive(Debug, Default)]
pub(super) struct Variables {
    names: Names,
    values: ByVariable<Folded>,
    types: ByVariable<DataType>,
    /// Table variables, temporary tables and cursors, by name, as far as their rows are known.
    tables: Tables,
    /// What variables hold before the first statement: parameters.
    given: Vec<(Variable, Folded)>,
    /// Temporary tables that there are before the first statement.
    given_tables: Tables,
    frames: Vec<Frame>,
    /// The frames that may be skipped, innermost last.
    skippable: Vec<usize>,
    /// The frames that are a TRY, innermost last.
    tries: Vec<usize>,
    /// What the TRY that has just ended replaced, until its handler begins.
    replaced: BTreeMap<Variable, Folded>,
    /// How many of the frames are loops.
    loops: usize,
    /// How many of the frames are rounds of loops that are followed.
    followed: usize,
    /// Whether it is not known any more what a round reads, and what it began with.
    lost_track: Cell<bool>,
    /// Whether control may come from anywhere, so that no value is ever replaced for certain.
    pub(super) keeps_all: bool,
    /// What each loop's variables hold at the end of its body, by its WHILE: what its next round begins with.
    carried: BTreeMap<usize, BTreeMap<Variable, Folded>>,
    /// Whether NULL is put together with text as if it were empty: CONCAT_NULL_YIELDS_NULL is off.
    pub(super) null_is_empty: bool,
    /// What loops carry, by their WHILE, that is something else than the last time.
    moved: BTreeSet<(usize, Variable)>,
    /// The same of the walk before.
    moving: BTreeSet<(usize, Variable)>,
    /// The IFs whose branch has just ended, so that an ELSE may follow.
    left: Vec<Branch>,
}

/// Tables by their names.
pub(super) type Tables = BTreeMap<String, Table>;

/// A variable's name as it is compared.
pub(super) fn key(name: &str) -> String {
    // Nearly all of them are, and many of them are asked for.
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    name.to_lowercase()
}

impl Variables {
    /// What is known of a variable; `None` for one that was never assigned or declared.
    pub(super) fn get(&self, variable: Variable) -> Option<&Folded> {
        self.note_read(variable);
        self.values.get(variable)
    }

    /// The same of the variable that has this name.
    pub(super) fn get_named(&self, name: &str) -> Option<&Folded> {
        self.get(self.names.known(name)?)
    }

    /// Tells the variables apart that the code names, before any of it is walked.
    pub(super) fn number_tokens(&mut self, code: &Code) {
        self.names.number_tokens(code);
    }

    /// The variable that the token of the batch is.
    pub(super) fn at(&self, token: usize) -> Variable {
        self.names.at(token)
    }

    /// The rows of a table variable, a temporary table or a cursor, in any case.
    pub(super) fn table(&self, name: &str) -> Option<&Rows> {
        if !self.may_be_table(name) {
            return None;
        }
        self.tables.get(&key(name)).map(|table| &table.rows)
    }

    /// Whether the rows of any table are followed.
    pub(super) fn follows_tables(&self) -> bool {
        !self.tables.is_empty()
    }

    /// Most names are no table's; where there are few tables that is told faster than by looking the name up.
    fn may_be_table(&self, name: &str) -> bool {
        const FEW: usize = 8;
        let like = |table: &String| table.len() == name.len() || !name.is_ascii();
        self.tables.len() > FEW || self.tables.keys().any(like)
    }

    pub(super) fn table_mut(&mut self, name: &str) -> Option<&mut Table> {
        if !self.may_be_table(name) {
            return None;
        }
        self.tables.get_mut(&key(name))
    }

    /// Declares a table, unless it is there already: in a loop a declaration resets nothing.
    pub(super) fn declare_table(&mut self, name: &str, table: Table) {
        self.tables.entry(key(name)).or_insert(table);
    }

    /// The table is there no more.
    pub(super) fn drop_table(&mut self, name: &str) {
        self.tables.remove(&key(name));
    }

    /// Gives a name these rows.
    pub(super) fn keep_rows(&mut self, name: &str, rows: Rows) {
        let table = Table {
            rows,
            ..Table::default()
        };
        self.tables.insert(key(name), table);
    }

    /// A variable that holds `value` before the first statement: a parameter of the module, or of text that
    /// sp_executesql executes.
    pub(super) fn begin_with(&mut self, name: &str, data_type: DataType, value: Folded) {
        let variable = self.names.number(name);
        self.types.insert(variable, data_type);
        let value = self.typed(variable, value, 0);
        self.values.insert(variable, value.clone());
        self.given.push((variable, value));
    }

    /// Temporary tables that there are before the first statement.
    pub(super) fn begin_with_tables(&mut self, tables: Tables) {
        self.tables.clone_from(&tables);
        self.given_tables = tables;
    }

    /// The temporary tables, which text that is executed here sees too.
    pub(super) fn temporary_tables(&self, budget: &mut Budget) -> Tables {
        let temporary = self.tables.iter().filter(|(name, _)| name.starts_with('#'));
        let affordable = temporary.filter(|(_, table)| {
            let cells = table.rows.rows.len() * (1 + table.rows.columns.len());
            budget.spend(cells * Budget::PER_VALUE)
        });
        affordable
            .map(|(name, table)| (name.clone(), table.clone()))
            .collect()
    }

    /// Takes temporary tables back from text that was executed, which may have put rows into them.
    pub(super) fn take_back(&mut self, tables: Tables, before: &Tables, is_certain: bool) {
        let is_certain = is_certain && self.is_certain();
        for (name, mut table) in tables {
            let Some(known) = before.get(&name) else {
                // A table that the text made is gone with it.
                continue;
            };
            let is_same = known.rows.rows.len() == table.rows.rows.len()
                && known.rows.more == table.rows.more;
            if !is_same && !is_certain {
                table.rows.unsure = table.rows.unsure.or(Some(reasons::ROWS));
            }
            self.tables.insert(name, table);
        }
    }

    /// A declaration without a value: NULL. In a loop it resets nothing.
    pub(super) fn declare_typed(&mut self, variable: Variable, data_type: DataType) {
        self.types.insert(variable, data_type);
        if self.values.get(variable).is_none() {
            self.values.insert(variable, Folded::null());
        }
    }

    /// The value as one of the variable's type.
    fn typed(&self, variable: Variable, value: Folded, origin: usize) -> Folded {
        match self.types.get(variable) {
            Some(data_type) if !value.fits(*data_type) => value.converted(*data_type, origin, true),
            _ => value,
        }
    }

    /// Gives a variable a value here.
    pub(super) fn assign(
        &mut self,
        variable: Variable,
        value: Folded,
        origin: usize,
        budget: &mut Budget,
    ) {
        let value = self.typed(variable, value, origin);
        let before = self.values.remove(variable);
        let before = before.unwrap_or_else(|| Folded::unknown(origin));
        if self.keeps_all {
            let joined = join(before, &value, origin, budget);
            self.values.insert(variable, joined);
            return;
        }
        self.note_replaced(variable, &before, origin, budget);
        if let Some(frame) = self.innermost_skippable() {
            frame.changed.insert(variable);
            frame.before.entry(variable).or_insert(before);
        }
        self.values.insert(variable, value);
    }

    /// Takes a variable's value out to have something appended; [`Self::put_back`] ends that.
    pub(super) fn take(&mut self, variable: Variable, origin: usize) -> Folded {
        self.note_read(variable);
        let value = self.values.remove(variable);
        let value = value.unwrap_or_else(|| Folded::unknown(origin));
        if self.keeps_all {
            self.values.insert(variable, value.clone());
        } else if let Some(frame) = self.innermost_skippable()
            && !frame.before.contains_key(&variable)
        {
            // Shared with what is appended to, which is copied then.
            frame.before.insert(variable, value.clone());
        }
        value
    }

    pub(super) fn put_back(
        &mut self,
        variable: Variable,
        mut value: Folded,
        origin: usize,
        budget: &mut Budget,
    ) {
        if self.keeps_all {
            value.open(reasons::LOOP);
            return self.assign(variable, value, origin, budget);
        }
        let value = self.typed(variable, value, origin);
        if let Some(frame) = self.innermost_skippable() {
            frame.changed.insert(variable);
        }
        self.values.insert(variable, value);
    }

    /// Whether what stands here is in a loop's body.
    pub(super) fn is_in_loop(&self) -> bool {
        self.loops > 0
    }

    /// Whether what stands here happens once, whatever happens before.
    pub(super) fn is_certain(&self) -> bool {
        self.skippable.is_empty() && !self.keeps_all
    }

    fn innermost_skippable(&mut self) -> Option<&mut Frame> {
        let at = *self.skippable.last()?;
        self.frames.get_mut(at)
    }

    pub(super) fn innermost(&self) -> Option<Block> {
        self.frames.last().map(|frame| frame.block)
    }

    pub(super) fn enter(&mut self, block: Block, may_be_skipped: bool) {
        if may_be_skipped {
            self.skippable.push(self.frames.len());
        }
        self.frames.push(Frame {
            block,
            may_be_skipped,
            before: BTreeMap::new(),
            before_inner: BTreeMap::new(),
            changed: BTreeSet::new(),
            repeats: None,
            spins: None,
            is_if: false,
            is_taken: None,
            otherwise: None,
            escaped: BTreeMap::new(),
        });
    }

    /// Enters the condition of the loop whose WHILE is the token at `at`, of which a round is certain.
    pub(super) fn enter_round(&mut self, at: usize) {
        self.enter(Block::Awaited, false);
        if let Some(frame) = self.frames.last_mut() {
            frame.spins = Some(at);
            self.followed += 1;
        }
    }

    /// The loop, by its WHILE, of which a round ends with the innermost frame.
    pub(super) fn ends_round(&self) -> Option<usize> {
        self.frames.last().and_then(|frame| frame.spins)
    }

    /// Notes whether the FETCH found a row; `None`: nobody knows.
    pub(super) fn note_fetch(&mut self, found: Option<bool>, origin: usize) {
        let variable = self.names.number(FETCH_STATUS);
        let Some(found) = found else {
            self.values.remove(variable);
            return;
        };
        let status = Value::integer(if found { 0 } else { -1 }, origin);
        self.values.insert(variable, status.into());
    }

    /// Enters the branch of an IF, whose condition comes first.
    pub(super) fn enter_if(&mut self, is_taken: Option<bool>) {
        self.enter(Block::Awaited, true);
        if let Some(frame) = self.frames.last_mut() {
            frame.is_if = true;
            frame.is_taken = is_taken;
        }
    }

    /// Enters the branch of an ELSE. It begins with what its IF began with, if it is known which one that is.
    pub(super) fn enter_else(&mut self, origin: usize, budget: &mut Budget) {
        while self.left.is_empty() && self.innermost() == Some(Block::Statement) {
            self.leave(origin, budget);
        }
        let branch = self.left.pop().filter(|_| self.left.is_empty());
        let branch = branch.filter(|_| !self.keeps_all);
        for (variable, value) in branch.iter().flat_map(|branch| &branch.before) {
            self.values.insert(*variable, value.clone());
        }
        self.enter(Block::Awaited, true);
        if let Some(frame) = self.frames.last_mut() {
            frame.is_taken = branch.as_ref().and_then(|b| b.is_taken).map(|taken| !taken);
            frame.otherwise = branch;
        }
    }

    /// A statement begins, so that no ELSE can follow what ended before.
    pub(super) fn forget_branches(&mut self) {
        self.left.clear();
    }

    /// Makes the frame that waits for its statement that statement.
    pub(super) fn becomes(&mut self, block: Block) {
        if let Some(frame) = self.frames.last_mut() {
            frame.block = block;
        }
    }

    /// Closes the innermost frame: what it assigned may or may not have been.
    pub(super) fn leave(&mut self, origin: usize, budget: &mut Budget) {
        let Some(mut frame) = self.frames.pop() else {
            return;
        };
        if frame.may_be_skipped {
            self.skippable.pop();
        }
        self.followed -= usize::from(frame.spins.is_some());
        let mut before = frame.take_before();
        let escaped = std::mem::take(&mut frame.escaped);
        if frame.repeats.is_some() {
            self.loops = self.loops.saturating_sub(1);
            self.settle_loop(&escaped, origin, budget);
            self.carry(&frame, &before, budget);
        }
        if self.tries.pop_if(|at| *at == self.frames.len()).is_some() {
            self.settle_try(escaped, origin, budget);
        }
        self.note_in_outer(&before, frame.changed, budget);
        if let Some(is_taken) = frame.is_taken {
            return self.settle_taken(is_taken, before, (frame.is_if, frame.otherwise));
        }
        if let Some(otherwise) = frame.otherwise {
            self.join_branches(&mut before, otherwise, origin, budget);
        }
        let mut branch = Branch::default();
        for (variable, before) in before {
            let now = self.values.remove(variable);
            let now = now.unwrap_or_else(Folded::null);
            if frame.is_if {
                branch.before.insert(variable, before.clone());
                branch.after.insert(variable, now.clone());
            }
            let joined = join(before, &now, origin, budget);
            self.values.insert(variable, joined);
        }
        if frame.is_if {
            self.left.push(branch);
        } else {
            self.left.clear();
        }
    }

    /// Notes with the frame around one that ends which variables were changed in it, and what they held before.
    fn note_in_outer(
        &mut self,
        before: &BTreeMap<Variable, Folded>,
        mut changed: BTreeSet<Variable>,
        budget: &mut Budget,
    ) {
        let Some(outer) = self.innermost_skippable() else {
            return;
        };
        let mut keeps_track = true;
        for (variable, before) in before {
            if outer.before.contains_key(variable) || outer.before_inner.contains_key(variable) {
                continue;
            }
            keeps_track &= budget.spend(Budget::PER_VALUE);
            if !keeps_track {
                break;
            }
            outer.before_inner.insert(*variable, before.clone());
        }
        // The larger set takes the smaller in, so that deep nesting stays cheap.
        if changed.len() > outer.changed.len() {
            std::mem::swap(&mut changed, &mut outer.changed);
        }
        outer.changed.extend(changed);
        if !keeps_track {
            self.lost_track.set(true);
        }
    }

    /// What IF and ELSE leave together: a variable that both assigned no longer holds what it held before.
    fn join_branches(
        &mut self,
        before: &mut BTreeMap<Variable, Folded>,
        otherwise: Branch,
        origin: usize,
        budget: &mut Budget,
    ) {
        for (variable, after) in otherwise.after {
            if before.remove(&variable).is_some()
                && let Some(outer) = self.innermost_skippable()
                && let Some(before) = otherwise.before.get(&variable)
            {
                let first = outer.before.entry(variable);
                first.or_insert_with(|| before.clone());
            }
            let now = self.values.remove(variable);
            let now = now.unwrap_or_else(Folded::null);
            let joined = join(after, &now, origin, budget);
            self.values.insert(variable, joined);
        }
    }

    /// Closes every frame that `closes` holds for, from the innermost on.
    pub(super) fn leave_while(
        &mut self,
        closes: impl Fn(Block) -> bool,
        origin: usize,
        budget: &mut Budget,
    ) {
        while self.innermost().is_some_and(&closes) {
            self.leave(origin, budget);
        }
    }
}

fn join(mut before: Folded, now: &Folded, origin: usize, budget: &mut Budget) -> Folded {
    if budget.spend(now.len()) {
        before.add_alternative(now, budget);
        before
    } else {
        before.into_hole(origin, reasons::BUDGET)
    }
}
