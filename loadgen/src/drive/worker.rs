//! One thread of a run and its lanes.

use super::bid::Bid;
use super::books::Books;
use super::face::Face;
use super::lane::Lane;
use super::stats::{Shared, Stats};
use crate::board::Board;
use crate::distribution::{Chooser, Picker};
use crate::ledger::{BlockWriter, Totals};
use crate::options::Options;
use crate::schedule::{Arrivals, Plan};
use crate::series::Grid;
use crate::units::Clock;
use gavel_core::AuctionId;
use rand::SeedableRng;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// An open loop wakes at most this often, so that it does not take the server's processor: 100 microseconds.
const TICK_NS: u64 = 100_000;
/// A worker looks up at least this often, whatever its sockets do.
const LOOK_UP_NS: u64 = 20_000_000;
/// Counts and ledger blocks are handed over this often.
const HAND_OVER_NS: u64 = 200_000_000;

/// What all workers share.
#[derive(Debug)]
pub(crate) struct Plot {
    pub(crate) options: Options,
    pub(super) face: Face,
    pub(crate) run: u64,
    pub(crate) clock: Clock,
    pub(crate) board: Board,
    pub(crate) auctions: Vec<AuctionId>,
    pub(crate) shared: Shared,
    /// When bids begin and when no more are made, in nanoseconds of the clock.
    pub(crate) begin_ns: u64,
    pub(crate) end_ns: u64,
    /// The same, with the warm-up and the intervals of the series.
    pub(crate) grid: Grid,
    /// Set when every lane of a worker was given up.
    pub(crate) gone: AtomicBool,
}

impl Plot {
    /// What is told to the workers of a run.
    pub(crate) fn new(
        options: Options,
        run: u64,
        clock: Clock,
        board: Board,
        auctions: Vec<AuctionId>,
        grid: Grid,
    ) -> Self {
        let (shared, gone) = (Shared::default(), AtomicBool::new(false));
        let (face, begin_ns, end_ns) = (Face::of(&options), grid.begin_ns, grid.end_ns);
        Self { options, face, run, clock, board, auctions, shared, begin_ns, end_ns, grid, gone }
    }

    /// The generator of stream number `stream`; each lane and each worker has its own.
    pub(super) fn chooser(&self, stream: u64) -> Chooser {
        let mut chooser = Chooser::seed_from_u64(self.options.seed);
        chooser.set_stream(stream);
        chooser
    }
}

/// One thread's part of a run.
#[derive(Debug)]
pub(crate) struct Worker<'a> {
    plot: &'a Plot,
    lanes: Vec<Lane>,
    books: Books,
    plan: Option<Plan>,
    chooser: Chooser,
    /// The lane whose turn it was last to take planned bids.
    turn: usize,
    handed_over_ns: u64,
    /// The interval of the series that is being counted.
    interval: i64,
}

impl<'a> Worker<'a> {
    /// A worker for these lanes (number and picker of each).
    pub(crate) fn new(plot: &'a Plot, lanes: Vec<(u32, Picker)>, ledger: Option<BlockWriter>) -> Self {
        let first = lanes.first().map_or(0, |lane| u64::from(lane.0));
        let share = lanes.len() as f64 / f64::from(plot.options.connections);
        let plan = match plot.options.arrivals {
            Arrivals::Closed => None,
            Arrivals::Open { shape, spacing } => {
                Some(Plan::new(shape, share, plot.options.duration, spacing))
            }
        };
        let lane = |(index, picker)| Lane::new(plot, index, picker, plot.begin_ns);
        Self {
            plot,
            lanes: lanes.into_iter().map(lane).collect(),
            books: Books {
                stats: Stats::default(),
                warm: (!plot.options.warmup.is_zero()).then(Box::default),
                measured_ns: plot.grid.measured_ns,
                ledger,
            },
            plan,
            chooser: plot.chooser(1 << 32 | first),
            turn: 0,
            handed_over_ns: 0,
            interval: plot.grid.index(plot.begin_ns),
        }
    }

    /// Bids until the end, then waits for the answers; gives what it wrote to the ledger.
    pub(crate) fn run(mut self) -> Totals {
        let drain_ns = self.plot.options.drain_for.as_nanos() as u64;
        let mut ended_ns = None;
        loop {
            let now_ns = self.plot.clock.elapsed_ns();
            self.turn_interval(now_ns);
            let is_over = now_ns >= self.plot.end_ns || self.plot.options.stop.load(Relaxed);
            if is_over && ended_ns.is_none() {
                ended_ns = Some(now_ns);
                self.leave_unsent(now_ns);
            }
            self.work(now_ns, !is_over);
            let drained = self.lanes.iter().all(Lane::is_idle);
            let too_long = ended_ns.is_some_and(|ended_ns| now_ns >= ended_ns + drain_ns);
            let given_up = self.lanes.iter().all(Lane::is_given_up);
            if (is_over && drained) || too_long || given_up {
                self.plot.gone.fetch_or(given_up, Relaxed);
                return self.finish();
            }
            self.hand_over(now_ns);
            self.wait(now_ns);
        }
    }

