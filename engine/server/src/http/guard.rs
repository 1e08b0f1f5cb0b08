//! What every request passes before its handler: too many connections, a page of another site, an answer that the client can't read;
//! and what is told of paths and methods that are none.

use super::bids;
use super::events::EVENT_STREAM;
use super::problem::Problem;
use super::worker::Worker;
use crate::server::Open;
use actix_web::body::BoxBody;
use actix_web::dev::{ResourceDef, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError};
use gavel_engine::Phase;
use gavel_wire::Code;
use gavel_wire::request::Shown;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::atomic::Ordering;

/// Lets a request through to its handler, or answers it. `HEAD` is `GET` whose body is not sent, which the connection sees to.
pub(super) async fn pass(mut request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    let worker = request.app_data::<Rc<Worker>>().cloned();
    if *request.method() == Method::HEAD && !is_endless(request.path()) {
        request.head_mut().method = Method::GET;
    }
    let response = match check(&request, worker.as_deref()) {
        Ok(()) => next.call(request).await?,
        Err(problem) => request.into_response(problem.error_response()),
    };
    Ok(count(response, worker.as_deref()))
}

/// Counts an answer by its status. While the engine closes, every answer is the last of its connection.
fn count(mut response: ServiceResponse, worker: Option<&Worker>) -> ServiceResponse {
    let Some(worker) = worker else { return response };
    let server = &worker.common.server;
    server.http.answered(response.status());
    if server.engine.phase() >= Phase::Closing {
        response.response_mut().head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
    }
    response
}

fn check(request: &ServiceRequest, worker: Option<&Worker>) -> Result<(), Problem> {
    if let (Some(open), Some(worker)) = (request.conn_data::<Open>(), worker)
        && open.is_one_too_many
    {
        worker.common.server.connections_refused.fetch_add(1, Ordering::Relaxed);
        let words =
            format_args!("{} connections are open, which is the limit", worker.common.server.connections_max);
        return Err(Problem::new(Code::Busy, words).closing());
    }
    check_site(request)?;
    check_accept(request)
}

/// Browsers say where a request comes from. A page of another site must not be able to bid or to end auctions by a form or script,
/// only because its reader's browser can reach this server.
fn check_site(request: &ServiceRequest) -> Result<(), Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    if is_own_site(header("sec-fetch-site"), header("origin"), header("host")) {
        return Ok(());
    }
    let words = "a browser's page of another site may not change anything here";
    Err(Problem::invalid(words).with_status(StatusCode::FORBIDDEN))
}

/// Whether a request that changes something comes from no browser, or from a page of this server's own. Old browsers, and all of them over
/// plain HTTP to another machine, don't send `Sec-Fetch-Site`; `Origin` they do. A page's name can be made to lead here (DNS rebinding), so
/// that its origin is this host: names of this machine are believed, and addresses, which nobody else can have; other names are not.
fn is_own_site(site: Option<&str>, origin: Option<&str>, host: Option<&str>) -> bool {
    if matches!(site, Some("cross-site" | "same-site")) {
        return false;
    }
    let Some(origin) = origin else { return true };
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    let Some(authority) = authority.filter(|authority| Some(*authority) == host) else { return false };
    authority.parse::<SocketAddr>().is_ok()
        || authority.parse::<IpAddr>().is_ok()
        || authority.split(':').next() == Some("localhost")
}

/// Streams that end only with their connection have no `HEAD`.
fn is_endless(path: &str) -> bool {
    path.ends_with("/events")
}

/// What a path answers with when all goes well.
fn produces(request: &ServiceRequest) -> &'static [&'static str] {
    match (request.path(), request.method()) {
        ("/metrics", _) => &super::metrics::MEDIA_TYPES,
        ("/v1/bids", &Method::POST) => &bids::PRODUCES,
        (path, &Method::GET) if is_endless(path) => &[EVENT_STREAM],
        _ => &["application/json"],
    }
}

fn check_accept(request: &ServiceRequest) -> Result<(), Problem> {
    let mut accepts = request.headers().get_all(header::ACCEPT).peekable();
    if accepts.peek().is_none() {
        return Ok(());
    }
    let texts: Vec<&str> = accepts.filter_map(|text| text.to_str().ok()).collect();
    let produced = produces(request);
    if produced.iter().any(|media_type| is_accepted(&texts, media_type)) {
        return Ok(());
    }
    let shown = Shown::new(texts.join(", ").as_bytes());
    let words = format_args!("Accept must allow {}, got {shown}", produced.join(" or "));
    Err(Problem::invalid(words).with_status(StatusCode::NOT_ACCEPTABLE))
}

