//! The plot: a dot a row on a logarithmic scale, with the line from its lowest run to its highest, and the goal behind.

use core::fmt::Write as _;

use super::rows::Goal;
use super::table::{Line, figure};

/// Where the scale begins and ends, and the step from row to row.
const LEFT: f64 = 340.0;
const RIGHT: f64 = 740.0;
const WIDTH: f64 = 810.0;
const TOP: f64 = 64.0;
const STEP: f64 = 26.0;

/// Light by default, dark where the reader's system is.
const STYLE: &str = "\
text { font: 13px system-ui, sans-serif; fill: #1f2328 } .small { font-size: 11px; fill: #59636e } \
.title { font-size: 15px; font-weight: 600 } .paper { fill: #ffffff } .grid { stroke: #d1d9e0 } \
.one { stroke: #59636e } .goal { fill: #1a7f37; fill-opacity: .16 } .edge { stroke: #1a7f37; stroke-width: 2 } \
.met { fill: #0969da; stroke: #0969da } .missed { fill: #bc4c00; stroke: #bc4c00 } \
@media (prefers-color-scheme: dark) { text { fill: #f0f6fc } .small { fill: #9198a1 } .paper { fill: #0d1117 } \
.grid { stroke: #3d444d } .one { stroke: #9198a1 } .goal { fill: #3fb950; fill-opacity: .22 } \
.edge { stroke: #3fb950 } .met { fill: #4493f8; stroke: #4493f8 } .missed { fill: #f0883e; stroke: #f0883e } }";

/// Powers of ten.
struct Scale {
    low: i32,
    high: i32,
}

impl Scale {
    /// At least from a tenth to ten.
    fn of(lines: &[Line]) -> Scale {
        let ratios = lines.iter().flat_map(|line| [line.ratio, line.between.0, line.between.1]);
        let ratios = ratios.filter(|ratio| *ratio > 0.0).map(f64::log10);
        let (low, high) = ratios.fold((-1.0_f64, 1.0_f64), |(low, high), one| (low.min(one), high.max(one)));
        // What is less than a ten-thousandth is as good as nothing.
        Scale { low: (low.floor() as i32).max(-4), high: (high.ceil() as i32).min(4) }
    }

    fn place(&self, ratio: f64) -> f64 {
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        let share = (ratio.max(f64::MIN_POSITIVE).log10() - low) / (high - low);
        LEFT + share.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }
}

/// Writing to a String can't fail.
pub(crate) fn svg(lines: &[Line]) -> String {
    let scale = Scale::of(lines);
    let bottom = TOP + STEP * lines.len() as f64;
    let height = bottom + 60.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-labelledby=\"title\">\n<title id=\"title\">undersock's rate as a ratio \
         to Linux's behind the same router</title>\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"100%\" height=\"100%\" rx=\"6\"/>\n\
         <text class=\"title\" x=\"16\" y=\"27\">undersock's rate as a ratio to Linux's, behind the same router</text>\n"
    );
    for power in scale.low..=scale.high {
        let x = scale.place(10_f64.powi(power));
        let class = if power == 0 { "one" } else { "grid" };
        let _ = writeln!(
            text,
            "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{bottom:.1}\"/>\
             <text class=\"small\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
            TOP - 8.0,
            TOP - 14.0,
            10_f64.powi(power)
        );
    }
    for (index, line) in lines.iter().enumerate() {
        row(&mut text, &scale, line, TOP + STEP * (index as f64 + 0.5));
    }
    let y = bottom + 26.0;
    let _ = write!(
        text,
        "<rect class=\"goal\" x=\"16\" y=\"{:.1}\" width=\"22\" height=\"14\"/>\
         <text class=\"small\" x=\"44\" y=\"{y:.1}\">goal</text>\
         <circle class=\"met\" cx=\"92\" cy=\"{:.1}\" r=\"4.5\"/>\
         <text class=\"small\" x=\"102\" y=\"{y:.1}\">median, within it</text>\
         {}<text class=\"small\" x=\"224\" y=\"{y:.1}\">median, outside</text>\
         <text class=\"small\" x=\"{LEFT}\" y=\"{y:.1}\">line: from the lowest run to the highest</text>\n\
         <text class=\"small\" x=\"16\" y=\"{:.1}\">Two connections: to one server, the slower one's share of the \
         faster one; to either, undersock's of Linux's.</text>\n</svg>\n",
        y - 11.0,
        y - 4.0,
        diamond("missed", 214.0, y - 4.0),
        y + 20.0,
    );
    text
}

