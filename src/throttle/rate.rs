//! A rate as people write it: `10`, `10/s`, `300/m`, `1000/h`.

use std::{fmt, str::FromStr};

/// A number of requests in a unit of time; above zero, at most [`Rate::MAX_PER_S`].
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate {
    per_s: f64,
}

/// Why a text is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Not of the form N or N/s, N/m, N/h.
    #[error(
        "`{0}` is not a rate; write a number, or a number per unit such as 10/s, 300/m or 1000/h"
    )]
    Syntax(String),
    /// Zero, negative or beyond what can be paced.
    #[error(
        "a rate of `{0}` cannot be kept; it must be above zero, at least one request a day and at most 100000/s"
    )]
    Range(String),
}

impl Rate {
    /// The highest rate that can be paced.
    pub const MAX_PER_S: f64 = 100_000.0;
    const MIN_PER_S: f64 = 1.0 / 86_400.0;

    /// Requests a second.
    #[must_use]
    pub const fn per_s(self) -> f64 {
        self.per_s
    }

    /// This share of the rate.
    pub(super) const fn scaled(self, share: f64) -> Self {
        Self {
            per_s: self.per_s * share,
        }
    }
}

impl Default for Rate {
    /// 10/s.
    fn default() -> Self {
        Self { per_s: 10.0 }
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let syntax = || RateError::Syntax(text.trim().to_owned());
        let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
        let seconds = match unit.trim() {
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3_600.0,
            _ => return Err(syntax()),
        };
        let number: f64 = number.trim().parse().map_err(|_| syntax())?;
        let per_s = number / seconds;
        if !(Self::MIN_PER_S..=Self::MAX_PER_S).contains(&per_s) {
            return Err(RateError::Range(text.trim().to_owned()));
        }
        Ok(Self { per_s })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match self.per_s {
            rate if rate >= 1.0 => (rate, "s"),
            rate if rate * 60.0 >= 1.0 => (rate * 60.0, "m"),
            rate => (rate * 3_600.0, "h"),
        };
        write!(f, "{}/{unit}", (number * 100.0).round() / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Rate, RateError};

    #[test]
    fn reads_what_people_write() {
        for (text, per_s, shown) in [
            ("10", 10.0, "10/s"),
            ("10/s", 10.0, "10/s"),
            (" 300 / m ", 5.0, "5/s"),
            ("30/m", 0.5, "30/m"),
            ("10/h", 10.0 / 3600.0, "10/h"),
            ("2.5/s", 2.5, "2.5/s"),
        ] {
            let rate: Rate = text.parse().expect(text);
            assert!((rate.per_s() - per_s).abs() < 1e-9, "{text}");
            assert_eq!(rate.to_string(), shown);
        }
        let rate: Rate = "10".parse().expect("a rate");
        assert!((rate.scaled(0.25).per_s() - 2.5).abs() < 1e-9);
    }

    #[test]
    fn refuses_what_cannot_be_kept() {
        for text in ["0", "0/s", "-3", "1e9", "NaN", "inf"] {
            assert!(
                matches!(text.parse::<Rate>(), Err(RateError::Range(_))),
                "{text}"
            );
        }
        for text in ["", "ten", "10/d", "10/s/s", "10 per second"] {
            assert!(
                matches!(text.parse::<Rate>(), Err(RateError::Syntax(_))),
                "{text}"
            );
        }
    }
}
