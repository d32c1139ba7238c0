//! Settings of one target: its own before the defaults', key by key.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use super::message::{Errors, nearest};
use super::written::{self, Secret, TagValue};
use super::{AuditNeeds, Auth, Endpoint, SecretRef, ServerTarget, Timeouts, Tls, TlsMode};
use crate::ids::Criticality;

const KINDS: &[&str] = &["sql", "integrated", "entra-token"];
const MODES: &[(&str, TlsMode)] = &[
    ("required", TlsMode::Required),
    ("strict", TlsMode::Strict),
    ("login-only", TlsMode::LoginOnly),
    ("off", TlsMode::Off),
];

/// A target's own settings and those that stand behind them.
pub(super) struct Layers<'a> {
    pub target: &'a written::Target,
    pub defaults: &'a written::Settings,
}

/// How to reach and read a server; `None` if it could not be made out, which was then said.
pub(super) fn server(
    layers: &Layers<'_>,
    endpoint: Endpoint,
    errors: &mut Errors<'_>,
) -> Option<ServerTarget> {
    let (own, defaults) = (layers.target, layers.defaults);
    let Some(written) = own.auth.as_ref().or(defaults.auth.as_ref()) else {
        errors.push(
            &own.name.span(),
            format!("target {:?} has no auth, and there is none in [defaults]", own.name.get_ref()),
            "auth = { kind = \"sql\", user = \"posture_audit\", password = { env = \"POSTURE_PASSWORD\" } }",
        );
        return None;
    };
    let auth = auth(written, errors);
    let preset = ServerTarget::new(endpoint, auth?);
    let retries = own.retries.as_ref().or(defaults.retries.as_ref());
    let sessions = own
        .sessions_per_target
        .as_ref()
        .or(defaults.sessions_per_target.as_ref());
    Some(ServerTarget {
        tls: tls(layers, errors),
        timeouts: timeouts(layers, errors),
        retries: within(retries, 0..=10, "retries", errors).unwrap_or(preset.retries),
        sessions: within(sessions, 1..=16, "sessions_per_target", errors)
            .unwrap_or(preset.sessions),
        read_only_intent: own
            .read_only_intent
            .or(defaults.read_only_intent)
            .unwrap_or(preset.read_only_intent),
        listener: own.listener.unwrap_or(preset.listener),
        skip_auto_close: own
            .skip_auto_close
            .or(defaults.skip_auto_close)
            .unwrap_or(preset.skip_auto_close),
        ..preset
    })
}

/// The target's tags over the defaults'.
pub(super) fn tags(layers: &Layers<'_>, errors: &mut Errors<'_>) -> BTreeMap<String, TagValue> {
    let mut tags = BTreeMap::new();
    for (key, value) in layers.defaults.tags.iter().chain(&layers.target.tags) {
        let wrong = match (key.get_ref().as_str(), value) {
            ("criticality", TagValue::Text(text)) => Criticality::from_word(text).is_none(),
            ("criticality", TagValue::Flag(_)) => true,
            _ => false,
        };
        if wrong {
            errors.push(
                &key.span(),
                format!("criticality = {value} is not known"),
                format!(
                    "one of {}",
                    Criticality::ALL.map(Criticality::as_str).join(", ")
                ),
            );
        }
        tags.insert(key.get_ref().clone(), value.clone());
    }
    tags
}

/// What is wanted of the target's audits, whether it is a server or a recording.
pub(super) fn audit_needs(layers: &Layers<'_>, errors: &mut Errors<'_>) -> AuditNeeds {
    let (own, behind) = (layers.target, layers.defaults);
    let days = own.audit_retention_days.as_ref();
    let days = days.or(behind.audit_retention_days.as_ref());
    let rate = own.audit_mb_per_day.as_ref();
    let rate = rate.or(behind.audit_mb_per_day.as_ref());
    AuditNeeds {
        retention_days: within(days, 0..=36_500, "audit_retention_days", errors),
        mb_per_day: within(rate, 1..=1_000_000, "audit_mb_per_day", errors),
    }
}

fn auth(written: &Spanned<written::Auth>, errors: &mut Errors<'_>) -> Option<Auth> {
    let span = written.span();
    let written = written.get_ref();
    let kind = written.kind.get_ref().as_str();
    let surplus = |keys: &[(&str, bool)], errors: &mut Errors<'_>| {
        for (key, _) in keys.iter().filter(|(_, given)| *given) {
            errors.push(
                &span,
                format!("{key} has no meaning for kind = {kind:?}"),
                "remove it",
            );
        }
    };
    let (user, password) = (written.user.is_some(), written.password.is_some());
    match kind {
        "sql" => {
            surplus(&[("token", written.token.is_some())], errors);
            let Some(user) = written.user.clone().filter(|user| !user.is_empty()) else {
                errors.push(
                    &span,
                    "kind = \"sql\" needs user",
                    "user = \"posture_audit\"",
                );
                return None;
            };
            let password = secret(written.password.as_ref(), "password", &span, errors)?;
            Some(Auth::Sql { user, password })
        }
        "integrated" => {
            let token = written.token.is_some();
            surplus(
                &[("user", user), ("password", password), ("token", token)],
                errors,
            );
            Some(Auth::Integrated)
        }
        "entra-token" => {
            surplus(&[("user", user), ("password", password)], errors);
            secret(written.token.as_ref(), "token", &span, errors).map(Auth::EntraToken)
        }
        _ => {
            let near = nearest(kind, KINDS.iter().copied());
            errors.push(
                &written.kind.span(),
                format!("unknown kind {kind:?}"),
                near.map_or_else(
                    || format!("one of {}", KINDS.join(", ")),
                    |near| format!("did you mean {near}?"),
                ),
            );
            None
        }
    }
}

