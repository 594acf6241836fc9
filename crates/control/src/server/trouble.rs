//! Readiness for writes: not while the disk takes none.

use nines_runtime::Health;
use tokio::sync::watch;

/// The name of the readiness condition.
const CONDITION: &str = "store";

/// Follows the store's trouble. Ends with the store.
pub(super) async fn follow(mut trouble: watch::Receiver<Option<String>>, health: Health) {
    loop {
        match trouble.borrow_and_update().as_deref() {
            None => health.ready(CONDITION),
            Some(reason) => health.not_ready(CONDITION, format!("takes no writes, reads go on: {reason}")),
        }
        if trouble.changed().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_disk_that_takes_no_writes_shows_at_readyz_until_it_does() {
        let (health, trouble) = (Health::new(), watch::Sender::new(None));
        let (seen, follows) = (health.clone(), follow(trouble.subscribe(), health));
        let told = async move {
            for (reason, ready) in [(Some("no space left on device"), false), (None, true)] {
                trouble.send_replace(reason.map(str::to_owned));
                seen.until(ready).await;
                let said = seen
                    .report()
                    .checks
                    .get(CONDITION)
                    .and_then(|check| check.reason.clone());
                assert_eq!(said.is_some_and(|said| said.contains("no space left")), !ready);
            }
        };
        tokio::join!(told, follows);
    }
}
