//! Columns of the server's own catalog and dynamic views, as far as it matters what they can hold.

/// Numbers, dates and the like, by their whole names.
const NUMBERS: &[&str] = &[
    "blocked",
    "compatibility_level",
    "create_date",
    "dbid",
    "fileid",
    "fill_factor",
    "growth",
    "id",
    "indid",
    "login_time",
    "max_length",
    "max_size",
    "modify_date",
    "ordinal_position",
    "partition_number",
    "precision",
    "rows",
    "scale",
    "size",
    "spid",
    "start_time",
    "state",
    "uid",
    "uncommitted",
    "user_type",
];

/// How the names of others begin.
const PREFIXES: &[&str] = &[
    "avg_",
    "has_",
    "is_",
    "last_user_",
    "max_",
    "min_",
    "num_",
    "total_",
    "user_s",
];

/// How they end.
const SUFFIXES: &[&str] = &[
    "_bytes",
    "_count",
    "_date",
    "_fragments",
    "_id",
    "_in_bytes",
    "_kb",
    "_mb",
    "_ms",
    "_number",
    "_page",
    "_pages",
    "_percent",
    "_time",
];

/// Whether a column of this name holds a number or a date wherever it is: its text can be no code.
pub(super) fn is_number(column: &str) -> bool {
    let name = column.to_ascii_lowercase();
    NUMBERS.contains(&name.as_str())
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::is_number;

    #[test]
    fn numbers_are_told_from_names_and_texts() {
        for column in [
            "session_id",
            "Fill_Factor",
            "is_disabled",
            "row_count",
            "avg_fragmentation_in_percent",
        ] {
            assert!(is_number(column), "{column}");
        }
        for column in [
            "name",
            "definition",
            "text",
            "type_desc",
            "state_desc",
            "filter_definition",
            "path",
            "value",
        ] {
            assert!(!is_number(column), "{column}");
        }
    }
}
