//! For tests in paused time: somebody who answers in the network's place. Sockets know no paused time.

use std::{fmt, sync::Arc};

use crate::auth::BoxFuture;

use super::{Bearer, Http, NoReply, Reply, Url};

/// A request as it would go out.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) url: Url,
    pub(crate) bearer: Option<String>,
}

type Answering = dyn Fn(Sent) -> BoxFuture<Result<Reply, NoReply>> + Send + Sync;

#[derive(Clone)]
pub(super) struct Model(Arc<Answering>);

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Model")
    }
}

impl Model {
    pub(super) async fn answer(&self, url: Url, bearer: Option<&Bearer>) -> Result<Reply, NoReply> {
        let header = |Bearer(value): &Bearer| value.to_str().map(str::to_owned).ok();
        let bearer = bearer.and_then(header);
        (self.0)(Sent { url, bearer }).await
    }
}

impl Http {
    /// This client, with all that it sends answered here.
    pub(crate) fn modelled(
        &self,
        answer: impl Fn(Sent) -> BoxFuture<Result<Reply, NoReply>> + Send + Sync + 'static,
    ) -> Self {
        let model = Some(Model(Arc::new(answer)));
        Self {
            model,
            ..self.clone()
        }
    }
}
