//! Pictures as SVG. Their texts are our own words and numbers, never a user's.
//!
//! Colours stand in presentation attributes; the page's style sheet finds them there and gives
//! each its counterpart on a dark page.

use std::fmt::Display;

use plotters::{
    backend::SVGBackend,
    chart::ChartBuilder,
    coord::Shift,
    drawing::{DrawingArea, IntoDrawingArea},
    element::{Rectangle, Text},
    style::{
        Color, RGBColor, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::super::charts::{Histogram, TimelineChart};

const GOOD: RGBColor = RGBColor(0x1a, 0x7f, 0x37);
const BAD: RGBColor = RGBColor(0xcf, 0x22, 0x2e);
const PLAIN: RGBColor = RGBColor(0x09, 0x69, 0xda);
const BAND: RGBColor = RGBColor(0xff, 0xd8, 0xa8);
const AWAY: RGBColor = RGBColor(0xe1, 0xbe, 0xe7);
const INK: RGBColor = RGBColor(0x1f, 0x23, 0x28);
const MUTED: RGBColor = RGBColor(0x57, 0x60, 0x6a);
const GRID: RGBColor = RGBColor(0xd0, 0xd7, 0xde);

/// Widths, in pixels: of half a page, of a whole one, and of a narrow screen.
const HALF: u32 = 540;
const WHOLE: u32 = 1120;
const NARROW: u32 = 340;
/// Text height, in pixels; the backend divides by 1.24.
const TEXT: f64 = 13.0 * 1.24;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn<'a> = Result<(), Box<dyn std::error::Error + 'a>>;

/// How a bar ends: it gives the colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Plain,
    Dim,
}

impl Tone {
    const fn colour(self) -> RGBColor {
        match self {
            Self::Good => GOOD,
            Self::Bad => BAD,
            Self::Plain => PLAIN,
            Self::Dim => MUTED,
        }
    }
}

/// One bar with its name and number.
#[derive(Debug, Clone)]
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) value: u64,
    pub(super) tone: Tone,
}

/// A picture in two widths, of which a page shows one. `name` is for people who do not see it.
fn both(
    id: &str,
    name: &str,
    (width, height): (u32, u32),
    draw: impl Fn(&Area, u32) -> Drawn<'static>,
) -> String {
    let one = |width: u32, class: &str| {
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        draw(&area, width).expect("a text takes all that is drawn");
        drop(area);
        let id = format!("{id}-{class}");
        let named = format!("<svg class=\"{class}\" role=\"img\" aria-labelledby=\"{id}\" ");
        let svg = svg.replacen("<svg ", &named, 1);
        svg.replacen(
            "\">\n",
            &format!("\">\n<title id=\"{id}\">{name}</title>\n"),
            1,
        )
    };
    one(width, "wide") + &one(NARROW, "narrow")
}

/// Bars one below the other.
pub(super) fn bars(id: &str, name: &str, bars: &[Bar]) -> String {
    let height = u32::try_from(bars.len()).unwrap_or(1) * 30 + 6;
    let most = bars.iter().map(|bar| bar.value).max().unwrap_or(0).max(1);
    both(id, name, (HALF, height), |area, width| {
        let (names, numbers) = if width > NARROW { (175, 75) } else { (152, 72) };
        let room = f64::from(width) - f64::from(names + numbers);
        for (y, bar) in (0..).step_by(30).zip(bars) {
            let ink = style(&INK);
            area.draw(&Text::new(
                bar.name.clone(),
                (names - 10, y + 15),
                right(ink.clone()),
            ))?;
            let share = bar.value as f64 / most as f64;
            let length = if bar.value == 0 {
                0.0
            } else {
                (room * share).max(2.0)
            };
            let end = names + length.round() as i32;
            area.draw(&Rectangle::new(
                [(names, y + 5), (end, y + 27)],
                bar.tone.colour().filled(),
            ))?;
            area.draw(&Text::new(grouped(bar.value), (end + 8, y + 15), left(ink)))?;
        }
        Ok(())
    })
}

