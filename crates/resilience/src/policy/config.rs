//! A Policy with its defaults filled in.

mod fallback;
mod rate;
#[cfg(all(test, not(feature = "loom")))]
mod tests;

use std::num::NonZeroU32;
use std::time::Duration;

use nines_base::Backoff;
use nines_model::Policy;
use nines_model::policy::{self, Mode};

use crate::invalid::ensure;
use crate::{Invalid, adaptive, breaker, bulkhead, hedge, retry, throttle};

pub use fallback::FallbackConfig;
pub(super) use rate::OverrideKey;
pub use rate::RateConfig;

/// The whole request, where the policy does not say.
const REQUEST: Duration = Duration::from_secs(15);
/// In the queue of a bulkhead, where the policy does not say.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// A part of a policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Section<C> {
    pub config: C,
    /// It judges and counts, and lets everything through.
    pub shadow: bool,
}

/// Everything that a Policy says of the calls themselves; where they go (`balance`, `outlier`, `timeout.connect`) is not
/// its matter. What is `None` is off.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// [`Mode::Shadow`]: the whole policy only counts; no call is refused, cut short, changed or made twice.
    /// [`Mode::Off`]: it does not even look.
    pub mode: Mode,
    /// The longest a request may take with all its attempts. Default 15 s.
    pub request: Option<Duration>,
    /// The longest one attempt may take. Default `None`.
    pub attempt: Option<Duration>,
    pub shed: Option<Section<adaptive::ShedderConfig>>,
    pub bulkhead: Option<Section<bulkhead::Config>>,
    pub concurrency: Option<Section<adaptive::Config>>,
    /// A request must pass all of them.
    pub rates: Vec<Section<RateConfig>>,
    pub retry: retry::Config,
    /// What retries and hedges share.
    pub budget: retry::BudgetConfig,
    pub hedge: Option<hedge::Config>,
    pub throttle: Option<Section<throttle::Config>>,
    /// Default: as the breaker's own defaults.
    pub breaker: Option<Section<breaker::Config>>,
    pub fallback: FallbackConfig,
}

impl Default for Config {
    /// As if a Policy without any section was written.
    fn default() -> Self {
        Self {
            mode: Mode::Enforce,
            request: Some(REQUEST),
            attempt: None,
            shed: None,
            bulkhead: None,
            concurrency: None,
            rates: Vec::new(),
            retry: retry::Config::default(),
            budget: retry::BudgetConfig::default(),
            hedge: None,
            throttle: None,
            breaker: Some(Section {
                config: breaker::Config::default(),
                shadow: false,
            }),
            fallback: FallbackConfig::default(),
        }
    }
}

impl TryFrom<&Policy> for Config {
    type Error = Invalid;

    fn try_from(policy: &Policy) -> Result<Self, Invalid> {
        if policy.mode == Mode::Off {
            return Ok(Self::off());
        }
        let timeout = policy.timeout.unwrap_or_default();
        let config = Self {
            mode: policy.mode,
            request: limit(timeout.request, Some(REQUEST)),
            attempt: limit(timeout.attempt, None),
            shed: section(policy, policy.shed.as_ref(), |shed| (shed.mode, shed_config(shed))),
            bulkhead: section(policy, policy.bulkhead.as_ref(), |bulkhead| {
                (bulkhead.mode, bulkhead_config(bulkhead))
            }),
            concurrency: section(policy, policy.concurrency.as_ref(), |concurrency| {
                (concurrency.mode, concurrency_config(concurrency))
            }),
            rates: rate::sections(policy)?,
            retry: policy.retry.as_ref().map(retry_config).unwrap_or_default(),
            budget: budget_config(policy.retry.as_ref()),
            hedge: policy.hedge.as_ref().map(hedge_config),
            throttle: section(policy, policy.throttle.as_ref(), |throttle| {
                (throttle.mode, throttle_config(throttle))
            }),
            breaker: section(policy, Some(&policy.breaker.clone().unwrap_or_default()), |breaker| {
                (breaker.mode, breaker_config(breaker))
            }),
            fallback: FallbackConfig::try_from(policy.fallback.as_ref())?,
        };
        config.validate()?;
        Ok(config.in_its_mode())
    }
}

