//! How an operating-system command can be run on an instance: through which channels, on which platforms they exist,
//! and as which account the command runs.

mod channel;
mod platform;
#[cfg(test)]
mod sample;

pub use channel::Channel;
pub use platform::{Availability, Platform, Site, availability};
