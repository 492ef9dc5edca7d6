//! Refusals that a stall explains.
//!
//! Requests go out evenly, but where a machine or a network on the way stands still for a moment,
//! what was sent meanwhile comes to the service at once, and a limit that the rate keeps below
//! refuses some of it. A lower rate does not help, unless it is a small part of what is allowed. A
//! stall shows itself: for a moment no answer comes, though some are due.

use std::time::Duration;

/// A silence of so many seconds, in which so many answers were due, and which so many times the
/// usual spread of answers does not explain.
const LONG: f64 = 0.008;
const FEW: f64 = 4.0;
const SPREADS: f64 = 4.0;
/// How much of an answer's latency goes into the usual one.
const GAIN: f64 = 1.0 / 128.0;
/// What is counted over a second may be refused for a stall up to a second later.
const FELT_FOR: Duration = Duration::from_millis(1_100);
/// No more than this share of requests is excused, and of a second's requests at once.
const SHARE: f64 = 0.02;
const AT_ONCE: f64 = 0.05;

/// What is known of stalls. Times are counted from the start of the job.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stall {
    /// The usual latency in seconds, and its mean deviation.
    latency: Option<(f64, f64)>,
    sent: Duration,
    /// When requests were sent again after none were for a while.
    resumed: Duration,
    heard: Duration,
    /// Requests that came late together, as far as they have not been excused.
    late: f64,
    felt_until: Duration,
    /// Excuses that are not to be had again yet.
    spent: f64,
}

impl Stall {
    /// A request goes out.
    pub(super) fn sent(&mut self, now: Duration) {
        if now.saturating_sub(self.sent).as_secs_f64() >= LONG {
            self.resumed = now;
        }
        self.sent = now;
    }

    /// The answer came to a request that was sent then; requests are sent at this rate.
    pub(super) fn heard(&mut self, sent: Duration, rate: f64, now: Duration) {
        let (mean, spread) = self.usual(now.saturating_sub(sent).as_secs_f64());
        let due = self.resumed + Duration::from_secs_f64(mean);
        let silence = now.saturating_sub(self.heard.max(due)).as_secs_f64();
        self.heard = now;
        self.spent = (self.spent - SHARE).max(0.0);
        if now > self.felt_until {
            self.late = 0.0;
        }
        if silence >= LONG.max(spread * SPREADS) && rate * silence >= FEW {
            self.late += rate * silence;
            self.felt_until = now + FELT_FOR;
        }
    }

    /// A request was refused at this rate. True where a stall explains that.
    pub(super) fn explains(&mut self, rate: f64) -> bool {
        let explained = self.late >= 1.0 && self.spent + 1.0 <= rate * AT_ONCE;
        if explained {
            self.late -= 1.0;
            self.spent += 1.0;
        }
        explained
    }

    /// The usual latency before this one, and how far latencies mostly are from it.
    fn usual(&mut self, latency: f64) -> (f64, f64) {
        let (mean, spread) = self.latency.unwrap_or((latency, latency / 2.0));
        let off = latency - mean;
        self.latency = Some((mean + off * GAIN, spread + (off.abs() - spread) * GAIN));
        (mean, spread)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Stall;

    const RATE: f64 = 1_000.0;

    /// A request a millisecond, each answered after ten, but for the silence; then how many
    /// refusals are explained.
    fn explained(silence_ms: u64) -> usize {
        let at = Duration::from_millis;
        let mut stall = Stall::default();
        for ms in 0..1_000 {
            stall.sent(at(ms));
            if ms >= 10 {
                stall.heard(at(ms - 10), RATE, at(ms));
            }
        }
        let end = 1_000 + silence_ms;
        (1_000..=end).for_each(|ms| stall.sent(at(ms)));
        (990..=end - 10).for_each(|ms| stall.heard(at(ms), RATE, at(end)));
        (0..1_000).take_while(|_| stall.explains(RATE)).count()
    }

    #[test]
    fn what_was_sent_in_a_silence_may_be_refused_and_no_more() {
        assert_eq!(explained(0), 0);
        assert_eq!(explained(5), 0, "answers are that uneven");
        assert!((35..=42).contains(&explained(40)), "{}", explained(40));
        assert_eq!(explained(400), 50, "never more than a share");
    }

    /// A request a millisecond, each answered after so long, but for a silence of 40 ms after the
    /// 500th; whether refusals are explained by then.
    fn is_felt(stall: &mut Stall, latency_ms: impl Fn(u64) -> u64) -> bool {
        let at = Duration::from_millis;
        let silent = 500..540;
        let mut answers: Vec<_> = (0..500)
            .map(|sent| (sent + latency_ms(sent), sent))
            .map(|(heard, sent)| match silent.contains(&heard) {
                true => (silent.end, sent),
                false => (heard, sent),
            })
            .collect();
        answers.sort_unstable();
        for ms in 0..=silent.end {
            stall.sent(at(ms));
            for (heard, sent) in answers.iter().filter(|(heard, _)| *heard == ms) {
                stall.heard(at(*sent), RATE, at(*heard));
            }
        }
        stall.explains(RATE)
    }

    #[test]
    fn a_silence_is_long_by_what_is_usual() {
        let felt = |latency_ms: fn(u64) -> u64| is_felt(&mut Stall::default(), latency_ms);
        assert!(felt(|_| 10));
        assert!(!felt(|sent| 10 + sent % 2 * 80), "answers are that uneven");
        assert!(felt(|sent| if sent == 480 { 15 } else { 10 }));
        assert!(
            felt(|sent| if sent == 100 { 390 } else { 10 }),
            "one does not change it"
        );
    }

    #[test]
    fn a_silence_after_a_rest_counts_from_when_answers_are_due() {
        let mut stall = Stall::default();
        assert!(is_felt(&mut stall, |_| 10));
        let begin = 60_000;
        let at = Duration::from_millis;
        for ms in begin..begin + 100 {
            stall.sent(at(ms));
        }
        stall.heard(at(begin), RATE, at(begin + 100));
        let explained = (0..1_000).take_while(|_| stall.explains(RATE)).count();
        assert!((45..=50).contains(&explained), "{explained}");
    }

    #[test]
    fn a_rest_of_our_own_is_no_silence() {
        let at = Duration::from_millis;
        let mut stall = Stall::default();
        for ms in (0..1_000).chain(3_000..3_500) {
            stall.sent(at(ms));
            stall.heard(at(ms), RATE, at(ms) + at(1));
        }
        assert!(!stall.explains(RATE));
    }
}
