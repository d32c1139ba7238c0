//! Options that are configured and do not run yet: what a RECONFIGURE or a restart would activate.

use super::entry::Pending;
use super::severity::of_option;
use crate::snapshot::{Configuration, Snapshot};

pub(super) fn pending(before: &Snapshot, after: &Snapshot) -> Vec<Pending> {
    let staged = after
        .server
        .configurations
        .seen()
        .iter()
        .filter_map(|option| {
            let (value, in_use) = staged(option)?;
            let mut was = before.server.configurations.seen().iter();
            let was = was.find(|was| was.name == option.name);
            Some(Pending {
                option: option.name.clone(),
                in_use,
                value,
                by: if option.is_dynamic {
                    "RECONFIGURE"
                } else {
                    "restart"
                }
                .to_owned(),
                before: was.map(|was| staged_value(was) == Some(value)),
                severity: of_option(&option.name, in_use.into(), value.into()),
            })
        });
    let mut staged: Vec<Pending> = staged.collect();
    staged.sort_by(|one, other| {
        (std::cmp::Reverse(one.severity), &one.option)
            .cmp(&(std::cmp::Reverse(other.severity), &other.option))
    });
    staged
}

/// Options that run with another value than the configured one by design: they stand at 0 for whatever the server takes.
const BY_ITSELF: &[&str] = &[
    "min server memory (MB)",
    "max server memory (MB)",
    "user connections",
];

fn staged(option: &Configuration) -> Option<(i32, i32)> {
    let (value, in_use) = (option.value?, option.value_in_use?);
    let by_itself = value == 0 && BY_ITSELF.contains(&option.name.as_str());
    (value != in_use && !by_itself).then_some((value, in_use))
}

fn staged_value(option: &Configuration) -> Option<i32> {
    staged(option).map(|(value, _)| value)
}
