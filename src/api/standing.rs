//! Whether the service lets this program in at all.
//!
//! A 403 on a good token is about the user or about the program's permission, and nothing in it
//! says which. Once anything has succeeded it is the user's. Until then the sender is in doubt:
//! nothing new is sent, the requests under way may answer, and if none of them succeeds the
//! permission is missing.

use tokio::sync::watch;

#[derive(Debug, Default)]
struct State {
    accepted: bool,
    under_way: usize,
    doubts: usize,
}

impl State {
    const fn doubted(&self) -> bool {
        self.doubts > 0 && !self.accepted
    }
}

/// What the answers so far say.
#[derive(Debug, Default)]
pub(super) struct Standing(watch::Sender<State>);

impl Standing {
    /// Ends as soon as nothing stands against sending.
    pub(super) async fn clear(&self) {
        if !self.doubted() {
            return;
        }
        let mut state = self.0.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = state.wait_for(|state| !state.doubted()).await;
    }

    /// Whether new requests should wait.
    pub(super) fn doubted(&self) -> bool {
        self.0.borrow().doubted()
    }

    /// A request goes out; it counts as under way until the guard is dropped.
    pub(super) fn under_way(&self) -> UnderWay<'_> {
        self.0.send_if_modified(|state| {
            state.under_way += 1;
            // Nobody waits for more.
            false
        });
        UnderWay(self)
    }

    /// The service let a request through.
    pub(super) fn accept(&self) {
        self.0
            .send_if_modified(|state| !std::mem::replace(&mut state.accepted, true));
    }

    /// A request was forbidden. True where another one was, or while we wait is, let through:
    /// then it is about the user. False where nothing was: then it is about the program.
    pub(super) async fn is_about_the_user(&self) -> bool {
        self.0.send_modify(|state| state.doubts += 1);
        let mut state = self.0.subscribe();
        let settled = state.wait_for(|state| state.accepted || state.under_way == 0);
        let accepted = settled.await.is_ok_and(|state| state.accepted);
        if accepted {
            self.0.send_modify(|state| state.doubts -= 1);
        }
        accepted
    }
}

/// A request under way.
pub(super) struct UnderWay<'a>(&'a Standing);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.0.send_if_modified(|state| {
            state.under_way -= 1;
            state.under_way == 0 && state.doubts > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Standing;

    #[tokio::test]
    async fn a_success_under_way_makes_it_the_users() {
        let standing = Arc::new(Standing::default());
        let other = standing.under_way();
        let doubt = tokio::spawn({
            let standing = Arc::clone(&standing);
            async move { standing.is_about_the_user().await }
        });
        tokio::task::yield_now().await;
        assert!(standing.doubted() && !doubt.is_finished());
        standing.accept();
        drop(other);
        assert!(doubt.await.expect("the doubt ends"));
        standing.clear().await;
    }

    #[tokio::test]
    async fn nothing_let_through_makes_it_the_programs() {
        let standing = Standing::default();
        drop(standing.under_way());
        assert!(!standing.is_about_the_user().await);
        assert!(standing.doubted(), "nothing more may be sent");
    }
}
