//! An auction's history for people, and as JSON. Both are written while it is read.

use super::stand::Facts;
use super::story::{Beginning, Ending, Entry, Question};
use super::words::{Words, shown, span};
use crate::logtool::error::ToolError;
use crate::logtool::lines::Lines;
use gavel_core::auction::ReserveStatus;
use gavel_core::{Event, Position, State, Terms, Timestamp};
use gavel_log::attempts::Attempt;
use gavel_wire::event_json;
use serde_json::{Value, json};

/// Takes a history in.
pub(super) trait Print {
    /// The next entry.
    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), ToolError>;
    /// How it came out, after the last.
    fn end(self, ending: &Ending) -> Result<(), ToolError>;
    /// The history can't be read on: writes out what there is.
    fn cut_off(self) -> Result<(), ToolError>;
}

/// For people.
pub(super) struct Text {
    question: Question,
    lines: Lines,
}

impl Text {
    pub(super) fn new(question: Question) -> Self {
        Self { question, lines: Lines::stdout() }
    }

    fn told(&mut self, number: &str, at: Timestamp, words: &Words) -> Result<(), ToolError> {
        self.lines.line(&format!("\n{number:>4}  {at:<27}  {}", words.title))?;
        words.lines.iter().try_for_each(|line| self.lines.line(&format!("        {line}")))
    }

    fn begin(&mut self, beginning: Beginning, terms: Option<&Terms>, journal: bool) -> Result<(), ToolError> {
        self.lines.line(&format!("auction {}", self.question.auction))?;
        if let Some(terms) = terms {
            terms_words(terms).iter().try_for_each(|line| self.lines.line(line))?;
        }
        if let Some(later) = beginning_words(beginning) {
            self.lines.line(&format!("\n{later}"))?;
        }
        if !journal {
            self.lines.line("\nThere is no journal of refused attempts here, so none are told.")?;
        }
        Ok(())
    }
}

impl Print for Text {
    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), ToolError> {
        match entry {
            Entry::Begin { beginning, terms, journal } => self.begin(*beginning, *terms, *journal),
            Entry::Record(event, _, Some((words, _))) => self.told(&event.seq.0.to_string(), event.at, words),
            Entry::Record(event, _, None) => {
                self.told(&event.seq.0.to_string(), event.at, &unknown_words(event, self.question))
            }
            Entry::Shard(_, at, words) => self.told("-", *at, words),
            Entry::Refused(attempt, words) => self.told("-", attempt.at, words),
        }
    }

    fn end(mut self, ending: &Ending) -> Result<(), ToolError> {
        if let Some((_, facts)) = &ending.stands {
            self.lines.line(&format!("\n{}", stands_words(facts)))?;
        }
        self.lines.finish()
    }

    fn cut_off(self) -> Result<(), ToolError> {
        self.lines.finish()
    }
}

/// As one JSON object.
pub(super) struct Json {
    question: Question,
    lines: Lines,
    entries: u64,
    begun: bool,
}

impl Json {
    pub(super) fn new(question: Question) -> Self {
        Self { question, lines: Lines::stdout(), entries: 0, begun: false }
    }

    fn begin(&mut self, beginning: Beginning, terms: Option<&Terms>, journal: bool) -> Result<(), ToolError> {
        self.begun = true;
        let text = |text: String| Value::String(text);
        let head = json!({
            "auction": self.question.auction.to_string(),
            "seller": terms.map(|terms| terms.seller.to_string()),
            "currency": terms.map(|terms| terms.currency.to_string()),
            "terms": terms.map(terms_words),
            "journal": journal,
            "history": beginning_words(beginning).map_or_else(|| text("whole".to_owned()), text),
        });
        // The object stays open: its entries are written as they come.
        let head = head.to_string();
        self.lines.write(head.strip_suffix('}').unwrap_or(&head).as_bytes())?;
        self.lines.write(b",\"entries\":[")
    }

    fn one(&mut self, entry: &Value) -> Result<(), ToolError> {
        self.lines.write(if self.entries == 0 { b"\n" } else { b",\n" })?;
        self.entries += 1;
        self.lines.write(entry.to_string().as_bytes())
    }
}

impl Print for Json {
    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), ToolError> {
        match entry {
            Entry::Begin { beginning, terms, journal } => self.begin(*beginning, *terms, *journal),
            Entry::Record(event, position, told) => {
                let unknown = || (unknown_words(event, self.question), None);
                let (words, facts) =
                    told.as_ref().map_or_else(unknown, |(words, facts)| (words.clone(), Some(facts)));
                self.one(&record_json(event, *position, &words, facts))
            }
            Entry::Shard(position, at, words) => self.one(&json!({
                "type": "shard", "at": at.to_string(), "position": position.to_string(), "title": words.title, "words": words.lines,
            })),
            Entry::Refused(attempt, words) => {
                let attempt = attempt_json(attempt, words, self.question.secret);
                self.one(&attempt)
            }
        }
    }

    fn end(mut self, ending: &Ending) -> Result<(), ToolError> {
        let stands = ending.stands.as_ref().map(|(_, facts)| stands_json(facts));
        self.lines.line(&format!("],\"stands\":{}}}", stands.unwrap_or(Value::Null)))?;
        self.lines.finish()
    }

    fn cut_off(mut self) -> Result<(), ToolError> {
        if self.begun {
            self.lines.line("],\"stands\":null}")?;
        }
        self.lines.finish()
    }
}

