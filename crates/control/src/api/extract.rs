//! Reading requests strictly, with our own words for what is wrong.

use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use nines_base::Kind;
use nines_wire::rest::ProblemView;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::MAX_BODY;
use super::error::Failure;

/// A JSON body. The content type is not asked for: JSON is all that is taken.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

/// A body of text.
#[derive(Debug)]
pub(super) struct Text(pub(super) String);

/// The query parameters.
#[derive(Debug)]
pub(super) struct Params<T>(pub(super) T);

/// The variable segments of the path.
#[derive(Debug)]
pub(super) struct Segments<T>(pub(super) T);

/// For routes that take no query parameter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParams {}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let bytes = read(request, state).await?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let body = serde_path_to_error::deserialize(&mut json).map_err(|error| wrong_json(&error))?;
        json.end().map_err(|error| broken_json(String::new(), &error))?;
        Ok(Self(body))
    }
}

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let bytes = read(request, state).await?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Self(text.to_owned())),
            Err(error) => Err(Failure::invalid(
                "",
                format!("the body is not UTF-8 text: byte {} is wrong", error.valid_up_to()),
            )),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = serde_urlencoded::Deserializer::new(form_pairs(query));
        serde_path_to_error::deserialize(pairs).map(Self).map_err(|error| {
            let path = field(&error.path().to_string(), &error.inner().to_string());
            Failure::invalid(path, format!("the query is wrong: {}", error.inner()))
        })
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(rejection) => Err(Failure::invalid(
                "",
                format!("the path is wrong: {}", rejection.body_text()),
            )),
        }
    }
}

fn form_pairs(query: &str) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(query.as_bytes())
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Failure> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| unread(&rejection))
}

fn unread(rejection: &BytesRejection) -> Failure {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let message = format!("the body is larger than {MAX_BODY} bytes (2 MiB); send less at a time");
        return Failure::new(Kind::ResourceExhausted, message).with_status(StatusCode::PAYLOAD_TOO_LARGE);
    }
    Failure::invalid("", format!("the body could not be read: {}", rejection.body_text()))
}

fn wrong_json(error: &serde_path_to_error::Error<serde_json::Error>) -> Failure {
    let path = field(&error.path().to_string(), &error.inner().to_string());
    broken_json(path, error.inner())
}

fn broken_json(path: String, error: &serde_json::Error) -> Failure {
    let (line, column) = (error.line() as u32, error.column() as u32);
    let said = error.to_string();
    let message = said.split(" at line ").next().unwrap_or(&said).to_owned();
    let problem = ProblemView {
        path: path.clone(),
        line: Some(line).filter(|line| *line > 0),
        column: Some(column).filter(|column| *column > 0),
        message: message.clone(),
        source: None,
    };
    let place = format!("the body is wrong at line {line} column {column}: {message}");
    Failure::invalid(path, place).with_problems(vec![problem])
}

/// The field at fault: serde's path, or for an unknown or missing field the name that its message quotes.
fn field(path: &str, message: &str) -> String {
    let path = if matches!(path, "." | "?") { "" } else { path };
    let quoted = ["unknown field `", "missing field `", "duplicate field `"]
        .iter()
        .find_map(|start| message.strip_prefix(start)?.split('`').next());
    match quoted {
        Some(name) if path.is_empty() => name.to_owned(),
        Some(name) if !path.ends_with(name) => format!("{path}.{name}"),
        _ => path.to_owned(),
    }
}
