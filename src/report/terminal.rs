//! Progress: a bar on a terminal, lines without one.
//!
//! The only user of `indicatif`.

mod pace;
mod words;

use std::{
    io::IsTerminal,
    time::{Duration, Instant, SystemTime},
};

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::tz::TimeZone;

use crate::{shutdown, stats::Stats};

use pace::Pace;
use words::View;

pub(super) use words::in_words;

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
    /// What the bar is drawn like: how wide, and whether a second line stands below it.
    drawn_as: Option<(usize, bool)>,
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
            bar.set_style(style(0, false));
            bar.enable_steady_tick(DRAW_EVERY);
            bar
        } else {
            ProgressBar::hidden()
        };
        Self {
            mode,
            bar,
            drawn_as: None,
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
                tracing::info!("{}", self.line(stats));
            }
            ShowMode::Lines | ShowMode::Off => {}
        }
    }

    /// Says where the job stands, since somebody asked: also where else nothing is said.
    pub fn tell(&self, stats: &Stats) {
        shutdown::answer(format_args!("{}", self.line(stats)));
    }

    /// Takes the bar off the screen; the summary follows.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn draw(&mut self, stats: &Stats) {
        self.drawn = Some(Instant::now());
        let columns = usize::from(Term::stderr().size().1);
        let width = if stats.total.is_some() {
            bar_width(columns)
        } else {
            0
        };
        let view = self.view(stats);
        let (first, second) = view.lines(columns, width, &TimeZone::system());
        let drawn_as = (width, second.is_some());
        if self.drawn_as.replace(drawn_as) != Some(drawn_as) {
            self.bar.set_style(style(width, second.is_some()));
        }
        if let Some(total) = stats.total {
            self.bar.set_length(total);
        }
        self.bar.set_position(stats.done());
        self.bar.set_message(first);
        self.bar.set_prefix(second.unwrap_or_default());
    }

    fn line(&self, stats: &Stats) -> String {
        self.view(stats).sentence()
    }

    fn view(&self, stats: &Stats) -> View {
        let rate = self
            .pace
            .rate(self.started.elapsed(), stats.of_this_run().0);
        View::of(stats, rate, SystemTime::now())
    }
}

/// How wide the bar is on a terminal of so many columns: what it stands for is said in words too.
const fn bar_width(columns: usize) -> usize {
    match columns {
        0..50 => 0,
        50..80 => 10,
        80..100 => 20,
        _ => 30,
    }
}

fn style(width: usize, second_line: bool) -> ProgressStyle {
    let bar = match width {
        0 => String::new(),
        width => format!("{{bar:{width}.green/black.bright}} "),
    };
    let second = if second_line {
        "\n  {prefix:.yellow}"
    } else {
        ""
    };
    let template = format!("{{spinner:.cyan}} {bar}{{msg}}{second}");
    let style = ProgressStyle::with_template(&template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("━╸─").tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ")
}
