//! One non-blocking connection with a buffer each way.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What one read takes at most.
const INPUT_BYTES: usize = 256 * 1024;
/// Loopback answers a connect at once, one way or the other.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    input: Vec<u8>,
    filled: usize,
    output: Vec<u8>,
    written: usize,
}

impl Socket {
    pub(super) fn connect(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&server, CONNECT_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, input: vec![0; INPUT_BYTES], filled: 0, output: Vec::new(), written: 0 })
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Where the next bids are encoded.
    pub(super) fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    pub(super) fn wants_to_write(&self) -> bool {
        self.written < self.output.len()
    }

    /// Writes what the kernel takes.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while self.wants_to_write() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.output.clear();
        self.written = 0;
        Ok(())
    }

    /// Reads once; false when there was nothing.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        match self.stream.read(&mut self.input[self.filled..]) {
            // A full buffer holds no whole reply: no reply to a bid is that long.
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.filled += count;
                Ok(true)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What was read and not yet used.
    pub(super) fn input(&self) -> &[u8] {
        &self.input[..self.filled]
    }

    /// Drops the front of the input.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.input.copy_within(bytes..self.filled, 0);
        self.filled -= bytes;
    }
}
