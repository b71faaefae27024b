//! Which pieces of an answer go out as one.
use super::*;

#[test]
fn small_pieces_become_one_and_large_ones_stay() {
    let (head, body) = ([b'h'; 24], [b'b'; TOGETHER - 24]);
    let mut room = [0; TOGETHER];
    let whole = together(&[io::IoSlice::new(&head), io::IoSlice::new(&body)], &mut room).map(<[u8]>::to_vec);
    assert_eq!(whole, Some([&head[..], &body].concat()));
    let more = [io::IoSlice::new(&head), io::IoSlice::new(&body), io::IoSlice::new(b"x")];
    assert_eq!(together(&more, &mut room), None);
    assert_eq!(together(&[], &mut room), Some(&[][..]));
}
