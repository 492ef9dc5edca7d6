//! Progress: a bar on a terminal, lines without one.
//!
//! The only user of `indicatif`.

use std::{
    io::IsTerminal,
    time::{Duration, Instant, SystemTime},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{results::timestamp, stats::Stats};

/// How often a line is written where there is no bar.
const LINE_EVERY: Duration = Duration::from_secs(30);
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

/// Progress as it is shown.
#[derive(Debug)]
pub struct Terminal {
    mode: ShowMode,
    bar: ProgressBar,
    started: Instant,
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
            drawn: None,
            lined: Instant::now(),
        }
    }

    /// Shows the numbers, as often as a person can read.
    pub fn show(&mut self, stats: &Stats) {
        if self.mode == ShowMode::Bar && self.drawn.is_none_or(|drawn| drawn.elapsed() >= DRAW_EVERY) {
            self.draw(stats);
        }
    }

    /// Once a second: the bar even where nothing happens, the line when it is time.
    pub fn tick(&mut self, stats: &Stats) {
        match self.mode {
            ShowMode::Bar => self.draw(stats),
            ShowMode::Lines if self.lined.elapsed() >= LINE_EVERY => {
                self.lined = Instant::now();
                let done = stats.done();
                let of = stats.total.map(|total| format!(" of {total}")).unwrap_or_default();
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
        let elapsed = self.started.elapsed();
        let rate = stats.done() as f64 / elapsed.as_secs_f64().max(0.001);
        let mut parts = vec![format!("{rate:.1}/s")];
        if let Some(left) = left(stats, rate) {
            parts.push(format!("{} left", in_words(left)));
        }
        for (count, what) in [(stats.not_well(), "failed"), (stats.answers(429), "× 429"), (stats.retries, "retries")] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        if let Some(until) = stats.paused_until.filter(|until| *until > SystemTime::now()) {
            parts.push(format!("waiting until {} UTC, as the service asked", &timestamp(until)[11..19]));
        }
        parts.join(" · ")
    }
}

fn left(stats: &Stats, rate: f64) -> Option<Duration> {
    let left = stats.total?.saturating_sub(stats.done());
    (left > 0 && stats.done() > 0).then(|| Duration::from_secs_f64(left as f64 / rate))
}

/// A length of time as people say it, to the second.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

fn style(total_known: bool) -> ProgressStyle {
    let template = if total_known {
        "{spinner:.cyan} {bar:30.green/black.bright} {pos}/{len} ({percent}%) {msg}"
    } else {
        "{spinner:.cyan} {pos} rows {msg}"
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("━╸─").tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{Screen, ShowMode, Terminal, in_words};
    use crate::{event::Event, stats::Stats};

    #[test]
    fn lengths_of_time_in_words() {
        for (seconds, words) in [(0, "0 s"), (59, "59 s"), (61, "1 min 01 s"), (7_260, "2 h 01 min")] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
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
