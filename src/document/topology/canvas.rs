//! The marks of a drawing.

use crate::network::simulate::Verdict;
use crate::untrusted::is_unprintable;
use std::fmt::Write as _;

/// A place, in pixels from the upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point(pub(super) i32, pub(super) i32);

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    /// A cable or line that is there.
    Cable,
    /// A tunnel that is there.
    Tunnel,
    /// The way of a pair.
    Way,
    /// The way of a pair that not every session survives.
    PoorWay,
}

/// A box, a bar or a cloud with its texts.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) shape: Shape,
    /// Its middle.
    pub(super) at: Point,
    pub(super) width: i32,
    pub(super) height: i32,
    /// The first is its name, the others its addresses.
    pub(super) texts: Vec<String>,
}

/// Shapes of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Router,
    Machine,
    Firewall,
    Edge,
    Cloud,
    Segment,
}

/// A drawing in the making.
#[derive(Debug)]
pub(super) struct Canvas {
    text: String,
}

/// Colours, in one place. Readable in grey too: the way is broad, the cross is a shape.
const STYLE: &str = "\
text{font-family:Helvetica,Arial,'Liberation Sans',sans-serif;font-size:13px;fill:#1f2933}\
.heading{font-size:21px;font-weight:bold}.name{font-weight:bold}.note,.address{fill:#52606d}.address{font-size:12px}\
.label{font-size:12px;fill:#52606d;paint-order:stroke;stroke:#fff;stroke-width:5px}\
.good{fill:#1b7f4b}.poor{fill:#a15c00}.bad{fill:#c62828;font-weight:bold}";

impl Canvas {
    /// An empty drawing.
    pub(super) fn new(width: i32, height: i32) -> Self {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
             <style>{STYLE}</style>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>"
        );
        Self { text }
    }

    /// The drawing as text.
    pub(super) fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }

    /// A heading.
    pub(super) fn heading(&mut self, at: Point, text: &str) {
        self.text(at, text, "heading");
    }

    /// A text that begins at a point.
    pub(super) fn text(&mut self, Point(x, y): Point, text: &str, class: &str) {
        let _ = writeln!(self.text, "<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{}</text>", escaped(text));
    }

    fn centred(&mut self, Point(x, y): Point, text: &str, class: &str) {
        let text = escaped(text);
        let _ = writeln!(self.text, "<text x=\"{x}\" y=\"{y}\" class=\"{class}\" text-anchor=\"middle\">{text}</text>");
    }

    /// The label of a line.
    pub(super) fn label(&mut self, at: Point, text: &str) {
        self.centred(at, text, "label");
    }

    /// A verdict.
    pub(super) fn verdict(&mut self, Point(x, y): Point, text: &str, verdict: Verdict) {
        let (class, colour) = match verdict {
            Verdict::Reachable => ("good", "#1b7f4b"),
            Verdict::Degraded => ("poor", "#a15c00"),
            Verdict::Lost => ("bad", "#c62828"),
        };
        let _ = writeln!(self.text, "<circle cx=\"{}\" cy=\"{}\" r=\"4\" fill=\"{colour}\"/>", x + 4, y - 4);
        self.text(Point(x + 14, y), text, class);
    }

    /// A line through some points.
    pub(super) fn line(&mut self, points: &[Point], paint: Paint) {
        let style = match paint {
            Paint::Cable => "stroke=\"#9aa5b1\" stroke-width=\"2\"",
            Paint::Tunnel => "stroke=\"#9aa5b1\" stroke-width=\"2\" stroke-dasharray=\"7 5\"",
            Paint::Way => "stroke=\"#1b9e5a\" stroke-width=\"7\" stroke-linecap=\"round\"",
            Paint::PoorWay => "stroke=\"#e0952b\" stroke-width=\"7\" stroke-linecap=\"round\"",
        };
        let points: Vec<_> = points.iter().map(|Point(x, y)| format!("{x},{y}")).collect();
        let line =
            format!("<polyline points=\"{}\" fill=\"none\" stroke-linejoin=\"round\" {style}/>\n", points.join(" "));
        // Many pairs share their ways.
        if !self.text.contains(&line) {
            self.text.push_str(&line);
        }
    }

    /// A part with its texts.
    pub(super) fn part(&mut self, part: &Part) {
        let Part { shape, at: Point(x, y), width, height, texts } = part;
        let (left, top) = (x - width / 2, y - height / 2);
        let (fill, stroke, radius) = match shape {
            Shape::Router => ("#e3f0fc", "#2f6fb0", 8),
            Shape::Machine => ("#ffffff", "#7b8794", 3),
            Shape::Firewall => ("#fdeee4", "#c8622c", 3),
            Shape::Edge => ("#efe9f8", "#7a5cb0", 18),
            Shape::Cloud => ("#f5f7fa", "#cbd2d9", 60),
            Shape::Segment => ("#3e4c59", "#3e4c59", 4),
        };
        let _ = writeln!(
            self.text,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"{radius}\" fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"1.5\"/>"
        );
        let rows = i32::try_from(texts.len()).unwrap_or(0);
        let first = match shape {
            Shape::Segment => top - 6 - 16 * (rows - 1),
            Shape::Cloud => top + 24,
            _ => y + 5 - 8 * (rows - 1),
        };
        for (row, text) in texts.iter().enumerate() {
            let class = if row == 0 { "name" } else { "address" };
            self.centred(Point(*x, first + 16 * i32::try_from(row).unwrap_or(0)), text, class);
        }
    }

    /// The mark of what failed.
    pub(super) fn cross(&mut self, Point(x, y): Point) {
        let (left, right, top, bottom) = (x - 13, x + 13, y - 13, y + 13);
        for (colour, width) in [("#fff", 11), ("#d32020", 6)] {
            let _ = writeln!(
                self.text,
                "<path d=\"M{left} {top}L{right} {bottom}M{right} {top}L{left} {bottom}\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linecap=\"round\"/>"
            );
        }
    }
}

/// Text inside SVG: no markup, nothing that hides or reorders.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars().filter(|character| !is_unprintable(*character)) {
        match character {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            other => shown.push(other),
        }
    }
    shown
}
