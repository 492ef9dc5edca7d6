//! What was sent and let through of late, by the time at which it was sent.

use std::time::Duration;

/// What one count spans.
const SPAN: Duration = Duration::from_millis(10);
/// How many there are: five seconds of them.
const SPANS: usize = 512;

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    sent: u32,
    let_through: u32,
}

/// Counts of the last five seconds.
#[derive(Debug, Clone)]
pub(super) struct Counts {
    spans: Box<[Count; SPANS]>,
    /// The number of the latest span since the start.
    latest: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            spans: Box::new([Count::default(); SPANS]),
            latest: 0,
        }
    }
}

impl Counts {
    /// A request goes out.
    pub(super) fn sent(&mut self, at: Duration) {
        let span = span_of(at);
        let new = span.saturating_sub(self.latest).min(SPANS as u64);
        for number in 1..=new {
            self.spans[place(self.latest + number)] = Count::default();
        }
        self.latest = self.latest.max(span);
        if let Some(count) = self.count(span) {
            count.sent += 1;
        }
    }

    /// A request that was sent then was let through.
    pub(super) fn let_through(&mut self, at: Duration) {
        if let Some(count) = self.count(span_of(at)) {
            count.let_through += 1;
        }
    }

    /// Requests sent in the time up to then.
    pub(super) fn sent_within(&self, time: Duration, until: Duration) -> f64 {
        self.sum(time, until, |count| count.sent)
    }

    /// Requests sent in the time up to then, and let through.
    pub(super) fn let_through_within(&self, time: Duration, until: Duration) -> f64 {
        self.sum(time, until, |count| count.let_through)
    }

    fn count(&mut self, span: u64) -> Option<&mut Count> {
        let kept = span <= self.latest && self.latest - span < SPANS as u64;
        kept.then(|| &mut self.spans[place(span)])
    }

    fn sum(&self, time: Duration, until: Duration, part: impl Fn(&Count) -> u32) -> f64 {
        let last = span_of(until).min(self.latest);
        let first =
            span_of(until.saturating_sub(time)).max(self.latest.saturating_sub(SPANS as u64 - 1));
        (first..=last)
            .map(|span| f64::from(part(&self.spans[place(span)])))
            .sum()
    }
}

fn span_of(at: Duration) -> u64 {
    (at.as_nanos() / SPAN.as_nanos()) as u64
}

fn place(span: u64) -> usize {
    (span % SPANS as u64) as usize
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Counts, SPAN, SPANS};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_request_counts_at_the_time_it_was_sent_and_is_forgotten() {
        let at = Duration::from_millis;
        let mut counts = Counts::default();
        for ms in (0..3_000).step_by(20) {
            counts.sent(at(ms));
        }
        assert_eq!(counts.sent_within(SECOND, at(2_999)), 50.0);
        counts.let_through(at(1_000));
        counts.let_through(at(2_500));
        assert_eq!(counts.let_through_within(SECOND, at(2_999)), 1.0);
        assert_eq!(counts.let_through_within(SECOND, at(1_000)), 1.0);
        counts.sent(at(60_000));
        assert_eq!(
            counts.sent_within(SECOND, at(60_000)),
            1.0,
            "a rest leaves nothing"
        );
        counts.let_through(at(2_500));
        assert_eq!(
            counts.let_through_within(SECOND, at(60_000)),
            0.0,
            "too late to count"
        );
    }

    #[test]
    fn what_is_older_than_what_is_kept_counts_for_nothing() {
        let at = |spans: u64| SPAN * u32::try_from(spans).expect("few");
        let kept = SPANS as u64;
        let mut counts = Counts::default();
        for spans in 0..=kept {
            counts.sent(at(spans));
        }
        assert_eq!(counts.sent_within(SECOND * 10, at(kept)), kept as f64);
        counts.let_through(at(0));
        assert_eq!(counts.let_through_within(SECOND * 10, at(kept)), 0.0);
        counts.let_through(at(1));
        assert_eq!(counts.let_through_within(SECOND * 10, at(kept)), 1.0);
    }
}
