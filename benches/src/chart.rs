//! Bars in SVG, for the book: drawn from the figures of a run.
use std::fmt::Write;

/// A bar: its name, its length in the unit of the chart, and whether it is ours.
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) ours: bool,
}

/// The height of a bar with the room below it, in pixels.
const STEP: usize = 26;
/// Where bars begin, and how long the longest is.
const LEFT: f64 = 270.0;
const LONGEST: f64 = 380.0;

/// The chart, its longest bar as long as there is room.
pub(crate) fn svg(title: &str, bars: &[Bar]) -> String {
    let most = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let height = 40 + bars.len() * STEP;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 {height}\" role=\"img\" aria-label=\"{title}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<text x=\"0\" y=\"18\" font-weight=\"bold\" fill=\"#777\">{title}</text>\n"
    );
    for (place, bar) in bars.iter().enumerate() {
        let top = 32 + place * STEP;
        let long = if most > 0.0 { bar.value / most * LONGEST } else { 0.0 };
        let colour = if bar.ours { "#2a7" } else { "#89a" };
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#777\">{}</text><rect x=\"{LEFT}\" y=\"{top}\" width=\"{long:.1}\" \
             height=\"18\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{}\" fill=\"#777\">{:.0}</text>",
            LEFT - 8.0,
            top + 14,
            escaped(&bar.name),
            LEFT + long + 6.0,
            top + 14,
            bar.value
        );
    }
    text.push_str("</svg>\n");
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::{Bar, svg};

    #[test]
    fn bars_are_as_long_as_their_values() {
        let bar = |name: &str, value, ours| Bar { name: name.to_owned(), value, ours };
        let text = svg("a chart", &[bar("a & b", 100.0, true), bar("half", 50.0, false)]);
        assert!(
            text.contains("a &amp; b")
                && text.contains("width=\"380.0\"")
                && text.contains("width=\"190.0\"")
        );
    }
}
