//! The comparison as one HTML page: the table, and the curves of both over each other.

use super::text::heading;
use super::{Change, Comparison, Row};
use crate::report::html::page::{escape, figure, page, warnings};
use crate::report::html::plots;

impl Comparison {
    /// The page, complete in itself.
    #[must_use]
    pub fn html(&self) -> String {
        let lead = format!("A: {}<br>B: {}", escape(&heading(&self.before)), escape(&heading(&self.after)));
        let of = |name: &str, warnings: &[String]| -> Vec<String> {
            warnings.iter().map(|warning| format!("{name}: {warning}")).collect()
        };
        let doubts = [of("A", &self.before.warnings), of("B", &self.after.warnings)].concat();
        let body = [
            format!(
                "<header>\n<h1>Comparison of two load reports</h1>\n<p class=\"lead\">{lead}</p>\n</header>\n"
            ),
            self.table(),
            self.curves(),
            warnings("What else differs", &self.differences),
            warnings("What makes these figures doubtful", &doubts),
        ];
        page("Comparison of two load reports", &body.concat())
    }

    fn table(&self) -> String {
        let rows: String = self.rows.iter().map(row).collect();
        format!(
            "<section style=\"margin-top:1.6rem\">\n<p class=\"note\">{}</p>\n<table class=\"figures\">\n\
             <tr><th></th><th>A</th><th>B</th><th>B / A</th><th></th></tr>\n{rows}</table>\n</section>\n",
            escape(&self.rule())
        )
    }

    fn curves(&self) -> String {
        let both = [("A", "offered", &self.before), ("B", "accepted", &self.after)];
        let svg = plots::percentiles(&both, &[]);
        let note = "how long one bid in so many took, both axes logarithmic";
        format!(
            "<div style=\"margin:2.4rem 0\">\n{}</div>\n",
            figure("Latency by percentile", note, &svg, true)
        )
    }
}

fn row(row: &Row) -> String {
    let class = match row.change {
        Change::Better => "better",
        Change::Worse => "worse",
        Change::Within => "",
    };
    let ratio = row.ratio().map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
    format!(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"{class}\">{ratio}</td><td class=\"{class}\">{}</td></tr>\n",
        escape(&row.label()),
        row.value(&row.before),
        row.value(&row.after),
        row.mark().trim()
    )
}