/// Requests and rows a second over time, with the waits behind them.
pub(super) fn over_time(id: &str, name: &str, line: &TimelineChart) -> String {
    let most = |counts: &[u64]| counts.iter().copied().max().unwrap_or(0);
    let top = most(&line.requests).max(most(&line.rows)).max(1) as f64 / line.step_s * 1.1;
    let steps = line.rows.len();
    let end = (steps as f64 * line.step_s).max(line.step_s);
    // Labels are round numbers of the unit that is shown.
    let (unit, unit_name) = unit(end);
    let step = line.step_s / unit;
    both(id, name, (WHOLE, 280), |area, width| {
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .margin_right(28)
            .x_label_area_size(34)
            .y_label_area_size(48)
            .build_cartesian_2d(0.0..end / unit, 0.0..top)?;
        let labels = if width > NARROW { 10 } else { 4 };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(GRID.mix(0.0))
            .bold_line_style(GRID)
            .axis_style(GRID)
            .label_style(style(&MUTED))
            .x_labels(labels)
            .y_labels(5)
            .x_label_formatter(&|time| format!("{} {unit_name}", trimmed(*time)))
            .y_label_formatter(&|rate| short(*rate))
            .draw()?;
        let ground = |waits: &[f64], colour: RGBColor| {
            let spans = spans(waits, line.step_s).into_iter();
            spans.map(move |(from, to)| {
                Rectangle::new([(from / unit, 0.0), (to / unit, top)], colour.filled())
            })
        };
        chart.draw_series(ground(&line.paused_s, BAND))?;
        chart.draw_series(ground(&line.away_s, AWAY))?;
        let column = |n: usize, from: u64, to: u64, colour: RGBColor| {
            let (left, right) = (n as f64 + 0.06, n as f64 + 0.94);
            Rectangle::new(
                [
                    (left * step, from as f64 / line.step_s),
                    (right * step, to as f64 / line.step_s),
                ],
                colour.filled(),
            )
        };
        let requests = line.requests.iter().zip(&line.responses_429).enumerate();
        let requests: Vec<_> = requests.filter(|(_, (all, _))| **all > 0).collect();
        if requests.is_empty() {
            let rows = line.rows.iter().enumerate().filter(|(_, rows)| **rows > 0);
            chart.draw_series(rows.map(|(n, rows)| column(n, 0, *rows, PLAIN)))?;
            return Ok(());
        }
        let passed = requests.iter().filter(|(_, (all, turned))| all > turned);
        chart
            .draw_series(passed.map(|(n, (all, turned))| column(*n, 0, **all - **turned, PLAIN)))?;
        let turned = requests.iter().filter(|(_, (_, turned))| **turned > 0);
        chart.draw_series(
            turned.map(|(n, (all, turned))| column(*n, **all - **turned, **all, BAD)),
        )?;
        Ok(())
    })
}

/// The waits in each step as spans of time. One that goes on in the next step ends with its own;
/// what follows on each other is one span.
fn spans(waits: &[f64], step: f64) -> Vec<(f64, f64)> {
    let mut spans: Vec<(f64, f64)> = Vec::new();
    for (n, wait) in waits.iter().map(|wait| wait.min(step)).enumerate() {
        if wait <= 0.0 {
            continue;
        }
        let begin = n as f64 * step;
        let goes_on = waits.get(n + 1).is_some_and(|next| *next > 0.0);
        let begun = spans
            .last()
            .is_some_and(|(_, to)| *to >= begin - step / 100.0);
        let from = if goes_on && !begun {
            begin + step - wait
        } else {
            begin
        };
        match spans.last_mut() {
            Some((_, to)) if begun => *to = from + wait,
            _ => spans.push((from, from + wait)),
        }
    }
    spans
}

