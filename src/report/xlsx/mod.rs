//! Everything as a workbook. Names from servers are written as strings, never as formulas, and what is a number or a date
//! is one.

mod sheets;
#[cfg(test)]
mod tests;

use rust_xlsxwriter::{
    Color, DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError,
};

use super::{Judgement, visible};

/// So many rows stand on a sheet; what more there are is counted in a last row.
const MOST_ROWS: u32 = 100_000;
/// What a cell holds, in UTF-16 units.
const MOST_UNITS: usize = 32_767;
/// Ends a text that was cut.
const CUT: &str = "… (cut: assessment.json has the whole text)";

/// The workbook. The same judgement gives the same bytes: its date is the day as of which was judged.
///
/// # Errors
/// None that is known: texts are cut and rows left out before a limit of the format is reached.
pub fn xlsx(judged: &Judgement<'_>) -> Result<Vec<u8>, XlsxError> {
    workbook(judged, MOST_ROWS)
}

fn workbook(judged: &Judgement<'_>, most_rows: u32) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let mut about = DocProperties::new()
        .set_title("SQL Server posture")
        .set_author(&shown(&judged.assessment.judged_by));
    if let Some(day) = moment(&judged.assessment.as_of) {
        about = about.set_creation_datetime(&day);
    }
    book.set_properties(&about);
    let mut writer = Writer::new(&mut book, most_rows);
    sheets::write(&mut writer, judged)?;
    book.save_to_buffer()
}

/// What stands in a cell.
enum Cell {
    /// Nothing.
    Empty,
    /// A string.
    Text(String),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// A date, or a date with a time in UTC; as text where it is neither.
    Moment(String),
}

impl Cell {
    /// A text of ours or of a server.
    fn text(text: impl AsRef<str>) -> Self {
        match text.as_ref() {
            "" => Self::Empty,
            text => Self::Text(shown(text)),
        }
    }

    fn maybe(text: Option<impl AsRef<str>>) -> Self {
        text.map_or(Self::Empty, Self::text)
    }

    fn number(number: impl TryInto<u32>) -> Self {
        Self::Number(number.try_into().unwrap_or(u32::MAX).into())
    }
}

/// A column's heading and its width in characters.
type Column = (&'static str, f64);

/// Adds sheets to a workbook.
struct Writer<'b> {
    book: &'b mut Workbook,
    most_rows: u32,
    heading: Format,
    day: Format,
    time: Format,
}

impl<'b> Writer<'b> {
    fn new(book: &'b mut Workbook, most_rows: u32) -> Self {
        const HEADING: Color = Color::RGB(0x001F_3A5F);
        Self {
            book,
            most_rows,
            heading: Format::new()
                .set_bold()
                .set_font_color(Color::White)
                .set_background_color(HEADING),
            day: Format::new().set_num_format("yyyy-mm-dd"),
            time: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
        }
    }

    /// A sheet with a heading that stays in sight and can be filtered by. Rows are made one at a time; those over the limit
    /// are only counted.
    fn sheet<T, const N: usize>(
        &mut self,
        name: &str,
        columns: [Column; N],
        mut items: impl Iterator<Item = T>,
        row: impl Fn(T) -> [Cell; N],
    ) -> Result<(), XlsxError> {
        let most = self.most_rows;
        let sheet = self.book.add_worksheet();
        sheet.set_name(name)?.set_freeze_panes(1, 0)?;
        for (at, (heading, width)) in (0..).zip(columns) {
            sheet.set_column_width(at, width)?;
            sheet.write_string_with_format(0, at, heading, &self.heading)?;
        }
        let mut last = 0;
        while last < most {
            let Some(item) = items.next() else { break };
            last += 1;
            for (at, cell) in (0..).zip(row(item)) {
                write(sheet, (last, at), &cell, &self.day, &self.time)?;
            }
        }
        let columns = u16::try_from(N).unwrap_or(u16::MAX);
        sheet.autofilter(0, 0, last, columns.saturating_sub(1))?;
        let more = items.count();
        if more > 0 {
            let said = format!("{more} more rows are left out here: assessment.json has them all");
            sheet.write_string_with_format(last + 1, 0, said, &self.heading)?;
        }
        Ok(())
    }
}

fn write(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    cell: &Cell,
    day: &Format,
    time: &Format,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Empty => {}
        Cell::Text(text) => {
            sheet.write_string(row, column, text)?;
        }
        Cell::Number(number) => {
            sheet.write_number(row, column, *number)?;
        }
        Cell::Flag(flag) => {
            sheet.write_boolean(row, column, *flag)?;
        }
        Cell::Moment(text) => match moment(text) {
            Some(moment) => {
                let form = if text.contains('T') { time } else { day };
                sheet.write_datetime_with_format(row, column, &moment, form)?;
            }
            None if text.is_empty() => {}
            None => {
                sheet.write_string(row, column, shown(text))?;
            }
        },
    }
    Ok(())
}

/// A date or time as the assessment writes it; a fraction of a second is left off.
fn moment(text: &str) -> Option<ExcelDateTime> {
    let to_second = text.split('.').next().unwrap_or_default();
    ExcelDateTime::parse_from_str(to_second).ok()
}

/// A text as a cell can hold it: harmless, of characters that XML has, and not too long.
fn shown(text: &str) -> String {
    let mut shown = visible(text);
    if shown.contains(is_no_character) {
        let whole = shown.chars().map(|c| match c {
            none if is_no_character(none) => none.escape_unicode().to_string(),
            plain => plain.to_string(),
        });
        shown = whole.collect();
    }
    if shown.encode_utf16().count() <= MOST_UNITS {
        return shown;
    }
    let mut room = MOST_UNITS - CUT.encode_utf16().count();
    let fits = move |c: &char| {
        let left = room.checked_sub(c.len_utf16());
        room = left.unwrap_or(0);
        left.is_some()
    };
    let mut cut: String = shown.chars().take_while(fits).collect();
    cut.push_str(CUT);
    cut
}

/// Two code points that are characters in no text, and that XML refuses.
fn is_no_character(c: char) -> bool {
    matches!(c, '\u{fffe}' | '\u{ffff}')
}
