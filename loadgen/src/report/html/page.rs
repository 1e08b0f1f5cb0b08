//! The frame of a page: everything in one file, nothing loaded from elsewhere.

/// The whole style of a page.
const STYLE: &str = include_str!("style.css");

/// A page with this title and this body of HTML.
pub(crate) fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
}

/// A text as HTML and as an attribute's value.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// A titled plot.
pub(crate) fn figure(title: &str, note: &str, svg: &str, is_wide: bool) -> String {
    let (title, note) = (escape(title), escape(note));
    let class = if is_wide { " class=\"wide\"" } else { "" };
    format!("<figure{class}>\n<h2>{title}</h2>\n<p class=\"note\">{note}</p>\n{svg}</figure>\n")
}

/// Names and values, one below the other; pairs without a value are left out.
pub(crate) fn table(title: &str, rows: &[(&str, String)]) -> String {
    let row = |(name, value): &(&str, String)| {
        format!("<tr><th>{}</th><td>{}</td></tr>\n", escape(name), escape(value))
    };
    let rows: String = rows.iter().filter(|(_, value)| !value.is_empty()).map(row).collect();
    format!("<section>\n<h2>{}</h2>\n<table>\n{rows}</table>\n</section>\n", escape(title))
}

/// Sentences that must be seen; nothing where there are none.
pub(crate) fn warnings(title: &str, sentences: &[String]) -> String {
    if sentences.is_empty() {
        return String::new();
    }
    let items: String = sentences.iter().map(|sentence| format!("<li>{}</li>\n", escape(sentence))).collect();
    format!("<div class=\"warnings\">\n<h2>{}</h2>\n<ul>\n{items}</ul>\n</div>\n", escape(title))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_from_elsewhere_can_not_become_markup() {
        let page = page("<script>", &table("a & b", &[("\"x\"", "<img>".into()), ("none", String::new())]));
        assert!(
            page.contains("&lt;script&gt;") && page.contains("&lt;img&gt;") && page.contains("a &amp; b")
        );
        assert!(!page.contains("<img>") && !page.contains("<th>none"), "{page}");
    }
}
