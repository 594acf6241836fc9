//! `nines up`.

use crate::cli::UpArgs;
use crate::exit::Failure;
use crate::up;

pub(crate) async fn run(args: UpArgs) -> Result<(), Failure> {
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
