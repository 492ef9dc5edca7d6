//! The limit on calls: a sliding window.

use std::{
    collections::VecDeque,
    time::{Duration, Instant, SystemTime},
};

use super::{
    answer::Answer,
    scenario::{Limit, LimitBody, RetryAfter},
};

/// When the calls of the last window came.
#[derive(Debug, Default)]
pub(super) struct Window(VecDeque<Instant>);

impl Window {
    /// Counts a call, or says how long it should have waited. Refused calls do not count.
    pub(super) fn take(&mut self, limit: &Limit, now: Instant) -> Result<(), Duration> {
        let window = Duration::from_millis(limit.window_ms);
        while self.0.front().is_some_and(|first| *first + window <= now) {
            self.0.pop_front();
        }
        match self.0.front() {
            Some(first) if self.0.len() >= limit.requests => Err(*first + window - now),
            _ => {
                self.0.push_back(now);
                Ok(())
            }
        }
    }
}

/// The answer to a call beyond the limit.
pub(super) fn refused(limit: &Limit, wait: Duration) -> Answer {
    let seconds = wait.as_secs_f64().ceil() as u64;
    let answer = too_many(limit.body);
    match limit.retry_after {
        RetryAfter::None => answer,
        RetryAfter::Seconds => answer.header("retry-after", seconds.to_string()),
        RetryAfter::Date => {
            let until = SystemTime::now() + Duration::from_secs(seconds);
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
