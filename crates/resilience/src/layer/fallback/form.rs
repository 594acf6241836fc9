//! What is kept of responses, and how it becomes one again.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

/// The form in which sources hold answers.
pub trait Form<Req, Res> {
    /// What answers are kept by.
    type Key;
    /// What is kept of an answer.
    type Value;

    /// The key of a request.
    fn key(&self, request: &Req) -> Self::Key;

    /// What to keep of a good answer; `None` keeps nothing.
    fn keep(&self, response: &Res) -> Option<Self::Value>;

    /// The answer once more.
    fn render(&self, value: Self::Value) -> Res;
}

/// Whole responses that are cheap to clone, by the key that a function reads from the request. Let the key be nothing
/// but what the answer depends on; for a personal answer the person is part of it.
#[derive(Debug, Clone, Copy)]
pub struct Whole<F>(pub F);

/// Fixed pages in place of `http` responses. They depend on no request, and nothing is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pages;

/// A fixed page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub status: StatusCode,
    pub content_type: Option<HeaderValue>,
    pub body: String,
}

impl<Req, Res, K, F> Form<Req, Res> for Whole<F>
where
    Res: Clone,
    F: Fn(&Req) -> K,
{
    type Key = K;
    type Value = Res;

    fn key(&self, request: &Req) -> K {
        (self.0)(request)
    }

    fn keep(&self, response: &Res) -> Option<Res> {
        Some(response.clone())
    }

    fn render(&self, value: Res) -> Res {
        value
    }
}

impl<Req, D: From<String>> Form<Req, Response<D>> for Pages {
    type Key = ();
    type Value = Page;

    fn key(&self, _request: &Req) {}

    fn keep(&self, _response: &Response<D>) -> Option<Page> {
        None
    }

    fn render(&self, page: Page) -> Response<D> {
        let mut response = Response::new(page.body.into());
        *response.status_mut() = page.status;
        if let Some(content_type) = page.content_type {
            response.headers_mut().insert(CONTENT_TYPE, content_type);
        }
        response
    }
}
