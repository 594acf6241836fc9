//! Chance, one generator for each thread, which no other thread waits for.

use std::cell::RefCell;

use nines_base::Rng;

thread_local! {
    static RNG: RefCell<Rng> = RefCell::new(Rng::from_entropy());
}

/// A number in `[0, 1)`.
pub(crate) fn unit() -> f64 {
    with(Rng::unit)
}

pub(crate) fn with<T>(draw: impl FnOnce(&mut Rng) -> T) -> T {
    RNG.with_borrow_mut(draw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_in_range_and_differ() {
        let draws: Vec<f64> = (0..1000).map(|_| unit()).collect();
        assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
        assert!(draws.windows(2).any(|pair| pair[0] < pair[1]) && draws.windows(2).any(|pair| pair[0] > pair[1]));
    }
}
