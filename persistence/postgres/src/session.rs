//! What a connection of the flusher is set to before it writes.

use tokio_postgres::{Client, Error};

/// Settings and staging tables. They belong to the connection alone and go with it.
const SETUP: &str = include_str!("session.sql");

/// Makes a connection ready to write. Doing so again changes nothing.
///
/// # Errors
/// PostgreSQL refuses.
pub async fn set_up(client: &Client) -> Result<(), Error> {
    client.batch_execute(SETUP).await
}
