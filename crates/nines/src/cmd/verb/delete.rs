//! `nines delete`.

use nines_model::ResourceKey;

use super::Context;
use crate::cli::DeleteArgs;
use crate::exit::Failure;

pub(super) async fn run(context: &Context, args: &DeleteArgs) -> Result<(), Failure> {
    let (kind, namespace) = (args.kind, &context.namespace);
    let answer = context
        .rest
        .delete_resource(kind.as_str(), namespace, &args.name)
        .await?;
    let key = ResourceKey {
        kind,
        namespace: namespace.clone(),
        name: args.name.clone(),
    };
    context
        .output
        .show(&answer, |_| format!("{key} deleted (revision {})\n", answer.revision))
}
