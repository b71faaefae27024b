//! Packed rows in large pieces of memory that never change once they are shown, found by 32-bit numbers.
use arc_swap::ArcSwap;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a piece; a longer row has one of its own.
const CHUNK: usize = 1 << 20;
/// Rows begin at multiples of this, so that 32 bits tell where: 16,384 pieces of a megabyte.
const STEP: usize = 4;
/// Bits of a row's number that tell where in the piece it begins.
const WITHIN: u32 = 18;
/// Pieces that 32 bits can tell apart; the last number means "no row".
const MOST: usize = (1 << (32 - WITHIN)) - 1;

/// All pieces. Reading takes no lock.
pub(crate) struct Chunks {
    shown: ArcSwap<Vec<Arc<[u8]>>>,
    /// How many are given out, shown or not.
    begun: Mutex<usize>,
}

/// A piece that one thread writes; others see it once it is shown.
pub(crate) struct Pen {
    number: Option<usize>,
    bytes: Vec<u8>,
}

impl Chunks {
    pub(crate) fn new() -> Self {
        Self { shown: ArcSwap::default(), begun: Mutex::new(0) }
    }

    /// What `read` makes of the bytes from the beginning of a row on.
    pub(crate) fn read<R>(&self, row: u32, read: impl FnOnce(&[u8]) -> Option<R>) -> Option<R> {
        let shown = self.shown.load();
        let (chunk, from) = find(row)?;
        read(shown.get(chunk)?.get(from..)?)
    }

    fn begin(&self) -> Option<usize> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let number = *begun;
        *begun = number.checked_add(1).filter(|next| *next <= MOST)?;
        Some(number)
    }

    fn show(&self, number: usize, bytes: &[u8]) {
        let _alone = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = Vec::clone(&self.shown.load());
        while all.len() <= number {
            all.push(Arc::default());
        }
        if let Some(chunk) = all.get_mut(number) {
            *chunk = bytes.into();
        }
        self.shown.store(Arc::new(all));
    }
}

impl Pen {
    pub(crate) fn new() -> Self {
        Self { number: None, bytes: Vec::new() }
    }

    /// Writes a row; gives its number, or `None` when there is no room for more: sixteen gigabytes are full.
    pub(crate) fn write(&mut self, chunks: &Chunks, row: &[u8]) -> Option<u32> {
        if self.bytes.len().saturating_add(row.len()) > CHUNK {
            self.show(chunks);
        }
        let number = match self.number {
            Some(number) => number,
            None => *self.number.insert(chunks.begin()?),
        };
        let from = self.bytes.len();
        self.bytes.extend_from_slice(row);
        self.bytes.resize(self.bytes.len().next_multiple_of(STEP), 0);
        let within = u32::try_from(from / STEP).ok()?;
        Some((u32::try_from(number).ok()? << WITHIN) | within)
    }

    /// Writes a row whose first four bytes name the row that comes next: `link` is told this one's number and gives that.
    pub(crate) fn write_linked(
        &mut self,
        chunks: &Chunks,
        row: &[u8],
        link: impl FnOnce(u32) -> Option<u32>,
    ) -> Option<u32> {
        let number = self.write(chunks, row)?;
        let next = link(number)?;
        let (_, from) = find(number)?;
        let head = self.bytes.get_mut(from..)?;
        head.iter_mut().zip(next.to_le_bytes()).for_each(|(to, from)| *to = from);
        Some(number)
    }

    /// Shows what was written to everyone.
    pub(crate) fn show(&mut self, chunks: &Chunks) {
        if let Some(number) = self.number.take() {
            chunks.show(number, &self.bytes);
        }
        self.bytes.clear();
    }

    /// Reads a row of this pen or one that is shown.
    pub(crate) fn read<R>(
        &self,
        chunks: &Chunks,
        row: u32,
        read: impl FnOnce(&[u8]) -> Option<R>,
    ) -> Option<R> {
        let (chunk, from) = find(row)?;
        if self.number == Some(chunk) { read(self.bytes.get(from..)?) } else { chunks.read(row, read) }
    }
}

/// The piece of a row, and where in it the row begins.
fn find(row: u32) -> Option<(usize, usize)> {
    let within = row & ((1 << WITHIN) - 1);
    Some((usize::try_from(row >> WITHIN).ok()?, usize::try_from(within).ok()?.checked_mul(STEP)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_their_numbers_whoever_wrote_them() {
        let chunks = Chunks::new();
        let mut pens = [Pen::new(), Pen::new()];
        let row = |number: usize| vec![u8::try_from(number % 251).unwrap(); 1 + number * 37 % 9_000];
        let numbers: Vec<u32> =
            (0..1_500).map(|number| pens[number % 2].write(&chunks, &row(number)).unwrap()).collect();
        let long = pens[0].write(&chunks, &vec![7; 3 * CHUNK]).unwrap();
        let after = pens[0].write(&chunks, b"after").unwrap();
        assert_eq!(pens[0].read(&chunks, after, |bytes| Some(bytes.starts_with(b"after"))), Some(true));
        assert_eq!(chunks.read(after, |bytes| Some(bytes.len())), None);
        pens.iter_mut().for_each(|pen| pen.show(&chunks));
        for (number, place) in numbers.iter().enumerate() {
            let row = row(number);
            assert_eq!(chunks.read(*place, |bytes| Some(bytes.starts_with(&row))), Some(true), "{number}");
        }
        assert_eq!(chunks.read(long, |bytes| Some(bytes.len())), Some(3 * CHUNK));
        assert_eq!(chunks.read(after, |bytes| Some(bytes.starts_with(b"after"))), Some(true));
        assert_eq!(chunks.read(u32::MAX, |bytes| Some(bytes.len())), None);
    }
}