/// True when the most specific range that a media type falls into is not ruled out by a quality of 0.
pub(super) fn is_accepted(accepts: &[&str], media_type: &str) -> bool {
    let kind = media_type.split('/').next().unwrap_or_default();
    let ranges = accepts.iter().flat_map(|accept| accept.split(','));
    let matching = ranges.filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next()?.to_ascii_lowercase();
        let specific = match name.split_once('/')? {
            ("*", "*") => 0,
            (range, "*") if range == kind => 1,
            _ if name == media_type => 2,
            _ => return None,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse::<f32>().ok());
        Some((specific, quality.unwrap_or(1.0) > 0.0))
    });
    matching.max_by_key(|(specific, _)| *specific).is_some_and(|(_, is_allowed)| is_allowed)
}

/// The paths that there are, each with its methods; made from the description that the handlers gave.
pub(super) struct Paths(Vec<(ResourceDef, Vec<Method>)>);

impl Paths {
    /// Those of a description.
    pub(super) fn of(api: &utoipa::openapi::OpenApi) -> Self {
        let one = |(path, item): (&String, &utoipa::openapi::PathItem)| {
            let methods = [
                (item.get.is_some(), Method::GET),
                (item.get.is_some() && !is_endless(path), Method::HEAD),
                (item.put.is_some(), Method::PUT),
                (item.post.is_some(), Method::POST),
                (item.delete.is_some(), Method::DELETE),
                (item.patch.is_some(), Method::PATCH),
            ];
            let methods = methods.into_iter().filter_map(|(is_there, method)| is_there.then_some(method));
            (ResourceDef::new(path.as_str()), methods.collect())
        };
        Self(api.paths.paths.iter().map(one).collect())
    }

    fn methods(&self, path: &str) -> Option<&[Method]> {
        self.0.iter().find(|(known, _)| known.is_match(path)).map(|(_, methods)| &**methods)
    }
}

/// Answers what no handler takes: a path that is none, or one with other methods.
pub(super) async fn nowhere(request: HttpRequest) -> HttpResponse {
    let methods = request.app_data::<Rc<Paths>>().and_then(|paths| paths.methods(request.path()));
    let path = Shown::new(request.path().as_bytes());
    let Some(methods) = methods else {
        let words = format_args!("there is no {path}; /openapi.json lists what there is");
        return Problem::new(Code::Unknown, words).error_response();
    };
    let allowed = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    let words = format_args!(
        "{} is not for {path}; allowed is {allowed}",
        Shown::new(request.method().as_str().as_bytes())
    );
    let mut response =
        Problem::new(Code::Unknown, words).with_status(StatusCode::METHOD_NOT_ALLOWED).error_response();
    if let Ok(allowed) = header::HeaderValue::from_str(&allowed) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_another_site_is_told_from_programs_and_from_pages_of_ones_own() {
        let here = "127.0.0.1:7480";
        for (site, origin, host, expected) in [
            (None, None, here, true),
            (Some("same-origin"), Some("http://127.0.0.1:7480"), here, true),
            (None, Some("http://localhost:7480"), "localhost:7480", true),
            (None, Some("http://[::1]:7480"), "[::1]:7480", true),
            (Some("cross-site"), None, here, false),
            (Some("same-site"), Some("http://127.0.0.1:80"), here, false),
            (None, Some("http://evil.example"), here, false),
            (None, Some("null"), here, false),
            (None, Some("http://127.0.0.1:80"), here, false),
            (Some("same-origin"), Some("http://evil.example:7480"), "evil.example:7480", false),
            (None, Some("http://localhost.evil.example"), "localhost.evil.example", false),
        ] {
            assert_eq!(is_own_site(site, origin, Some(host)), expected, "{site:?} {origin:?} {host}");
        }
    }

    #[test]
    fn accept_is_read_by_its_most_specific_range() {
        let json = "application/json";
        for (accept, expected) in [
            ("*/*", true),
            ("application/json", true),
            ("application/*;q=0.5, text/html", true),
            ("text/html", false),
            ("Application/JSON; charset=utf-8", true),
            ("*/*, application/json;q=0", false),
            ("application/json;q=0.1, */*;q=0", true),
            ("application", false),
            ("", false),
        ] {
            assert_eq!(is_accepted(&[accept], json), expected, "{accept}");
        }
    }
}
