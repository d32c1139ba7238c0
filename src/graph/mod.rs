//! How an operating-system command can be run on an instance: through which channels, on which platforms they exist,
//! and as which account the command runs.

mod channel;
mod identity;
mod platform;
#[cfg(test)]
mod sample;

pub use channel::Channel;
pub use identity::{
    OsIdentity, Power, ProxyAccount, agent, agent_proxy, engine, external_script, launchpad,
    power_of, xp_cmdshell_proxy,
};
pub use platform::{Availability, Platform, Site, availability};