fn record_json(event: &Event, position: Position, words: &Words, facts: Option<&Facts>) -> Value {
    json!({
        "seq": event.seq.0,
        "type": event_json::type_name(&event.kind),
        "at": event.at.to_string(),
        "position": position.to_string(),
        "title": words.title,
        "words": words.lines,
        "stands": facts.map(stands_json),
    })
}

fn attempt_json(attempt: &Attempt<'_>, words: &Words, secret: bool) -> Value {
    let mut json = json!({
        "type": "refused",
        "at": attempt.at.to_string(),
        "command": attempt.command,
        "bidder": attempt.bidder.map(|bidder| bidder.to_string()),
        "code": attempt.code,
        "title": words.title,
        "words": words.lines,
    });
    if secret {
        json["amount"] = attempt.amount.map(|amount| amount.get()).into();
    }
    json
}

fn stands_json(facts: &Facts) -> Value {
    let view = &facts.view;
    json!({
        "state": view.state.name(),
        "price": view.price.map(|price| price.get()),
        "leader": view.leader.map(|leader| leader.to_string()),
        "reserve_status": view.reserve.name(),
        "bid_count": view.bid_count,
        "ends_at": view.ends_at.to_string(),
    })
}

/// A record whose rule can't be told, as the state before it is not known any more.
fn unknown_words(event: &Event, question: Question) -> Words {
    let form = if question.secret { event_json::Form::Secret } else { event_json::Form::Public };
    let mut fields = Vec::new();
    event_json::kind(&mut fields, &event.kind, form);
    let title = event_json::type_name(&event.kind).replace('_', " ");
    let line = format!(
        "{}: by which rule can't be told, as it is not known any more how the auction stood before",
        String::from_utf8_lossy(&fields)
    );
    Words { title, lines: vec![line] }
}

fn beginning_words(beginning: Beginning) -> Option<String> {
    match beginning {
        Beginning::Opening => None,
        Beginning::Later { oldest, snapshot: Some(seq) } => Some(format!(
            "The history of its shard begins at record {}, after the auction was opened: what came before has left the archive. How it \
             stood after its record {} is known from a snapshot, and the rules can be told from there on.",
            oldest.0, seq.0
        )),
        Beginning::Later { oldest, snapshot: None } => Some(format!(
            "The history of its shard begins at record {}, after the auction was opened: what came before has left the archive, and no \
             snapshot holds it. So the records are told as they stand, without the rules.",
            oldest.0
        )),
    }
}

fn terms_words(terms: &Terms) -> Vec<String> {
    let steps = terms.increments.rows().iter();
    let steps: Vec<_> = steps.map(|row| format!("{} from {}", shown(row.step), shown(row.from))).collect();
    let mut lines = vec![
        format!("seller {}; amounts are in the minor unit of {}", terms.seller, terms.currency),
        format!("opening price {}; steps: {}", shown(terms.opening_price), steps.join(", ")),
        match terms.proxy {
            true => "a bid is a secret maximum: the price rises only as far as it must".to_owned(),
            false => "a bid is the price itself".to_owned(),
        },
    ];
    if let Some(buy_now) = terms.buy_now {
        lines.push(format!("buy-now price {}", shown(buy_now.price)));
    }
    if let Some(soft) = terms.soft_close {
        let hard_end = soft.hard_end.map_or_else(String::new, |end| format!(", not beyond {end}"));
        lines.push(format!(
            "soft close: a bid in the last {} can extend by {}{hard_end}",
            span(soft.window),
            span(soft.extension)
        ));
    }
    lines
}

fn stands_words(facts: &Facts) -> String {
    let view = &facts.view;
    let price =
        view.price.map_or_else(|| "no bid stands".to_owned(), |price| format!("price {}", shown(price)));
    let who = match view.state {
        State::Scheduled | State::Open => "led by",
        State::Offered => "offered to",
        _ => "won by",
    };
    let leader = view.leader.map_or_else(String::new, |leader| format!(", {who} {leader}"));
    let reserve = match view.reserve {
        ReserveStatus::None => "",
        ReserveStatus::NotMet => ", reserve price not reached",
        ReserveStatus::Met => ", reserve price reached",
    };
    format!("{}: {price}{leader}{reserve}; end {}", view.state, view.ends_at)
}
