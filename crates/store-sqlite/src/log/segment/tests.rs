//! Every cut of a log file is read as whole frames and a torn end; every flipped bit is noticed.
use super::*;

fn header() -> Header {
    Header {
        identity: Identity { epoch: [3; 16], key_check: 9 },
        number: 7,
        born: 11,
        before: Some((6, 1000)),
        until_before: 1_700_000_060,
        barrier: Time::from_seconds(1_700_000_000),
        clock: 1_700_000_000_000,
        horizon: 20_000,
    }
}

fn claims(range: std::ops::Range<u64>) -> Vec<Kept> {
    range.map(|n| Kept { fingerprint: n.wrapping_mul(0x9E37_79B9_7F4A_7C15), until: 1_700_000_020 }).collect()
}

fn file() -> Vec<u8> {
    let mut bytes = header().write();
    write_frame(&mut bytes, 1_700_000_001_000, &claims(0..3));
    write_frame(&mut bytes, 1_700_000_002_000, &claims(3..8));
    bytes
}

fn parsed(bytes: &[u8]) -> Parsed {
    match parse(bytes) {
        Contents::Log(parsed) => parsed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_written_is_read() {
    let bytes = file();
    assert_eq!(header().write().len(), HEADER);
    let mut padded = bytes.clone();
    padded.resize(bytes.len() + 4096, 0);
    for bytes in [&bytes, &padded] {
        let read = parsed(bytes);
        assert_eq!((read.header, read.claims), (header(), claims(0..8)));
        assert_eq!((read.clock, read.end, read.marks.len()), (1_700_000_002_000, End::Clean, 3));
    }
}

#[test]
fn every_cut_leaves_whole_frames() {
    let bytes = file();
    let first = HEADER + FRAME_HEAD + 3 * CLAIM + FRAME_TAIL;
    for cut in 0..bytes.len() {
        let mut zeros = bytes.clone();
        zeros[cut..].fill(0);
        for bytes in [&bytes[..cut], &zeros] {
            if cut < HEADER {
                // Inside the last sum, zeros may look like spoilt bytes: the safe side.
                let read = parse(bytes);
                assert!(read == Contents::Blank || (cut > HEADER - 4 && read == Contents::Foreign), "{cut}");
                continue;
            }
            let read = parsed(bytes);
            let whole = if cut < first { 0 } else { 3 };
            assert_eq!(read.claims, claims(0..whole), "{cut}");
            // A cut inside the last sum may leave some of it: that is never taken for whole, and never for less.
            let clean = cut == HEADER || cut == first;
            assert_eq!(read.end == End::Clean, clean, "{cut}");
        }
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let bytes = file();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut other = bytes.clone();
            other[at] ^= 1 << bit;
            match parse(&other) {
                Contents::Blank => panic!("a written header is never blank: byte {at}"),
                Contents::Foreign => assert!(at < HEADER),
                Contents::Log(read) => assert_ne!((read.end, at < HEADER), (End::Clean, false), "byte {at}"),
            }
        }
    }
}
