//! Pages made by the daemon itself, for browsers without scripts. Every text is escaped here and nowhere else.

use std::fmt::Write;

/// How these pages look: one column, large words, what is urgent in a frame and not in colour alone.
const STYLE: &str = "body{font:1.05rem/1.5 system-ui,'Noto Sans CJK SC','Microsoft YaHei',sans-serif;max-width:56rem;margin:0 auto;\
padding:.75rem;background:#fff;color:#111}section,form,details{border:1px solid #888;padding:.5rem .75rem;margin:.6rem 0}\
section section{border-color:#ccc}h1{font-size:1.4rem}h2{font-size:1.15rem;margin:.2rem 0}h3{font-size:1rem;margin:.2rem 0}\
.bad{border:3px solid #b00;padding:.4rem .6rem}.now{border:3px solid #111}.cap{color:#444;font-size:.92rem}\
button{font:inherit;min-height:3rem;padding:.4rem 1rem;margin:.2rem .4rem .2rem 0}button.fire{background:#b00;color:#fff}\
input,select{font:inherit;min-height:2.4rem}form.row{border:0;padding:0;display:inline-block;margin:0}dt{font-weight:bold}";

/// A page being made.
#[derive(Debug)]
pub(super) struct Html(String);

impl Html {
    /// A page in a language.
    pub(super) fn new(language: &str, title: &str) -> Self {
        Self::with_head(language, title, "")
    }

    /// As [`Html::new`], with more of its head: only constants of ours.
    pub(super) fn with_head(language: &str, title: &str, head: &str) -> Self {
        let mut page = Self(String::new());
        page.raw("<!doctype html><html lang=\"");
        page.text(language);
        page.raw("\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
        page.raw(head);
        page.raw("<style>");
        page.raw(STYLE);
        page.raw("</style>");
        page.tag("title", "", title);
        page.raw("</head><body>");
        page
    }

    /// The finished page.
    pub(super) fn finish(mut self) -> String {
        self.raw("</body></html>\n");
        self.0
    }

    /// Markup: constants of ours, never a text of somebody.
    pub(super) fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    /// A text, escaped.
    pub(super) fn text(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
    }

    /// An element with a text and perhaps a class.
    pub(super) fn tag(&mut self, name: &str, class: &str, text: &str) {
        // Writing into a text cannot fail.
        let _ = match class {
            "" => write!(self.0, "<{name}>"),
            class => write!(self.0, "<{name} class=\"{class}\">"),
        };
        self.text(text);
        let _ = write!(self.0, "</{name}>");
    }

    /// A hidden field of a form.
    pub(super) fn hidden(&mut self, name: &str, value: &str) {
        self.raw("<input type=\"hidden\" name=\"");
        self.text(name);
        self.raw("\" value=\"");
        self.text(value);
        self.raw("\">");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let mut page = Html::new("zh-CN", "</title><script>");
        page.tag("p", "", "<b a='1' c=\"2\">&amp;");
        page.hidden("x", "\"><script>");
        let page = page.finish();
        assert!(!page.contains("<script>") && !page.contains("<b "));
        assert!(page.contains("value=\"&quot;&gt;&lt;script&gt;\""));
        assert!(page.contains("&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;"));
    }
}
