//! Plays a vector through the composed layer, on tokio's paused clock.

use std::convert::Infallible;
use std::future::{self, Future};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use nines_resilience::deadline::Deadline;
use nines_resilience::fallback::{Degraded, Source};
use nines_resilience::layer::fallback::{self, Whole};
use nines_resilience::layer::{Error, Fault, Inspect, Key, KeyBy, Mark};
use nines_resilience::policy::vector::{Answer, Answered, Behaviour, Final, Seen, Step, Vector};
use nines_resilience::policy::{Config, layer};
use nines_resilience::retry::OuterAttempt;
use nines_resilience::{Observed, Refused};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::{Layer as _, Service, ServiceExt, service_fn};

use super::cores::priority;
use crate::Played;

/// A request of a vector.
#[derive(Debug, Clone)]
struct Ask {
    step: Arc<Step>,
    deadline: Option<Deadline>,
    came: Instant,
    begun: Arc<Mutex<Vec<Duration>>>,
}

/// A callee's answer, or what stands for it.
#[derive(Debug, Clone, Copy)]
struct Reply {
    answer: Answer,
    degraded: Option<Degraded>,
}

/// Does as the vector says.
#[derive(Debug, Clone)]
struct Callee;

/// Reads requests and replies of a vector.
#[derive(Debug, Clone)]
struct Reader;

/// Plays it.
pub(crate) fn play(vector: &Vector) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(play_on(vector))
}

async fn play_on(vector: &Vector) -> Played {
    let start = Instant::now();
    let config = Config::try_from(&vector.policy().expect("a policy")).expect("a valid policy");
    let chain = config
        .fallback
        .chain(|_| reply(Behaviour::Success), |_, _| 1, start.into_std());
    let fallback = fallback::Layer::new(
        Whole(|ask: &Ask| ask.step.key.clone()),
        chain.expect("a valid fallback"),
        Reader,
    )
    .with_alternative(service_fn(|_: Ask| {
        future::ready(Ok::<_, Infallible>(reply(Behaviour::Success)))
    }));
    let policy = layer::Layer::new("vector", config, Reader).expect("a valid policy");
    let service = policy.layer(Callee);
    let mut calls = JoinSet::new();
    for planned in vector.calls() {
        let service = service.clone().with_priority(priority(planned.call.priority));
        let call = call(
            fallback.layer(service),
            planned.step,
            Arc::new(planned.call.clone()),
            start + planned.at,
        );
        calls.spawn(call);
    }
    for (at, changed) in vector.changes().expect("policies") {
        tokio::time::sleep_until(start + at).await;
        policy
            .change(Config::try_from(&changed).expect("a valid policy"))
            .expect("a valid policy");
    }
    let seen = calls.join_all().await;
    let now = Instant::now().into_std();
    let (held, shadow) =
        policy.governor(|governor| (governor.snapshot(now).in_flight(), crate::shadow(governor.counts())));
    assert_eq!(held, 0, "{}: places are held after the last call", vector.name);
    Played { seen, shadow }
}

async fn call<S>(service: S, place: usize, step: Arc<Step>, at: Instant) -> (usize, Seen)
where
    S: Service<Ask, Response = Reply, Error = Error<Infallible>>,
{
    tokio::time::sleep_until(at).await;
    let came = Instant::now();
    let ask = Ask {
        deadline: step.deadline.map(|after| Deadline::after(after, came.into_std())),
        step: step.clone(),
        came,
        begun: Arc::default(),
    };
    let begun = ask.begun.clone();
    let answer = tokio::time::timeout(step.drop_after.unwrap_or(Duration::MAX), service.oneshot(ask)).await;
    let ended = match answer {
        Err(_gone) => Final::Answered(Answered::Dropped),
        Ok(Ok(reply)) => Final::Answered(reply.answered()),
        Ok(Err(error)) => Final::Refused(refused(&error)),
    };
    let begun = begun.lock().clone();
    let took = came.elapsed();
    (place, Seen { ended, begun, took })
}

fn refused(error: &Error<Infallible>) -> Refused {
    let refusal = error.fault().and_then(Fault::refusal);
    refusal.expect("nothing but the policy fails").refused
}

fn reply(then: Behaviour) -> Reply {
    Reply {
        answer: Answer {
            then,
            ..Answer::default()
        },
        degraded: None,
    }
}

impl Reply {
    fn answered(&self) -> Answered {
        match self.degraded.map(|degraded| degraded.source) {
            None => self.answer.then.into(),
            Some(Source::Static | Source::Default) => Answered::Static,
            Some(Source::LastGood) => Answered::LastGood,
            Some(Source::Alternative) => Answered::Alternative,
        }
    }
}

impl Service<Ask> for Callee {
    type Response = Reply;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, ask: Ask) -> Self::Future {
        let mut begun = ask.begun.lock();
        begun.push(ask.came.elapsed());
        let attempt = u32::try_from(begun.len()).expect("few attempts");
        let answer = ask.step.answer(attempt);
        Box::pin(async move {
            if !answer.after.is_zero() {
                tokio::time::sleep(answer.after).await;
            }
            Ok(Reply { answer, degraded: None })
        })
    }
}

impl<E: std::error::Error + 'static> Inspect<Ask, Reply, E> for Reader {
    fn deadline(&self, request: &Ask) -> Option<Deadline> {
        request.deadline
    }

    fn outer(&self, request: &Ask) -> OuterAttempt {
        OuterAttempt::new(request.step.outer_attempt.try_into().expect("from 1"))
    }

    fn idempotent(&self, request: &Ask) -> bool {
        request.step.idempotent
    }

    fn key<'a>(&self, request: &'a Ask, _by: &KeyBy) -> Option<Key<'a>> {
        Some(Key::Bytes(request.step.key.as_bytes()))
    }

    fn copy(&self, request: &Ask) -> Option<Ask> {
        Some(request.clone())
    }

    fn mark(&self, response: &mut Reply, mark: Mark<'_>) {
        if let Mark::Degraded(degraded) = mark {
            response.degraded = Some(degraded);
        }
    }

    fn observe(&self, result: &Result<Reply, E>) -> Observed {
        match result {
            Ok(reply) => reply.answer.observed(),
            Err(error) => Fault::find(error).map_or(Observed::FAILURE, Fault::observed),
        }
    }

    fn describe(&self, result: &Result<Reply, E>) -> String {
        match result {
            Ok(reply) => format!("{:?}", reply.answer.then),
            Err(error) => error.to_string(),
        }
    }
}
