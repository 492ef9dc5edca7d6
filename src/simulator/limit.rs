//! The limit on calls, and the ways of counting them.

use std::{
    collections::VecDeque,
    time::{Duration, Instant, SystemTime},
};

use super::{
    answer::Answer,
    scenario::{Limit, LimitBody, LimitKind, RetryAfter},
};

/// What a limit has to remember of the calls so far, whatever its kind.
#[derive(Debug, Default)]
pub(super) struct Counter {
    /// Sliding: the calls of the last window.
    calls: VecDeque<Instant>,
    /// Fixed: the first call, from which windows are counted.
    first: Option<Instant>,
    /// Fixed: the window of the last call, and the calls in it.
    window: u128,
    count: usize,
    /// Bucket and GCRA: when the calls taken so far would have come at an even pace.
    due: Option<Instant>,
}

impl Counter {
    /// Counts a call that comes so long after the first one, or says how long it should have
    /// waited.
    pub(super) fn take(
        &mut self,
        limit: &Limit,
        since: Duration,
        now: Instant,
    ) -> Result<(), Duration> {
        let window = Duration::from_millis(limit.window_ms.max(1));
        let requests = limit.requests_at(since);
        if requests == 0 {
            return Err(window);
        }
        match limit.kind {
            LimitKind::Sliding => self.sliding(requests, window, limit.refused_count, now),
            LimitKind::Fixed => self.fixed(requests, window, now),
            LimitKind::Bucket | LimitKind::Gcra => {
                let gap = window.div_f64(requests as f64);
                self.evenly(gap, limit.burst(), limit.refused_count, now)
            }
        }
    }

    fn sliding(
        &mut self,
        requests: usize,
        window: Duration,
        refused_count: bool,
        now: Instant,
    ) -> Result<(), Duration> {
        while self
            .calls
            .front()
            .is_some_and(|first| *first + window <= now)
        {
            self.calls.pop_front();
        }
        // There may be more than are allowed: refused ones, and those of a phase that allowed more.
        let last_to_leave = self.calls.len().checked_sub(requests);
        let refused = last_to_leave.map(|place| self.calls[place] + window - now);
        if refused.is_none() || refused_count {
            self.calls.push_back(now);
        }
        refused.map_or(Ok(()), Err)
    }

    /// Refused calls are of no consequence here: the next window begins at zero.
    fn fixed(&mut self, requests: usize, window: Duration, now: Instant) -> Result<(), Duration> {
        let first = *self.first.get_or_insert(now);
        let past = (now - first).as_nanos();
        let here = past / window.as_nanos();
        if here != self.window {
            (self.window, self.count) = (here, 0);
        }
        if self.count < requests {
            self.count += 1;
            return Ok(());
        }
        let left = window.as_nanos() - past % window.as_nanos();
        Err(Duration::from_nanos(
            u64::try_from(left).unwrap_or(u64::MAX),
        ))
    }

    /// A refused call that counts takes what is left of the burst, and no more: who keeps calling
    /// waits one whole gap from the last call on.
    fn evenly(
        &mut self,
        gap: Duration,
        burst: u32,
        refused_count: bool,
        now: Instant,
    ) -> Result<(), Duration> {
        let due = self.due.map_or(now, |due| due.max(now));
        let ahead = (due + gap).saturating_duration_since(now + gap * burst);
        if ahead.is_zero() {
            self.due = Some(due + gap);
            return Ok(());
        }
        if refused_count {
            self.due = Some(due.max(now + gap * burst));
        }
        Err(ahead)
    }
}

/// The answer to a call beyond the limit.
pub(super) fn refused(limit: &Limit, wait: Duration, clock: SystemTime) -> Answer {
    let seconds = wait.as_secs_f64().ceil() as u64;
    let answer = too_many(limit.body);
    match limit.retry_after {
        RetryAfter::None => answer,
        RetryAfter::Seconds => answer.header("retry-after", seconds.to_string()),
        RetryAfter::Date => {
            let until = clock + Duration::from_secs(seconds);
            answer.header("retry-after", httpdate::fmt_http_date(until))
        }
    }
}

/// A 429.
pub(super) fn too_many(body: LimitBody) -> Answer {
    match body {
        LimitBody::Json => Answer::error(429, "429 TOO_MANY_REQUESTS", "Too many requests"),
        LimitBody::Html => Answer::page(429),
        LimitBody::Empty => Answer::empty(429),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Counter, Limit};

    fn limit(text: &str) -> Limit {
        toml::from_str(text).expect("a limit")
    }

    /// Which of the calls at these milliseconds are taken: `1` for yes.
    fn taken(limit: &Limit, calls: &[u64]) -> String {
        let (mut counter, start) = (Counter::default(), Instant::now());
        let take = |at: &u64| {
            let since = Duration::from_millis(*at);
            counter.take(limit, since, start + since).is_ok()
        };
        calls
            .iter()
            .map(take)
            .map(|taken| if taken { '1' } else { '0' })
            .collect()
    }

    #[test]
    fn each_kind_counts_in_its_own_way() {
        let calls = [0, 900, 950, 1000, 1001, 1002, 1900, 1901, 2500];
        for (rest, expected) in [
            ("", "110100101"),
            ("kind = \"fixed\"", "110110001"),
            ("kind = \"gcra\"", "110000101"),
            ("kind = \"gcra\"\nburst = 2", "111000111"),
            ("kind = \"bucket\"", "111000111"),
            ("kind = \"bucket\"\nburst = 3", "111100111"),
        ] {
            let limit = limit(&format!("requests = 2\n{rest}"));
            assert_eq!(taken(&limit, &calls), expected, "{rest}");
        }
    }

    #[test]
    fn refused_calls_count_where_they_should() {
        let calls = [0, 500, 999, 1001, 1600, 2700];
        for (kind, not, counted) in [
            ("sliding", "100101", "100001"),
            ("gcra", "100101", "100001"),
            ("bucket", "100101", "100001"),
            ("fixed", "100101", "100101"),
        ] {
            for (refused_count, expected) in [(false, not), (true, counted)] {
                let limit = limit(&format!(
                    "requests = 1\nkind = \"{kind}\"\nrefused_count = {refused_count}"
                ));
                assert_eq!(taken(&limit, &calls), expected, "{kind}, {refused_count}");
            }
        }
    }

    #[test]
    fn a_refused_call_is_told_the_time_after_which_it_is_taken() {
        for kind in ["sliding", "fixed", "bucket", "gcra"] {
            for refused_count in [false, true] {
                let limit = limit(&format!(
                    "requests = 3\nkind = \"{kind}\"\nrefused_count = {refused_count}"
                ));
                let (mut counter, start) = (Counter::default(), Instant::now());
                let mut now = start;
                for call in 0..20 {
                    if let Err(wait) = counter.take(&limit, Duration::ZERO, now) {
                        now += wait;
                        let again = counter.take(&limit, Duration::ZERO, now);
                        // Where refusals count, the first try may stand in the way of the second.
                        assert!(again.is_ok() || refused_count, "{kind}, call {call}");
                    }
                }
            }
        }
    }

    #[test]
    fn phases_change_the_number() {
        let text =
            "requests = 3\nphase = [{after_s = 4.0, requests = 0}, {after_s = 2.0, requests = 1}]";
        let calls = [0, 1, 2, 3, 1500, 2001, 2600, 3100, 3900, 4000, 9000];
        assert_eq!(taken(&limit(text), &calls), "11101010100");
    }
}
