//! Times in which nothing works.

use std::time::Duration;

use super::{
    answer::Answer,
    limit::too_many,
    scenario::{Endpoint, LimitBody, Outage, OutageKind, span},
};

/// What has to be remembered to know which outages are on.
#[derive(Debug, Default)]
pub(super) struct Outages {
    /// The calls of the API so far.
    calls: u64,
    /// When each outage that waits for calls began, since the first call.
    began: Vec<Option<Duration>>,
}

impl Outages {
    /// Counts a call that comes so long after the first one of the API. Returns what it meets.
    /// Before that first call there is no outage.
    pub(super) fn meet(
        &mut self,
        outages: &[Outage],
        endpoint: Endpoint,
        since: Option<Duration>,
    ) -> Option<OutageKind> {
        let since = since?;
        self.began.resize(outages.len(), None);
        if endpoint != Endpoint::Token {
            for (outage, began) in outages.iter().zip(&mut self.began) {
                if outage.after_calls.is_some_and(|calls| calls <= self.calls) {
                    began.get_or_insert(since);
                }
            }
            self.calls += 1;
        }
        let mut on = self.on(outages, since);
        on.find(|outage| endpoint != Endpoint::Token || outage.tokens)
            .map(|outage| outage.kind)
    }

    /// What meets whatever is no call of the API, and does not count.
    pub(super) fn stray(&self, outages: &[Outage], since: Option<Duration>) -> Option<OutageKind> {
        self.on(outages, since?).next().map(|outage| outage.kind)
    }

    /// Whether new connections are closed. They are not where the token endpoint is spared: it
    /// could not be reached.
    pub(super) fn refuse(&self, outages: &[Outage], since: Option<Duration>) -> bool {
        since.is_some_and(|since| {
            self.on(outages, since)
                .any(|outage| outage.kind == OutageKind::Refuse && outage.tokens)
        })
    }

    fn on<'a>(&self, outages: &'a [Outage], since: Duration) -> impl Iterator<Item = &'a Outage> {
        let began = self.began.iter().copied().chain(std::iter::repeat(None));
        outages
            .iter()
            .zip(began)
            .filter_map(move |(outage, began)| {
                let start = match outage.after_calls {
                    Some(_) => began?,
                    None => span(outage.after_s),
                };
                let end = start.saturating_add(span(outage.for_s));
                (start <= since && since < end).then_some(outage)
            })
    }
}

/// What a caller sees of it.
pub(super) fn answer(kind: OutageKind) -> Answer {
    match kind {
        OutageKind::Cut | OutageKind::Refuse => Answer::none(),
        OutageKind::TooMany => too_many(LimitBody::Json),
        OutageKind::Internal => Answer::page(500),
        OutageKind::BadGateway => Answer::page(502),
        OutageKind::Unavailable => Answer::page(503),
        OutageKind::GatewayTimeout => Answer::page(504),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Endpoint, Outages};
    use crate::simulator::Scenario;

    /// Which of these calls, at these seconds after the first, meet an outage; `t` is a call of
    /// the token endpoint.
    fn met(text: &str, calls: &[(char, f64)]) -> String {
        let outages = Scenario::from_toml(text).expect("a scenario").outage;
        let mut state = Outages::default();
        let meet = |(kind, at): &(char, f64)| {
            let endpoint = if *kind == 't' {
                Endpoint::Token
            } else {
                Endpoint::Unlock
            };
            let since = Some(Duration::from_secs_f64(*at));
            state.meet(&outages, endpoint, since).is_some()
        };
        calls
            .iter()
            .map(meet)
            .map(|met| if met { 'x' } else { '-' })
            .collect()
    }

    #[test]
    fn an_outage_has_a_beginning_and_an_end() {
        let by_time = "[[outage]]\nafter_s = 3.0\nfor_s = 2.0\nkind = \"cut\"\n";
        let calls = [
            ('u', 0.0),
            ('u', 2.9),
            ('u', 3.0),
            ('t', 4.0),
            ('u', 4.9),
            ('u', 5.0),
        ];
        assert_eq!(met(by_time, &calls), "--xxx-");
        assert_eq!(met(&format!("{by_time}tokens = false"), &calls), "--x-x-");
        let by_calls = "[[outage]]\nafter_calls = 2\nfor_s = 2.0\nkind = \"503\"\n";
        let calls = [
            ('u', 0.0),
            ('t', 0.1),
            ('u', 7.0),
            ('t', 7.5),
            ('u', 8.0),
            ('t', 9.9),
            ('u', 10.0),
        ];
        assert_eq!(met(by_calls, &calls), "----xx-");
        assert_eq!(met(&format!("{by_time}{by_calls}"), &calls), "----xx-");
    }

    #[test]
    fn before_the_first_call_there_is_none() {
        let text = "[[outage]]\nfor_s = 1.0\nkind = \"refuse\"\n";
        let outages = Scenario::from_toml(text).expect("a scenario").outage;
        let mut state = Outages::default();
        assert!(state.meet(&outages, Endpoint::Token, None).is_none());
        assert!(!state.refuse(&outages, None));
        assert!(state.refuse(&outages, Some(Duration::ZERO)));
        assert!(!state.refuse(&outages, Some(Duration::from_secs(1))));
    }
}
