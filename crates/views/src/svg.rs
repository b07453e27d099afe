//! What the drawings share: colours for light and dark, text that is safe and whose width is known, and elements.
//!
//! Every element has its light colours as attributes, which every program that takes an SVG understands; the style sheet
//! has nothing but the dark ones.

use core::fmt::Write as _;

/// A colour, by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// The ground.
    Paper,
    /// Text and arrows: black on white, or white on black.
    Black,
    /// Text of less weight.
    Mute,
    /// Lines that only guide the eye.
    Faint,
    /// The ground of a band.
    Band,
    /// What went wrong.
    Bad,
    /// A connection or an end, by its number: told apart without red and green too.
    Number(usize),
}

/// Name, light, dark.
const FIXED: [(&str, &str, &str); 6] = [
    ("paper", "#ffffff", "#14171c"),
    ("ink", "#1b1f24", "#e9ecef"),
    ("mute", "#59616b", "#a9b2bd"),
    ("faint", "#c3c9d0", "#414953"),
    ("band", "#eef1f4", "#222830"),
    ("bad", "#b3261e", "#ff8a73"),
];
/// After Okabe and Ito's colours, dark enough on white and light enough on black to be read as text.
const NUMBERED: [(&str, &str, &str); 5] = [
    ("c0", "#0a5ea8", "#6db9f2"),
    ("c1", "#b04400", "#ff9d57"),
    ("c2", "#00735a", "#45cfa5"),
    ("c3", "#9b3575", "#e693c6"),
    ("c4", "#6f5b00", "#dcc04a"),
];

impl Ink {
    fn entry(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Ink::Paper => FIXED[0],
            Ink::Black => FIXED[1],
            Ink::Mute => FIXED[2],
            Ink::Faint => FIXED[3],
            Ink::Band => FIXED[4],
            Ink::Bad => FIXED[5],
            Ink::Number(number) => NUMBERED[number % NUMBERED.len()],
        }
    }

    /// In light surroundings.
    pub(crate) fn light(self) -> &'static str {
        self.entry().1
    }

    /// In dark surroundings.
    pub(crate) fn dark(self) -> &'static str {
        self.entry().2
    }
}

/// The colours in dark surroundings.
pub(crate) fn dark_style() -> String {
    let mut style = String::from("@media (prefers-color-scheme: dark) {");
    for (name, _, dark) in FIXED.iter().chain(&NUMBERED) {
        // Writing to a string can't fail, here and below.
        let _ = write!(style, " .f-{name} {{ fill: {dark} }} .s-{name} {{ stroke: {dark} }}");
    }
    style.push_str(" }");
    style
}

pub(crate) const MONO: &str = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace";
pub(crate) const SANS: &str = "system-ui, 'DejaVu Sans', 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";

/// Where a text stands from its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    const fn name(self) -> &'static str {
        match self {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        }
    }
}

/// How a text is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Font {
    pub(crate) size: f64,
    pub(crate) mono: bool,
    pub(crate) bold: bool,
    pub(crate) ink: Ink,
}

impl Font {
    pub(crate) const fn mono(size: f64, ink: Ink) -> Self {
        Font { size, mono: true, bold: false, ink }
    }

    pub(crate) const fn sans(size: f64, ink: Ink) -> Self {
        Font { size, mono: false, bold: false, ink }
    }

    pub(crate) const fn bold(self) -> Self {
        Font { bold: true, ..self }
    }

    /// How wide a text is at most: the fonts of the world differ, so this is a wide one's measure.
    pub(crate) fn width(&self, text: &str) -> f64 {
        let em: f64 = text.chars().map(|c| self.em(c)).sum();
        em * self.size
    }

    fn em(&self, c: char) -> f64 {
        if columns(c) == 2 {
            return 1.2;
        }
        match (self.mono, self.bold) {
            (true, _) => 0.61,
            (false, true) if c.is_uppercase() => 0.74,
            (false, false) if c.is_uppercase() => 0.69,
            (false, true) => 0.66,
            (false, false) => 0.6,
        }
    }

