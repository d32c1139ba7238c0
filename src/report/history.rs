//! Assessments side by side, for a terminal and for people to pass on. What is shown is prepared once, every name from a
//! server made harmless; the renderers lay it out.

mod page;
mod spark;
mod table;
mod view;

pub use page::{history_html, history_markdown};
pub use table::history_table;
pub use view::HistoryView;
