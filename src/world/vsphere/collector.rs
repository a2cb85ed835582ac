//! Properties of objects, whole pages of them, and the children of a thing.

use super::client::Client;
use super::reading::answer::{self, Object, Properties};
use super::reading::{Element, Fault};
use super::trouble::Trouble;
use super::wire::calls::{self, Wanted};
use super::wire::{Moref, names};

/// Most pages of one question: two hundred objects each.
const MOST_PAGES: usize = 500;

impl Client {
    /// The properties of objects of one type.
    pub(super) async fn properties(
        &self,
        objects: &[Moref],
        kind: &'static str,
        properties: &[&'static str],
        doing: &str,
    ) -> Result<Vec<Object>, Trouble> {
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        self.pages(&Wanted { objects, kind, properties, children: false }, doing).await
    }

    /// The properties of one object.
    pub(super) async fn properties_of(
        &self,
        object: &Moref,
        kind: &'static str,
        properties: &[&'static str],
        doing: &str,
    ) -> Result<Properties, Trouble> {
        let found = self.properties(std::slice::from_ref(object), kind, properties, doing).await?;
        let gone = || Trouble::Fault {
            server: self.server().to_owned(),
            doing: doing.to_owned(),
            fault: Fault::ManagedObjectNotFound { object: object.to_string() },
        };
        found.into_iter().find(|one| one.object == *object).map(|one| one.properties).ok_or_else(gone)
    }

    /// One property, if it is set.
    pub(super) async fn property(
        &self,
        object: &Moref,
        kind: &'static str,
        property: &'static str,
        doing: &str,
    ) -> Result<Option<Element>, Trouble> {
        Ok(self.properties_of(object, kind, &[property], doing).await?.remove(property))
    }

    /// The children of a thing, with their names as the server writes them.
    pub(super) async fn children(&self, of: &Moref, doing: &str) -> Result<Vec<(Moref, String)>, Trouble> {
        let objects = std::slice::from_ref(of);
        let wanted = Wanted { objects, kind: names::ENTITY, properties: &[names::NAME], children: true };
        let found = self.pages(&wanted, doing).await?;
        let named = found.into_iter().filter_map(|mut one| {
            let name = one.properties.remove(names::NAME)?.text;
            Some((one.object, name))
        });
        Ok(named.collect())
    }

    async fn pages(&self, wanted: &Wanted<'_>, doing: &str) -> Result<Vec<Object>, Trouble> {
        let collector = &self.content().collector;
        // A token ends with its session: then all is asked once more.
        for attempt in 0..2 {
            match self.pages_once(collector, wanted, doing).await {
                Err(Trouble::Fault { fault: Fault::NotAuthenticated, .. }) if attempt == 0 => {}
                told => return told,
            }
        }
        Ok(Vec::new())
    }

    async fn pages_once(&self, collector: &Moref, wanted: &Wanted<'_>, doing: &str) -> Result<Vec<Object>, Trouble> {
        let mut objects = Vec::new();
        let mut call = calls::retrieve(collector, wanted);
        for _ in 0..MOST_PAGES {
            let returned = self.call(&call, doing).await?;
            // Nothing at all is an answer of its own.
            let Some(result) = returned.first() else { return Ok(objects) };
            let (page, token) = self.read(answer::page(result), doing)?;
            objects.extend(page);
            match token {
                Some(token) => call = calls::more(collector, &token),
                None => return Ok(objects),
            }
        }
        let (server, doing) = (self.server().to_owned(), doing.to_owned());
        Err(Trouble::Answer { server, doing, what: format!("it has more than {MOST_PAGES} pages") })
    }
}
