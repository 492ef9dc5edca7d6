//! The gate of a command: this process's own, or one that shares its rate with others.

use crate::{
    config::PaceSettings,
    error::AppError,
    http::Url,
    rate_store::{RateStoreError, RateStoreSettings},
    shard::Shard,
    throttle::{Granted, Store, Throttle},
};

/// The gate, of one of the shards or of the only one.
pub(super) async fn throttle(
    pace: &PaceSettings,
    base: &Url,
    shard: Option<Shard>,
) -> Result<Throttle, AppError> {
    let Some(settings) = &pace.rate_store else {
        return Ok(Throttle::new(pace.throttle));
    };
    let parts = shard.map_or(1, Shard::count);
    let (store, met) = meet(settings, base, pace).await?;
    let first = match met {
        Ok(granted) => Some(granted),
        // Alone it would go by the whole rate, and so would all others.
        Err(error) if parts == 1 => return Err(error.into()),
        Err(error @ RateStoreError::Away { .. }) => {
            tracing::warn!(
                "{error}; going on at this shard's part, 1/{parts} of --rate, until it does"
            );
            None
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Throttle::shared(pace.throttle, store, parts, first))
}

type Met = (Store, Result<Granted, RateStoreError>);

/// The store, and what it says at first.
#[cfg(feature = "shared-limit")]
async fn meet(
    settings: &RateStoreSettings,
    base: &Url,
    pace: &PaceSettings,
) -> Result<Met, RateStoreError> {
    let process = uuid::Uuid::now_v7().to_string();
    let store =
        crate::rate_store::RateStore::new(settings, base.as_str(), &process, pace.throttle.rate)?;
    let first = store.ask(crate::throttle::Ask::NOTHING).await;
    Ok((store.way(), first))
}

#[cfg(not(feature = "shared-limit"))]
async fn meet(_: &RateStoreSettings, _: &Url, _: &PaceSettings) -> Result<Met, RateStoreError> {
    Err(RateStoreError::NotBuilt)
}
