//! A call and the hedges beside it.

use std::future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::state::State;
use crate::layer::{Alarm, Error, Inspect};

pin_project! {
    /// The inner service's futures, side by side.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Future<S, I, Req>
    where
        S: tower_service::Service<Req>,
    {
        // None once it has failed.
        #[pin]
        first: Option<S::Future>,
        hedges: Vec<Pin<Box<Runner<S, Req, S::Future>>>>,
        #[pin]
        alarm: Alarm,
        state: State<S, I, Req>,
        failure: Option<Result<S::Response, S::Error>>,
    }
}

pin_project! {
    /// A hedge: readiness, then the call.
    #[derive(Debug)]
    #[project = RunnerProj]
    enum Runner<S, Req, F> {
        Readying { service: S, request: Option<Req> },
        Calling { #[pin] inner: F },
    }
}

impl<S, I, Req> Future<S, I, Req>
where
    S: tower_service::Service<Req>,
{
    pub(super) fn new(first: S::Future, state: State<S, I, Req>) -> Self {
        Self {
            first: Some(first),
            hedges: Vec::new(),
            alarm: Alarm::at(state.due),
            state,
            failure: None,
        }
    }
}

impl<S, I, Req> future::Future for Future<S, I, Req>
where
    S: tower_service::Service<Req> + Clone,
    I: Inspect<Req, S::Response, S::Error>,
{
    type Output = Result<S::Response, Error<S::Error>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(answer) = self.as_mut().poll_all(cx) {
            return Poll::Ready(answer.map_err(Error::Inner));
        }
        // A hedge that has just gone out must be polled, or nobody would wake this task for it.
        while self.as_mut().fire(cx) {
            if let Some(answer) = self.as_mut().poll_hedges(cx) {
                return Poll::Ready(answer.map_err(Error::Inner));
            }
        }
        Poll::Pending
    }
}

type Answer<S, Req> = Result<<S as tower_service::Service<Req>>::Response, <S as tower_service::Service<Req>>::Error>;

impl<S, I, Req> Future<S, I, Req>
where
    S: tower_service::Service<Req> + Clone,
    I: Inspect<Req, S::Response, S::Error>,
{
    fn poll_all(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Option<Answer<S, Req>> {
        let mut this = self.as_mut().project();
        if let Some(first) = this.first.as_mut().as_pin_mut()
            && let Poll::Ready(result) = first.poll(cx)
        {
            this.first.set(None);
            if this.state.is_good(&result) {
                this.state.first_took();
                this.hedges.clear();
                return Some(result);
            }
            if this.hedges.is_empty() {
                return Some(result);
            }
            *this.failure = Some(result);
        }
        self.poll_hedges(cx)
    }

    fn poll_hedges(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Option<Answer<S, Req>> {
        let mut this = self.project();
        let mut place = 0;
        while let Some(hedge) = this.hedges.get_mut(place) {
            let Poll::Ready(result) = hedge.as_mut().poll(cx) else {
                place += 1;
                continue;
            };
            drop(this.hedges.swap_remove(place));
            if this.state.is_good(&result) {
                if this.first.is_some() {
                    this.state.first_took();
                }
                this.first.set(None);
                this.hedges.clear();
                return Some(result);
            }
            this.failure.get_or_insert(result);
        }
        let all_failed = this.first.is_none() && this.hedges.is_empty();
        if all_failed { this.failure.take() } else { None }
    }

    /// Sends a hedge if one is due.
    fn fire(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let mut this = self.project();
        let Poll::Ready(now) = this.alarm.as_mut().poll(cx) else {
            return false;
        };
        let fired = this.state.fire(now);
        this.alarm.set(this.state.due);
        let Some((service, request)) = fired else {
            return false;
        };
        let request = Some(request);
        this.hedges.push(Box::pin(Runner::Readying { service, request }));
        true
    }
}

impl<S, Req> Runner<S, Req, S::Future>
where
    S: tower_service::Service<Req>,
{
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer<S, Req>> {
        loop {
            let inner = match self.as_mut().project() {
                RunnerProj::Calling { inner } => return inner.poll(cx),
                RunnerProj::Readying { service, request } => match service.poll_ready(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Ready(Ok(())) => {
                        let request = request.take().expect("it is called once");
                        service.call(request)
                    }
                },
            };
            self.set(Runner::Calling { inner });
        }
    }
}
