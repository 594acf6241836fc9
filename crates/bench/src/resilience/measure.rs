//! Time and allocations of a contender.

use std::sync::Barrier;
use std::thread;

use nines_base::Clock;
use tokio::runtime::Runtime;

use super::Contender;

/// Calls before the first round and before allocations are counted.
const WARM_UP: u64 = 10_000;
const COUNTED: u64 = 10_000;

/// Nanoseconds of a call on one thread alone.
pub(crate) fn alone(contender: &Contender, calls: u64) -> f64 {
    let clock = Clock::system();
    (contender.run)(WARM_UP);
    let begun = clock.now();
    (contender.run)(calls);
    clock.now().duration_since(begun).as_nanos() as f64 / calls as f64
}

/// Nanoseconds of a call on each core while all cores make calls.
pub(crate) fn together(contender: &Contender, calls: u64, runtime: &Runtime) -> f64 {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (clock, barrier) = (Clock::system(), Barrier::new(threads));
    let one = || {
        let _inside = runtime.enter();
        (contender.run)(WARM_UP);
        barrier.wait();
        let begun = clock.now();
        (contender.run)(calls);
        clock.now().duration_since(begun).as_nanos() as f64 / calls as f64
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        let each = running
            .into_iter()
            .map(|thread| thread.join().expect("no contender panics"));
        each.sum::<f64>() / threads as f64
    })
}

/// Allocations of a call.
pub(crate) fn allocations(contender: &Contender) -> f64 {
    (contender.run)(WARM_UP);
    let info = allocation_counter::measure(|| (contender.run)(COUNTED));
    info.count_total as f64 / COUNTED as f64
}
