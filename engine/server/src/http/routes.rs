//! Every path that is served: one list, from which the router, `/openapi.json` and the answers to other methods are made.

use super::documents::{self, Reading};
use super::guard::{self, Paths};
use super::service::Description;
use super::worker::Worker;
use super::{acts, auctions, bans, bids, consumers, events, metrics, service};
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{App, Error, web};
use std::rc::Rc;
use utoipa::OpenApi;
use utoipa_actix_web::AppExt;
use utoipa_actix_web::service_config::ServiceConfig;

/// What all handlers together are described as.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Gavel",
        description = "Takes bids: what is acknowledged is on disk. Errors are RFC 9457 problems whose `code` is the same as over RESP; times are RFC 3339; ids and accounts are texts; amounts are integers of the currency's minor unit.",
        version = env!("CARGO_PKG_VERSION"),
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "auctions", description = "Opening and looking"),
        (name = "bidding", description = "What bidders do"),
        (name = "selling", description = "What sellers and operators do"),
        (name = "bans", description = "Who may not bid"),
        (name = "reading", description = "What pages show, from the documents"),
        (name = "service", description = "How the server is"),
    ),
)]
struct Api;

/// What the handlers of `gavel project` together are described as.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Gavel's documents",
        description = "What pages show. Errors are RFC 9457 problems; times are RFC 3339; ids and accounts are texts; amounts are integers of the currency's minor unit.",
        version = env!("CARGO_PKG_VERSION"),
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "reading", description = "What pages show, from the documents"),
        (name = "service", description = "How the projector is"),
    ),
)]
struct QueryApi;

/// The list. What is asked for most comes first: a path is looked for from the top.
fn all(config: &mut ServiceConfig<'_>) {
    config
        .service(auctions::bid)
        .service(auctions::show)
        .service(events::watch)
        .service(bids::stream)
        .service(auctions::open)
        .service(auctions::buy_now)
        .service(acts::retract)
        .service(acts::remove)
        .service(acts::extend)
        .service(acts::end)
        .service(acts::cancel)
        .service(acts::paid)
        .service(acts::unpaid)
        .service(acts::accept_offer)
        .service(acts::decline_offer)
        .service(acts::lower_reserve)
        .service(acts::edit)
        .service(bans::ban)
        .service(bans::unban)
        .service(bans::ban_by_seller)
        .service(bans::unban_by_seller)
        .service(bans::ban_in_auction)
        .service(bans::unban_in_auction)
        .configure(queries)
        .service(service::shards)
        .service(consumers::list)
        .service(consumers::forget)
        .service(service::live)
        .service(service::ready)
        .service(metrics::metrics)
        .service(service::openapi);
}

/// What is answered from the documents.
fn queries(config: &mut ServiceConfig<'_>) {
    config
        .service(documents::list)
        .service(documents::bids)
        .service(documents::bids_of_bidder)
        .service(documents::auctions_of_seller)
        .service(documents::sums_of_seller);
}

/// The list of `gavel project`.
fn all_of_queries(config: &mut ServiceConfig<'_>) {
    config.service(documents::show).configure(queries).service(service::projecting).service(service::openapi);
}

/// The application of one thread of `gavel project`.
pub(super) fn query_app<T>(
    app: App<T>,
    reading: Reading,
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>,
>
where
    T: ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>,
    T::Service: 'static,
{
    let (app, api) =
        app.into_utoipa_app().openapi(QueryApi::openapi()).configure(all_of_queries).split_for_parts();
    let description = Description(super::text::json(&api).into());
    app.app_data(reading)
        .app_data(Rc::new(Paths::of(&api)))
        .app_data(description)
        .default_service(web::to(guard::nowhere))
        .wrap(from_fn(guard::pass))
}

/// The application of one thread.
pub(super) fn app<T>(
    app: App<T>,
    worker: Rc<Worker>,
    reading: Option<Reading>,
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>,
>
where
    T: ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>,
    T::Service: 'static,
{
    let (app, api) = app.into_utoipa_app().openapi(Api::openapi()).configure(all).split_for_parts();
    let description = Description(super::text::json(&api).into());
    let app = app.app_data(worker).app_data(Rc::new(Paths::of(&api))).app_data(description);
    let app = match reading {
        Some(reading) => app.app_data(reading),
        None => app,
    };
    app.default_service(web::to(guard::nowhere)).wrap(from_fn(guard::pass))
}

/// The description of all that is served.
#[cfg(test)]
pub(super) fn description() -> utoipa::openapi::OpenApi {
    App::new().into_utoipa_app().openapi(Api::openapi()).configure(all).split_for_parts().1
}
