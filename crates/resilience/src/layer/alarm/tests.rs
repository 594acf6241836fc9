use std::pin::pin;
use std::time::Duration;

use super::*;

#[tokio::test(start_paused = true)]
async fn it_rings_at_its_time_and_again_at_another() {
    let begin = now();
    let mut alarm = pin!(Alarm::at(begin.checked_add(Duration::from_secs(5))));
    let rang = std::future::poll_fn(|cx| alarm.as_mut().poll(cx)).await;
    assert_eq!(rang - begin, Duration::from_secs(5));
    alarm.as_mut().set(rang.checked_add(Duration::from_secs(2)));
    let rang = std::future::poll_fn(|cx| alarm.as_mut().poll(cx)).await;
    assert_eq!(rang - begin, Duration::from_secs(7));
}

#[test]
fn without_a_time_it_never_rings_and_needs_no_timer() {
    let cx = &mut Context::from_waker(std::task::Waker::noop());
    assert!(pin!(Alarm::default()).poll(cx).is_pending());
}
