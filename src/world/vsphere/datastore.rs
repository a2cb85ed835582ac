//! Datastores: an NFS export as one, and the files on it.

use super::client::Client;
use super::inventory::{Place, has, is_taken, unescape};
use super::network::absent;
use super::reading::{Fault, objects};
use super::transport::{self, Lost};
use super::trouble::Trouble;
use super::upload;
use super::wire::{Moref, hosts, names};
use crate::untrusted::printable;
use reqwest::header::{COOKIE, HeaderValue};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

pub use super::spec::DatastoreFile;

/// How long the deletion of a file may take.
const DELETION: Duration = Duration::from_secs(120);

/// An NFS export that hosts mount as a datastore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NasVolume {
    /// The datastore's name.
    pub name: String,
    /// The server.
    pub server: String,
    /// The path of the export.
    pub path: String,
}

/// A datacenter, and its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datacenter {
    /// Its object.
    pub object: Moref,
    pub(super) path: Place,
}

impl Client {
    /// The datacenter that a thing is in.
    ///
    /// # Errors
    /// It is in none, or the server cannot be asked.
    pub async fn datacenter(&self, of: &Moref) -> Result<Datacenter, Trouble> {
        let doing = format!("find the datacenter of {of}");
        let mut next = of.clone();
        for _ in 0..64 {
            if next.kind == names::DATACENTER {
                return Ok(Datacenter { path: self.path(&next).await?, object: next });
            }
            let parent = self.property(&next, names::ENTITY, names::PARENT, &doing).await?;
            let Some(parent) = parent.and_then(|parent| parent.moref()) else { break };
            next = parent;
        }
        Err(Trouble::Request { server: self.server().to_owned(), doing, what: "it is in no datacenter".to_owned() })
    }

    /// An NFS export as a datastore of a host, mounted if it is not.
    ///
    /// # Errors
    /// Another datastore has the name, or the host cannot mount it.
    pub async fn ensure_nas(&self, host: &Moref, volume: &NasVolume) -> Result<Moref, Trouble> {
        let doing = format!("mount {}:{} on {host}", printable(&volume.server), printable(&volume.path));
        if let Some(found) = self.mounted(host, volume, &doing).await? {
            return Ok(found);
        }
        let system = self.host_part(host, names::HOST_DATASTORES, &doing).await?;
        let call = hosts::create_nas(&system, &volume.name, &volume.server, &volume.path);
        match self.call_object(&call, &doing).await {
            Err(error) if is_taken(&error) || error.may_be_done() => {
                self.mounted(host, volume, &doing).await?.ok_or(error)
            }
            told => told,
        }
    }

    /// The datastore, if the host has it and it is this export.
    async fn mounted(&self, host: &Moref, volume: &NasVolume, doing: &str) -> Result<Option<Moref>, Trouble> {
        let mounted = self.property(host, names::HOST, names::MOUNTED, doing).await?.unwrap_or_default();
        let datastores: Vec<Moref> = mounted.children.iter().filter_map(|one| one.moref()).collect();
        let wanted = [names::NAME, names::DATASTORE_INFO];
        for mut found in self.properties(&datastores, names::DATASTORE, &wanted, doing).await? {
            let name = found.properties.remove(names::NAME).map(|name| unescape(&name.text));
            if name.as_deref() != Some(&volume.name) {
                continue;
            }
            let info = found.properties.remove(names::DATASTORE_INFO).unwrap_or_default();
            let what = match objects::nas(&info) {
                Some((server, path)) if server == volume.server && path == volume.path => {
                    return Ok(Some(found.object));
                }
                Some((server, path)) => format!("it is {}:{}", printable(server), printable(path)),
                None => "it is no NFS export".to_owned(),
            };
            return Err(Trouble::Taken { server: self.server().to_owned(), path: printable(&volume.name), what });
        }
        Ok(None)
    }