    /// Counts what was planned until now and not made.
    fn leave_unsent(&mut self, now_ns: u64) {
        if let Some(plan) = &mut self.plan {
            let until_ns = now_ns.min(self.plot.end_ns);
            for part_ns in [self.plot.grid.measured_ns.min(until_ns), until_ns] {
                let left = plan.count_left(part_ns.saturating_sub(self.plot.begin_ns), &mut self.chooser);
                self.books.stats(part_ns.saturating_sub(1)).unsent += left;
            }
        }
    }

    /// Makes what is due, and writes it.
    fn work(&mut self, now_ns: u64, makes_bids: bool) {
        self.lanes.iter_mut().for_each(|lane| lane.connect(self.plot, &mut self.books, now_ns));
        if makes_bids && now_ns >= self.plot.begin_ns {
            match self.plan {
                None => self.lanes.iter_mut().for_each(|lane| fill(lane, self.plot, &mut self.books, now_ns)),
                Some(_) => self.make_due(now_ns),
            }
        }
        self.lanes.iter_mut().for_each(|lane| lane.flush(self.plot, &mut self.books, now_ns));
    }

    /// Makes the planned bids that are due. What is due at once goes out in one write on one lane, as far as that has room;
    /// the next time it is the next lane's turn.
    fn make_due(&mut self, now_ns: u64) {
        let (Some(plan), begin_ns) = (&mut self.plan, self.plot.begin_ns) else { return };
        let lanes = self.lanes.len();
        self.turn = (self.turn + 1) % lanes;
        for turn in (self.turn..self.turn + lanes).map(|turn| turn % lanes) {
            for _ in 0..self.lanes[turn].room(self.plot) {
                let Some(due_ns) = plan.take_due(now_ns - begin_ns, &mut self.chooser) else { return };
                self.lanes[turn].make(self.plot, &mut self.books, begin_ns + due_ns, now_ns);
            }
        }
    }

    /// Sleeps until a socket is ready or something is due; reads what has come.
    fn wait(&mut self, now_ns: u64) {
        let next_bid_ns = self
            .plan
            .as_ref()
            .map_or(u64::MAX, |plan| (self.plot.begin_ns + plan.next_ns()).max(now_ns + TICK_NS));
        let next_lane_ns = self.lanes.iter().map(Lane::next_ns).min().unwrap_or(u64::MAX);
        let until_ns = next_bid_ns.min(next_lane_ns).min(now_ns + LOOK_UP_NS);
        let timeout = Timespec { tv_sec: 0, tv_nsec: until_ns.saturating_sub(now_ns).min(LOOK_UP_NS) as _ };
        let ready = self.poll(&timeout);
        for (lane, _) in self.lanes.iter_mut().zip(ready).filter(|(_, is_ready)| *is_ready) {
            lane.read(self.plot, &mut self.books);
        }
    }

    /// Which lanes have something to read. One allocation per sleep, none per bid.
    fn poll(&self, timeout: &Timespec) -> Vec<bool> {
        let mut sockets: Vec<PollFd<'_>> = self.lanes.iter().filter_map(Lane::interest).collect();
        // An interrupted sleep is a short sleep; every other error shows again when the sockets are read.
        let _count = poll(&mut sockets, Some(timeout));
        let readable = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        let mut answers = sockets.iter().map(|socket| socket.revents().intersects(readable));
        self.lanes.iter().map(|lane| lane.is_up() && answers.next().unwrap_or(false)).collect()
    }

    fn hand_over(&mut self, now_ns: u64) {
        if now_ns - self.handed_over_ns >= HAND_OVER_NS {
            self.handed_over_ns = now_ns;
            self.hand_over_counts();
            if let Some(ledger) = &mut self.books.ledger {
                ledger.hand_over();
            }
        }
    }

    /// What is counted from now on belongs to this time's interval. Costs nothing per bid.
    fn turn_interval(&mut self, now_ns: u64) {
        let interval = self.plot.grid.index(now_ns);
        if interval != self.interval {
            self.hand_over_counts();
            self.interval = interval;
        }
    }

    fn hand_over_counts(&mut self) {
        self.plot.shared.add(self.interval, &mut self.books.stats, self.books.warm.as_deref_mut());
    }

    fn finish(mut self) -> Totals {
        for lane in &mut self.lanes {
            lane.abandon(self.plot, &mut self.books);
        }
        self.hand_over_counts();
        self.books.ledger.map(BlockWriter::finish).unwrap_or_default()
    }
}

/// Keeps a closed loop's lane full.
fn fill(lane: &mut Lane, plot: &Plot, books: &mut Books, now_ns: u64) {
    for _ in 0..lane.room(plot) {
        lane.make(plot, books, now_ns, now_ns);
    }
}

const _: () = assert!(size_of::<Bid>() <= 96, "a bid in flight stays within two cache lines' reach");