fn row(text: &mut String, scale: &Scale, line: &Line, y: f64) {
    let (from, to) = match line.row.goal {
        Goal::AtLeast(least) => (scale.place(least), RIGHT),
        Goal::Between(least, most) => (scale.place(least), scale.place(most)),
    };
    let met = line.row.goal.met(line.ratio);
    let class = if met { "met" } else { "missed" };
    let (x, low, high) = (scale.place(line.ratio), scale.place(line.between.0), scale.place(line.between.1));
    let edge = scale.place(line.row.goal.least());
    let dot = match met {
        true => format!("<circle class=\"met\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\"/>"),
        false => diamond(class, x, y),
    };
    let _ = writeln!(
        text,
        "<text text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\
         <rect class=\"goal\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"16\"/>\
         <line class=\"edge\" x1=\"{edge:.1}\" x2=\"{edge:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>\
         <line class=\"{class}\" x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke-width=\"2\"/>\
         {dot}<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        LEFT - 14.0,
        y + 4.5,
        line.row.about.replace('&', "&amp;").replace('<', "&lt;"),
        y - 8.0,
        to - from,
        y - 8.0,
        y + 8.0,
        RIGHT + 14.0,
        y + 4.5,
        figure(line.ratio),
    );
}

/// Another form than the dot's: colours alone don't tell everybody.
fn diamond(class: &str, x: f64, y: f64) -> String {
    format!("<path class=\"{class}\" d=\"M{:.1} {y:.1}l5.5 -5.5 5.5 5.5 -5.5 5.5z\"/>", x - 5.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::sample::Sample;
    use crate::bench::table;

    fn made(lines: &[&str]) -> Vec<Line> {
        let samples: Vec<Sample> = lines.iter().map(|line| line.parse().unwrap()).collect();
        table::lines(&samples)
    }

    #[test]
    fn rows_are_dots_within_the_scale() {
        let lines = made(&[
            "loss-1,1,undersock,0.2,,30,6000,6,0,0,cut",
            "loss-1,1,linux,100,,210,6000,12,1,0,whole",
            "clean,1,undersock,0,,30,6000,6,0,0,broken",
            "clean,1,linux,100,,210,6000,12,1,0,whole",
            "turns-1,1,undersock,20,,30,6000,6,0,0,whole",
            "turns-1,1,linux,1,,210,6000,12,1,0,whole",
        ]);
        let scale = Scale::of(&lines);
        assert_eq!((scale.low, scale.high), (-3, 2));
        assert_eq!((scale.place(0.001), scale.place(0.0), scale.place(100.0)), (LEFT, LEFT, RIGHT));
        let text = svg(&lines);
        assert!(text.contains(">1 % lost each way</text>") && text.contains(">0.0020</text>"), "{text}");
        assert!(text.matches("class=\"missed\" d=").count() == 3, "two rows and the legend: {text}");
        assert!(text.matches("class=\"met\" cx=").count() == 2, "one row and the legend: {text}");
        let (opened, closed) = (text.matches('<').count(), text.matches('>').count());
        assert!(opened == closed && !text.contains("NaN"), "{text}");
    }

    #[test]
    fn without_rows_there_is_a_scale_still() {
        let scale = Scale::of(&[]);
        assert_eq!((scale.low, scale.high), (-1, 1));
        assert!(svg(&[]).ends_with("</svg>\n"));
    }
}