/// How many took how long: a column a class.
pub(super) fn histogram(id: &str, name: &str, histogram: &Histogram) -> String {
    // Empty classes at the left say nothing.
    let first = histogram
        .counts
        .iter()
        .position(|count| *count > 0)
        .unwrap_or(0);
    let ends = &histogram.up_to_ms[first..];
    let counts = &histogram.counts[first..];
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    both(id, name, (HALF, 220), |area, width| {
        let classes = counts.len().max(1);
        let room = f64::from(width) - 16.0;
        let place = |n: usize| 8 + (room * n as f64 / classes as f64).round() as i32;
        for (n, (end, count)) in ends.iter().zip(counts).enumerate() {
            let height = (150.0 * *count as f64 / most as f64).ceil() as i32;
            let middle = (place(n) + place(n + 1)) / 2;
            area.draw(&Rectangle::new(
                [(place(n) + 2, 180 - height), (place(n + 1) - 2, 180)],
                PLAIN.filled(),
            ))?;
            if *count > 0 {
                let number = Text::new(
                    short(*count as f64),
                    (middle, 180 - height - 10),
                    centred(style(&INK)),
                );
                area.draw(&number)?;
            }
            let every = if width > NARROW {
                1
            } else {
                classes.div_ceil(6)
            };
            if n % every == (classes - 1) % every {
                let label = Text::new(
                    length(*end as f64 / 1000.0),
                    (middle, 196),
                    centred(style(&MUTED)),
                );
                area.draw(&label)?;
            }
        }
        area.draw(&Rectangle::new(
            [(8, 180), (8 + room as i32, 181)],
            GRID.filled(),
        ))?;
        Ok(())
    })
}

fn style(colour: &'static RGBColor) -> TextStyle<'static> {
    TextStyle::from(("sans-serif", TEXT)).color(colour)
}

fn left(style: TextStyle<'static>) -> TextStyle<'static> {
    style.pos(Pos::new(HPos::Left, VPos::Center))
}

fn right(style: TextStyle<'static>) -> TextStyle<'static> {
    style.pos(Pos::new(HPos::Right, VPos::Center))
}

fn centred(style: TextStyle<'static>) -> TextStyle<'static> {
    style.pos(Pos::new(HPos::Center, VPos::Center))
}

/// A length of time in its unit.
fn length(seconds: f64) -> String {
    let (unit, name) = unit(seconds);
    format!("{} {name}", trimmed(seconds / unit))
}

/// The unit that times up to this one are told in: its seconds, and its name.
fn unit(seconds: f64) -> (f64, &'static str) {
    match seconds {
        s if s < 1.0 => (0.001, "ms"),
        s if s < 120.0 => (1.0, "s"),
        s if s < 7_200.0 => (60.0, "min"),
        s if s < 172_800.0 => (3_600.0, "h"),
        _ => (86_400.0, "d"),
    }
}

/// A number on an axis.
fn short(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{}M", trimmed(v / 1e6)),
        v if v >= 1e4 => format!("{}k", trimmed(v / 1e3)),
        v => trimmed(v),
    }
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// A number with a narrow space between groups of three digits.
pub(super) fn grouped(number: impl Display) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) && digits.len() > 4 {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{grouped, length, short, spans};

    #[test]
    fn waits_that_follow_on_each_other_are_one_ground() {
        let waits = [0.0, 0.5, 1.0, 0.25, 0.0, 1.0, 0.5];
        assert_eq!(spans(&waits, 1.0), [(1.5, 3.25), (5.0, 6.5)]);
        assert_eq!(spans(&[0.0, 0.0], 1.0), []);
    }

    #[test]
    fn numbers_are_short_on_axes_and_grouped_elsewhere() {
        for (value, text) in [
            (0.0, "0"),
            (2.5, "2.5"),
            (9_999.0, "9999"),
            (20_000.0, "20k"),
            (1_500_000.0, "1.5M"),
        ] {
            assert_eq!(short(value), text);
        }
        for (seconds, text) in [
            (0.0, "0 ms"),
            (0.05, "50 ms"),
            (30.0, "30 s"),
            (300.0, "5 min"),
            (9_000.0, "2.5 h"),
        ] {
            assert_eq!(length(seconds), text);
        }
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(
            (grouped(1_234), grouped(0)),
            ("1234".to_owned(), "0".to_owned())
        );
    }
}
