//! Progress: a bar on a terminal, lines without one.
//!
//! The only user of `indicatif`.

use std::{
    collections::VecDeque,
    io::IsTerminal,
    time::{Duration, Instant, SystemTime},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{results::timestamp, stats::Stats};

/// How often a line is written where there is no bar.
const LINE_EVERY: Duration = Duration::from_secs(30);
/// How far back the rate looks.
const RATE_OVER: Duration = Duration::from_secs(15);
/// How often the bar is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShowMode {
    /// A bar on standard error.
    Bar,
    /// A log line every 30 s.
    Lines,
    /// Not at all.
    Off,
}

impl ShowMode {
    /// A bar where standard error is a terminal that can draw one, else lines.
    #[must_use]
    pub fn fitting(term: Option<&str>) -> Self {
        if std::io::stderr().is_terminal() && term != Some("dumb") {
            Self::Bar
        } else {
            Self::Lines
        }
    }
}

/// Standard error, shared by the bar and the log. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Screen(MultiProgress);

impl Screen {
    /// Does something to standard error while no bar is drawn on it.
    pub fn suspend<T>(&self, act: impl FnOnce() -> T) -> T {
        self.0.suspend(act)
    }
}

/// The rate of late, so that it follows when the service slows down. Pure: time is told.
#[derive(Debug, Default)]
struct Pace {
    seen: VecDeque<(Duration, u64)>,
}

impl Pace {
    /// So many rows are final, this long after the start.
    fn see(&mut self, at: Duration, done: u64) {
        while self
            .seen
            .get(1)
            .is_some_and(|(second, _)| at.saturating_sub(*second) >= RATE_OVER)
        {
            self.seen.pop_front();
        }
        self.seen.push_back((at, done));
    }

    /// Rows a second since the oldest sight.
    fn rate(&self, now: Duration, done: u64) -> f64 {
        let (since, before) = self.seen.front().copied().unwrap_or_default();
        let time = now.saturating_sub(since).as_secs_f64();
        done.saturating_sub(before) as f64 / time.max(0.001)
    }
}

/// Progress as it is shown.
#[derive(Debug)]
pub struct Terminal {
    mode: ShowMode,
    bar: ProgressBar,
    started: Instant,
    pace: Pace,
    drawn: Option<Instant>,
    lined: Instant,
}

impl Terminal {
    /// Progress that has not been shown yet. `total`: rows of the source, where known.
    #[must_use]
    pub fn new(mode: ShowMode, screen: &Screen, total: Option<u64>) -> Self {
        let bar = if mode == ShowMode::Bar {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(10));
            let bar = screen.0.add(bar);
            bar.set_style(style(total.is_some()));
            bar.enable_steady_tick(DRAW_EVERY);
            bar
        } else {
            ProgressBar::hidden()
        };
        Self {
            mode,
            bar,
            started: Instant::now(),
            pace: Pace::default(),
            drawn: None,
            lined: Instant::now(),
        }
    }

    /// Shows the numbers, as often as a person can read.
    pub fn show(&mut self, stats: &Stats) {
        if self.mode == ShowMode::Bar
            && self.drawn.is_none_or(|drawn| drawn.elapsed() >= DRAW_EVERY)
        {
            self.draw(stats);
        }
    }

    /// Once a second: the bar even where nothing happens, the line when it is time.
    pub fn tick(&mut self, stats: &Stats) {
        self.pace.see(self.started.elapsed(), stats.of_this_run().0);
        match self.mode {
            ShowMode::Bar => self.draw(stats),
            ShowMode::Lines if self.lined.elapsed() >= LINE_EVERY => {
                self.lined = Instant::now();
                let done = stats.done();
                let of = stats
                    .total
                    .map(|total| format!(" of {total}"))
                    .unwrap_or_default();
                tracing::info!("{done}{of} rows done, {}", self.numbers(stats));
            }
            ShowMode::Lines | ShowMode::Off => {}
        }
    }

    /// Takes the bar off the screen; the summary follows.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn draw(&mut self, stats: &Stats) {
        self.drawn = Some(Instant::now());
        if let Some(total) = stats.total
            && self.bar.length() != Some(total)
        {
            self.bar.set_length(total);
            self.bar.set_style(style(true));
        }
        self.bar.set_position(stats.done());
        self.bar.set_message(self.numbers(stats));
    }

    fn numbers(&self, stats: &Stats) -> String {
        let rate = self
            .pace
            .rate(self.started.elapsed(), stats.of_this_run().0);
        let mut parts = vec![format!("{rate:.1}/s")];
        if let Some(left) = left(stats, rate) {
            parts.push(format!("{} left", in_words(left)));
        }
        for (count, what) in [
            (stats.not_well(), "failed"),
            (stats.answers(429), "× 429"),
            (stats.retries, "retries"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        if let Some(rate) = stats.slowed_to {
            parts.push(format!("limited to {rate:.1}/s"));
        }
        if let Some(away) = stats.away_since.and_then(|since| since.elapsed().ok()) {
            parts.push(format!("service away for {}", in_words(away)));
        }
        if let Some(until) = stats
            .paused_until
            .filter(|until| *until > SystemTime::now())
        {
            parts.push(format!(
                "waiting until {} UTC, as the service asked",
                &timestamp(until)[11..19]
            ));
        }
        parts.join(" · ")
    }
}

fn left(stats: &Stats, rate: f64) -> Option<Duration> {
    let left = stats.total?.saturating_sub(stats.done());
    let left = (left > 0 && rate > 0.0).then(|| left as f64 / rate)?;
    Duration::try_from_secs_f64(left).ok()
}

/// A length of time as people say it, to the second.
pub(super) fn in_words(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

fn style(total_known: bool) -> ProgressStyle {
    let template = if total_known {
        "{spinner:.cyan} {bar:30.green/black.bright} {pos}/{len} ({percent}%) {wide_msg}"
    } else {
        "{spinner:.cyan} {pos} rows {wide_msg}"
    };
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("━╸─").tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{Pace, Screen, ShowMode, Terminal, in_words};
    use crate::{event::Event, stats::Stats};

    #[test]
    fn lengths_of_time_in_words() {
        for (seconds, words) in [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 01 s"),
            (7_260, "2 h 01 min"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn the_rate_is_that_of_late() {
        let mut pace = Pace::default();
        let at = Duration::from_secs;
        assert_eq!(pace.rate(at(2), 20), 10.0);
        for second in 0..=20 {
            pace.see(at(second), second * 10);
        }
        assert_eq!(pace.rate(at(20), 200), 10.0);
        for second in 21..=40 {
            pace.see(at(second), 200);
        }
        assert_eq!(pace.rate(at(40), 200), 0.0, "nothing was done of late");
        assert!(pace.seen.len() <= 17, "memory does not grow");
    }

    #[test]
    fn a_standstill_has_no_estimate() {
        let stats = Stats::new(Some(10));
        assert_eq!(super::left(&stats, 0.0), None);
        assert_eq!(super::left(&stats, f64::MIN_POSITIVE), None);
        assert_eq!(super::left(&stats, 5.0), Some(Duration::from_secs(2)));
    }

    #[test]
    fn a_pause_is_told_in_words() {
        let mut stats = Stats::new(Some(2));
        let terminal = Terminal::new(ShowMode::Off, &Screen::default(), Some(2));
        assert!(!terminal.numbers(&stats).contains("waiting"));
        let until = SystemTime::now() + Duration::from_secs(3_600);
        stats.apply(&Event::Paused { until });
        assert!(terminal.numbers(&stats).contains("as the service asked"));
    }
}
