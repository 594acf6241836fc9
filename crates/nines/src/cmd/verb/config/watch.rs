//! `nines config watch`: the item now and each version that follows.

use std::time::Duration;

use nines_base::{Backoff, Rng};
use nines_client::RestError;
use nines_wire::rest::ConfigView;

use super::super::Context;
use crate::cli::Format;
use crate::exit::Failure;

const WAIT: Duration = Duration::from_secs(60);
const AGAIN: Backoff = Backoff {
    base: Duration::from_millis(200),
    max: Duration::from_secs(5),
};

/// Ends with Ctrl-C, when the item is deleted, or when the reader goes away.
pub(super) async fn run(context: &Context, name: &str) -> Result<(), Failure> {
    let mut seen = context.rest.config(&context.namespace, name, None).await?;
    context.output.print(&render(&seen, context.output.format)?)?;
    let (mut rng, mut failures) = (Rng::from_entropy(), 0);
    loop {
        let next = context
            .rest
            .config_after(&context.namespace, name, seen.revision, WAIT)
            .await;
        match next {
            Ok(next) => {
                failures = 0;
                if next.version != seen.version {
                    context.output.print(&render(&next, context.output.format)?)?;
                }
                seen = next;
            }
            Err(RestError::Unreachable { url, reason }) => {
                if failures == 0 {
                    tell(&format!("lost the control plane at {url} ({reason}), trying again"));
                }
                tokio::time::sleep(AGAIN.delay_at_least_half(failures, &mut rng)).await;
                failures = failures.saturating_add(1);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// A version: a line about it and the content; or the whole as one line of JSON or one YAML document.
fn render(item: &ConfigView, format: Format) -> Result<String, Failure> {
    match format {
        Format::Table => {
            let note = item.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
            let head = format!("# version {} of {}{note}", item.version, item.published_at);
            Ok(format!("{head}\n{}\n", item.content.trim_end_matches('\n')))
        }
        Format::Json => {
            let line = serde_json::to_string(item).map_err(|error| Failure::Refused(error.to_string()))?;
            Ok(format!("{line}\n"))
        }
        Format::Yaml => Ok(format!("---\n{}", crate::output::encode(format, item)?)),
    }
}

#[expect(clippy::print_stderr, reason = "a remark beside the results")]
fn tell(line: &str) {
    eprintln!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_one_line_of_json_or_a_line_and_the_content() {
        let item = ConfigView {
            namespace: "default".into(),
            name: "a".into(),
            version: 2,
            format: nines_model::Format::Text,
            content: "hello\n".into(),
            schema: None,
            sha256: "00".into(),
            author: None,
            note: Some("autumn".into()),
            published_at: "2026-01-31T12:00:00Z".into(),
            revision: 7,
        };
        let text = render(&item, Format::Table).expect("text");
        assert_eq!(text, "# version 2 of 2026-01-31T12:00:00Z (autumn)\nhello\n");
        let line = render(&item, Format::Json).expect("JSON");
        assert_eq!(line.lines().count(), 1);
        assert!(render(&item, Format::Yaml).expect("YAML").starts_with("---\n"));
    }
}
