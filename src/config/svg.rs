//! Whether an SVG only draws. Small and suspicious: it knows what may stand in a drawing, and refuses everything else.

use std::ops::Range;

/// Elements that only draw.
const ELEMENTS: [&str; 24] = [
    "circle",
    "clipPath",
    "defs",
    "desc",
    "ellipse",
    "g",
    "line",
    "linearGradient",
    "marker",
    "mask",
    "metadata",
    "path",
    "pattern",
    "polygon",
    "polyline",
    "radialGradient",
    "rect",
    "stop",
    "svg",
    "symbol",
    "text",
    "title",
    "tspan",
    "use",
];
const NAMESPACE: &str = "http://www.w3.org/2000/svg";
const PLAIN: &str = "save the drawing as plain SVG without scripts, styles, links and embedded files, and delete what is marked here";
const BROKEN: &str = "save the drawing again as plain SVG: its text is damaged here";

/// Something that may not stand in a drawing.
pub(super) struct Refusal {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) help: &'static str,
}

/// The text is damaged: nothing after it can be judged.
struct Damaged;

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    open: Vec<&'a str>,
    view: Option<[f64; 4]>,
    refusals: Vec<Refusal>,
}

/// The `viewBox` of a drawing that may be shown, else all that is refused.
pub(super) fn check(text: &str) -> Result<[f64; 4], Vec<Refusal>> {
    let mut scanner = Scanner {
        text,
        at: 0,
        open: Vec::new(),
        view: None,
        refusals: Vec::new(),
    };
    let is_whole = scanner.run().is_ok();
    if is_whole && scanner.view.is_none() {
        scanner.refuse(
            0..0,
            "the drawing has no `viewBox` of four numbers",
            "write viewBox=\"0 0 1200 560\" in its first element: the places of points are in these units",
        );
    }
    match scanner.view {
        Some(view) if scanner.refusals.is_empty() => Ok(view),
        Some(_) | None => Err(scanner.refusals),
    }
}

impl<'a> Scanner<'a> {
    fn run(&mut self) -> Result<(), Damaged> {
        while let Some(found) = self.rest().find('<') {
            self.at += found;
            let rest = self.rest();
            if rest.starts_with("<!--") {
                self.comment()?;
            } else if rest.starts_with("<?xml ") && self.text[..self.at].trim().is_empty() {
                self.skip_past("?>", 6)?;
            } else if rest.starts_with("</") {
                self.closing()?;
            } else if rest.starts_with("<!") || rest.starts_with("<?") {
                self.refuse(
                    self.at..self.at + 2,
                    "a drawing needs no such declaration",
                    PLAIN,
                );
                self.at += 2;
            } else {
                self.element()?;
            }
        }
        if let Some(name) = self.open.pop() {
            let message = format!("`{name}` is never closed");
            return Err(self.damaged(self.text.len()..self.text.len(), message));
        }
        Ok(())
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn refuse(&mut self, span: Range<usize>, message: impl Into<String>, help: &'static str) {
        self.refusals.push(Refusal {
            span,
            message: message.into(),
            help,
        });
    }

    fn damaged(&mut self, span: Range<usize>, message: impl Into<String>) -> Damaged {
        self.refuse(span, message, BROKEN);
        Damaged
    }

    /// Moves behind the next `end`, looked for `from` bytes after here; returns what stands between.
    fn skip_past(&mut self, end: &str, from: usize) -> Result<&'a str, Damaged> {
        let rest = self.rest().get(from..).unwrap_or_default();
        let Some(found) = rest.find(end) else {
            let here = self.at..self.at + 1;
            return Err(self.damaged(here, format!("`{end}` never follows")));
        };
        self.at += from + found + end.len();
        Ok(rest.get(..found).unwrap_or_default())
    }

    /// A comment without angle brackets: browsers disagree on where others end.
    fn comment(&mut self) -> Result<(), Damaged> {
        let start = self.at;
        let inner = self.skip_past("-->", 4)?;
        if inner.contains(['<', '>']) {
            self.refuse(
                start..self.at,
                "a comment holds `<` or `>`",
                "delete the comment",
            );
        }
        Ok(())
    }

