//! A control plane for tests: hands each stream to the test, which answers as it likes.

use std::pin::Pin;

use nines_runtime::Tasks;
use nines_wire::proto::hub_server::{Hub, HubServer};
use nines_wire::proto::registry_server::{Registry, RegistryServer};
use nines_wire::proto::{self, session_request, session_response, subscribe_request};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

/// Both services; a stream nobody asked for is refused.
#[derive(Debug, Default)]
pub(crate) struct Control {
    sessions: Option<mpsc::Sender<SessionEnd>>,
    subscriptions: Option<mpsc::Sender<HubEnd>>,
}

/// The control plane's end of a stream. Dropping it ends the stream.
#[derive(Debug)]
pub(crate) struct End<In, Out> {
    requests: Streaming<In>,
    answers: mpsc::Sender<Result<Out, Status>>,
}

pub(crate) type SessionEnd = End<proto::SessionRequest, proto::SessionResponse>;
pub(crate) type HubEnd = End<proto::SubscribeRequest, proto::Batch>;
type Answers<Out> = Pin<Box<dyn Stream<Item = Result<Out, Status>> + Send>>;

impl Control {
    pub(crate) fn sessions(&mut self) -> mpsc::Receiver<SessionEnd> {
        let (send, receive) = mpsc::channel(16);
        self.sessions = Some(send);
        receive
    }

    pub(crate) fn subscriptions(&mut self) -> mpsc::Receiver<HubEnd> {
        let (send, receive) = mpsc::channel(16);
        self.subscriptions = Some(send);
        receive
    }
}

/// Serves on a free port; gives its address.
pub(crate) async fn serve(control: Control, tasks: &Tasks) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    let registry = Accept { ends: control.sessions };
    let hub = Accept {
        ends: control.subscriptions,
    };
    let server = Server::builder()
        .add_service(RegistryServer::new(registry))
        .add_service(HubServer::new(hub));
    let serving = server.serve_with_incoming(TcpListenerStream::new(listener));
    tasks.spawn("test control plane", async move { serving.await.expect("it serves") });
    format!("http://{address}")
}

#[derive(Debug)]
struct Accept<E> {
    ends: Option<mpsc::Sender<E>>,
}

impl<In, Out: Send + 'static> Accept<End<In, Out>> {
    async fn accept(&self, request: Request<Streaming<In>>) -> Result<Response<Answers<Out>>, Status> {
        let ends = self
            .ends
            .as_ref()
            .ok_or_else(|| Status::unimplemented("not in this test"))?;
        let (answers, stream) = mpsc::channel(16);
        let end = End {
            requests: request.into_inner(),
            answers,
        };
        ends.send(end)
            .await
            .map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}

#[tonic::async_trait]
impl Registry for Accept<SessionEnd> {
    type SessionStream = Answers<proto::SessionResponse>;

    async fn session(
        &self,
        request: Request<Streaming<proto::SessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        self.accept(request).await
    }
}

#[tonic::async_trait]
impl Hub for Accept<HubEnd> {
    type SubscribeStream = Answers<proto::Batch>;

    async fn subscribe(
        &self,
        request: Request<Streaming<proto::SubscribeRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        self.accept(request).await
    }
}

impl SessionEnd {
    pub(crate) async fn say(&self, message: session_response::Message) {
        let response = proto::SessionResponse { message: Some(message) };
        self.answers.send(Ok(response)).await.expect("the client listens");
    }

    /// The kind of the next message; nothing when the stream is lost.
    pub(crate) async fn hear(&mut self) -> Option<&'static str> {
        Some(match self.requests.message().await.ok()??.message? {
            session_request::Message::Hello(_) => "hello",
            session_request::Message::Heartbeat(_) => "heartbeat",
            session_request::Message::Register(_) => "register",
            session_request::Message::Deregister(_) => "deregister",
            session_request::Message::Drain(_) => "drain",
        })
    }

    pub(crate) async fn hear_but_heartbeats(&mut self) -> Option<&'static str> {
        loop {
            match self.hear().await {
                Some("heartbeat") => {}
                other => return other,
            }
        }
    }
}

impl HubEnd {
    pub(crate) async fn say(&self, batch: proto::Batch) {
        self.answers.send(Ok(batch)).await.expect("the client listens");
    }

    pub(crate) async fn hear(&mut self) -> Option<subscribe_request::Message> {
        self.requests.message().await.ok()??.message
    }

    /// The next interest, skipping acknowledgements.
    pub(crate) async fn interest(&mut self) -> proto::Interest {
        loop {
            match self.hear().await.expect("the stream lives") {
                subscribe_request::Message::Interest(interest) => return interest,
                subscribe_request::Message::Ack(_) => {}
            }
        }
    }
}
