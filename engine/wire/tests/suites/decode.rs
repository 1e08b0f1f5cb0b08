//! Goal: the decoder follows any stream of commands, however it is cut, and nothing that is sent can hurt it.
//!
//! Method: random streams of commands, good, oversized and broken, fed whole and in random pieces: the same must come out. Random
//! bytes: no panic, and progress or an end. A table of exact refusals.

use gavel_wire::limits::{ARGS_MAX, BULK_BYTES_MAX, COMMAND_BYTES_MAX, INLINE_BYTES_MAX, READ_BUFFER_BYTES};
use gavel_wire::{Decoder, Item, ProtocolError, Refusal, encode};
use proptest::collection::vec;
use proptest::prelude::*;

/// What came out of a stream, owned.
#[derive(Clone, Debug, PartialEq)]
enum Out {
    Command(Vec<Vec<u8>>),
    Refused(Refusal),
    Blank,
    Broken(ProtocolError),
}

/// Feeds a stream as a session would: a buffer of bounded size that is emptied of what is consumed. The pieces are as long as
/// `cuts` says, again and again.
fn follow(stream: &[u8], cuts: &[usize]) -> (Vec<Out>, Vec<u8>) {
    let (mut decoder, mut buffer, mut outs) = (Decoder::new(), Vec::new(), Vec::new());
    let (mut fed, mut cuts) = (0, cuts.iter().cycle());
    while fed < stream.len() {
        let piece = (*cuts.next().unwrap()).min(stream.len() - fed).min(READ_BUFFER_BYTES - buffer.len());
        assert!(piece > 0, "a full buffer of {READ_BUFFER_BYTES} bytes must let the decoder go on");
        buffer.extend_from_slice(&stream[fed..fed + piece]);
        fed += piece;
        let mut used = 0;
        loop {
            match decoder.decode(&buffer[used..]) {
                Err(error) => {
                    outs.push(Out::Broken(error));
                    return (outs, Vec::new());
                }
                Ok(step) => {
                    assert!(step.consumed <= buffer.len() - used);
                    used += step.consumed;
                    match step.item {
                        Item::Command(args) => {
                            outs.push(Out::Command(args.iter().map(<[u8]>::to_vec).collect()))
                        }
                        Item::Refused(refusal) => outs.push(Out::Refused(refusal)),
                        Item::Blank => outs.push(Out::Blank),
                        Item::Incomplete => break,
                    }
                    assert!(step.consumed > 0, "whatever comes out has used bytes up");
                }
            }
        }
        buffer.drain(..used);
    }
    (outs, buffer)
}

fn whole(stream: &[u8]) -> Vec<Out> {
    follow(stream, &[READ_BUFFER_BYTES]).0
}

fn command(arguments: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    encode::command(&mut out, arguments);
    out
}

fn argument() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => vec(any::<u8>(), 0..24),
        1 => Just(vec![b'x'; BULK_BYTES_MAX]),
        1 => Just(vec![b'x'; BULK_BYTES_MAX + 1]),
        1 => Just(vec![b'y'; BULK_BYTES_MAX * 3]),
    ]
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z0-9{}:,-]{1,12}", "'[ -&(-~]{0,12}'", "\"[ !#-\\[\\]-~]{0,12}\""]
}

/// A stretch of a stream: mostly good.
fn stretch() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        10 => vec(argument(), 1..14).prop_map(|arguments| command(&arguments.iter().map(Vec::as_slice).collect::<Vec<_>>())),
        5 => ("[a-zA-Z]{1,8}", vec(word(), 0..12), prop_oneof!["\n", "\r\n"])
            .prop_map(|(name, words, end)| format!("{name} {}{end}", words.join(" ")).into_bytes()),
        1 => Just(b"\r\n".to_vec()),
        1 => Just(b"*0\r\n".to_vec()),
        1 => Just(command(&[b"a".as_slice(); ARGS_MAX + 1])),
        1 => Just(vec![b'l'; INLINE_BYTES_MAX + 1]),
        1 => vec(any::<u8>(), 1..8),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn however_a_stream_is_cut_the_same_comes_out(stretches in vec(stretch(), 1..8), cuts in vec(1_usize..5_000, 1..6)) {
        let stream = stretches.concat();
        let (outs, rest) = follow(&stream, &[READ_BUFFER_BYTES]);
        prop_assert_eq!(follow(&stream, &cuts), (outs, rest));
    }

    #[test]
    fn a_small_stream_can_be_cut_at_every_byte(arguments in vec(vec(any::<u8>(), 0..9), 1..12), name in "[a-z]{1,5}") {
        let mut stream = command(&arguments.iter().map(Vec::as_slice).collect::<Vec<_>>());
        stream.extend_from_slice(format!("{name} 'a b' \"c\" d\r\n").as_bytes());
        let line = [name.as_str(), "a b", "c", "d"].map(|word| word.as_bytes().to_vec()).to_vec();
        let expected = [Out::Command(arguments), Out::Command(line)];
        for piece in 1..stream.len() {
            prop_assert_eq!(follow(&stream, &[piece]).0, &expected);
        }
    }

    #[test]
    fn any_bytes_are_followed_or_given_up(stream in vec(any::<u8>(), 0..600), cuts in vec(1_usize..40, 1..4)) {
        let outs = whole(&stream);
        prop_assert_eq!(&outs, &follow(&stream, &cuts).0);
    }

    /// Bytes that look like the protocol get farther than random ones.
    #[test]
    fn any_likely_bytes_are_followed_or_given_up(
        parts in vec(prop_oneof![Just("*"), Just("$"), Just("\r\n"), Just("\n"), Just("-"), Just("1"), Just("2"), Just("9"),
            Just("BID"), Just("'"), Just("\""), Just(" "), Just("\\")], 0..200),
        cuts in vec(1_usize..40, 1..4),
    ) {
        let stream = parts.concat().into_bytes();
        let outs = whole(&stream);
        prop_assert_eq!(&outs, &follow(&stream, &cuts).0);
    }

    #[test]
    fn what_is_encoded_is_decoded(arguments in vec(vec(any::<u8>(), 0..200), 1..40)) {
        let stream = command(&arguments.iter().map(Vec::as_slice).collect::<Vec<_>>());
        prop_assert_eq!(whole(&stream), vec![Out::Command(arguments)]);
    }
}

