//! The gRPC face of sessions.

use nines_wire::proto;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::Sessions;
use super::stream::Stream;

/// Answers on their way to a client. One that does not read them is closed after its time to live.
const IN_FLIGHT: usize = 64;

/// The service `nines.v1.Registry`.
#[derive(Debug, Clone)]
pub struct Grpc(pub Sessions);

#[tonic::async_trait]
impl proto::registry_server::Registry for Grpc {
    type SessionStream = ReceiverStream<Result<proto::SessionResponse, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<proto::SessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let (out, answers) = mpsc::channel(IN_FLIGHT);
        let stream = Stream::new(self.0.clone(), out);
        self.0.0.tasks.spawn("session", stream.run(request.into_inner()));
        Ok(Response::new(ReceiverStream::new(answers)))
    }
}
