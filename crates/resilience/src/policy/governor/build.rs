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

/// A limit goes on as the one of before that [`heirs`] finds for it.
fn rates(
    sections: &[Section<RateConfig>],
    before: Option<&Governor>,
    now: Instant,
) -> Result<Box<[Gate<Rate>]>, Invalid> {
    let (was, cores) = before.map_or((&[][..], &[][..]), |before| (&before.config.rates, &before.rates));
    let gate = |(section, place): (&Section<RateConfig>, Option<usize>)| {
        let core = match place {
            Some(place) => cores[place].core.changed(&was[place].config, &section.config, now)?,
            None => Arc::new(Rate::new(&section.config, now)?),
        };
        let shadow = section.shadow;
        Ok(Gate { core, shadow })
    };
    sections.iter().zip(heirs(was, sections)).map(gate).collect()
}

/// For each limit the place of the one of before that it goes on as: its equal; else the first of those left with the same
/// key and algorithm, since limits have no names.
fn heirs(was: &[Section<RateConfig>], sections: &[Section<RateConfig>]) -> Vec<Option<usize>> {
    let mut free = vec![true; was.len()];
    let mut take = |fits: &dyn Fn(&RateConfig) -> bool| {
        let place = (0..was.len()).find(|place| free[*place] && fits(&was[*place].config))?;
        free[place] = false;
        Some(place)
    };
    let configs = || sections.iter().map(|section| &section.config);
    let mut places: Vec<_> = configs().map(|config| take(&|was| was == config)).collect();
    for (config, place) in configs().zip(&mut places).filter(|(_, place)| place.is_none()) {
        let like = |was: &RateConfig| was.key == config.key && was.quota.algorithm == config.quota.algorithm;
        *place = take(&like);
    }
    places
}
