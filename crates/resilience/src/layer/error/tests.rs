use std::error::Error as StdError;
use std::io;

use super::*;
use crate::layer::probe::Broken;

fn refusal(cause: Cause) -> Refusal {
    let evidence = Evidence {
        measure: Measure::InFlight,
        value: 10.0,
        bound: 10.0,
        calls: 0,
    };
    let refused = Refused {
        cause,
        evidence,
        retry_after: None,
    };
    refused.by(&"shop/orders".into())
}

#[test]
fn the_inner_error_stays_in_the_chain_however_deep() {
    let error: Error<Error<Broken>> = Error::Inner(Error::Inner(Broken));
    let mut chain = std::iter::successors(Some(&error as &(dyn StdError + 'static)), |&error| error.source());
    assert!(chain.any(|error| error.is::<Broken>()));
    assert_eq!(Fault::find(&error), None);
}

#[test]
fn a_fault_is_found_however_deep_and_says_what_it_says_of_the_callee() {
    let stopped = Stopped::after(
        Duration::from_secs(2),
        Duration::from_secs(1),
        Cause::UpstreamTimeout,
        &"t".into(),
    );
    let panicked = Panicked {
        message: "out of order".into(),
    };
    let cases: [(Error<Broken>, Cause, Outcome, Repeat); 3] = [
        (
            Error::Refused(refusal(Cause::Overloaded)),
            Cause::Overloaded,
            Outcome::Ignored,
            Repeat::Never,
        ),
        (
            Error::Stopped(stopped),
            Cause::UpstreamTimeout,
            Outcome::Failure,
            Repeat::IfIdempotent,
        ),
        (
            Error::Panicked(panicked),
            Cause::Internal,
            Outcome::Failure,
            Repeat::Never,
        ),
    ];
    for (error, cause, outcome, repeat) in cases {
        let deep = Error::Inner(Error::Inner(error));
        let fault = Fault::find(&deep).expect("a fault is in the chain");
        let observed = fault.observed();
        assert_eq!(
            (fault.cause(), observed.outcome, observed.repeat),
            (cause, outcome, repeat)
        );
    }
}

#[test]
fn an_error_tells_its_own_from_the_inner_one() {
    let refused: Error<io::Error> = Error::Refused(refusal(Cause::RateLimited));
    assert_eq!(
        refused.refusal().map(|refusal| refusal.policy.as_str()),
        Some("shop/orders")
    );
    assert!(refused.inner().is_none() && refused.fault().is_some());
    assert_eq!(refused.to_string(), "call refused (rate_limited)");
    let inner: Error<Broken> = Error::Inner(Broken);
    assert_eq!((inner.inner(), inner.fault()), (Some(&Broken), None));
}

#[test]
fn a_panic_of_any_payload_has_a_message() {
    let long = "é".repeat(200);
    let cases: [(Box<dyn Any + Send>, usize, &str); 3] = [
        (Box::new("plain"), 5, "plain"),
        (Box::new(long), 200, "éé"),
        (Box::new(7), 10, "no message"),
    ];
    for (payload, bytes, begin) in cases {
        let panicked = Panicked::from_payload(&*payload);
        assert_eq!(panicked.message.len(), bytes);
        assert!(panicked.message.starts_with(begin));
    }
}
