//! The listening sockets of all workers: which are open, and how a configuration gets those that it wants.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use nines_runtime::Health;
use parking_lot::Mutex;

use crate::Error;
use crate::listener::{Claim, SocketId};
use crate::snapshot::{ListenerId, ListenerPlan};
use crate::worker::{Command, Commands};

/// The name of the check at `/readyz`.
const CHECK: &str = "listeners";

/// What is open now.
#[derive(Debug)]
pub(crate) struct Sockets {
    workers: Vec<Commands>,
    health: Health,
    listening: ArcSwap<BTreeMap<SocketId, Bound>>,
    /// Why listeners were not open when that was last logged: what is tried again and again is told once.
    told: Mutex<Vec<String>>,
}

/// A listener that has its sockets.
#[derive(Debug, Clone)]
struct Bound {
    id: ListenerId,
    address: SocketAddr,
}

/// The sockets of a configuration that is about to come into force. Nobody has noticed them yet.
#[derive(Debug)]
pub(crate) struct Claims(Vec<Wanted>);

#[derive(Debug)]
struct Wanted {
    socket: SocketId,
    id: ListenerId,
    got: Got,
}

#[derive(Debug)]
enum Got {
    /// It is open already.
    Open(SocketAddr),
    Claimed(Claim),
    Taken(Error),
}

impl Sockets {
    pub(crate) fn new(health: Health, workers: Vec<Commands>) -> Self {
        health.not_ready(CHECK, "no configuration yet");
        Self {
            workers,
            health,
            listening: ArcSwap::default(),
            told: Mutex::default(),
        }
    }

    /// Names and addresses of the listeners that are open.
    pub(crate) fn open(&self) -> Vec<(String, SocketAddr)> {
        let listening = self.listening.load();
        listening
            .values()
            .map(|bound| (bound.id.to_string(), bound.address))
            .collect()
    }

    /// Binds what these listeners need and is not open yet.
    pub(crate) fn claim(&self, plans: &[Arc<ListenerPlan>]) -> Claims {
        let listening = self.listening.load();
        let mut held: Vec<SocketAddr> = listening.values().map(|bound| bound.address).collect();
        let mut claims = Vec::new();
        for plan in plans {
            let socket = SocketId::of(plan);
            let got = match listening.get(&socket) {
                Some(bound) => Got::Open(bound.address),
                None => self.claim_one(plan.address, &mut held),
            };
            let id = plan.id.clone();
            claims.push(Wanted { socket, id, got });
        }
        Claims(claims)
    }

    fn claim_one(&self, address: SocketAddr, held: &mut Vec<SocketAddr>) -> Got {
        match Claim::new(address, self.workers.len(), held.iter().copied()) {
            Ok(claim) => {
                held.push(claim.address);
                Got::Claimed(claim)
            }
            Err(source) => Got::Taken(Error::Listen { address, source }),
        }
    }

    /// Opens what was claimed, then closes what nobody claims any more. The first error is given, all are shown.
    pub(crate) fn take(&self, claims: Claims) -> Option<Error> {
        let former = self.listening.load_full();
        let mut listening = BTreeMap::new();
        let mut errors = Vec::new();
        for Wanted { socket, id, got } in claims.0 {
            let opened = match got {
                Got::Open(address) => Ok(address),
                Got::Claimed(claim) => self.listen(&socket, &id, claim),
                Got::Taken(error) => Err(error),
            };
            match opened {
                Ok(address) => {
                    listening.insert(socket, Bound { id, address });
                }
                Err(error) => errors.push(error),
            }
        }
        for gone in former.keys().filter(|socket| !listening.contains_key(socket)) {
            self.send(|| Command::Unlisten(gone.clone()));
        }
        let open = listening.len();
        self.listening.store(Arc::new(listening));
        self.tell(open, errors)
    }

    fn listen(&self, socket: &SocketId, id: &ListenerId, claim: Claim) -> Result<SocketAddr, Error> {
        let address = claim.address;
        let sockets = claim.listen().map_err(|source| Error::Listen { address, source })?;
        for (worker, listener) in self.workers.iter().zip(sockets) {
            worker.send(Command::Listen(socket.clone(), listener));
        }
        tracing::info!(listener = %id, %address, "listening");
        Ok(address)
    }

    fn send(&self, command: impl Fn() -> Command) {
        self.workers.iter().for_each(|worker| worker.send(command()));
    }

    fn tell(&self, open: usize, errors: Vec<Error>) -> Option<Error> {
        let reasons: Vec<String> = errors.iter().map(Error::to_string).collect();
        if !reasons.is_empty() {
            self.health.not_ready(CHECK, reasons.join("; "));
        } else if open == 0 {
            self.health
                .not_ready(CHECK, "the configuration has no Gateway of class nines with a listener");
        } else {
            self.health.ready(CHECK);
        }
        let mut told = self.told.lock();
        for error in reasons.iter().filter(|reason| !told.contains(reason)) {
            tracing::error!(%error, "a listener is not open");
        }
        *told = reasons;
        errors.into_iter().next()
    }
}

impl Claims {
    /// Why a listener that is not among those `in_force` cannot be opened, if there is such a one.
    pub(crate) fn take_error_of_new(&mut self, in_force: &[Arc<ListenerPlan>]) -> Option<Error> {
        let is_new = |socket: &SocketId| in_force.iter().all(|plan| SocketId::of(plan) != *socket);
        let is_taken = |wanted: &Wanted| matches!(wanted.got, Got::Taken(_)) && is_new(&wanted.socket);
        let place = self.0.iter().position(is_taken)?;
        match self.0.swap_remove(place).got {
            Got::Taken(error) => Some(error),
            Got::Open(_) | Got::Claimed(_) => None,
        }
    }
}