    fn closing(&mut self) -> Result<(), Damaged> {
        let start = self.at;
        let name = self.skip_past(">", 2)?.trim_end();
        if self.open.pop() == Some(name) {
            return Ok(());
        }
        Err(self.damaged(
            start..self.at,
            format!("`{name}` is closed but not open here"),
        ))
    }

    fn element(&mut self) -> Result<(), Damaged> {
        let start = self.at;
        self.at += 1;
        let rest = self.rest();
        let length = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
        let name = rest.get(..length).unwrap_or_default();
        self.at += length;
        if name.is_empty() {
            return Err(self.damaged(start..start + 1, "`<` stands alone"));
        }
        if !ELEMENTS.contains(&name) {
            let message = format!("`<{name}>` may not stand in a drawing");
            self.refuse(start..self.at, message, PLAIN);
        }
        let is_root = self.open.is_empty();
        if is_root && (name != "svg" || self.view.is_some()) {
            self.refuse(start..self.at, "the file is not one `<svg>` element", PLAIN);
        }
        while self.attribute(is_root)? {}
        if self.rest().starts_with("/>") {
            self.at += 2;
        } else {
            self.at += 1;
            self.open.push(name);
        }
        Ok(())
    }

    /// One attribute; false at the end of the tag.
    fn attribute(&mut self, is_root: bool) -> Result<bool, Damaged> {
        let rest = self.rest();
        let blank = rest.len() - rest.trim_start().len();
        self.at += blank;
        let rest = self.rest();
        if rest.starts_with('>') || rest.starts_with("/>") {
            return Ok(false);
        }
        let start = self.at;
        let length = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
        let name = rest.get(..length).unwrap_or_default();
        let after = rest.get(length..).unwrap_or_default();
        let quote = ["=\"", "='"]
            .into_iter()
            .find(|quote| after.starts_with(quote));
        let (false, true, Some(quote)) = (name.is_empty(), blank > 0, quote) else {
            let end = start + rest.chars().next().map_or(0, char::len_utf8);
            return Err(self.damaged(start..end, "an attribute is not name=\"value\""));
        };
        let end = quote.get(1..).unwrap_or_default();
        let value = self.skip_past(end, length + 2)?;
        if let Some(message) = refused(name, value) {
            self.refuse(start..self.at, message, PLAIN);
        }
        if is_root && name == "viewBox" {
            self.view = view_box(value);
        }
        Ok(true)
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.')
}

/// Why an attribute may not stand in a drawing.
fn refused(name: &str, value: &str) -> Option<String> {
    let local = name.rsplit(':').next().unwrap_or(name).to_ascii_lowercase();
    let value = value.to_ascii_lowercase();
    let fetches = value
        .split("url(")
        .skip(1)
        .any(|inside| !inside.trim_start_matches(['\'', '"', ' ']).starts_with('#'));
    let reason = if local.starts_with("on") {
        "would run a program"
    } else if local == "href" && !value.starts_with('#') || fetches {
        "would fetch something from elsewhere"
    } else if name == "xmlns" && value != NAMESPACE {
        "would make it something else than a drawing"
    } else if value.contains('<') || value.contains("&#") || value.contains('\\') {
        "hides its meaning"
    } else if local == "style" && (value.contains('@') || value.contains("position")) {
        "would reach beyond the drawing"
    } else {
        return None;
    };
    Some(format!("the attribute `{name}` {reason}"))
}

/// Four numbers with a width and a height.
fn view_box(value: &str) -> Option<[f64; 4]> {
    let numbers: Vec<f64> = value
        .split([' ', ','])
        .filter(|word| !word.is_empty())
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    let view: [f64; 4] = numbers.try_into().ok()?;
    let is_right = view.iter().all(|n| n.is_finite()) && view[2] > 0.0 && view[3] > 0.0;
    is_right.then_some(view)
}
