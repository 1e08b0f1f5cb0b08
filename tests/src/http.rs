//! A blocking HTTP/1.1 client, written from the RFCs: what it expects and does not get, it fails on.

use crate::wait::PATIENCE;
use serde_json::Value;
use std::io::{BufRead, BufReader, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};

/// One connection.
#[derive(Debug)]
pub struct Http {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
}

/// An answer, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// The body without its transfer coding.
    pub body: Vec<u8>,
}

/// One server-sent event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// Its id, where it has one.
    pub id: Option<String>,
    /// Its data.
    pub data: String,
}

impl Http {
    /// Connects.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server takes connections");
        stream.set_nodelay(true).expect("a TCP option");
        stream.set_read_timeout(Some(PATIENCE)).expect("a TCP option");
        stream.set_write_timeout(Some(PATIENCE)).expect("a TCP option");
        Self { reader: BufReader::new(stream.try_clone().expect("a second handle")), writer: stream }
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.writer.write_all(bytes)
    }

    /// Sends a request with these headers (lines without their ends); a body gets its length.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn send(&mut self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Result<()> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: gavel\r\n");
        headers.iter().for_each(|header| head.push_str(&format!("{header}\r\n")));
        if !body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        self.send_raw(&bytes)
    }

    /// Sends a request and reads its answer. Where the server says that it is the connection's last, the next goes over another.
    pub fn call(&mut self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
        self.send(method, path, headers, body).expect("a request is sent");
        let answer = self.read(method == "HEAD");
        if answer.header("connection") == Some("close") {
            *self = Self::connect(self.writer.peer_addr().expect("where it was connected to"));
        }
        answer
    }

    /// Gets a path.
    pub fn get(&mut self, path: &str) -> Answer {
        self.call("GET", path, &[], b"")
    }

    /// Posts JSON.
    pub fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.post_with(path, &[], body)
    }

    /// Posts JSON with further headers.
    pub fn post_with(&mut self, path: &str, headers: &[&str], body: &Value) -> Answer {
        let headers: Vec<&str> = ["Content-Type: application/json"].iter().chain(headers).copied().collect();
        self.call("POST", path, &headers, body.to_string().as_bytes())
    }

    /// Reads the head of an answer.
    ///
    /// # Errors
    /// When the connection is gone, or silent for longer than the patience.
    pub fn read_head(&mut self) -> Result<Answer> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {first:?}"));
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(Answer { status, headers, body: Vec::new() });
            }
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}"));
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// Reads an answer that must come; that to a `HEAD` has no body.
    #[must_use]
    pub fn read(&mut self, is_head: bool) -> Answer {
        let mut answer = self.read_head().expect("an answer");
        let has_body = !is_head && !matches!(answer.status, 204 | 304);
        if has_body && answer.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk().expect("a chunk") {
                answer.body.extend_from_slice(&chunk);
            }
        } else if has_body && let Some(length) = answer.header("content-length") {
            answer.body = vec![0; length.parse().expect("a length")];
            self.reader.read_exact(&mut answer.body).expect("a body");
        }
        answer
    }

    /// The next chunk of an answer that is sent in chunks; `None` at its end.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        let length = self.line()?;
        let length = usize::from_str_radix(&length, 16).unwrap_or_else(|_| panic!("no chunk: {length:?}"));
        let mut chunk = vec![0; length];
        self.reader.read_exact(&mut chunk)?;
        assert_eq!(self.line()?, "", "a chunk ends with an empty line");
        Ok((length > 0).then_some(chunk))
    }

    /// True when the other side has closed the connection, after it has sent no more than this.
    #[must_use]
    pub fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Ok(_) => rest.is_empty(),
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    /// Both directions of the connection, for a test that writes and reads at once.
    #[must_use]
    pub fn split(self) -> (TcpStream, BufReader<TcpStream>) {
        (self.writer, self.reader)
    }

    /// The connection once more, to write to while another thread reads.
    #[must_use]
    pub fn second_handle(&self) -> TcpStream {
        self.writer.try_clone().expect("a second handle")
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        match line.strip_suffix("\r\n") {
            Some(line) => Ok(line.to_owned()),
            None => Err(ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Answer {
    /// The first header of that name, which is given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The status, and the code of the problem that the body must be.
    #[must_use]
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        let code = problem["code"].as_str().unwrap_or_else(|| panic!("no code: {self:?}")).to_owned();
        assert_eq!(problem["type"], format!("urn:gavel:problem:{}", code.to_lowercase()));
        assert_eq!(problem["status"], self.status);
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{self:?}");
        let is_to_wait = matches!(self.status, 429 | 503);
        assert_eq!(self.header("retry-after").is_some(), is_to_wait, "{self:?}");
        (self.status, code)
    }

    /// The answer, which must have this status.
    #[allow(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "it asserts by itself")]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }
}

/// A stream of server-sent events.
#[derive(Debug)]
pub struct Events {
    http: Http,
    text: String,
}

impl Events {
    /// Watches a path, which must be there; `last` is sent as `Last-Event-ID`.
    #[must_use]
    pub fn watch(address: SocketAddr, path: &str, last: Option<&str>) -> Self {
        let mut http = Http::connect(address);
        let last = last.map(|last| format!("Last-Event-ID: {last}"));
        let headers: Vec<&str> = ["Accept: text/event-stream"].into_iter().chain(last.as_deref()).collect();
        http.send("GET", path, &headers, b"").expect("a request is sent");
        let head = http.read_head().expect("an answer");
        assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")), "{head:?}");
        Self { http, text: String::new() }
    }

    /// The next event; `None` when the server ends the stream. Comments are read past.
    pub fn next_event(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                match event(&block) {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let chunk = self.http.chunk().ok()??;
            self.text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    /// The next event, which must be there.
    pub fn expect(&mut self) -> Event {
        self.next_event().expect("an event")
    }
}

/// What a block of lines is; `None` where it has no data.
fn event(block: &str) -> Option<Event> {
    let mut event = Event::default();
    let mut has_data = false;
    for line in block.lines().filter(|line| !line.starts_with(':') && !line.is_empty()) {
        let (field, value) = line.split_once(": ").unwrap_or_else(|| panic!("no field: {line:?}"));
        match field {
            "event" => event.name = value.to_owned(),
            "id" => event.id = Some(value.to_owned()),
            "data" => {
                event.data.push_str(value);
                has_data = true;
            }
            "retry" => {}
            other => panic!("no field of an event: {other:?}"),
        }
    }
    has_data.then_some(event)
}

impl Event {
    /// Its data as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}