impl Config {
    /// Does nothing to any call.
    pub fn off() -> Self {
        let retry = retry::Config {
            attempts: 0,
            ..retry::Config::default()
        };
        Self {
            mode: Mode::Off,
            request: None,
            retry,
            breaker: None,
            ..Self::default()
        }
    }

    /// Whether it does anything to calls.
    pub fn acts(&self) -> bool {
        self.mode == Mode::Enforce
    }

    /// Each section in the mode of the whole, where that is the softer one. Other answers than the callee's are given only
    /// by a policy that acts.
    pub(super) fn in_its_mode(self) -> Self {
        match self.mode {
            Mode::Enforce => self,
            Mode::Off => Self::off(),
            Mode::Shadow => Self {
                shed: self.shed.map(Section::in_shadow),
                bulkhead: self.bulkhead.map(Section::in_shadow),
                concurrency: self.concurrency.map(Section::in_shadow),
                rates: self.rates.into_iter().map(Section::in_shadow).collect(),
                throttle: self.throttle.map(Section::in_shadow),
                breaker: self.breaker.map(Section::in_shadow),
                fallback: FallbackConfig::default(),
                ..self
            },
        }
    }

    /// Refuses what cannot work, by the field's name.
    pub fn validate(&self) -> Result<(), Invalid> {
        for (field, limit) in [("timeout.request", self.request), ("timeout.attempt", self.attempt)] {
            ensure(
                limit != Some(Duration::ZERO),
                field,
                "0s",
                "more than 0s; leave it out for no limit",
            )?;
        }
        each(self.shed.as_ref(), adaptive::ShedderConfig::validate)?;
        each(self.bulkhead.as_ref(), bulkhead::Config::validate)?;
        each(self.concurrency.as_ref(), adaptive::Config::validate)?;
        each(&self.rates, RateConfig::validate)?;
        self.retry.validate()?;
        self.budget.validate()?;
        self.hedge.as_ref().map_or(Ok(()), hedge::Config::validate)?;
        each(self.throttle.as_ref(), throttle::Config::validate)?;
        each(self.breaker.as_ref(), breaker::Config::validate)
    }

    /// How long an attempt must have run before being cut off speaks against the callee: half of what the policy gives one
    /// attempt, or of the default where it sets no limit.
    pub(super) fn patience(&self) -> Duration {
        self.attempt.or(self.request).unwrap_or(REQUEST) / 2
    }

    /// How many calls may wait for the bulkhead.
    pub(super) fn bulkhead_queue(&self) -> u32 {
        self.bulkhead.as_ref().map_or(0, |section| section.config.max_queue)
    }
}

impl<C> Section<C> {
    fn in_shadow(self) -> Self {
        Self { shadow: true, ..self }
    }
}

fn each<'a, C: 'a>(
    sections: impl IntoIterator<Item = &'a Section<C>>,
    validate: impl Fn(&C) -> Result<(), Invalid>,
) -> Result<(), Invalid> {
    sections.into_iter().try_for_each(|section| validate(&section.config))
}

/// A section that is written and not switched off.
fn section<S, C>(policy: &Policy, section: Option<&S>, read: impl Fn(&S) -> (Option<Mode>, C)) -> Option<Section<C>> {
    let (mode, config) = read(section?);
    enabled(policy.mode.and(mode), config)
}

fn enabled<C>(mode: Mode, config: C) -> Option<Section<C>> {
    let shadow = mode == Mode::Shadow;
    (mode != Mode::Off).then_some(Section { config, shadow })
}

/// `0s` switches a limit off.
fn limit(given: Option<Duration>, default: Option<Duration>) -> Option<Duration> {
    given.or(default).filter(|limit| !limit.is_zero())
}

