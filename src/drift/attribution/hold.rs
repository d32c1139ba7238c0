//! Holds events to a register: was there a ticket for this, then, there, by them; is the host a usual one.

use std::collections::BTreeMap;

use glob::Pattern;
use jiff::Timestamp;

use super::deed::hash;
use super::entry::Attributed;
use super::moment::{Held, Moment, is_working_time};
use super::thing::{Thing, fits};
use crate::drift::diff::pattern;
use crate::ids::InstanceId;
use crate::inventory::{ApprovedChange, Register, Site, TagValue};
use crate::snapshot::Event;

/// A register made ready for one instance.
pub struct Holding<'r> {
    register: &'r Register,
    approved: Vec<Ready<'r>>,
    /// Patterns of names of hosts, and of their addresses.
    hosts: [Vec<Pattern>; 2],
    privileged: Vec<Pattern>,
    service: Vec<Pattern>,
    site: Option<&'r Site>,
    folds: bool,
}

struct Ready<'r> {
    change: &'r ApprovedChange,
    object: Option<&'r str>,
    identity: Option<Pattern>,
}

/// What a register says of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The best that a ticket makes of it.
    pub outcome: Attributed,
    /// That ticket.
    pub ticket: Option<String>,
    /// Why the outcome is no better.
    pub because: Option<String>,
}

/// The site of a target: the first that fits.
pub fn site<'r>(
    register: &'r Register,
    target: &InstanceId,
    tags: &BTreeMap<String, TagValue>,
) -> Option<&'r Site> {
    let fits_target = |own: &String| match own.split_once('=') {
        Some((tag, value)) => tags.get(tag).is_some_and(|own| own.to_string() == value),
        None => ready(own).is_some_and(|own| fits(&own, target.as_str(), false)),
    };
    let mut sites = register.sites.iter();
    sites.find(|site| site.targets.iter().any(fits_target))
}

/// A pattern that cannot be read fits nothing.
fn ready(text: &str) -> Option<Pattern> {
    pattern(text).ok()
}

fn all_ready(patterns: &[String]) -> Vec<Pattern> {
    patterns.iter().filter_map(|own| ready(own)).collect()
}

impl<'r> Holding<'r> {
    /// For one target, whose server `folds` the case of names.
    pub fn new(
        register: &'r Register,
        target: &InstanceId,
        site: Option<&'r Site>,
        folds: bool,
    ) -> Self {
        let is_here = |own: &&ApprovedChange| {
            let instance = own.instance.as_deref();
            instance
                .is_none_or(|own| ready(own).is_some_and(|own| fits(&own, target.as_str(), false)))
        };
        // One that cannot be read approves nothing: it is left out whole.
        let read = |own: Option<&String>| match own {
            None => Some(None),
            Some(text) => ready(text).map(Some),
        };
        let approved = register.approved.iter().filter(is_here);
        let approved = approved.filter_map(|change| {
            Some(Ready {
                change,
                object: change.object.as_deref(),
                identity: read(change.identity.as_ref())?,
            })
        });
        let hosts = register.administration_hosts.iter().cloned();
        let (addresses, names): (Vec<_>, Vec<_>) = hosts.partition(|own| is_address(own));
        Self {
            register,
            approved: approved.collect(),
            hosts: [names, addresses].map(|own| all_ready(&own)),
            privileged: all_ready(&register.privileged),
            service: all_ready(&register.service),
            site,
            folds,
        }
    }

    /// What the register says of an event that changed something, which these are.
    pub fn of(&self, event: &Event, moment: &Moment, things: &[Thing]) -> Said {
        let mut best = Said {
            outcome: Attributed::Unapproved,
            ticket: None,
            because: Some("no ticket is for it".to_owned()),
        };
        for own in &self.approved {
            let is_for = own
                .object
                .is_none_or(|own| things.iter().any(|thing| thing.fits(own, self.folds)));
            let is_by = self.is_by(own.identity.as_ref(), event);
            if !is_for || is_by == Some(false) {
                continue;
            }
            let mut said = self.by(own.change, event, moment);
            if is_by.is_none() && said.outcome < Attributed::Undecided {
                said.outcome = Attributed::Undecided;
                said.because = Some("the record does not say which login connected".to_owned());
            }
            if said.outcome < best.outcome {
                best = said;
            }
        }
        best
    }