    /// The datastore of a name that a host has, and its free bytes.
    ///
    /// # Errors
    /// The host has none of this name, or the server cannot be asked.
    pub async fn datastore(&self, host: &Moref, name: &str) -> Result<(Moref, u64), Trouble> {
        let doing = format!("find the datastore {} of {host}", printable(name));
        let mounted = self.property(host, names::HOST, names::MOUNTED, &doing).await?.unwrap_or_default();
        let datastores: Vec<Moref> = mounted.children.iter().filter_map(|one| one.moref()).collect();
        let wanted = [names::NAME, names::FREE_SPACE];
        let found = self.properties(&datastores, names::DATASTORE, &wanted, &doing).await?;
        let mut seen = Vec::new();
        for one in found {
            let called = one.properties.get(names::NAME).map(|name| unescape(&name.text)).unwrap_or_default();
            if called == name {
                let free = one.properties.get(names::FREE_SPACE).and_then(|free| free.text.trim().parse().ok());
                return Ok((one.object, free.unwrap_or(0)));
            }
            seen.push(called);
        }
        let names: Vec<&str> = seen.iter().map(String::as_str).collect();
        let there = has(&format!("{host}"), &names);
        Err(Trouble::NotFound { server: self.server().to_owned(), path: printable(name), there })
    }

    /// Takes an NFS datastore off a host; the files stay on the server. What is not there is well.
    ///
    /// # Errors
    /// The name is another datastore's, or a machine uses it.
    pub async fn remove_nas(&self, host: &Moref, volume: &NasVolume) -> Result<(), Trouble> {
        let doing = format!("remove the datastore {} from {host}", printable(&volume.name));
        let Some(datastore) = self.mounted(host, volume, &doing).await? else { return Ok(()) };
        let system = self.host_part(host, names::HOST_DATASTORES, &doing).await?;
        absent(self.call(&hosts::remove_datastore(&system, &datastore), &doing).await)
    }

    /// A folder on a datastore, with those above it; one that is there is well.
    ///
    /// # Errors
    /// The server does not create it.
    pub async fn make_directory(&self, datacenter: &Datacenter, folder: &DatastoreFile) -> Result<(), Trouble> {
        let doing = format!("create the folder {folder}");
        self.check_file(folder, &doing)?;
        let call = hosts::make_directory(&self.content().files, &folder.wire(), &datacenter.object);
        match self.call(&call, &doing).await {
            Err(Trouble::Fault { fault: Fault::FileAlreadyExists { .. }, .. }) => Ok(()),
            told => told.map(|_| ()),
        }
    }

    /// Deletes a file or a folder of a datastore; one that is not there is well.
    ///
    /// # Errors
    /// It is in use, or the server does not delete it.
    pub async fn delete_file(&self, datacenter: &Datacenter, file: &DatastoreFile) -> Result<(), Trouble> {
        let doing = format!("delete {file}");
        self.check_file(file, &doing)?;
        let call = hosts::delete_file(&self.content().files, &file.wire(), &datacenter.object);
        match self.run(&call, &doing, DELETION, &|_| ()).await {
            Err(Trouble::Fault { fault: Fault::FileNotFound { .. }, .. }) => Ok(()),
            told => told.map(|_| ()),
        }
    }

