//! Lists with names: what the server lists, opened with the centre's keys and compared with the roster.

use siegel_api::members::{Device, DevicePage, Member, MemberPage, PatchSender, ReturnReport, Sender, SenderPage};
use siegel_api::page::PageQuery;
use siegel_crypto::{EpochRing, label};
use siegel_domain::{Principal, Role, SenderId};
use zeroize::Zeroizing;

use crate::directory::Directory;
use crate::error::{Error, Result};
use crate::http::Request;
use crate::session::Session;

/// Pages that one list is willing to read.
const PAGES: usize = 1_000;

/// Something the server lists, with the name that it can't read.
#[derive(Debug, Clone)]
pub struct Named<T> {
    /// What the server says.
    pub item: T,
    /// The sealed name, opened; none if there is none or it does not open.
    pub name: Option<Zeroizing<String>>,
    /// Whether the verified roster lists it.
    pub in_roster: bool,
}

/// A member with a name.
pub type NamedMember = Named<Member>;
/// A sender with a name.
pub type NamedSender = Named<Sender>;

impl Session {
    /// The members of the centre.
    pub async fn members(&self) -> Result<Vec<NamedMember>> {
        let items: Vec<Member> =
            self.pages("GET /v1/members", |page: MemberPage| (page.items, page.next_page_token)).await?;
        let (ring, directory) = (self.ring().await?, self.refresh_directory().await?);
        let listed = |id| directory.roster().members().contains_key(&id);
        Ok(items
            .into_iter()
            .map(|item| Named {
                name: open_name(&ring, &item.id.to_string(), item.sealed_label.as_ref()),
                in_roster: listed(item.id),
                item,
            })
            .collect())
    }

    /// The senders of the centre; a sender sees itself only, without a name.
    pub async fn senders(&self) -> Result<Vec<NamedSender>> {
        let items: Vec<Sender> =
            self.pages("GET /v1/senders", |page: SenderPage| (page.items, page.next_page_token)).await?;
        let directory = self.refresh_directory().await?;
        let ring = if self.profile().role == Role::Sender { None } else { Some(self.ring().await?) };
        Ok(items.into_iter().map(|item| named_sender(item, ring.as_ref(), &directory)).collect())
    }

    /// One sender.
    pub async fn sender(&self, id: SenderId) -> Result<(NamedSender, String)> {
        let request = Request::new("GET /v1/senders/{id}", &[&id], self.auth());
        let (item, headers): (Sender, _) = self.http().json_with_headers(&request).await?;
        let directory = self.refresh_directory().await?;
        let ring = if self.profile().role == Role::Sender { None } else { Some(self.ring().await?) };
        let etag = headers.get(http::header::ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default().to_owned();
        Ok((named_sender(item, ring.as_ref(), &directory), etag))
    }

    /// Changes whether reports go back to a sender (C05): by the centre, or by the sender itself.
    pub async fn set_return_report(&self, id: SenderId, return_report: ReturnReport) -> Result<()> {
        let (_, etag) = self.sender(id).await?;
        let request = Request::new("PATCH /v1/senders/{id}", &[&id], self.auth())
            .if_match(&etag)
            .json(&PatchSender { return_report });
        self.http().done(&request).await
    }

    /// Registered devices: one's own, or (for an owner) those of `whose`.
    pub async fn devices(&self, whose: Option<Principal>) -> Result<Vec<Device>> {
        let mut devices = Vec::new();
        let mut token = None;
        for _ in 0..PAGES {
            let page = PageQuery { page_size: Some(siegel_domain::limits::PAGE_ITEMS), page_token: token };
            let mut request = Request::new("GET /v1/devices", &[], self.auth()).query(&page);
            if let Some(whose) = whose {
                request = request.query(&serde_json::json!({ "principal": whose }));
            }
            let page: DevicePage = self.http().json(&request).await?;
            devices.extend(page.items);
            token = page.next_page_token;
            if token.is_none() {
                break;
            }
        }
        Ok(devices)
    }

    /// All items of a list that comes in pages.
    pub(crate) async fn pages<P: serde::de::DeserializeOwned, T>(
        &self,
        route: &'static str,
        split: impl Fn(P) -> (Vec<T>, Option<String>),
    ) -> Result<Vec<T>> {
        let mut items = Vec::new();
        let mut token = None;
        for _ in 0..PAGES {
            let query = PageQuery { page_size: Some(siegel_domain::limits::PAGE_ITEMS), page_token: token };
            let page: P = self.http().json(&Request::new(route, &[], self.auth()).query(&query)).await?;
            let (more, next) = split(page);
            items.extend(more);
            token = next;
            if token.is_none() {
                return Ok(items);
            }
        }
        Err(Error::answer(route, "a list that does not end"))
    }
}

fn named_sender(item: Sender, ring: Option<&EpochRing>, directory: &Directory) -> NamedSender {
    let name = ring.and_then(|ring| open_name(ring, &item.id.to_string(), item.sealed_label.as_ref()));
    Named { name, in_roster: directory.roster().senders().contains_key(&item.id), item }
}

pub(crate) fn open_name(
    ring: &EpochRing,
    subject: &str,
    sealed: Option<&siegel_api::Bytes>,
) -> Option<Zeroizing<String>> {
    label::open(ring, subject, sealed?).ok()
}