fn retry_config(retry: &policy::Retry) -> retry::Config {
    let default = retry::Config::default();
    let backoff = retry.backoff.map(|backoff| Backoff {
        base: backoff.base,
        max: backoff.max,
    });
    retry::Config {
        attempts: retry.attempts,
        backoff: backoff.unwrap_or(default.backoff),
        max_retry_after: retry.max_retry_after.unwrap_or(default.max_retry_after),
    }
}

fn budget_config(retry: Option<&policy::Retry>) -> retry::BudgetConfig {
    let default = retry::BudgetConfig::default();
    let budget = retry.and_then(|retry| retry.budget);
    budget.map_or(default, |budget| retry::BudgetConfig {
        ratio: budget.ratio,
        min_per_second: budget.min_per_second,
        ..default
    })
}

fn hedge_config(hedge: &policy::Hedge) -> hedge::Config {
    hedge::Config {
        quantile: hedge.quantile,
        min_samples: hedge.min_samples,
        min_delay: hedge.min_delay,
        max_delay: hedge.max_delay,
        max_hedges: hedge.max_hedges,
        ..hedge::Config::default()
    }
}

fn shed_config(shed: &policy::Shed) -> adaptive::ShedderConfig {
    adaptive::ShedderConfig {
        cpu: shed.cpu,
        ..adaptive::ShedderConfig::default()
    }
}

fn bulkhead_config(bulkhead: &policy::Bulkhead) -> bulkhead::Config {
    bulkhead::Config {
        max_in_flight: bulkhead.max_in_flight,
        max_queue: bulkhead.max_queue,
        max_wait: bulkhead.max_wait.unwrap_or(MAX_WAIT),
    }
}

fn concurrency_config(concurrency: &policy::Concurrency) -> adaptive::Config {
    let default = adaptive::Config::default();
    let initial = concurrency.initial.unwrap_or(default.initial);
    adaptive::Config {
        algorithm: match concurrency.algorithm {
            policy::ConcurrencyAlgorithm::Adaptive => adaptive::Algorithm::Adaptive,
            policy::ConcurrencyAlgorithm::Vegas => adaptive::Algorithm::Vegas,
            policy::ConcurrencyAlgorithm::Gradient => adaptive::Algorithm::Gradient,
        },
        min: concurrency.min,
        max: concurrency.max,
        initial: initial.clamp(concurrency.min, concurrency.max.max(concurrency.min)),
        ..default
    }
}

fn throttle_config(throttle: &policy::Throttle) -> throttle::Config {
    throttle::Config {
        k: throttle.k,
        window: throttle.window,
        min_calls: throttle.min_calls,
        ..throttle::Config::default()
    }
}

fn breaker_config(breaker: &policy::Breaker) -> breaker::Config {
    let default = breaker::Config::default();
    let rates = breaker.failure_rate.is_none() && breaker.slow_calls.is_none();
    let unsaid = rates && breaker.consecutive_failures.is_none();
    let window = match (breaker.window_calls.and_then(NonZeroU32::new), breaker.window) {
        (Some(calls), _) => breaker::Window::Calls(calls),
        (None, Some(time)) => breaker::Window::Time(time),
        (None, None) => default.window,
    };
    let most = breaker.window_calls.unwrap_or(u32::MAX).max(1);
    let open_for = breaker.open_for.unwrap_or(default.open_for);
    breaker::Config {
        window,
        min_calls: breaker.min_calls.unwrap_or(default.min_calls.min(most)),
        failure_rate: if unsaid {
            default.failure_rate
        } else {
            breaker.failure_rate
        },
        slow_calls: breaker.slow_calls.map(|slow| breaker::SlowCalls {
            slower_than: slow.slower_than,
            rate: slow.rate,
        }),
        consecutive_failures: breaker.consecutive_failures,
        open_for,
        max_open_for: breaker.max_open_for.unwrap_or(default.max_open_for.max(open_for)),
        jitter: breaker.jitter.unwrap_or(default.jitter),
        half_open_calls: breaker.half_open_calls.unwrap_or(default.half_open_calls),
        ..default
    }
}
