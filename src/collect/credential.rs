//! A wrong password tried on every server locks the account everywhere. So each credential is proven
//! by one login before a second session uses it, and a refused one is not tried again.

use tokio::sync::{Mutex, MutexGuard};

use super::plan::Credential;
use crate::ids::InstanceId;

/// Login errors that speak of the credential itself: wrong, disabled, locked out, expired, must change.
const REFUSALS: &[u32] = &[18456, 18470, 18486, 18487, 18488];

/// How many servers may leave an unproven credential's login unanswered before it is tried on no more: one slow
/// server must not end the audit of all others, and many must not add up to a locked account.
const MOST_UNANSWERED: usize = 2;

/// A credential and what is known of it.
pub struct CredentialGate {
    credential: Credential,
    keep_trying: bool,
    state: Mutex<State>,
}

enum State {
    /// Nobody has answered a login yet; these servers took one and said nothing.
    Unproven {
        unanswered: Vec<InstanceId>,
    },
    Proven,
    Refused {
        by: InstanceId,
        number: u32,
    },
}

/// Leave to log in.
pub enum Pass<'a> {
    /// The credential has worked before.
    Proven,
    /// This login decides; nobody else logs in with it meanwhile.
    First(First<'a>),
}

/// The one login that proves a credential.
pub struct First<'a>(MutexGuard<'a, State>);

impl CredentialGate {
    /// A credential that nothing is known of. With `keep_trying` a refusal by one server does not
    /// spare the others.
    pub fn new(credential: Credential, keep_trying: bool) -> Self {
        Self {
            credential,
            keep_trying,
            state: Mutex::new(State::Unproven {
                unanswered: Vec::new(),
            }),
        }
    }

    /// The credential.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Waits until this login may be tried.
    ///
    /// # Errors
    /// The reason why it must not be tried.
    pub async fn pass(&self) -> Result<Pass<'_>, String> {
        if let Credential::Missing { why, .. } = &self.credential {
            return Err(why.clone());
        }
        let state = self.state.lock().await;
        match &*state {
            State::Proven => Ok(Pass::Proven),
            State::Unproven { unanswered }
                if unanswered.len() >= MOST_UNANSWERED && !self.keep_trying =>
            {
                let servers: Vec<&str> = unanswered.iter().map(InstanceId::as_str).collect();
                Err(format!(
                    "not tried: nobody knows whether credential {} is good: {} took a login and did not answer",
                    self.credential.label(),
                    servers.join(" and ")
                ))
            }
            State::Unproven { .. } => Ok(Pass::First(First(state))),
            State::Refused { by, number } => Err(format!(
                "not tried: credential {} was refused by {by} (error {number})",
                self.credential.label()
            )),
        }
    }

    /// Whether a server's login error means that the credential is no good.
    pub fn is_refusal(number: u32) -> bool {
        REFUSALS.contains(&number)
    }

    /// Records that a server took a login and did not answer. Each such login may have been a failed one.
    pub fn unanswered(pass: Pass<'_>, by: &InstanceId) {
        if let Pass::First(mut first) = pass
            && let State::Unproven { unanswered } = &mut *first.0
        {
            unanswered.push(by.clone());
        }
    }

    /// Records a refusal, also one that comes after the credential had worked elsewhere: a password
    /// changed midway must not be tried on the rest of the estate.
    pub async fn refused(&self, pass: Pass<'_>, by: &InstanceId, number: u32) {
        if self.keep_trying {
            return;
        }
        let refused = State::Refused {
            by: by.clone(),
            number,
        };
        match pass {
            Pass::First(mut first) => *first.0 = refused,
            Pass::Proven => *self.state.lock().await = refused,
        }
    }
}

impl Pass<'_> {
    /// The login succeeded.
    pub fn succeeded(self) {
        if let Self::First(mut first) = self {
            *first.0 = State::Proven;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    fn gate(keep_trying: bool) -> CredentialGate {
        let credential = Credential::Sql {
            user: "audit".into(),
            password: SecretString::from("x"),
        };
        CredentialGate::new(credential, keep_trying)
    }

    #[tokio::test]
    async fn a_refused_credential_is_not_tried_again() {
        let gate = gate(false);
        let pass = gate.pass().await.unwrap();
        gate.refused(pass, &InstanceId::new("a"), 18456).await;
        let why = gate.pass().await.err().unwrap();
        assert_eq!(
            why,
            "not tried: credential sql audit was refused by a (error 18456)"
        );
    }

    #[tokio::test]
    async fn two_unanswered_logins_are_enough() {
        let gate = gate(false);
        for server in ["a", "b"] {
            let pass = gate.pass().await.unwrap();
            CredentialGate::unanswered(pass, &InstanceId::new(server));
        }
        let why = gate.pass().await.err().unwrap();
        assert!(why.contains("a and b took a login"), "{why}");
    }

    #[tokio::test]
    async fn keep_trying_tries_the_next_target() {
        let gate = gate(true);
        let pass = gate.pass().await.unwrap();
        gate.refused(pass, &InstanceId::new("a"), 18456).await;
        assert!(gate.pass().await.is_ok());
    }

    #[tokio::test]
    async fn while_unproven_only_one_login_is_under_way() {
        let gate = gate(false);
        let first = gate.pass().await.unwrap();
        let second = tokio::time::timeout(std::time::Duration::from_millis(50), gate.pass()).await;
        assert!(
            second.is_err(),
            "a second login was let through before the first succeeded"
        );
        first.succeeded();
        assert!(matches!(gate.pass().await.unwrap(), Pass::Proven));
    }
}
