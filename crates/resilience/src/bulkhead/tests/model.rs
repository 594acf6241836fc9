//! The bulkhead against the plainest thing that does the same.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy)]
enum Step {
    Come(Option<u64>),
    /// The call in flight of that place ends.
    End(usize),
    /// The waiter of that place goes away.
    Leave(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => proptest::option::of(1u64..900).prop_map(Step::Come),
        4 => (0usize..8).prop_map(Step::End),
        1 => (0usize..8).prop_map(Step::Leave),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(max_in_flight in 1u32..4, max_queue in 0u32..5, steps in steps()) {
        let bench = Bench::new(max_in_flight, max_queue);
        let mut slots: Vec<Slot> = Vec::new();
        // Deadline, number and caller, in the order in which slots are given.
        let mut waiting: Vec<((bool, u64, u64), Caller)> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Come(deadline) => {
                    let (caller, polled) = bench.come(deadline);
                    match polled {
                        Poll::Ready(Ok(slot)) => {
                            prop_assert!((slots.len() as u32) < max_in_flight);
                            slots.push(slot);
                        }
                        Poll::Ready(Err(_)) => prop_assert!(waiting.len() as u32 == max_queue),
                        Poll::Pending => {
                            prop_assert_eq!(slots.len() as u32, max_in_flight);
                            let rank = (deadline.is_none(), deadline.unwrap_or_default(), number as u64);
                            waiting.push((rank, caller));
                            waiting.sort_by_key(|(rank, _)| *rank);
                        }
                    }
                }
                Step::End(place) if place < slots.len() => {
                    bench.bulkhead.release(slots.swap_remove(place));
                    if !waiting.is_empty() {
                        let (_, mut first) = waiting.remove(0);
                        let slot = bench.is_in(&mut first);
                        prop_assert!(slot.is_some(), "the first is woken");
                        slots.extend(slot);
                    }
                }
                Step::Leave(place) if place < waiting.len() => drop(waiting.remove(place)),
                Step::End(_) | Step::Leave(_) => {}
            }
            prop_assert_eq!(bench.counts(), (slots.len() as u32, waiting.len() as u32));
        }
        slots.into_iter().for_each(|slot| bench.bulkhead.release(slot));
        drop(waiting);
        prop_assert_eq!(bench.counts(), (0, 0));
    }
}
