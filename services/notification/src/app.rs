//! Everything notification consists of, in one list: routes and workers. It has no gRPC yet.

use std::ops::Deref;
use std::sync::Arc;

use siegel_platform::Ctx;
use siegel_platform::log::News;
use siegel_platform::worker::Worker;
use utoipa_axum::router::OpenApiRouter;

use crate::api;
use crate::config::NotificationConfig;
use crate::hub::Hub;

/// Notification. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// What notification's parts share.
pub struct Inner {
    /// The platform.
    pub ctx: Ctx,
    /// Who listens.
    pub hub: Arc<Hub>,
    /// What the services committed.
    pub news: News,
}

impl Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Notification on this platform.
    pub fn new(ctx: Ctx, config: NotificationConfig) -> Self {
        let hub = Hub::new(config, &ctx.metrics);
        let news = ctx.log.subscribe();
        Self(Arc::new(Inner { ctx, hub, news }))
    }

    /// The public routes.
    pub fn rest(&self) -> OpenApiRouter {
        api::routes().with_state(self.clone())
    }

    /// The background work.
    pub fn workers(&self) -> Vec<Worker> {
        let app = self.clone();
        let wake = Worker::new("notification.wake", 30_000, move || {
            let app = app.clone();
            async move { Ok::<_, std::convert::Infallible>(app.hub.pass_on(&app.news)) }
        });
        self.ctx.log.wake(wake.waker());
        vec![wake]
    }
}
