//! The wire's share of one bid: bytes to request, receipt to bytes, and the client's halves of both. Aim: each below 100 ns
//! and without an allocation.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use gavel_core::{
    AccountId, Amount, AuctionId, BidId, Epoch, Lsn, Position, Receipt, Seq, ShardId, Standing, Timestamp,
};
use gavel_wire::{Decoder, Item, encode, read_bid_reply, reply, request};
use std::hint::black_box;

/// Commands in one read buffer.
const PIPELINE: u64 = 512;

fn auction(number: u64) -> AuctionId {
    AuctionId::new(20_779, ShardId(3), number % 10_000 + 1)
        .unwrap_or_else(|| unreachable!("the sequence is in range"))
}

fn amount(number: u64) -> Amount {
    Amount::new(10_000 + number * 100).unwrap_or(Amount::MAX)
}

fn bids(with_ids: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for number in 0..PIPELINE {
        let id = with_ids.then(|| BidId::from_bits(u128::from(number) << 64 | 0x5eed));
        let bidder = AccountId::from_integer(1_000_000 + number);
        encode::bid(&mut out, auction(number * 7919), bidder, amount(number), id);
    }
    out
}

fn receipt(number: u64) -> Receipt {
    Receipt {
        standing: if number.is_multiple_of(2) { Standing::Leading } else { Standing::Outbid },
        price: amount(number),
        min_next: amount(number + 1),
        ends_at: Timestamp::from_micros(1_795_338_000_000_000 + number).unwrap_or(Timestamp::MAX),
        bid: BidId::assigned(auction(number), Seq(7)),
        position: Position { shard: ShardId(3), epoch: Epoch(1), lsn: Lsn(1_000_000 + number) },
    }
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire/decode");
    group.throughput(Throughput::Elements(PIPELINE));
    for (name, with_ids) in [("bid", false), ("bid_with_id", true)] {
        let stream = bids(with_ids);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let (mut decoder, mut at, mut count) = (Decoder::new(), 0, 0);
                while let Ok(step) = decoder.decode(black_box(&stream[at..])) {
                    at += step.consumed;
                    let Item::Command(args) = step.item else { break };
                    count += u64::from(black_box(request::parse(&args)).is_ok());
                }
                assert_eq!(count, PIPELINE);
            });
        });
    }
    group.finish();
}

fn write(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire/encode");
    group.throughput(Throughput::Elements(PIPELINE));
    let receipts: Vec<Receipt> = (0..PIPELINE).map(receipt).collect();
    let buffer = || Vec::<u8>::with_capacity(256 * PIPELINE as usize);
    group.bench_function("receipt", |bencher| {
        bencher.iter_batched_ref(
            buffer,
            |out| receipts.iter().for_each(|receipt| reply::receipt(out, black_box(receipt))),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("bid", |bencher| {
        let bidder = AccountId::from_integer(1_000_007);
        bencher.iter_batched_ref(
            buffer,
            |out| {
                for number in 0..PIPELINE {
                    encode::bid(out, black_box(auction(number)), bidder, amount(number), None);
                }
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire/read");
    group.throughput(Throughput::Elements(PIPELINE));
    let mut stream = Vec::new();
    (0..PIPELINE).for_each(|number| reply::receipt(&mut stream, &receipt(number)));
    group.bench_function("receipt", |bencher| {
        bencher.iter(|| {
            let (mut at, mut count) = (0, 0);
            while let Ok(Some((reply, size))) = read_bid_reply(black_box(&stream[at..])) {
                black_box(reply);
                (at, count) = (at + size, count + 1);
            }
            assert_eq!(count, PIPELINE);
        });
    });
    group.finish();
}

criterion_group!(benches, decode, write, read);
criterion_main!(benches);
