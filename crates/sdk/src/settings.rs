//! What a service is told from outside.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use nines_model::name;
use nines_runtime::log::Format;

/// A service's settings. [`Settings::from_env`] is the one place of the SDK that reads the environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `NINES_NAMESPACE`.
    pub namespace: String,
    /// `NINES_INSTANCE_ID`; the service's name and the port if absent.
    pub id: Option<String>,
    /// `NINES_LISTEN`; port 0 picks a free one.
    pub listen: SocketAddr,
    /// `NINES_ADVERTISE`: the address others reach the instance at; the one it listens on if absent.
    pub advertise: Option<IpAddr>,
    /// `NINES_SERVER`: the control plane's replicas, separated by commas; none runs the service by itself.
    pub servers: Vec<String>,
    /// `NINES_LABELS`: `version=v1,zone=a`.
    pub labels: BTreeMap<String, String>,
    /// `NINES_LOG_FORMAT`: `json` or `human`.
    pub log: Format,
    /// `NINES_LOG`: a level or a list of `target=level`.
    pub log_filter: String,
    /// `NINES_DATA_DIR`: where the last-known-good file goes; without it there is none.
    pub data_dir: Option<PathBuf>,
    /// How long the end of the process may take.
    pub drain: Duration,
}

/// All that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct SettingsError(pub Vec<String>);

impl Default for Settings {
    fn default() -> Self {
        Self {
            namespace: "default".into(),
            id: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            advertise: None,
            servers: Vec::new(),
            labels: BTreeMap::new(),
            log: Format::Human,
            log_filter: "info".into(),
            data_dir: None,
            drain: Duration::from_secs(30),
        }
    }
}

impl Settings {
    /// Reads the environment, and reports every mistake at once.
    #[expect(
        clippy::disallowed_methods,
        reason = "a service's main is a binary: this is the one place where it reads the environment"
    )]
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::read(|name| std::env::var(name).ok())
    }

    fn read(value: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut source = Source {
            value: &value,
            mistakes: Vec::new(),
        };
        let default = Self::default();
        let settings = Self {
            namespace: source.read("NINES_NAMESPACE", valid_name).unwrap_or(default.namespace),
            id: source.read("NINES_INSTANCE_ID", valid_name),
            listen: source.read("NINES_LISTEN", socket).unwrap_or(default.listen),
            advertise: source.read("NINES_ADVERTISE", address),
            servers: source.read("NINES_SERVER", list).unwrap_or_default(),
            labels: source.read("NINES_LABELS", labels).unwrap_or_default(),
            log: source.read("NINES_LOG_FORMAT", format).unwrap_or(default.log),
            log_filter: source
                .read("NINES_LOG", |text| Ok(text.into()))
                .unwrap_or(default.log_filter),
            data_dir: source.read("NINES_DATA_DIR", |text| Ok(PathBuf::from(text))),
            drain: source.read("NINES_DRAIN", duration).unwrap_or(default.drain),
        };
        if source.mistakes.is_empty() {
            Ok(settings)
        } else {
            Err(SettingsError(source.mistakes))
        }
    }
}

struct Source<'a> {
    value: &'a dyn Fn(&str) -> Option<String>,
    mistakes: Vec<String>,
}

impl Source<'_> {
    /// An empty variable is the same as none.
    fn read<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = (self.value)(name).filter(|text| !text.is_empty())?;
        match read(&text) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.mistakes.push(format!("{name}: {reason}"));
                None
            }
        }
    }
}

fn valid_name(text: &str) -> Result<String, String> {
    name::check(text).map_err(|error| error.to_string())?;
    Ok(text.into())
}

fn socket(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not an address; write for example 127.0.0.1:8081"))
}

fn address(text: &str) -> Result<IpAddr, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not an IP address; write for example 10.0.0.7"))
}

fn list(text: &str) -> Result<Vec<String>, String> {
    Ok(text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(Into::into)
        .collect())
}

fn labels(text: &str) -> Result<BTreeMap<String, String>, String> {
    let pair = |part: String| match part.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("`{part}` is not a label; write for example version=v1,zone=a")),
    };
    list(text)?.into_iter().map(pair).collect()
}

fn format(text: &str) -> Result<Format, String> {
    match text {
        "json" => Ok(Format::Json),
        "human" => Ok(Format::Human),
        _ => Err(format!("`{text}` is not a log format; write json or human")),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    nines_base::duration::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        let find = |name: &str| {
            variables
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Settings::read(find).map_err(|error| error.0)
    }

    #[test]
    fn nothing_set_is_good() {
        let settings = check(&[("NINES_LABELS", "")]).unwrap();
        assert_eq!((settings.namespace.as_str(), settings.listen.port()), ("default", 0));
        assert!(settings.servers.is_empty() && settings.labels.is_empty());
    }

    #[test]
    fn everything_is_read() {
        let settings = check(&[
            ("NINES_NAMESPACE", "shop"),
            ("NINES_INSTANCE_ID", "orders-1"),
            ("NINES_LISTEN", "0.0.0.0:80"),
            ("NINES_ADVERTISE", "10.0.0.7"),
            ("NINES_SERVER", "http://a:1, http://b:2"),
            ("NINES_LABELS", "version=v1,zone=a"),
            ("NINES_LOG_FORMAT", "json"),
            ("NINES_DRAIN", "5s"),
        ])
        .unwrap();
        assert_eq!(settings.servers, ["http://a:1", "http://b:2"]);
        assert_eq!(settings.labels.get("zone").map(String::as_str), Some("a"));
        assert_eq!((settings.log, settings.drain), (Format::Json, Duration::from_secs(5)));
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let mistakes = check(&[
            ("NINES_NAMESPACE", "A"),
            ("NINES_LISTEN", "8080"),
            ("NINES_LABELS", "v1"),
            ("NINES_LOG_FORMAT", "xml"),
            ("NINES_DRAIN", "5"),
        ])
        .unwrap_err();
        let names: Vec<&str> = mistakes
            .iter()
            .filter_map(|mistake| mistake.split(':').next())
            .collect();
        assert_eq!(
            names,
            [
                "NINES_NAMESPACE",
                "NINES_LISTEN",
                "NINES_LABELS",
                "NINES_LOG_FORMAT",
                "NINES_DRAIN"
            ]
        );
    }
}
