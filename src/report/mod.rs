//! Reports. One prepared view, the [`Assessment`], and thin renderers over it.

mod assessment;
#[cfg(test)]
mod sample;
mod table;
mod template;
mod view;
mod visible;

pub use assessment::{
    Assessment, BySeverity, Control, Coverage, Fleet, Framework, Instance, Judged, MissingFact,
    SCHEMA, Tally, VerdictEntry,
};
pub use table::table;
pub use template::{RenderError, html, markdown};
pub use visible::visible;
