use tower::{Layer as _, ServiceExt};

use super::*;
use crate::layer::probe::{Act, Probe, check_contract};

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract() {
    let layer = Layer::new("panic");
    check_contract(|probe| layer.layer(probe), || 0).await;
}

#[tokio::test]
async fn a_panic_is_a_typed_error_counted_over_all_clones() {
    let layer = Layer::new("panic");
    for (act, message, count) in [
        (Act::PanicInCall, "panic in call", 1),
        (Act::PanicInPoll, "panic in poll", 2),
    ] {
        let probe = Probe::with_slots(1);
        let error = layer.layer(probe.clone()).oneshot(act).await.expect_err("it panicked");
        let Error::Panicked(panicked) = error else {
            panic!("{error}")
        };
        assert_eq!((&*panicked.message, layer.shared().core.count()), (message, count));
        assert_eq!(probe.free(), 1);
    }
}

#[tokio::test]
async fn a_service_goes_on_after_a_panic() {
    let mut service = Layer::new("panic").layer(Probe::with_slots(1));
    for act in [Act::PanicInCall, Act::PanicInPoll] {
        let ready = service.ready().await.expect("it is ready again");
        assert!(tower::Service::call(ready, act).await.is_err());
    }
    let ready = service.ready().await.expect("it is ready again");
    assert!(tower::Service::call(ready, Act::Succeed).await.is_ok());
}
