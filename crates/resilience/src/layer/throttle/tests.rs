use nines_model::Cause;
use tower::{Layer as _, ServiceExt};

use super::*;
use crate::layer::probe::{Act, Probe, check_contract};
use crate::layer::{Error, Plain};

fn layer() -> Layer<Plain> {
    Layer::new("callee", Config::default(), Plain::default()).expect("a valid layer")
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract() {
    let layer = layer();
    check_contract(|probe| layer.layer(probe), || 0).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_callee_would_refuse_is_refused_here() {
    let layer = layer();
    let mut refused = 0;
    for _ in 0..2000 {
        let probe = Probe::with_slots(1);
        match layer.layer(probe.clone()).oneshot(Act::Fail).await {
            Err(Error::Refused(refusal)) => {
                refused += 1;
                assert_eq!(
                    (refusal.refused.cause, probe.calls(), probe.free()),
                    (Cause::Overloaded, 0, 1)
                );
            }
            other => assert!(matches!(other, Err(Error::Inner(_)))),
        }
    }
    assert!(
        refused > 1000,
        "{refused} of 2000 calls to a callee that accepts nothing"
    );
}