    fn by(&self, change: &ApprovedChange, event: &Event, moment: &Moment) -> Said {
        let window = moment.is_within(change.from, change.until);
        let (outcome, because) = match (window, self.is_usual_host(event)) {
            (Held::No, _) => (
                Attributed::OutsideWindow,
                Some(format!(
                    "ticket {} is for {} to {}",
                    crate::ids::named(&change.ticket),
                    minute(change.from),
                    minute(change.until)
                )),
            ),
            (Held::Perhaps, _) => (
                Attributed::Undecided,
                Some(format!(
                    "whether it was in the window of ticket {} cannot be told: {}",
                    crate::ids::named(&change.ticket),
                    moment.doubt.as_deref().unwrap_or_default()
                )),
            ),
            (Held::Yes, Some(false)) => (
                Attributed::UnusualHost,
                Some("it came from a host that is none of administration_hosts".to_owned()),
            ),
            (Held::Yes, None) => (
                Attributed::Undecided,
                Some("the record does not say from which host it came".to_owned()),
            ),
            (Held::Yes, Some(true)) => (Attributed::Approved, None),
        };
        Said {
            outcome,
            ticket: Some(change.ticket.clone()),
            because,
        }
    }

    /// Whether the login that connected is the ticket's; `None` where the record does not say. The one that a statement ran
    /// as is anybody's who may impersonate it.
    fn is_by(&self, identity: Option<&Pattern>, event: &Event) -> Option<bool> {
        let Some(pattern) = identity else {
            return Some(true);
        };
        let who = event.who.session_login.as_deref()?;
        Some(fits(pattern, who, self.folds))
    }

    /// Whether it came from a usual host; `None` where the record does not say. An address is the server's word, a name the
    /// client's: a name that looks like an address is none.
    fn is_usual_host(&self, event: &Event) -> Option<bool> {
        let [names, addresses] = &self.hosts;
        if names.is_empty() && addresses.is_empty() {
            return Some(true);
        }
        let among = |all: &[Pattern], from: &Option<String>| match from {
            _ if all.is_empty() => Some(false),
            None => None,
            Some(from) => Some(all.iter().any(|own| fits(own, from, true))),
        };
        let by_name = among(names, &event.from.host);
        let by_address = among(addresses, &event.from.client_ip);
        match (by_name, by_address) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        }
    }

    /// What a reviewer wants to know besides of an event.
    pub fn remarks(&self, event: &Event, moment: &Moment) -> Vec<String> {
        let mut remarks = Vec::new();
        if let Some(site) = self.site
            && let Some(held) = is_working_time(moment, site)
        {
            let name = crate::ids::named(&site.name);
            match held {
                Held::Yes => {}
                Held::No => remarks.push(format!("outside the working hours of site {name}")),
                Held::Perhaps => remarks.push(format!(
                    "whether it was in the working hours of site {name} cannot be told: {}",
                    moment.doubt.as_deref().unwrap_or_default()
                )),
            }
        }
        let identity = identity(event).unwrap_or_default();
        let among = |all: &[Pattern]| all.iter().any(|own| fits(own, identity, self.folds));
        if among(&self.service) {
            remarks.push("by a service's identity".to_owned());
        } else if !self.register.privileged.is_empty() && !among(&self.privileged) {
            remarks.push("by an identity that is neither privileged nor a service's".to_owned());
        }
        remarks
    }

    /// Executions of a channel by one login in an hour that are usual.
    pub fn threshold(&self) -> Option<u32> {
        self.register.invocation_threshold
    }

    /// Whether an assembly may come; `None` where the register lists none.
    pub fn allows_assembly(&self, name: &str, hashes: &[&str]) -> Option<bool> {
        let allowed = &self.register.assemblies;
        if allowed.is_empty() {
            return None;
        }
        let is_same = |own: &str| own == name || (self.folds && own.eq_ignore_ascii_case(name));
        // A hash is of one file: an assembly of several is not known by it.
        let is_hash = |own: &str| matches!(hashes, [only] if hash(only) == hash(own));
        Some(allowed.iter().any(|own| {
            own.name.as_deref().is_none_or(is_same) && own.hash.as_deref().is_none_or(is_hash)
        }))
    }
}

/// Whether a pattern of hosts is one of addresses: digits, dots and stars, or with colons.
fn is_address(pattern: &str) -> bool {
    let is_v4 = |c: char| c.is_ascii_digit() || ".*?".contains(c);
    let has_digit = pattern.contains(|c: char| c.is_ascii_digit());
    pattern.contains(':') || (has_digit && pattern.contains('.') && pattern.chars().all(is_v4))
}

fn minute(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Who it is told of: the login that connected, or where the record does not say the one that it ran as.
pub fn identity(event: &Event) -> Option<&str> {
    let who = &event.who;
    who.session_login.as_deref().or(who.login.as_deref())
}
