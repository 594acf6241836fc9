//! A server in this process and clients of it.

use std::path::Path;
use std::time::Duration;

use nines_base::Clock;
use nines_model::{InstanceKey, InstanceState, Interest, Port, Registration, ServiceKey};
use nines_runtime::{Health, Tasks};
use nines_wire::convert::{Subscribe, change_from_proto, key_to_proto, registration_to_proto};
use nines_wire::proto::session_request::Message as Ask;
use nines_wire::proto::session_response::Message as Answer;
use nines_wire::proto::subscribe_request::Message as Tell;
use nines_wire::proto::{self, hub_client::HubClient, registry_client::RegistryClient};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};

use crate::server::Process;
use crate::{Config, Hub, Registry, Server};

/// Long enough for a loaded machine; a test that works never waits for it.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Running {
    pub(super) process: Process,
    pub(super) hub: Hub,
    registry: Registry,
    pub(super) address: std::net::SocketAddr,
}

pub(super) fn process() -> Process {
    Process {
        clock: Clock::system(),
        health: Health::new(),
        metrics: nines_runtime::Registry::new(),
        tasks: Tasks::new(),
    }
}

pub(super) fn config(dir: &Path) -> Config {
    let mut config = Config::new("127.0.0.1:0".parse().unwrap(), dir);
    config.grace = Duration::from_secs(1);
    config
}

pub(super) async fn start(dir: &Path) -> Running {
    start_with(config(dir)).await
}

pub(super) async fn start_with(config: Config) -> Running {
    let process = process();
    let server = Server::bind(config, process.clone()).await.unwrap();
    let running = Running {
        address: server.local_addr(),
        hub: server.hub().clone(),
        registry: server.registry().clone(),
        process: process.clone(),
    };
    drop(process.tasks.spawn("server", server.serve()));
    running
}

impl Running {
    pub(super) async fn stop(self) {
        let report = self.process.tasks.drain(PATIENCE).await;
        assert!(report.aborted.is_empty(), "{report:?}");
    }

    pub(super) fn registry(&self) -> Registry {
        self.registry.clone()
    }

    pub(super) async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.connect().await.unwrap()
    }

    pub(super) async fn session(&self, resume: &str, ttl: Duration) -> Session {
        let (ask, asks) = mpsc::channel(20_000);
        let hello = proto::Hello {
            session: resume.into(),
            ttl_ms: ttl.as_millis() as u64,
            client: "test".into(),
        };
        send(&ask, Ask::Hello(hello)).await;
        let mut client = RegistryClient::new(self.channel().await);
        let answers = client.session(ReceiverStream::new(asks)).await.unwrap().into_inner();
        let mut session = Session {
            id: String::new(),
            ask,
            answers,
        };
        match session.next().await {
            Answer::Welcome(welcome) => session.id = welcome.session,
            other => panic!("no welcome but {other:?}"),
        }
        session
    }

    pub(super) async fn subscribe(&self, interest: Interest, resume_from: u64) -> Subscription {
        self.resume(interest, resume_from, None).await
    }

    /// As somebody who has applied `resume_from` of `history`.
    pub(super) async fn resume(
        &self,
        interest: Interest,
        resume_from: u64,
        history: Option<proto::History>,
    ) -> Subscription {
        let (tell, tells) = mpsc::channel(100);
        let mut client = HubClient::new(self.channel().await);
        let subscribe = Subscribe {
            subscriber: "test".into(),
            interest,
            resume_from,
            history,
            ..Subscribe::default()
        };
        let message = Some(Tell::Interest(subscribe.to_proto()));
        tell.send(proto::SubscribeRequest { message }).await.unwrap();
        let batches = client.subscribe(ReceiverStream::new(tells)).await.unwrap().into_inner();
        Subscription {
            tell,
            batches,
            catalog: Default::default(),
        }
    }
}

pub(super) struct Session {
    pub(super) id: String,
    pub(super) ask: mpsc::Sender<proto::SessionRequest>,
    answers: tonic::Streaming<proto::SessionResponse>,
}

pub(super) async fn send(ask: &mpsc::Sender<proto::SessionRequest>, message: Ask) {
    let message = Some(message);
    ask.send(proto::SessionRequest { message }).await.unwrap();
}