#[test]
fn arguments_at_hand_and_walked_to_are_the_same() {
    let arguments: Vec<Vec<u8>> = (0..20_u8).map(|n| vec![b'a' + n; usize::from(n)]).collect();
    let slices: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
    let stream = command(&slices);
    let Item::Command(args) = Decoder::new().decode(&stream).unwrap().item else { panic!("a command") };
    assert_eq!((args.len(), args.at_hand()), (20, &slices[..8]));
    assert_eq!(args.iter().collect::<Vec<_>>(), slices);
    assert_eq!((args.get(3), args.get(19), args.get(20)), (Some(slices[3]), Some(slices[19]), None));
}

#[test]
fn what_cannot_be_followed_says_why() {
    for (stream, words) in [
        (&b"\x16\x03\x01"[..], "Protocol error: expected '*' or a command word, got 0x16"),
        (b"$3\r\nBID\r\n", "Protocol error: expected '*' or a command word, got '$'"),
        (b"*-1\r\n", "Protocol error: invalid multibulk length"),
        (b"*1048577\r\n", "Protocol error: invalid multibulk length"),
        (b"*99999999999999999999999\r\n", "Protocol error: invalid multibulk length"),
        (b"*1\n", "Protocol error: invalid multibulk length"),
        (b"*1\r\n:3\r\n", "Protocol error: expected '$', got ':'"),
        (b"*1\r\n$-1\r\n", "Protocol error: invalid bulk length"),
        (b"*1\r\n$536870913\r\n", "Protocol error: invalid bulk length"),
        (b"*1\r\n$4\r\nPINGS\r\n", "Protocol error: expected CRLF after an argument"),
        (b"POST /v1/bids HTTP/1.1\r\n", "Protocol error: this port speaks RESP, not HTTP"),
        (b"Host: localhost:7400\r\n", "Protocol error: this port speaks RESP, not HTTP"),
        (&[b'a'; INLINE_BYTES_MAX + 2], "Protocol error: too big inline request"),
    ] {
        let outs = whole(stream);
        let [Out::Broken(error)] = outs.as_slice() else { panic!("{outs:?} from {}", stream.escape_ascii()) };
        assert_eq!(error.to_string(), words);
    }
}

#[test]
fn what_is_too_large_is_read_past() {
    let ping = Out::Command(vec![b"PING".to_vec()]);
    let large = vec![0; BULK_BYTES_MAX + 1];
    let fitting = vec![0; BULK_BYTES_MAX];
    for (refused, words) in [
        (command(&[b"ECHO", &large]), "an argument has 65537 bytes, at most 65536 are allowed"),
        (command(&[&large, &large, b"x"]), "an argument has 65537 bytes, at most 65536 are allowed"),
        (command(&[b"a".as_slice(); ARGS_MAX + 1]), "a command has 1025 arguments, at most 1024 are allowed"),
        (
            command(&[&fitting, &fitting]),
            "a command has more than 131072 bytes, which is the most that is allowed",
        ),
        (
            b"ECHO 'a\r\n".to_vec(),
            "quotes don't pair up: a quoted word ends with the same quote, followed by a space",
        ),
        (
            b"ECHO 'a'b\r\n".to_vec(),
            "quotes don't pair up: a quoted word ends with the same quote, followed by a space",
        ),
        (
            b"ECHO \"a\\n\"\r\n".to_vec(),
            "escapes are not supported in inline commands: use single quotes, or send an array",
        ),
    ] {
        let outs = whole(&[refused, command(&[b"PING"])].concat());
        let [Out::Refused(refusal), last] = outs.as_slice() else { panic!("{outs:?}") };
        assert_eq!((refusal.to_string().as_str(), last), (words, &ping));
    }
}

#[test]
fn the_largest_commands_that_are_allowed_are_taken() {
    let argument = vec![b'x'; BULK_BYTES_MAX];
    assert_eq!(
        whole(&command(&[b"ECHO", &argument])),
        [Out::Command(vec![b"ECHO".to_vec(), argument.clone()])]
    );
    let many = vec![b"a".as_slice(); ARGS_MAX];
    assert_eq!(whole(&command(&many)), [Out::Command(many.iter().map(|a| a.to_vec()).collect())]);
    let line = vec![b'a'; INLINE_BYTES_MAX];
    for piece in [1_000, READ_BUFFER_BYTES] {
        let stream = [line.as_slice(), b"\r\n"].concat();
        assert_eq!(follow(&stream, &[piece]).0, [Out::Command(vec![line.clone()])]);
    }
    // Exactly as many bytes as a command may have, and one more.
    let rest = vec![b'y'; COMMAND_BYTES_MAX + 60_000 - command(&[&argument, &[b'y'; 60_000]]).len() + 1];
    let stream = command(&[&argument, &rest[1..]]);
    assert_eq!(stream.len(), COMMAND_BYTES_MAX);
    assert_eq!(whole(&stream), [Out::Command(vec![argument.clone(), rest[1..].to_vec()])]);
    assert_eq!(whole(&command(&[&argument, &rest])), [Out::Refused(Refusal::Command)]);
}
