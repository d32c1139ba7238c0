//! Choosing targets, and reading `--server`.

use std::collections::BTreeSet;

use super::message::nearest;
use super::{Endpoint, Inventory, TagValue, Target};
use crate::ids::InstanceId;

/// Why a selection cannot be made.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// Names nothing.
    #[error("{selector:?} names no target, group or tag{}", near.as_ref().map(|n| format!("; did you mean {n}?")).unwrap_or_default())]
    Unknown {
        /// As given.
        selector: String,
        /// A name that is close.
        near: Option<String>,
    },
    /// Nothing is left.
    #[error("the selection leaves no target")]
    Empty,
}

impl Inventory {
    /// Keeps the targets that `only` names (all if empty) without those that `exclude` names.
    ///
    /// # Errors
    /// A selector names nothing, or nothing is left.
    pub fn select(&mut self, only: &[String], exclude: &[String]) -> Result<(), SelectError> {
        for selector in only.iter().chain(exclude) {
            if !self.knows(selector) {
                let names = self.targets.iter().map(|t| t.name.as_str());
                let near = nearest(
                    selector,
                    names.chain(self.groups.iter().map(String::as_str)),
                );
                return Err(SelectError::Unknown {
                    selector: selector.clone(),
                    near: near.map(str::to_owned),
                });
            }
        }
        let named = |list: &[String], target: &Target| list.iter().any(|s| matches(s, target));
        let (chosen, left_out): (Vec<Target>, Vec<Target>) = self
            .targets
            .drain(..)
            .partition(|t| (only.is_empty() || named(only, t)) && !named(exclude, t));
        self.targets = chosen;
        self.not_selected = left_out.into_iter().map(|target| target.name).collect();
        if self.targets.is_empty() {
            return Err(SelectError::Empty);
        }
        Ok(())
    }

    /// The targets that selectors name.
    ///
    /// # Errors
    /// A selector names nothing.
    pub fn choose(&self, selectors: &[String]) -> Result<BTreeSet<InstanceId>, SelectError> {
        if let Some(unknown) = selectors.iter().find(|selector| !self.knows(selector)) {
            return Err(SelectError::Unknown {
                selector: unknown.clone(),
                near: None,
            });
        }
        let named = |target: &&Target| selectors.iter().any(|s| matches(s, target));
        let chosen = self.targets.iter().filter(named);
        Ok(chosen.map(|target| target.name.clone()).collect())
    }

    /// Whether a selector names anything in this inventory.
    pub(super) fn knows(&self, selector: &str) -> bool {
        let group = selector.strip_prefix("group:").unwrap_or(selector);
        self.groups.contains(group) || self.targets.iter().any(|target| matches(selector, target))
    }
}

/// `*`, a target's name, `group:NAME`, a group's bare name, or `tag=value`.
pub(super) fn matches(selector: &str, target: &Target) -> bool {
    if selector == "*" || selector == target.name.as_str() {
        return true;
    }
    if let Some(group) = selector.strip_prefix("group:") {
        return target.groups.contains(group);
    }
    if let Some((tag, value)) = selector.split_once('=') {
        return target
            .tags
            .get(tag)
            .is_some_and(|found: &TagValue| found.to_string() == value);
    }
    target.groups.contains(selector)
}

/// Why `--server` is not a server's name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not HOST[\\INSTANCE][,PORT]: {why}")]
pub struct ServerNameError {
    given: String,
    why: &'static str,
}

/// Reads `HOST[\INSTANCE][,PORT]` as SQL Server's own tools do: a port wins over an instance, and then there is
/// a note that says so.
///
/// # Errors
/// No host, an empty instance, or a port out of range.
pub fn parse_server(given: &str) -> Result<(Endpoint, Option<String>), ServerNameError> {
    let fault = |why| ServerNameError {
        given: given.to_owned(),
        why,
    };
    let text = given.trim();
    let text = text.strip_prefix("tcp:").unwrap_or(text);
    let (name, port) = match text.split_once(',') {
        Some((name, port)) => {
            let port: u16 = port
                .trim()
                .parse()
                .map_err(|_| fault("the port is not a number from 1 to 65535"))?;
            (name.trim(), Some(port).filter(|port| *port > 0))
        }
        None => (text, None),
    };
    if text.contains(',') && port.is_none() {
        return Err(fault("the port is not a number from 1 to 65535"));
    }
    let (host, instance) = match name.split_once('\\') {
        Some((host, instance)) => (host, Some(instance)),
        None => (name, None),
    };
    let host = match host {
        "." | "(local)" => "localhost",
        other => other.trim_start_matches('[').trim_end_matches(']'),
    };
    if let Some(why) = host_fault(host) {
        return Err(fault(why));
    }
    let owned = host.to_owned();
    match (instance, port) {
        (Some(""), _) => Err(fault("the instance's name is empty")),
        (Some(instance), Some(port)) => {
            let note = super::port_wins(instance, port.into());
            Ok((Endpoint::Port(owned, port), Some(note)))
        }
        (Some(instance), None) => Ok((Endpoint::Named(owned, instance.to_owned()), None)),
        (None, Some(port)) => Ok((Endpoint::Port(owned, port), None)),
        (None, None) => Ok((Endpoint::Default(owned), None)),
    }
}

/// What is wrong with a host, if anything is.
pub(super) fn host_fault(host: &str) -> Option<&'static str> {
    if host.is_empty() {
        return Some("the host is empty");
    }
    if host.contains('\\') {
        return Some("the host holds an instance: use instance = \"…\"");
    }
    if host.contains(',') {
        return Some("the host holds a port: use port = …");
    }
    host.contains(|c: char| c.is_whitespace() || c.is_control())
        .then_some("the host holds white space")
}
