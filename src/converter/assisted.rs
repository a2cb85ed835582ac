//! Converter driven by a person: traghetto prints the page, waits, looks at the target in the vCenter, and
//! takes the log bundle. The order of a night is the same as over SOAP.

use super::settings::settings;
use super::{Language, both, page, refusal::Refusal};
use crate::model::bilingual::Bilingual;
use crate::model::converter::{Job, JobSeen, SourceSeen, TargetSeen};
use crate::world::converter::{Bundle, Converting, Followed, Running, Step, Trouble, Waiting, copy_bundle};
use std::future::Future;
use std::io::Write;
use std::path::PathBuf;

/// Looks at a target in the vCenter.
pub trait LooksAtTarget: Send + Sync {
    /// The machine of this name in its folder; none if it is not there.
    fn look(&self, job: &Job) -> impl Future<Output = Result<Option<TargetSeen>, Trouble>> + Send;
}

/// Converter, driven by a person.
#[derive(Debug)]
pub struct Assisted<L> {
    /// Looks at targets.
    pub looks: L,
    /// What the page warns of.
    pub refusals: Vec<Refusal>,
    /// What a survey saw of the source, if it did.
    pub seen: Option<SourceSeen>,
    /// The language of the page.
    pub language: Language,
    /// Where the person puts the log bundle.
    pub bundle: PathBuf,
}

impl<L: LooksAtTarget> Assisted<L> {
    /// What the page of `job` is, and what to do.
    fn waiting<T>(&self, job: &Job, what: Bilingual) -> Result<Step<T>, Trouble> {
        let page = page::html(job, &self.refusals, self.seen.as_ref(), self.language);
        let broken = |error: page::PageError| Trouble::Request {
            server: "traghetto".to_owned(),
            doing: "write the page".to_owned(),
            what: error.to_string(),
        };
        Ok(Step::Waiting(Waiting { page: Some(page.map_err(broken)?), what }))
    }

    fn told<T>(what: Bilingual) -> Step<T> {
        Step::Waiting(Waiting { page: None, what })
    }
}

impl<L: LooksAtTarget> Converting for Assisted<L> {
    async fn validate(&self, job: &Job) -> Result<Step<SourceSeen>, Trouble> {
        if let Some(seen) = &self.seen {
            return Ok(Step::Done(seen.clone()));
        }
        let count = settings(job, None).len();
        self.waiting(
            job,
            both(
                format!(
                    "Aprire la procedura guidata di Converter e controllare che arrivi all'ultima schermata con le {count} \
                     impostazioni della pagina. Annullare prima di «Finish»."
                ),
                format!(
                    "Run the wizard of Converter and see whether it gets to its last screen with the {count} settings of \
                     the page. Cancel before «Finish»."
                ),
            ),
        )
    }

    async fn ensure_job(&self, job: &Job, _: &SourceSeen) -> Result<Step<JobSeen>, Trouble> {
        let (it, en) = match self.looks.look(job).await? {
            Some(_) => (
                "Il bersaglio c'è già: NON creare un secondo job, la linea porterebbe una seconda copia intera. Cercare \
                 in Converter il job con il nome della pagina.",
                "The target is there: do NOT make a second job, or the line carries a second full copy. Look in \
                 Converter for the job of the page's name.",
            ),
            None => (
                "Creare il job con le impostazioni della pagina, tutte, e premere «Finish».",
                "Make the job with the settings of the page, all of them, and press «Finish».",
            ),
        };
        self.waiting(job, both(it, en))
    }

    async fn follow(&self, job: &Job) -> Result<Step<Followed>, Trouble> {
        Ok(Step::Done(Followed::Target(self.looks.look(job).await?)))
    }

    async fn synchronise(&self, job: &Job) -> Result<Step<()>, Trouble> {
        Ok(Self::told(both(
            format!(
                "In Converter: tasto destro sul job «{}», «Synchronize», senza sincronizzazione finale.",
                job.name()
            ),
            format!(
                "In Converter: right click on the job «{}», «Synchronize», without final synchronization.",
                job.name()
            ),
        )))
    }

    async fn finalise(&self, job: &Job) -> Result<Step<()>, Trouble> {
        let services = job.source.services_stopped.join(", ");
        self.waiting(
            job,
            both(
                format!(
                    "In Converter: tasto destro sul job «{}», «Synchronize», con «Perform final synchronization». \
                     Servizi da fermare: {}. Non spegnere l'origine da Converter.",
                    job.name(),
                    if services.is_empty() { "nessuno" } else { &services }
                ),
                format!(
                    "In Converter: right click on the job «{}», «Synchronize», with «Perform final synchronization». \
                     Services to stop: {}. Do not turn the source off from Converter.",
                    job.name(),
                    if services.is_empty() { "none" } else { &services }
                ),
            ),
        )
    }

    async fn suspend(&self, job: &Job, running: Running) -> Result<Step<bool>, Trouble> {
        let (it, en) = match running {
            Running::Kept => (
                "Se sta copiando, lasciarlo finire: interrotta, la prima copia riparte da zero.",
                "If it is copying, let it end: interrupted, the first copy begins anew.",
            ),
            Running::Cancelled => (
                "Una sincronizzazione in corso può essere annullata: la prossima porta le stesse modifiche.",
                "A synchronisation at work may be cancelled: the next one carries the same changes.",
            ),
        };
        Ok(Self::told(both(
            format!("In Converter: tasto destro sul job «{}», «Suspend». {it}", job.name()),
            format!("In Converter: right click on the job «{}», «Suspend». {en}", job.name()),
        )))
    }

    async fn resume(&self, job: &Job) -> Result<Step<()>, Trouble> {
        Ok(Self::told(both(
            format!("In Converter: tasto destro sul job «{}», «Resume».", job.name()),
            format!("In Converter: right click on the job «{}», «Resume».", job.name()),
        )))
    }

    async fn stop(&self, job: &Job) -> Result<Step<()>, Trouble> {
        Ok(Self::told(both(
            format!("In Converter: tasto destro sul job «{}», «Cancel». Il bersaglio non si cancella.", job.name()),
            format!("In Converter: right click on the job «{}», «Cancel». The target is not deleted.", job.name()),
        )))
    }

    async fn logs(&self, job: &Job, sink: &mut (dyn Write + Send)) -> Result<Step<Bundle>, Trouble> {
        if let Some(bundle) = copy_bundle(&self.bundle, sink)? {
            return Ok(Step::Done(bundle));
        }
        let path = self.bundle.display();
        Ok(Self::told(both(
            format!("In Converter: tasto destro sul job «{}», «Export logs», e salvare il file in {path}.", job.name()),
            format!(
                "In Converter: right click on the job «{}», «Export logs», and save the file as {path}.",
                job.name()
            ),
        )))
    }
}
