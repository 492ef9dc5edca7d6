//! What the service knows of a user, as captured answers show it.

use serde_json::{Map, Value, json};

use super::{
    scenario::{FlagForm, Lookup, Scenario},
    user::{SimUser, approve_is_locked},
};

const FLAGS: [&str; 5] = [
    "isTokenLocked",
    "isSmsLocked",
    "isVoiceLocked",
    "isFingerprintLocked",
    "isApproveLocked",
];

/// User Details: an object's members.
pub(super) struct Details(Map<String, Value>);

impl Details {
    pub(super) fn of(user: &SimUser, scenario: &Scenario) -> Self {
        let rule = scenario.rule(user);
        let disabled = rule.is_some_and(|rule| rule.disabled);
        let deleted = rule.is_some_and(|rule| rule.mark_deleted);
        let details = json!({
            "id": user.id,
            "emailAddress": user.email,
            "firstName": "Simulated",
            "lastName": user.username,
            "creationDate": "2024-01-15T09:30:00.000Z",
            "identitySource": "Simulated Directory",
            "userStatus": if disabled { "Disabled" } else { "Enabled" },
            "highRiskUser": false,
            "markDeleted": deleted,
            "markDeletedAt": deleted.then_some("2026-01-01T00:00:00.000Z"),
            "markDeletedBy": deleted.then_some("Simulated Administrator"),
            "isTokenLocked": user.locked[0],
            "isSmsLocked": user.locked[1],
            "isVoiceLocked": user.locked[2],
            "isFingerprintLocked": false,
            "isApproveLocked": approve_is_locked(scenario.seed, &user.id),
            "lastSyncTime": "2026-01-02T03:04:05.000Z",
            "emergencyAccessStatus": "Disabled",
            "offlineEmergencyAccessStatus": "Disabled",
            "principalUsername": user.username,
            "alternateUsername": "",
            "smsNumber": "+15550100",
            "voiceNumber": "+15550100",
        });
        Self(match details {
            Value::Object(members) => members,
            _ => Map::new(),
        })
    }

    pub(super) fn without_flags(&mut self) {
        self.0.retain(|member, _| !FLAGS.contains(&member.as_str()));
    }

    /// As a search lists them.
    pub(super) fn in_search(mut self, flags: bool) -> Value {
        if !flags {
            self.without_flags();
        }
        Value::Object(self.0)
    }

    /// As a lookup answers them.
    pub(super) fn in_lookup(mut self, settings: &Lookup) -> Value {
        for flag in FLAGS {
            if let Some(value) = self.0.get_mut(flag) {
                match settings.flags {
                    FlagForm::Boolean => {}
                    FlagForm::Text => *value = Value::String(value.to_string()),
                    FlagForm::Null => *value = Value::Null,
                }
            }
        }
        let wanted = |member: &String| {
            let named = |list: &[String]| list.contains(member);
            (settings.only.is_empty() || named(&settings.only)) && !named(&settings.omit)
        };
        self.0.retain(|member, _| wanted(member));
        if settings.extra {
            let unknown = [
                ("isPasskeyLocked", json!(true)),
                ("locked", json!({"isTokenLocked": "perhaps"})),
                ("userId", json!(null)),
            ];
            self.0
                .extend(unknown.map(|(name, value)| (name.to_owned(), value)));
        }
        Value::Object(self.0)
    }
}
