//! A link to a mongod that loses replies: the command is carried out, and whoever sent it never hears of it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// A listener that hands everything on to a mongod, and back, but for the replies it was told to lose. Ends with its process.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    to_lose: Arc<AtomicU32>,
}

impl Link {
    /// A link to this mongod. A client that is to stay on it asks for a direct connection: [`url`](Self::url) does.
    ///
    /// # Panics
    /// When there is no port to be had.
    #[must_use]
    pub fn to(host: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let to_lose = Arc::new(AtomicU32::new(0));
        let (host, counter) = (host.to_owned(), Arc::clone(&to_lose));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&host) else { continue };
                hand_on(client, server, &counter);
            }
        });
        Self { address, to_lose }
    }

    /// The connection string, with this database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("mongodb://{}/{database}?directConnection=true", self.address)
    }

    /// Loses the replies to the next so many `update` and `insert` commands, and the connections they came by.
    pub fn lose(&self, replies: u32) {
        self.to_lose.store(replies, Ordering::SeqCst);
    }

    /// How many replies are still to be lost.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.to_lose.load(Ordering::SeqCst)
    }
}

/// Copies in both directions, each on a thread of its own, until either side ends.
fn hand_on(client: TcpStream, server: TcpStream, to_lose: &Arc<AtomicU32>) {
    let pair = |stream: &TcpStream| stream.try_clone().expect("a second handle");
    let (from_client, from_server) = (pair(&client), pair(&server));
    let lost = Arc::new(AtomicBool::new(false));
    let (lose, to_lose) = (Arc::clone(&lost), Arc::clone(to_lose));
    std::thread::spawn(move || {
        copy(from_client, server, |bytes| {
            let one_less = |left: u32| left.checked_sub(1);
            let is_write = bytes.windows(8).any(|name| name == b"\x02update\0" || name == b"\x02insert\0");
            if is_write && to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
                lose.store(true, Ordering::SeqCst);
            }
            true
        });
    });
    // What comes next from the server is the reply.
    std::thread::spawn(move || copy(from_server, client, |_| !lost.load(Ordering::SeqCst)));
}

/// Copies what `passes`; the first that does not, or an end, ends both.
fn copy(mut from: TcpStream, mut to: TcpStream, passes: impl Fn(&[u8]) -> bool) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if !passes(&buffer[..read]) || to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    // One that has ended already can't be ended, and needs not be.
    let _ended: (std::io::Result<()>, std::io::Result<()>) =
        (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
