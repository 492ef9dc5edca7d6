//! Levels of precedence, joined: flags, environment, profile, the file's top level, defaults.

use std::collections::{BTreeMap, HashSet};

use secrecy::SecretString;

use super::{
    ConfigError, Environment,
    options::{Opt, TOKEN, is_hidden},
    origin::Origin,
    said::{Texts, from_text},
};

/// What one level says of one option.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) texts: Texts,
    pub(super) origin: Origin,
}

impl Said {
    /// A switch that is off makes no claim against its rivals.
    fn claims(&self) -> bool {
        !matches!(&self.texts[..], [text] if text == "false") && !self.texts.is_empty()
    }
}

/// What one level says: by the options' names in the definition of the command line.
#[derive(Debug, Clone, Default)]
pub(super) struct Level {
    pub(super) said: BTreeMap<String, Said>,
    pub(super) token: Option<(SecretString, Origin)>,
}

/// What the environment says of these options.
pub(super) fn of_environment(options: &[Opt], env: &Environment) -> Result<Level, ConfigError> {
    let mut level = Level::default();
    for option in options {
        let name = option.variable();
        let Some(text) = env.get(&name) else { continue };
        let origin = Origin::Variable { name };
        let texts = from_text(option, text).map_err(|why| ConfigError::Placed {
            origin: origin.clone(),
            why,
        })?;
        level.said.insert(option.id.clone(), Said { texts, origin });
    }
    let name = super::environment::variable(TOKEN);
    level.token = env
        .get(&name)
        .map(|token| (SecretString::from(token), Origin::Variable { name }));
    Ok(level)
}

/// What these levels, the highest first, say together, below what was typed.
pub(super) fn join(typed: &HashSet<String>, levels: Vec<Level>) -> Level {
    let mut joined = Level::default();
    for level in levels {
        let claimed: HashSet<&str> = joined
            .said
            .iter()
            .filter(|(_, said)| said.claims())
            .map(|(id, _)| id.as_str())
            .chain(typed.iter().map(String::as_str))
            .chain(joined.token.as_ref().map(|_| TOKEN))
            .collect();
        let free = |id: &str| !claimed.contains(id) && !is_hidden(id, |id| claimed.contains(id));
        let said = level.said.into_iter();
        let new: Vec<_> = said
            .filter(|(id, _)| free(id) && !joined.said.contains_key(id))
            .collect();
        let token = level.token.filter(|_| free(TOKEN));
        joined.said.extend(new);
        joined.token = joined.token.or(token);
    }
    joined
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Level, Said, join};
    use crate::config::origin::Origin;

    fn level(name: &str, said: &[(&str, &str)], token: bool) -> Level {
        let origin = Origin::Variable {
            name: name.to_owned(),
        };
        let said = said.iter().map(|(id, text)| {
            let texts = vec![(*text).to_owned()];
            let origin = origin.clone();
            ((*id).to_owned(), Said { texts, origin })
        });
        Level {
            said: said.collect(),
            token: token.then(|| ("t".into(), origin.clone())),
        }
    }

    fn joined(typed: &[&str], levels: Vec<Level>) -> Vec<String> {
        let typed: HashSet<String> = typed.iter().map(|id| (*id).to_owned()).collect();
        let joined = join(&typed, levels);
        let said = joined.said.iter();
        let mut all: Vec<String> = said
            .map(|(id, said)| format!("{id}={} from {}", said.texts.join(","), said.origin))
            .collect();
        all.extend(
            joined
                .token
                .map(|(_, origin)| format!("token from {origin}")),
        );
        all
    }

    #[test]
    fn the_highest_level_wins() {
        let levels = || {
            vec![
                level("high", &[("rate", "1"), ("resume", "false")], false),
                level(
                    "low",
                    &[("rate", "2"), ("resume", "true"), ("burst", "3")],
                    false,
                ),
            ]
        };
        assert_eq!(
            joined(&[], levels()),
            [
                "burst=3 from low",
                "rate=1 from high",
                "resume=false from high"
            ]
        );
        assert_eq!(joined(&["rate", "resume"], levels()), ["burst=3 from low"]);
    }

    #[test]
    fn a_way_to_sign_in_hides_those_below() {
        let oauth = [("oauth_issuer", "i"), ("oauth_client_id", "c")];
        let key = level("low", &[("api_key_file", "k")], true);
        let all = joined(
            &["token_file"],
            vec![level("high", &oauth, true), key.clone()],
        );
        assert!(all.is_empty(), "{all:?}");
        let low = level("low", &[("oauth_key_file", "k"), ("token_file", "t")], true);
        assert_eq!(
            joined(&[], vec![level("high", &oauth, false), low]),
            [
                "oauth_client_id=c from high",
                "oauth_issuer=i from high",
                "oauth_key_file=k from low"
            ]
        );
        assert_eq!(
            joined(&[], vec![level("high", &[], true), key]),
            ["token from high"]
        );
    }

    #[test]
    fn two_ways_at_one_level_stay_two() {
        let two = level("one", &[("api_key_file", "k"), ("token_file", "t")], false);
        assert_eq!(joined(&[], vec![two]).len(), 2);
    }

    #[test]
    fn a_switch_that_is_off_hides_no_rival() {
        let levels = vec![
            level("high", &[("resume", "false")], false),
            level("low", &[("overwrite", "true")], false),
        ];
        assert_eq!(joined(&[], levels).len(), 2);
    }
}
