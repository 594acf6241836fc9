//! `nines up`.

use super::role;
use crate::cli::UpArgs;
use crate::exit::Failure;
use crate::up;

pub(crate) async fn run(args: UpArgs) -> Result<(), Failure> {
    // For the programs, which inherit it; each knows best what it needs.
    role::open_files(0);
    let options = up::Options {
        stack: args.stack,
        data_dir: args.data_dir,
        check: args.check,
    };
    up::run(&options).await.map_err(|error| {
        let message = error.to_string();
        if error.is_misuse() {
            Failure::Misuse(message)
        } else {
            Failure::Refused(message)
        }
    })
}