    /// The longest beginning of a text that is no wider than this, with an ellipsis if it isn't all.
    pub(crate) fn fit(&self, text: &str, width: f64) -> String {
        if self.width(text) <= width {
            return text.into();
        }
        let room = width - self.em('…') * self.size;
        let mut used = 0.0;
        let mut fitted: String = text
            .chars()
            .take_while(|c| {
                used += self.em(*c) * self.size;
                used <= room
            })
            .collect();
        fitted.truncate(fitted.trim_end().len());
        fitted.push('…');
        fitted
    }

    /// A text in lines that are no wider than this; a word that is wider is cut.
    pub(crate) fn wrap(&self, text: &str, width: f64) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            match lines.last_mut() {
                Some(line) if self.width(line) + self.width(word) + 0.7 * self.size <= width => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(self.fit(word, width)),
            }
        }
        lines
    }
}

/// How many columns of a terminal a character takes.
pub(crate) fn columns(c: char) -> usize {
    let wide = matches!(u32::from(c),
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f
        | 0xff01..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd);
    if wide { 2 } else { 1 }
}

/// Whether a character does something to those beside it, or to a terminal: it is never shown.
pub(crate) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c), 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xffff)
}

/// Text for XML and HTML, in elements and attributes: no markup is left in it, and no character that XML has not.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(c),
            c if steers(c) && c != '\u{fffd}' => escaped.push('\u{b7}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A place.
pub(crate) type Point = (f64, f64);

/// Elements, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Drawing(pub(crate) String);

impl Drawing {
    pub(crate) fn raw(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// Begins a group, with the words that appear when somebody points at it.
    pub(crate) fn group(&mut self, class: &str, title: &str) {
        let _ = writeln!(self.0, "<g class=\"{class}\"><title>{}</title>", escape(title));
    }

    pub(crate) fn end(&mut self) {
        self.raw("</g>");
    }

    /// `more` is further attributes.
    pub(crate) fn rect(&mut self, (x, y): Point, (w, h): Point, round: f64, fill: Option<Ink>, more: &str) {
        let fill = fill.map_or_else(|| "fill=\"none\"".into(), |ink| attribute("fill", 'f', ink));
        let _ = writeln!(
            self.0,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{round}\" {}/>",
            n(x),
            n(y),
            n(w),
            n(h),
            merge(&fill, more)
        );
    }

    pub(crate) fn text(&mut self, (x, y): Point, anchor: Anchor, font: Font, text: &str) {
        self.set((x, y), anchor, font, text, "");
    }

    /// Text, with further attributes.
    pub(crate) fn set(&mut self, (x, y): Point, anchor: Anchor, font: Font, text: &str, more: &str) {
        if text.is_empty() {
            return;
        }
        let family = if font.mono { MONO } else { SANS };
        let weight = if font.bold { " font-weight=\"bold\"" } else { "" };
        let _ = writeln!(
            self.0,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"{}\" font-family=\"{family}\" font-size=\"{}\"{weight} {}>{}</text>",
            n(x),
            n(y),
            anchor.name(),
            n(font.size),
            merge(&attribute("fill", 'f', font.ink), more),
            escape(text)
        );
    }

    /// A line along these commands of SVG.
    pub(crate) fn path(&mut self, commands: &str, width: f64, ink: Ink, more: &str) {
        let _ = writeln!(
            self.0,
            "<path d=\"{commands}\" fill=\"none\" stroke-width=\"{}\" stroke-linejoin=\"round\" {}/>",
            n(width),
            merge(&attribute("stroke", 's', ink), more)
        );
    }

    pub(crate) fn line(&mut self, (x1, y1): Point, (x2, y2): Point, width: f64, ink: Ink, more: &str) {
        let commands = format!("M{} {}L{} {}", n(x1), n(y1), n(x2), n(y2));
        self.path(&commands, width, ink, more);
    }

    /// An arrow's head at `tip`, coming from `from`.
    pub(crate) fn head(&mut self, from: Point, tip: Point, size: f64, ink: Ink) {
        let (dx, dy) = (tip.0 - from.0, tip.1 - from.1);
        let length = dx.hypot(dy).max(0.001);
        let (ux, uy) = (dx / length, dy / length);
        let back = (tip.0 - ux * size, tip.1 - uy * size);
        let side = 0.42 * size;
        let _ = writeln!(
            self.0,
            "<path d=\"M{} {}L{} {}L{} {}Z\" {}/>",
            n(tip.0),
            n(tip.1),
            n(back.0 - uy * side),
            n(back.1 + ux * side),
            n(back.0 + uy * side),
            n(back.1 - ux * side),
            attribute("fill", 'f', ink)
        );
    }

    /// The whole document: a ground, and all that was drawn.
    pub(crate) fn document(self, (x, y): Point, (w, h): Point, title: &str, class: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"{class}\" role=\"img\" \
             viewBox=\"{vx} {vy} {vw} {vh}\" width=\"{vw}\" height=\"{vh}\">\n\
             <title>{title}</title>\n<style>{style}</style>\n\
             <rect x=\"{vx}\" y=\"{vy}\" width=\"{vw}\" height=\"{vh}\" {paper}/>\n{body}</svg>\n",
            vx = n(x),
            vy = n(y),
            vw = n(w),
            vh = n(h),
            title = escape(title),
            style = dark_style(),
            paper = attribute("fill", 'f', Ink::Paper),
            body = self.0,
        )
    }
}

/// A colour as an attribute, and the class by which it is another in the dark.
pub(crate) fn attribute(name: &str, kind: char, ink: Ink) -> String {
    let (class, light, _) = ink.entry();
    format!("{name}=\"{light}\" class=\"{kind}-{class}\"")
}

/// Attributes together; there can be only one `class`.
fn merge(own: &str, more: &str) -> String {
    let Some((before, class)) = more.split_once("class=\"") else {
        return if more.is_empty() { own.into() } else { format!("{own} {more}") };
    };
    let (class, after) = class.split_once('"').unwrap_or((class, ""));
    let own = match own.split_once("class=\"") {
        Some((head, tail)) => format!("{head}class=\"{class} {tail}"),
        None => format!("{own} class=\"{class}\""),
    };
    format!("{own} {}{}", before.trim(), after.trim()).trim().into()
}

/// Numbers without needless digits.
pub(crate) fn n(number: f64) -> String {
    let rounded = (number * 10.0).round() / 10.0;
    // Not "-0".
    format!("{}", if rounded == 0.0 { 0.0 } else { rounded })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        let hostile = "</svg><script>alert('1')</script>&\"\u{0}\u{1b}[2J\u{ffff}";
        let safe = escape(hostile);
        assert!(!safe.contains(['<', '>', '"', '\'', '\u{0}', '\u{1b}', '\u{ffff}']), "{safe}");
        assert_eq!(escape("a & b"), "a &amp; b");
    }

    #[test]
    fn texts_are_cut_to_the_width_that_there_is() {
        let font = Font::mono(10.0, Ink::Black);
        assert_eq!(font.fit("SYN seq=0", 100.0), "SYN seq=0");
        assert_eq!(font.fit("SYN seq=0 and more of it", 62.0), "SYN seq=0…");
        let lines = font.wrap("one two three four", 62.0);
        assert_eq!(lines, ["one two", "three four"]);
        assert!(lines.iter().all(|line| font.width(line) <= 62.0));
    }

    #[test]
    fn classes_are_one_attribute() {
        assert_eq!(
            merge(&attribute("fill", 'f', Ink::Black), "stroke=\"red\" class=\"s-bad\""),
            "fill=\"#1b1f24\" class=\"s-bad f-ink\" stroke=\"red\""
        );
        assert_eq!(n(-0.01), "0");
        assert_eq!(n(12.25), "12.3");
    }
}
