//! `GET /v1/events`: what happens at the centre, as it happens. The line is opened again when it breaks, with the last
//! position, so that nothing is missed; the same event twice has the same id.

pub mod stream;

use std::collections::VecDeque;
use std::time::Duration;

use siegel_api::events::Event;

use self::stream::Parser;
use crate::error::Result;
use crate::http::{Auth, Budget, Request, next_piece};
use crate::session::Session;

/// An open line. Ask [`Events::next`] again and again.
pub struct Events {
    session: Session,
    response: Option<reqwest::Response>,
    parser: Parser,
    ahead: VecDeque<Event>,
    budget: Budget,
    bridge: Duration,
}

impl Events {
    pub(crate) fn new(session: Session, after: Option<String>) -> Self {
        let bridge = session.http().config().bridge;
        let parser = Parser::after(after);
        Self { session, response: None, parser, ahead: VecDeque::new(), budget: Budget::new(bridge), bridge }
    }

    /// The position of the last event, to go on from in another process.
    pub fn position(&self) -> Option<&str> {
        self.parser.position()
    }

    /// Opens the line now and waits until the platform says where it begins: what happens after this returns is not
    /// missed, even if nobody asks for it until later or the line breaks before the first event.
    pub async fn listen(&mut self) -> Result<()> {
        while self.response.is_none() || self.parser.position().is_none() {
            if let Some(event) = self.advance().await? {
                self.ahead.push_back(event);
            }
        }
        Ok(())
    }

    /// The next event; waits for it. An error means that the budget for bridging a broken line is used up.
    pub async fn next(&mut self) -> Result<Event> {
        loop {
            if let Some(event) = self.ahead.pop_front() {
                return Ok(event);
            }
            if let Some(event) = self.advance().await? {
                return Ok(event);
            }
        }
    }

    /// One step: an event that is there already, the next piece, or the next line.
    async fn advance(&mut self) -> Result<Option<Event>> {
        if let Some(event) = self.parser.next()? {
            self.budget = Budget::new(self.bridge);
            return Ok(Some(event));
        }
        let piece = match &mut self.response {
            Some(response) => next_piece(response).await,
            None => {
                self.response = Some(self.open().await?);
                return Ok(None);
            }
        };
        match piece {
            Ok(Some(piece)) => self.parser.push(&piece)?,
            // The server ends each stream when it shuts down: open the next one.
            Ok(None) => self.broken("the stream ended".to_owned()).await?,
            Err(interrupted) => self.broken(interrupted.0).await?,
        }
        Ok(None)
    }

    async fn broken(&mut self, what: String) -> Result<()> {
        self.response = None;
        self.parser.forget_half();
        let error = self.session.http().interrupted(crate::http::Interrupted(what));
        self.session.http().wait_or(&mut self.budget, error, true).await
    }

    async fn open(&mut self) -> Result<reqwest::Response> {
        let mut request =
            Request::new("GET /v1/events", &[], Auth::Session(&self.session)).header("accept", "text/event-stream");
        if let Some(id) = self.parser.position() {
            request = request.header("last-event-id", id);
        }
        self.session.http().send(&request).await
    }
}
