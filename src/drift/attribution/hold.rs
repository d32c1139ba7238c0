//! Holds events to a register: was there a ticket for this, then, there, by them; is the host a usual one.

use std::collections::BTreeMap;

use glob::{MatchOptions, Pattern};
use jiff::Timestamp;

use super::deed::hash;
use super::entry::Attributed;
use super::moment::{Held, Moment, is_working_time};
use crate::drift::diff::pattern;
use crate::ids::InstanceId;
use crate::inventory::{ApprovedChange, Register, Site, TagValue};
use crate::snapshot::Event;

/// A register made ready for one instance.
pub struct Holding<'r> {
    register: &'r Register,
    approved: Vec<Ready<'r>>,
    hosts: Vec<Pattern>,
    privileged: Vec<Pattern>,
    service: Vec<Pattern>,
    site: Option<&'r Site>,
    folds: bool,
}

struct Ready<'r> {
    change: &'r ApprovedChange,
    object: Option<Pattern>,
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
        None => ready(own).is_some_and(|own| is(&own, target.as_str(), false)),
    };
    let mut sites = register.sites.iter();
    sites.find(|site| site.targets.iter().any(fits_target))
}

/// A pattern that cannot be read fits nothing.
fn ready(text: &str) -> Option<Pattern> {
    pattern(text).ok()
}

fn is(pattern: &Pattern, text: &str, folds: bool) -> bool {
    let options = MatchOptions {
        case_sensitive: !folds,
        require_literal_separator: false,
        require_literal_leading_dot: false,
    };
    pattern.matches_with(text, options)
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
                .is_none_or(|own| ready(own).is_some_and(|own| is(&own, target.as_str(), false)))
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
                object: read(change.object.as_ref())?,
                identity: read(change.identity.as_ref())?,
            })
        });
        Self {
            register,
            approved: approved.collect(),
            hosts: all_ready(&register.administration_hosts),
            privileged: all_ready(&register.privileged),
            service: all_ready(&register.service),
            site,
            folds,
        }
    }

    /// What the register says of an event that changed the object.
    pub fn of(&self, event: &Event, moment: &Moment, object: &str) -> Said {
        let identity = identity(event);
        let mut best = Said {
            outcome: Attributed::Unapproved,
            ticket: None,
            because: Some("no ticket is for it".to_owned()),
        };
        for own in &self.approved {
            let fits = |pattern: &Option<Pattern>, text: Option<&str>| match (pattern, text) {
                (None, _) => true,
                (Some(pattern), Some(text)) => is(pattern, text, self.folds),
                (Some(_), None) => false,
            };
            if !fits(&own.object, Some(object)) || !fits(&own.identity, identity) {
                continue;
            }
            let said = self.by(own.change, event, moment);
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

    /// Whether it came from a usual host; `None` where the record does not say.
    fn is_usual_host(&self, event: &Event) -> Option<bool> {
        if self.register.administration_hosts.is_empty() {
            return Some(true);
        }
        let from = [&event.from.host, &event.from.client_ip];
        let mut from = from.into_iter().flatten().peekable();
        from.peek()?;
        Some(from.any(|from| self.hosts.iter().any(|own| is(own, from, true))))
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
        let among = |all: &[Pattern]| all.iter().any(|own| is(own, identity, self.folds));
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

fn minute(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The login that connected: what it ran as may be anybody's whom it may impersonate.
pub fn identity(event: &Event) -> Option<&str> {
    let who = &event.who;
    who.session_login.as_deref().or(who.login.as_deref())
}
