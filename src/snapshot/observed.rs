//! What is known of a fact, and if it is not known, why not and what would settle it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The state of one fact. Nothing that was not seen ever turns into a value: from `Partial` a
/// rule may conclude that something bad is there, never that it is not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Observed<T> {
    /// Seen whole: the right that shows all of it was held and nothing denies it.
    Known {
        /// The fact.
        value: T,
    },
    /// What was seen is true, but more may be there.
    Partial {
        /// What was seen.
        value: T,
        /// Each right that is missing, or the denial that hides.
        needs: Vec<String>,
    },
    /// The server refused.
    Denied {
        /// Rights that would show it.
        needs: Vec<String>,
    },
    /// This server has no such fact.
    Unsupported {
        /// First major version that has it (11 = 2012 … 17 = 2025).
        since: u16,
        /// Why this server does not have it, where the version is not the reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// Asked for, and something broke.
    Failed {
        /// The server's or the driver's error.
        error: ServerError,
    },
    /// Not asked for.
    NotCollected {
        /// The reason, for people.
        why: String,
    },
}

/// A server's error number and text; number 0 is an error of ours or of the connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct ServerError {
    /// SQL Server's message number.
    pub number: u32,
    /// Message text. Server-made, therefore hostile.
    pub text: String,
}

/// Longest text of a message that is kept, in characters.
const LONGEST_MESSAGE: usize = 500;

/// A message from a server, cut where it gets longer than any that SQL Server writes for people: it goes into
/// every fact and record that it explains.
pub fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST_MESSAGE) {
        Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or_default()),
        None => text.to_owned(),
    }
}

impl ServerError {
    /// A server's own message, cut to 500 characters.
    pub fn new(number: u32, text: impl AsRef<str>) -> Self {
        Self {
            number,
            text: short(text.as_ref()),
        }
    }

    /// Something that broke on our side or on the way.
    pub fn local(text: impl AsRef<str>) -> Self {
        Self::new(0, text)
    }
}

impl<T> Observed<T> {
    /// The value, only if it was seen whole.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known { value } => Some(value),
            _ => None,
        }
    }

    /// Whether the fact needs nothing more: seen whole, or not to be had on this server.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Known { .. } | Self::Unsupported { .. })
    }

    /// The state's name in JSON.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Known { .. } => "known",
            Self::Partial { .. } => "partial",
            Self::Denied { .. } => "denied",
            Self::Unsupported { .. } => "unsupported",
            Self::Failed { .. } => "failed",
            Self::NotCollected { .. } => "not_collected",
        }
    }

    /// What is missing for `Known`, in words: rights, the error, or the reason. Empty when settled.
    pub fn needs(&self) -> Vec<String> {
        match self {
            Self::Known { .. } | Self::Unsupported { .. } => Vec::new(),
            Self::Partial { needs, .. } | Self::Denied { needs } => needs.clone(),
            Self::Failed { error } if error.number == 0 => vec![error.text.clone()],
            Self::Failed { error } => vec![format!("error {}: {}", error.number, error.text)],
            Self::NotCollected { why } => vec![why.clone()],
        }
    }

    /// The same state over another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Observed<U> {
        match self {
            Self::Known { value } => Observed::Known {
                value: change(value),
            },
            Self::Partial { value, needs } => Observed::Partial {
                value: change(value),
                needs,
            },
            Self::Denied { needs } => Observed::Denied { needs },
            Self::Unsupported { since, why } => Observed::Unsupported { since, why },
            Self::Failed { error } => Observed::Failed { error },
            Self::NotCollected { why } => Observed::NotCollected { why },
        }
    }

    /// Takes back a claim of completeness: `Known` becomes `Partial`, `Partial` needs more.
    pub fn limit(&mut self, need: &str) {
        let taken = std::mem::replace(self, Self::NotCollected { why: String::new() });
        *self = match taken {
            Self::Known { value } => Self::Partial {
                value,
                needs: vec![need.to_owned()],
            },
            Self::Partial { value, mut needs } => {
                if !needs.iter().any(|n| n == need) {
                    needs.push(need.to_owned());
                    needs.sort();
                }
                Self::Partial { value, needs }
            }
            other => other,
        };
    }
}

impl<R> Observed<Vec<R>> {
    /// The rows that were seen, whole list or not. Enough to find something bad, never to rule it out.
    pub fn seen(&self) -> &[R] {
        match self {
            Self::Known { value } | Self::Partial { value, .. } => value,
            _ => &[],
        }
    }

    /// The seen rows for change in place.
    pub fn seen_mut(&mut self) -> &mut [R] {
        match self {
            Self::Known { value } | Self::Partial { value, .. } => value,
            _ => &mut [],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_never_gives_a_known_value() {
        let partial = Observed::Partial {
            value: vec![1],
            needs: vec!["VIEW ANY DEFINITION".into()],
        };
        assert_eq!(partial.known(), None);
        assert_eq!(partial.seen(), [1]);
        assert!(!partial.is_settled());
    }

    #[test]
    fn limiting_a_known_list_makes_it_partial_and_keeps_refusals() {
        let mut list = Observed::Known { value: vec![1] };
        list.limit("b");
        list.limit("a");
        list.limit("a");
        assert_eq!(list.needs(), ["a", "b"]);
        let mut denied: Observed<Vec<i32>> = Observed::Denied {
            needs: vec!["x".into()],
        };
        denied.limit("y");
        assert_eq!(denied.needs(), ["x"]);
    }

    #[test]
    fn json_is_the_documented_form() {
        let known = serde_json::to_string(&Observed::Known { value: 1 }).unwrap_or_default();
        assert_eq!(known, r#"{"state":"known","value":1}"#);
        let since: Observed<i32> = Observed::Unsupported {
            since: 14,
            why: None,
        };
        assert_eq!(
            serde_json::to_string(&since).unwrap_or_default(),
            r#"{"state":"unsupported","since":14}"#
        );
        let failed: Observed<i32> = Observed::Failed {
            error: ServerError::new(1222, "Lock"),
        };
        assert_eq!(
            serde_json::to_string(&failed).unwrap_or_default(),
            r#"{"state":"failed","error":{"number":1222,"text":"Lock"}}"#
        );
    }
}
