//! `nines guardian` (hidden): the process beside `nines up` that outlives it if need be.

use crate::exit::Failure;
use crate::up::guardian;

pub(crate) fn run() -> Result<(), Failure> {
    let left = guardian::until_orphaned(std::io::stdin().lock());
    if left.is_empty() {
        return Ok(());
    }
    super::block_on(async {
        guardian::end(left).await;
        Ok(())
    })
}
