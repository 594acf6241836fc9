//! What every layer must keep, checked on a service around a [`Probe`].

use std::error::Error as StdError;
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tower::{Service, ServiceExt};

use super::{Act, Answer, Broken, Probe, Woken, exhaust_budget};

/// Checks a layer that lets calls through. `make` puts the layer around a probe, and `held` tells how many permits the
/// layer's core gives out at the moment. Needs a paused tokio clock.
pub(crate) async fn check_contract<S, M, H>(make: M, held: H)
where
    S: Service<Act, Response = Answer> + Clone,
    S::Error: StdError + 'static,
    M: Fn(Probe) -> S,
    H: Fn() -> u64,
{
    let contract = Contract { make, held };
    contract.clones_are_not_ready();
    contract.a_dropped_ready_service_wakes_who_waits();
    contract.a_call_dropped_at_any_point_gives_all_back();
    contract.a_finished_call_wakes_and_gives_all_back().await;
    contract.a_panic_gives_all_back(Act::PanicInCall);
    contract.a_panic_gives_all_back(Act::PanicInPoll);
    contract.a_used_up_budget_refuses_nothing().await;
    contract.the_inner_error_is_kept().await;
}

struct Contract<M, H> {
    make: M,
    held: H,
}

impl<M, H, S> Contract<M, H>
where
    S: Service<Act, Response = Answer> + Clone,
    S::Error: StdError + 'static,
    M: Fn(Probe) -> S,
    H: Fn() -> u64,
{
    /// A service around a probe with so many slots.
    fn around(&self, slots: usize) -> (S, Probe) {
        let probe = Probe::with_slots(slots);
        ((self.make)(probe.clone()), probe)
    }

    fn clones_are_not_ready(&self) {
        let (mut service, probe) = self.around(1);
        let (_, waker) = Woken::new();
        let cx = &mut Context::from_waker(&waker);
        assert!(is_ready(&mut service, cx), "a free slot makes ready");
        assert_eq!(probe.free(), 0, "readiness reserves the slot");
        let mut clone = service.clone();
        assert!(!is_ready(&mut clone, cx), "readiness is not cloned");
        assert!(is_ready(&mut service, cx), "who is ready stays ready");
    }

    fn a_dropped_ready_service_wakes_who_waits(&self) {
        let (mut service, probe) = self.around(1);
        let (woken, waker) = Woken::new();
        let cx = &mut Context::from_waker(&waker);
        assert!(is_ready(&mut service, cx));
        let mut clone = service.clone();
        assert!(!is_ready(&mut clone, cx));
        drop(service);
        assert!(woken.count() > 0, "the waiting clone is woken");
        assert!(is_ready(&mut clone, cx));
        drop(clone);
        self.all_is_free(&probe, 1);
    }

    fn a_call_dropped_at_any_point_gives_all_back(&self) {
        for polls in 0..3 {
            let (mut service, probe) = self.around(2);
            let (_, waker) = Woken::new();
            let cx = &mut Context::from_waker(&waker);
            assert!(is_ready(&mut service, cx));
            let mut call = Box::pin(service.call(Act::Hold));
            for _ in 0..polls {
                assert!(call.as_mut().poll(cx).is_pending(), "the call is held");
            }
            drop(call);
            drop(service);
            self.all_is_free(&probe, 2);
        }
    }

    async fn a_finished_call_wakes_and_gives_all_back(&self) {
        let (mut service, probe) = self.around(2);
        let ready = service.ready().await;
        let mut call = pin!(ready.unwrap_or_else(|error| panic!("{error}")).call(Act::Hold));
        let (woken, waker) = Woken::new();
        assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        probe.finish();
        assert!(woken.count() > 0, "the end of the inner call wakes the outer");
        let answer = within_an_hour(call.as_mut()).await;
        assert_eq!(answer.unwrap_or_else(|error| panic!("{error}")), Answer(1));
        assert_eq!(probe.unready_calls(), 0);
        drop(service);
        self.all_is_free(&probe, 2);
    }

    fn a_panic_gives_all_back(&self, act: Act) {
        let (mut service, probe) = self.around(2);
        let (_, waker) = Woken::new();
        let cx = &mut Context::from_waker(&waker);
        assert!(is_ready(&mut service, cx));
        // Caught by this test, or made an error by the layer.
        let _ended = catch_unwind(AssertUnwindSafe(|| {
            let mut call = Box::pin(service.call(act));
            call.as_mut().poll(cx).is_ready()
        }));
        drop(service);
        self.all_is_free(&probe, 2);
    }

    async fn a_used_up_budget_refuses_nothing(&self) {
        let probe = Probe::with_slots(4).cooperative();
        let mut service = (self.make)(probe.clone());
        for _ in 0..3 {
            let mut exhausted = false;
            let mut ready = false;
            poll_fn(|cx| {
                if !exhausted {
                    exhausted = true;
                    exhaust_budget(cx);
                }
                ready = ready || is_ready(&mut service, cx);
                if ready { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            let mut call = pin!(service.call(Act::Cooperate));
            let mut exhausted = false;
            let answer = within_an_hour(poll_fn(|cx| {
                if !exhausted {
                    exhausted = true;
                    exhaust_budget(cx);
                }
                call.as_mut().poll(cx)
            }))
            .await;
            assert!(
                answer.is_ok(),
                "refused for a used-up budget: {:?}",
                answer.err().map(|e| e.to_string())
            );
        }
        drop(service);
        self.all_is_free(&probe, 4);
    }

    async fn the_inner_error_is_kept(&self) {
        let (mut service, probe) = self.around(4);
        let ready = service.ready().await;
        let call = ready.unwrap_or_else(|error| panic!("{error}")).call(Act::Fail);
        let Err(error) = within_an_hour(call).await else {
            panic!("the inner error is an error");
        };
        let error: &(dyn StdError + 'static) = &error;
        let mut chain = std::iter::successors(Some(error), |&error| error.source());
        assert!(
            chain.any(|error| error.is::<Broken>()),
            "the chain of {error} has no inner error"
        );
        assert_eq!(probe.unready_calls(), 0);
        drop(service);
        self.all_is_free(&probe, 4);
    }

    fn all_is_free(&self, probe: &Probe, slots: usize) {
        assert_eq!(probe.free(), slots, "a slot of the inner service is kept");
        assert_eq!((self.held)(), 0, "a permit of the layer is kept");
    }
}

fn is_ready<S>(service: &mut S, cx: &mut Context<'_>) -> bool
where
    S: Service<Act>,
    S::Error: Debug,
{
    match service.poll_ready(cx) {
        Poll::Pending => false,
        Poll::Ready(Ok(())) => true,
        Poll::Ready(Err(error)) => panic!("readiness failed: {error:?}"),
    }
}

/// A lost wake-up shows as an hour on the paused clock, and not as a test that hangs.
async fn within_an_hour<F: Future>(future: F) -> F::Output {
    let hour = Duration::from_secs(3600);
    tokio::time::timeout(hour, future).await.expect("nobody was woken")
}