fn secret(
    written: Option<&Secret>,
    key: &str,
    span: &Range<usize>,
    errors: &mut Errors<'_>,
) -> Option<SecretRef> {
    let help = format!(
        "{key} = {{ env = \"VAR\" }}, {{ file = \"PATH\" }}, {{ command = [\"PROGRAM\"] }} or {{ prompt = true }}"
    );
    let Some(written) = written else {
        errors.push(span, format!("{key} is missing"), help);
        return None;
    };
    let mut places: Vec<SecretRef> = Vec::new();
    places.extend(
        written
            .env
            .clone()
            .filter(|name| !name.is_empty())
            .map(SecretRef::Env),
    );
    places.extend(
        written
            .file
            .clone()
            .filter(|path| !path.is_empty())
            .map(SecretRef::File),
    );
    places.extend(
        written
            .command
            .clone()
            .filter(|words| words.first().is_some_and(|program| !program.is_empty()))
            .map(SecretRef::Command),
    );
    places.extend(written.prompt.filter(|ask| *ask).map(|_| SecretRef::Prompt));
    if places.len() != 1 {
        errors.push(
            span,
            format!("{key} needs exactly one place to be read from"),
            help,
        );
    }
    places.pop()
}

fn tls(layers: &Layers<'_>, errors: &mut Errors<'_>) -> Tls {
    let (own, behind) = (layers.target.tls.as_ref(), layers.defaults.tls.as_ref());
    let of = |layer: Option<&Spanned<written::Tls>>| {
        layer.map(|tls| tls.get_ref().clone()).unwrap_or_default()
    };
    let (own_tls, defaults) = (of(own), of(behind));
    let mode = own_tls
        .mode
        .or(defaults.mode)
        .map_or(TlsMode::default(), |mode| {
            let known = MODES.iter().find(|(name, _)| name == mode.get_ref());
            known.map_or_else(
                || {
                    let names: Vec<&str> = MODES.iter().map(|(name, _)| *name).collect();
                    errors.push(
                        &mode.span(),
                        format!("unknown mode {:?}", mode.get_ref()),
                        format!("one of {}", names.join(", ")),
                    );
                    TlsMode::default()
                },
                |(_, mode)| *mode,
            )
        });
    let tls = Tls {
        mode,
        ca_file: own_tls.ca_file.or(defaults.ca_file),
        trust_server_certificate: own_tls
            .trust_server_certificate
            .or(defaults.trust_server_certificate)
            .unwrap_or_default(),
        hostname_in_certificate: own_tls
            .hostname_in_certificate
            .or(defaults.hostname_in_certificate),
    };
    if let Some((message, help)) = contradiction(&tls) {
        let span = own.or(behind).map_or(0..0, Spanned::span);
        errors.push(&span, message, help);
    }
    tls
}

/// Settings that cannot both be meant: one says to verify, the other not to.
fn contradiction(tls: &Tls) -> Option<(&'static str, &'static str)> {
    let verifies = tls.ca_file.is_some() || tls.hostname_in_certificate.is_some();
    if tls.trust_server_certificate && verifies {
        return Some((
            "trust_server_certificate accepts any certificate: ca_file and hostname_in_certificate would not be looked at",
            "remove trust_server_certificate, or the other",
        ));
    }
    if tls.trust_server_certificate && tls.mode == TlsMode::Strict {
        return Some((
            "mode = \"strict\" always verifies the certificate",
            "remove trust_server_certificate and give the CA with ca_file",
        ));
    }
    (tls.mode == TlsMode::Off && (verifies || tls.trust_server_certificate)).then_some((
        "mode = \"off\" has no certificate",
        "remove ca_file, hostname_in_certificate and trust_server_certificate, or encrypt",
    ))
}

fn timeouts(layers: &Layers<'_>, errors: &mut Errors<'_>) -> Timeouts {
    let own = layers.target.timeouts.clone().unwrap_or_default();
    let defaults = layers.defaults.timeouts.clone().unwrap_or_default();
    let preset = Timeouts::default();
    let mut limit = |own: Option<Spanned<i64>>, behind: Option<Spanned<i64>>, key, preset| {
        let written = own.or(behind);
        within(written.as_ref(), 1..=86_400, key, errors).map_or(preset, Duration::from_secs)
    };
    Timeouts {
        connect: limit(
            own.connect_seconds,
            defaults.connect_seconds,
            "connect_seconds",
            preset.connect,
        ),
        login: limit(
            own.login_seconds,
            defaults.login_seconds,
            "login_seconds",
            preset.login,
        ),
        query: limit(
            own.query_seconds,
            defaults.query_seconds,
            "query_seconds",
            preset.query,
        ),
        target: limit(
            own.target_seconds,
            defaults.target_seconds,
            "target_seconds",
            preset.target,
        ),
    }
}

fn within<N: TryFrom<i64>>(
    written: Option<&Spanned<i64>>,
    range: std::ops::RangeInclusive<i64>,
    key: &str,
    errors: &mut Errors<'_>,
) -> Option<N> {
    let written = written?;
    let number = *written.get_ref();
    if !range.contains(&number) {
        errors.push(
            &written.span(),
            format!("{key} = {number} is out of range"),
            format!("{} to {}", range.start(), range.end()),
        );
        return None;
    }
    N::try_from(number).ok()
}