impl Session {
    pub(super) async fn next(&mut self) -> Answer {
        let answer = tokio::time::timeout(PATIENCE, self.answers.message()).await;
        answer.expect("an answer in time").unwrap().unwrap().message.unwrap()
    }

    pub(super) async fn ended(&mut self) -> Option<tonic::Status> {
        let end = tokio::time::timeout(PATIENCE, self.answers.message()).await;
        end.expect("an end in time").err()
    }

    pub(super) async fn register(&mut self, key: &InstanceKey, state: InstanceState) -> Answer {
        let register = proto::Register {
            id: Some(key_to_proto(key)),
            registration: Some(registration_to_proto(&registration(state))),
        };
        send(&self.ask, Ask::Register(register)).await;
        self.next().await
    }

    pub(super) async fn heartbeat(&mut self) -> Answer {
        send(&self.ask, Ask::Heartbeat(proto::Heartbeat {})).await;
        self.next().await
    }

    pub(super) async fn deregister(&mut self, key: &InstanceKey) -> Answer {
        let id = Some(key_to_proto(key));
        send(&self.ask, Ask::Deregister(proto::Deregister { id })).await;
        self.next().await
    }

    pub(super) async fn drain(&self, key: &InstanceKey, deadline: Duration) {
        let drain = proto::Drain {
            id: Some(key_to_proto(key)),
            deadline_ms: deadline.as_millis() as u64,
        };
        send(&self.ask, Ask::Drain(drain)).await;
    }
}

pub(super) struct Subscription {
    tell: mpsc::Sender<proto::SubscribeRequest>,
    batches: tonic::Streaming<proto::Batch>,
    pub(super) catalog: nines_model::Catalog,
}

impl Subscription {
    /// The next batch, applied.
    pub(super) async fn next(&mut self) -> proto::Batch {
        let batch = tokio::time::timeout(PATIENCE, self.batches.message()).await;
        let batch = batch.expect("a batch in time").unwrap().unwrap();
        if batch.full {
            self.catalog = Default::default();
        }
        assert!(batch.revision >= self.catalog.revision, "the revision went back");
        self.catalog.revision = batch.revision;
        for change in batch.changes.clone() {
            self.catalog.apply(change_from_proto(change).unwrap());
        }
        batch
    }

    /// Applies batches until the catalog is as wanted.
    pub(super) async fn until(&mut self, wanted: impl Fn(&nines_model::Catalog) -> bool) {
        while !wanted(&self.catalog) {
            self.next().await;
        }
    }

    pub(super) async fn ack(&self, revision: u64) {
        self.answer(revision, Vec::new()).await;
    }

    pub(super) async fn answer(&self, revision: u64, verdicts: Vec<proto::ConfigVerdict>) {
        let message = Some(Tell::Ack(proto::Ack { revision, verdicts }));
        self.tell.send(proto::SubscribeRequest { message }).await.unwrap();
    }

    pub(super) async fn replace(&self, interest: Interest) {
        let subscribe = Subscribe {
            subscriber: "test".into(),
            interest,
            ..Subscribe::default()
        };
        let message = Some(Tell::Interest(subscribe.to_proto()));
        self.tell.send(proto::SubscribeRequest { message }).await.unwrap();
    }

    pub(super) fn state(&self, key: &InstanceKey) -> Option<InstanceState> {
        state(&self.catalog, key)
    }
}

pub(super) fn state(catalog: &nines_model::Catalog, key: &InstanceKey) -> Option<InstanceState> {
    Some(catalog.instances.get(&key.service)?.get(&key.id)?.state)
}

pub(super) fn orders() -> ServiceKey {
    ServiceKey::new("shop", "orders")
}

pub(super) fn instance(id: u32) -> InstanceKey {
    InstanceKey::new(orders(), id.to_string())
}

pub(super) fn in_orders() -> Interest {
    Interest {
        services: [orders()].into(),
        ..Interest::default()
    }
}

pub(super) fn registration(state: InstanceState) -> Registration {
    Registration {
        address: "10.0.0.7".parse().unwrap(),
        ports: vec![Port {
            name: "http".into(),
            number: 8080,
            protocol: Default::default(),
        }],
        labels: Default::default(),
        weight: 100,
        state,
    }
}
