//! A line so small that it stands in a table: an exposure's interval as a band, or a count as a line, over the bundles.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

/// From one bundle to the next.
const STEP: u32 = 24;
const HEIGHT: u32 = 32;
/// Room for the ends of lines.
const EDGE: u32 = 4;

/// A drawing of one series.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Spark {
    /// What it shows, in words, for those who do not see it.
    pub label: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Path of the area between low and high; empty where there is none.
    pub band: String,
    /// Path of the upper line, broken where a bundle has nothing.
    pub line: String,
    /// Path of dots: one at each bundle that has something.
    pub dots: String,
}

impl Spark {
    /// Low and high of each bundle, out of `most`; `None` where there is nothing.
    pub fn new(label: String, series: &[Option<[u32; 2]>], most: u32) -> Self {
        let count = u32::try_from(series.len()).unwrap_or(u32::MAX);
        let mut spark = Self {
            label,
            width: count.saturating_sub(1).saturating_mul(STEP) + 2 * EDGE,
            height: HEIGHT,
            band: String::new(),
            line: String::new(),
            dots: String::new(),
        };
        let placed = series.iter().zip(0u32..).map(|(point, at)| {
            let x = EDGE + at.saturating_mul(STEP);
            point.map(|[low, high]| (x, y(low, most), y(high, most)))
        });
        let placed: Vec<Option<(u32, u32, u32)>> = placed.collect();
        for run in placed.split(Option::is_none) {
            let run: Vec<_> = run.iter().flatten().copied().collect();
            spark.draw(&run);
        }
        spark
    }

    /// Bundles that follow each other without a gap. Writing to a String cannot fail.
    fn draw(&mut self, run: &[(u32, u32, u32)]) {
        for (index, (x, _, high)) in run.iter().enumerate() {
            let _ = write!(
                self.line,
                "{}{x} {high}",
                if index == 0 { 'M' } else { 'L' }
            );
            let _ = write!(self.dots, "M{x} {high}h0");
        }
        if run.iter().all(|(_, low, high)| low == high) {
            return;
        }
        for (index, (x, _, high)) in run.iter().enumerate() {
            let _ = write!(
                self.band,
                "{}{x} {high}",
                if index == 0 { 'M' } else { 'L' }
            );
        }
        for (x, low, _) in run.iter().rev() {
            let _ = write!(self.band, "L{x} {low}");
        }
        self.band.push('Z');
    }
}

/// Upwards is more.
fn y(value: u32, most: u32) -> u32 {
    let room = HEIGHT - 2 * EDGE;
    let part = u64::from(value.min(most)) * u64::from(room) / u64::from(most.max(1));
    HEIGHT - EDGE - u32::try_from(part).unwrap_or(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_up_with_more_and_breaks_where_there_is_nothing() {
        let series = [Some([0, 100]), None, Some([50, 50]), Some([0, 0])];
        let spark = Spark::new(String::new(), &series, 100);
        assert_eq!(spark.line, "M4 4M52 16L76 28");
        assert_eq!(spark.dots, "M4 4h0M52 16h0M76 28h0");
        assert_eq!(spark.band, "M4 4L4 28Z");
        assert_eq!((spark.width, spark.height), (80, 32));
    }

    #[test]
    fn nothing_at_all_is_drawn_as_nothing() {
        for series in [&[][..], &[None, None]] {
            let spark = Spark::new(String::new(), series, 0);
            assert!(spark.line.is_empty() && spark.band.is_empty());
        }
        let flat = Spark::new(String::new(), &[Some([0, 0])], 0);
        assert_eq!(flat.line, "M4 28");
    }
}
