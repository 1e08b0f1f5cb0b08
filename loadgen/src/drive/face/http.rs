//! One bid as an HTTP request, and its answer. No bid allocates: requests are put together from bytes, answers are read in place.

use super::Answer;
use crate::drive::bid::Bid;
use crate::units::parse_time;
use gavel_core::{Amount, AuctionId, BidId, Position, Receipt, Standing, Timestamp};
use gavel_wire::Code;
use serde::Deserialize;
use std::io;

/// Header lines that an answer may have.
const HEADERS_MAX: usize = 32;
/// The longest body of an answer to a bid.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The body of an answer that accepts.
#[derive(Deserialize)]
struct Accepted<'a> {
    status: &'a str,
    position: &'a str,
    price: u64,
    min_next: u64,
    ends_at: &'a str,
    bid_id: &'a str,
}

/// The body of one that refuses, a problem.
#[derive(Deserialize)]
struct Refused<'a> {
    code: &'a str,
    min_next: Option<u64>,
}

pub(super) fn encode(out: &mut Vec<u8>, auction: AuctionId, bid: &Bid) {
    let (mut bidder, mut amount, mut length) =
        (itoa::Buffer::new(), itoa::Buffer::new(), itoa::Buffer::new());
    let (bidder, amount) = (bidder.format(bid.bidder), amount.format(bid.amount));
    let body = [r#"{"bidder":""#, bidder, r#"","amount":"#, amount, "}"];
    let length = length.format(body.iter().map(|part| part.len()).sum::<usize>());
    out.extend_from_slice(b"POST /v1/auctions/");
    out.extend_from_slice(&auction.to_text());
    out.extend_from_slice(b"/bids HTTP/1.1\r\nHost: gavel\r\nContent-Type: application/json\r\n");
    if let Some(id) = bid.id {
        out.extend_from_slice(format!("Idempotency-Key: {id}\r\n").as_bytes());
    }
    for part in ["Content-Length: ", length, "\r\n\r\n"].into_iter().chain(body) {
        out.extend_from_slice(part.as_bytes());
    }
}

pub(super) fn decode(input: &[u8]) -> io::Result<Option<(Answer, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head_bytes) = head.parse(input).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let length =
        content_length(head.headers).ok_or_else(|| io::Error::other("an answer without its length"))?;
    let Some(body) = input.get(head_bytes..head_bytes + length) else { return Ok(None) };
    let answer = if head.code == Some(200) { accepted(body) } else { refused(body) };
    let no_answer = || io::Error::other(format!("no answer to a bid: {}", String::from_utf8_lossy(body)));
    Ok(Some((answer.ok_or_else(no_answer)?, head_bytes + length)))
}

fn content_length(headers: &[httparse::Header<'_>]) -> Option<usize> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"))?;
    let length: usize = std::str::from_utf8(header.value).ok()?.parse().ok()?;
    (length <= BODY_BYTES_MAX).then_some(length)
}

fn accepted(body: &[u8]) -> Option<Answer> {
    let Accepted { status, position, price, min_next, ends_at, bid_id } =
        serde_json::from_slice(body).ok()?;
    let standing = match status {
        "leading" => Standing::Leading,
        "outbid" => Standing::Outbid,
        "sold" => Standing::Sold,
        _ => return None,
    };
    Some(Answer::Accepted(Receipt {
        standing,
        price: Amount::new(price)?,
        min_next: Amount::new(min_next)?,
        ends_at: Timestamp::from_micros(parse_time(ends_at)?)?,
        bid: BidId::parse(bid_id.as_bytes())?,
        position: Position::parse(position.as_bytes())?,
    }))
}

fn refused(body: &[u8]) -> Option<Answer> {
    let Refused { code, min_next } = serde_json::from_slice(body).ok()?;
    Some(Answer::Refused { code: Code::parse(code.as_bytes())?, least: min_next })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIPT: &str = r#"{"status":"outbid","position":"3-1-43","price":1000,"min_next":1100,"currency":"EUR","currency_exponent":2,"ends_at":"2026-11-22T11:00:00Z","bid_id":"0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3"}"#;
    const PROBLEM: &str = r#"{"type":"urn:gavel:problem:toolow","title":"Too low","status":409,"detail":"bid at least 12.00","code":"TOOLOW","min_next":1200}"#;

    fn answer(status: &str, body: &str) -> Vec<u8> {
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nDate: x\r\n\r\n{body}", body.len()).into_bytes()
    }

    #[test]
    fn a_request_is_whole_and_has_its_length() {
        let auction = "20261122-003-00000042".parse().unwrap();
        let id = BidId::parse(b"0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3");
        let bid = Bid { auction: 0, bidder: 71, amount: 12_345, id, due_ns: 0, sent_ns: 0, uncertain: false };
        let mut out = Vec::new();
        encode(&mut out, auction, &bid);
        let text = String::from_utf8(out).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, r#"{"bidder":"71","amount":12345}"#);
        assert!(
            head.starts_with("POST /v1/auctions/20261122-003-00000042/bids HTTP/1.1\r\nHost: "),
            "{head}"
        );
        assert!(head.contains("\r\nIdempotency-Key: 0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3\r\n"), "{head}");
        assert!(head.ends_with(&format!("\r\nContent-Length: {}", body.len())), "{head}");
    }

    #[test]
    fn answers_are_read_whole_or_not_at_all() {
        let mut stream = answer("200 OK", RECEIPT);
        let first = stream.len();
        stream.extend(answer("409 Conflict", PROBLEM));
        let (accepted, length) = decode(&stream).unwrap().unwrap();
        let Answer::Accepted(receipt) = accepted else { panic!("{accepted:?}") };
        assert_eq!(
            (receipt.standing, receipt.price.get(), receipt.min_next.get()),
            (Standing::Outbid, 1_000, 1_100)
        );
        assert_eq!((receipt.position.to_string().as_str(), length), ("3-1-43", first));
        let (refused, length) = decode(&stream[first..]).unwrap().unwrap();
        assert_eq!(refused, Answer::Refused { code: Code::TooLow, least: Some(1_200) });
        assert_eq!(first + length, stream.len());
        assert!((0..first).all(|cut| decode(&stream[..cut]).unwrap().is_none()));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for wrong in [
            b"*6\r\n+LEADING\r\n".to_vec(),
            answer("200 OK", "{}"),
            answer("502 Bad Gateway", "<html>"),
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n".to_vec(),
        ] {
            assert!(decode(&wrong).is_err(), "{}", String::from_utf8_lossy(&wrong));
        }
    }
}