    /// Deletes a file by its address; one that is not there is well.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn delete_by_address(&self, datacenter: &Datacenter, file: &DatastoreFile) -> Result<(), Trouble> {
        let doing = format!("delete {file}");
        let url = self.address(datacenter, file, &doing)?;
        let request = |cookie: HeaderValue| Ok(self.http().delete(&url).header(COOKIE, cookie));
        let answer = self.with_session(&doing, self.deadlines().answer, request).await?;
        match answer.status {
            200..=299 | 404 => Ok(()),
            status => Err(Trouble::Status { server: self.server().to_owned(), doing, status }),
        }
    }

    /// Writes a file of ours to a datastore, from its beginning. `progress` is told the bytes.
    ///
    /// # Errors
    /// Our file cannot be read, or the server refuses it or stands still.
    pub async fn put_file(
        &self,
        datacenter: &Datacenter,
        file: &DatastoreFile,
        from: &Path,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), Trouble> {
        let doing = format!("write {file}");
        let url = self.address(datacenter, file, &doing)?;
        let mut renewed = false;
        loop {
            let (generation, cookie) = self.session_header().await?;
            let request = self.http().put(&url).header(COOKIE, cookie);
            let sending =
                upload::Sending { from, doing: &doing, server: self.server(), content: "application/octet-stream" };
            match upload::send(request, &sending, self.deadlines(), progress).await? {
                200..=299 => return Ok(()),
                401 if !renewed => {
                    self.ended(generation).await;
                    renewed = true;
                }
                status => return Err(Trouble::Status { server: self.server().to_owned(), doing, status }),
            }
        }
    }

    /// Reads a file of a datastore into `out`, and gives its length; none if it is not there.
    ///
    /// # Errors
    /// The server refuses it or stands still, or `out` cannot be written.
    pub async fn get_file(
        &self,
        datacenter: &Datacenter,
        file: &DatastoreFile,
        out: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Option<u64>, Trouble> {
        let doing = format!("read {file}");
        let url = self.address(datacenter, file, &doing)?;
        let Some(mut response) = self.open_file(&url, &doing).await? else { return Ok(None) };
        let stall = self.deadlines().stall;
        let promised = response.content_length();
        let mut length = 0;
        loop {
            let part = tokio::time::timeout(stall, response.chunk()).await.map_err(|_| Lost::Late);
            let part = part.and_then(|part| part.map_err(transport::lost));
            let Some(part) = part.map_err(|lost| self.lost(lost, &doing, stall))? else { break };
            length += part.len() as u64;
            let local = |source| Trouble::Local { what: format!("the copy of {file}"), source };
            out.write_all(&part).await.map_err(local)?;
        }
        if promised.is_some_and(|promised| promised != length) {
            let what = format!("it has {length} bytes instead of {}", promised.unwrap_or_default());
            return Err(Trouble::Answer { server: self.server().to_owned(), doing, what });
        }
        Ok(Some(length))
    }

    async fn open_file(&self, url: &str, doing: &str) -> Result<Option<reqwest::Response>, Trouble> {
        let limit = self.deadlines().answer;
        let mut renewed = false;
        loop {
            let (generation, cookie) = self.session_header().await?;
            let sent = tokio::time::timeout(limit, self.http().get(url).header(COOKIE, cookie).send()).await;
            let sent = sent.map_err(|_| Lost::Late).and_then(|sent| sent.map_err(transport::lost));
            let response = sent.map_err(|lost| self.lost(lost, doing, limit))?;
            match response.status().as_u16() {
                200 => return Ok(Some(response)),
                404 => return Ok(None),
                401 if !renewed => {
                    self.ended(generation).await;
                    renewed = true;
                }
                status => {
                    return Err(Trouble::Status { server: self.server().to_owned(), doing: doing.to_owned(), status });
                }
            }
        }
    }

    fn check_file(&self, file: &DatastoreFile, doing: &str) -> Result<(), Trouble> {
        let (server, doing) = (self.server().to_owned(), doing.to_owned());
        file.problem().map_or(Ok(()), |what| Err(Trouble::Request { server, doing, what }))
    }

    fn address(&self, datacenter: &Datacenter, file: &DatastoreFile, doing: &str) -> Result<String, Trouble> {
        self.check_file(file, doing)?;
        let (path, datacenter) = (encode(&file.path), encode(&datacenter.path.wire_path()));
        Ok(self.url(&format!("/folder/{path}?dcPath={datacenter}&dsName={}", encode(&file.datastore))))
    }
}

/// Percent-encoded, with its slashes.
fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded += &format!("%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_place_in_an_address() {
        assert_eq!(encode("a b/c&d=e%2f?#è"), "a%20b/c%26d%3De%252f%3F%23%C3%A8");
    }
}
