//! The gRPC face of the hub.

use std::net::SocketAddr;

use nines_wire::proto;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::Hub;
use super::stream::Stream;

/// The service `nines.v1.Hub`.
#[derive(Debug, Clone)]
pub struct Grpc(pub Hub);

#[tonic::async_trait]
impl proto::hub_server::Hub for Grpc {
    type SubscribeStream = ReceiverStream<Result<proto::Batch, Status>>;

    async fn subscribe(
        &self,
        request: Request<Streaming<proto::SubscribeRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let peer = request.extensions().get::<SocketAddr>().copied();
        // One batch in flight: the next is made when this one has gone, from the state of then.
        let (out, batches) = mpsc::channel(1);
        let stream = Stream::new(self.0.clone(), out, peer);
        self.0
            .0
            .tasks
            .spawn("hub-subscription", stream.run(request.into_inner()));
        Ok(Response::new(ReceiverStream::new(batches)))
    }
}
