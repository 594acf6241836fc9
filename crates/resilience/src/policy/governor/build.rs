//! Builds the cores, anew or from those of the policy before.

use std::sync::Arc;
use std::time::Instant;

use super::{Gate, Governor};
use crate::adaptive::{Limiter, Shedder};
use crate::breaker::Breaker;
use crate::bulkhead::Bulkhead;
use crate::hedge::Hedge;
use crate::policy::rate::Rate;
use crate::policy::{Config, RateConfig, Section};
use crate::retry::Budget;
use crate::throttle::Throttle;
use crate::{Invalid, Name};

impl Governor {
    /// `config` was validated.
    pub(super) fn build(name: Name, config: Config, before: Option<&Self>, now: Instant) -> Result<Self, Invalid> {
        let was = before.map(|before| &before.config);
        Ok(Self {
            shed: gate(
                config.shed.as_ref(),
                before.and_then(|b| Some((b.config.shed.as_ref()?, b.shed.as_ref()?))),
                |config| Shedder::new(*config, now),
            )?,
            bulkhead: bulkhead(&config, before)?,
            concurrency: gate(
                config.concurrency.as_ref(),
                before.and_then(|b| Some((b.config.concurrency.as_ref()?, b.concurrency.as_ref()?))),
                |config| Limiter::new(*config, now),
            )?,
            rates: rates(&config.rates, before, now)?,
            budget: match before {
                Some(before) if before.config.budget == config.budget => before.budget.clone(),
                _ => Arc::new(Budget::new(config.budget, now)?),
            },
            hedge: match (before.and_then(|before| before.hedge.clone()), config.hedge) {
                (_, None) => None,
                (Some(hedge), Some(_)) if was.and_then(|was| was.hedge) == config.hedge => Some(hedge),
                (_, Some(hedge)) => Some(Arc::new(Hedge::new(hedge, now)?)),
            },
            throttle: gate(
                config.throttle.as_ref(),
                before.and_then(|b| Some((b.config.throttle.as_ref()?, b.throttle.as_ref()?))),
                |config| Throttle::new(*config, now),
            )?,
            breaker: gate(
                config.breaker.as_ref(),
                before.and_then(|b| Some((b.config.breaker.as_ref()?, b.breaker.as_ref()?))),
                |config| Breaker::new(*config, now),
            )?,
            beside: before.map(|before| before.beside.clone()).unwrap_or_default(),
            counts: before.map(|before| before.counts.clone()).unwrap_or_default(),
            name,
            config,
        })
    }
}

/// The core of before if its configuration is the same, else a new one.
fn gate<K: PartialEq, C>(
    section: Option<&Section<K>>,
    before: Option<(&Section<K>, &Gate<C>)>,
    build: impl FnOnce(&K) -> Result<C, Invalid>,
) -> Result<Option<Gate<C>>, Invalid> {
    let Some(section) = section else { return Ok(None) };
    let core = match before {
        Some((was, gate)) if was.config == section.config => gate.core.clone(),
        _ => Arc::new(build(&section.config)?),
    };
    Ok(Some(Gate {
        core,
        shadow: section.shadow,
    }))
}

/// A bulkhead takes new bounds while calls are in it.
fn bulkhead(config: &Config, before: Option<&Governor>) -> Result<Option<Gate<Bulkhead>>, Invalid> {
    let Some(section) = &config.bulkhead else {
        return Ok(None);
    };
    let Some(gate) = before.and_then(|before| before.bulkhead.as_ref()) else {
        let core = Bulkhead::new(section.config)?;
        return Ok(Some(Gate::new(core, section.shadow)));
    };
    gate.core.set_limits(section.config)?;
    Ok(Some(Gate {
        core: gate.core.clone(),
        shadow: section.shadow,
    }))
}

/// The limits are told apart by their key and their place among those of the same key.
fn rates(
    sections: &[Section<RateConfig>],
    before: Option<&Governor>,
    now: Instant,
) -> Result<Box<[Gate<Rate>]>, Invalid> {
    let gate = |(index, section): (usize, &Section<RateConfig>)| {
        let nth = sections[..index]
            .iter()
            .filter(|other| other.config.key == section.config.key)
            .count();
        let core = match before.and_then(|before| rate_before(before, section, nth)) {
            Some((was, rate)) => rate.changed(&was.config, &section.config, now)?,
            None => Arc::new(Rate::new(&section.config, now)?),
        };
        Ok(Gate {
            core,
            shadow: section.shadow,
        })
    };
    sections.iter().enumerate().map(gate).collect()
}

fn rate_before<'g>(
    before: &'g Governor,
    section: &Section<RateConfig>,
    nth: usize,
) -> Option<(&'g Section<RateConfig>, &'g Arc<Rate>)> {
    let all = before.config.rates.iter().zip(&before.rates);
    let mut same = all.filter(|(was, _)| was.config.key == section.config.key);
    same.nth(nth).map(|(was, gate)| (was, &gate.core))
}
