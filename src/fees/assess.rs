//! Decides every line of a tenant's year: basis, band, payer, amount, and where each comes from.

use super::line::{Charge, Count, Line, Measure, Missing, OutsideBands, Period, SiteLink};
use super::vat::Amount;
use crate::model::fees::{Band, Basis, Item, Payer, PayerRule, Schedule};
use crate::model::link::{Backup, Link, Site};
use crate::model::tenant::Tenant;
use crate::model::{Euro, Inventory};
use jiff::civil::Date;

/// Where one figure comes from: the answer to `--explain`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Origin {
    /// Calendar year of the statement.
    pub year: i16,
    /// The line.
    pub item: Item,
    /// Which figure of it.
    pub figure: &'static str,
    /// Its value, machine form.
    pub value: String,
    /// File below the root.
    pub file: String,
    /// Key inside the file.
    pub key: String,
    /// Section of the project document, or the rule of the program.
    pub document: String,
}

/// A line with the origins of its figures.
pub(super) struct Assessed {
    pub(super) line: Line,
    /// Whether the line belongs to the year; an una tantum without order date belongs to none.
    pub(super) dated: bool,
    pub(super) origins: Vec<Origin>,
}

/// The lines of `tenant` in `year`: annual fees in the order of the schedules, then its links.
pub(super) fn lines(inventory: &Inventory, tenant: &Tenant, year: i16) -> Vec<Assessed> {
    let assessment = Assessment { inventory, tenant, year };
    let schedules = inventory.fees.schedules.iter().enumerate();
    let mut lines: Vec<Assessed> = schedules.map(|(index, schedule)| assessment.action(index, schedule)).collect();
    match tenant.sites.known() {
        None => lines.extend([assessment.unknown_link(Item::LinkAnnual), assessment.unknown_link(Item::LinkOneOff)]),
        Some(sites) => {
            let links = sites.iter().enumerate();
            lines.extend(links.clone().filter_map(|(index, site)| assessment.link_annual(index, site)));
            lines.extend(links.filter_map(|(index, site)| assessment.link_one_off(index, site)));
        }
    }
    lines
}

struct Assessment<'a> {
    inventory: &'a Inventory,
    tenant: &'a Tenant,
    year: i16,
}

/// Who pays, where that is written, and how long where the end is no date.
#[derive(Default)]
struct PaidBy {
    payer: Option<Payer>,
    source: String,
    note: Option<String>,
}

/// Collects the origins of one line.
struct Origins {
    year: i16,
    item: Item,
    tenant_file: String,
    list: Vec<Origin>,
}

const FEES_FILE: &str = "inventory/fees.yaml";

impl Origins {
    fn new(item: &Item, tenant: &Tenant, year: i16) -> Self {
        let tenant_file = format!("inventory/tenants/{}.yaml", tenant.id);
        Self { year, item: item.clone(), tenant_file, list: Vec::new() }
    }

    fn add(&mut self, figure: &'static str, value: impl ToString, file: &str, key: String, document: &str) {
        let (item, value) = (self.item.clone(), value.to_string());
        let (file, document) = (file.to_owned(), document.to_owned());
        self.list.push(Origin { year: self.year, item, figure, value, file, key, document });
    }

    fn fees(&mut self, figure: &'static str, value: impl ToString, key: String, document: &str) {
        self.add(figure, value, FEES_FILE, key, document);
    }

    fn tenant(&mut self, figure: &'static str, value: impl ToString, key: String, document: &str) {
        let file = self.tenant_file.clone();
        self.add(figure, value, &file, key, document);
    }
}

impl Assessment<'_> {
    fn first_day(&self) -> Date {
        Date::new(self.year, 1, 1).unwrap_or(Date::MIN)
    }

    fn whole_year(&self, note: Option<String>) -> Period {
        Period { from: self.first_day(), to: self.first_day().last_of_year(), note }
    }

    /// The rule in force on `day`; the first that matches wins.
    fn payer_rule(&self, item: &Item, day: Date) -> Option<(usize, &PayerRule)> {
        let term_end = self.inventory.project.terms.term_end;
        let applies = |rule: &PayerRule| {
            let begun = rule.from.is_none_or(|from| from <= day);
            let ended = rule.until.is_some_and(|until| until < day)
                || (rule.term_note.is_some() && term_end.is_some_and(|end| end < day));
            let size = rule.under_5000.is_none_or(|flag| flag == self.tenant.under_5000);
            rule.item == *item && begun && !ended && size
        };
        self.inventory.fees.payers.iter().enumerate().find(|(_, rule)| applies(rule))
    }

    /// Who pays `item` from `day` on, and where that is written.
    fn payer(&self, item: &Item, day: Date, origins: &mut Origins) -> PaidBy {
        let Some((index, rule)) = self.payer_rule(item, day) else { return PaidBy::default() };
        origins.fees("payer", payer_word(rule.payer), format!("payers[{index}].payer"), &rule.source);
        let open_end = self.inventory.project.terms.term_end.is_none();
        let note = rule.term_note.clone().filter(|_| open_end);
        PaidBy { payer: Some(rule.payer), source: rule.source.clone(), note }
    }

    /// An annual fee of a schedule.
    fn action(&self, index: usize, schedule: &Schedule) -> Assessed {
        let item = Item::Action(schedule.action.clone());
        let mut origins = Origins::new(&item, self.tenant, self.year);
        let paid = self.payer(&item, self.first_day(), &mut origins);
        let admitted = !schedule.requires_admission || self.tenant.action_2_2_2;
        let measure = admitted.then(|| self.measure(schedule.basis, &mut origins));
        let (charge, band) = match (paid.payer, &measure) {
            (_, None) => {
                origins.tenant("admission", false, "tenant.action_2_2_2".to_owned(), "documento, sezione 1");
                (Charge::NotAdmitted, None)
            }
            (Some(Payer::Project), _) => (Charge::Project, None),
            (None, _) => (Charge::Unknown(Missing::Payer), None),
            _ if self.first_day() < schedule.valid_from => (Charge::Unknown(Missing::Schedule), None),
            (_, Some(Err(missing))) => (Charge::Unknown(*missing), None),
            (_, Some(Ok(measure))) => self.band(index, schedule, measure.value, &mut origins),
        };
        let basis = measure.and_then(Result::ok);
        let source = join_sources(&schedule.source, &paid.source);
        let period = Some(self.whole_year(paid.note));
        let line = Line { item, site: None, band, basis, payer: paid.payer, charge, period, source };
        Assessed { line, dated: true, origins: origins.list }
    }

    /// The band of `value`, or none: nothing is extrapolated.
    fn band(&self, index: usize, schedule: &Schedule, value: u64, origins: &mut Origins) -> (Charge, Option<String>) {
        let Some((row, band)) = find_band(schedule, value) else {
            let highest = schedule.bands.last().map(|band| band.label.clone());
            return (Charge::OutsideBands(OutsideBands { basis: schedule.basis, value, highest }), None);
        };
        let key = |field: &str| format!("schedules[{index}].bands[{row}].{field}");
        origins.fees("band", &band.label, key("label"), &schedule.source);
        origins.fees("net", band.annual_net, key("annual_net"), &schedule.source);
        (self.owed(band.annual_net, origins), Some(band.label.clone()))
    }

    fn owed(&self, net: Euro, origins: &mut Origins) -> Charge {
        let amount = Amount::of(net, &self.inventory.fees.vat);
        let rate = format!("vat.rate = {}", self.inventory.fees.vat.rate);
        origins.fees("vat", amount.vat, rate, "imponibile per aliquota, metà per eccesso al centesimo");
        Charge::Owed(amount)
    }

    fn measure(&self, basis: Basis, origins: &mut Origins) -> Result<Measure, Missing> {
        match basis {
            Basis::Servers => self.server_count(origins),
            Basis::Population => self.population(origins),
        }
    }

    /// The actual count from the year that begins with it in force; until then the assessed one.
    fn server_count(&self, origins: &mut Origins) -> Result<Measure, Missing> {
        let counts = &self.tenant.server_count;
        if let Some(actual) = counts.actual.as_ref().filter(|actual| actual.from <= self.first_day()) {
            origins.tenant("basis", actual.count, "server_count.actual.count".to_owned(), "nota * della sezione 7");
            let source = "numero effettivo in fase di realizzazione".to_owned();
            return Ok(Measure { value: actual.count, date: Some(actual.from), source, count: Some(Count::Actual) });
        }
        let value = counts.assessed.ok_or(Missing::ServerCount)?;
        origins.tenant("basis", value, "server_count.assessed".to_owned(), "documento, sezione 3.1.1");
        let source = "assessment, documento sezione 3.1.1".to_owned();
        Ok(Measure { value, date: None, source, count: Some(Count::Assessed) })
    }

    fn population(&self, origins: &mut Origins) -> Result<Measure, Missing> {
        let date = self.inventory.project.population_date;
        let found = self.tenant.populations.iter().enumerate().find(|(_, population)| population.date == date);
        let (index, population) = found.ok_or(Missing::Population)?;
        let key = format!("tenant.populations[{index}].value");
        origins.tenant("basis", population.value, key, &population.source);
        Ok(Measure { value: population.value, date: Some(date), source: population.source.clone(), count: None })
    }

    /// Links of which nothing is known: the annual fee of the year, or the undated una tantum.
    fn unknown_link(&self, item: Item) -> Assessed {
        let mut origins = Origins::new(&item, self.tenant, self.year);
        let PaidBy { payer, source, note } = self.payer(&item, self.first_day(), &mut origins);
        let dated = item == Item::LinkAnnual;
        let period = dated.then(|| self.whole_year(note));
        let charge = match payer {
            Some(Payer::Project) => Charge::Project,
            _ => Charge::Unknown(Missing::Links),
        };
        let line = Line { item, site: None, band: None, basis: None, payer, charge, period, source };
        Assessed { line, dated, origins: origins.list }
    }

    /// The annual fee of a link: whole years, from that of its availability where it is known.
    fn link_annual(&self, index: usize, site: &Site) -> Option<Assessed> {
        let link = &site.link;
        let begins = link.available_on.or(link.accepted_on).or(link.ordered_on);
        if begins.is_some_and(|date| date.year() > self.year) {
            return None;
        }
        let key = format!("sites[{index}].link.annual_net");
        let (mut assessed, note) = self.link(Item::LinkAnnual, site, link.annual_net, key, self.first_day());
        assessed.line.period = Some(self.whole_year(note));
        Some(assessed)
    }

    /// The una tantum of a link: in the year of its order; without an order date it is undated.
    fn link_one_off(&self, index: usize, site: &Site) -> Option<Assessed> {
        let ordered_on = site.link.ordered_on;
        if ordered_on.is_some_and(|date| date.year() != self.year) {
            return None;
        }
        let key = format!("sites[{index}].link.one_off_net");
        let day = ordered_on.unwrap_or(self.first_day());
        let (mut assessed, _) = self.link(Item::LinkOneOff, site, site.link.one_off_net, key, day);
        assessed.line.period = ordered_on.map(|day| Period { from: day, to: day, note: None });
        assessed.dated = ordered_on.is_some();
        Some(assessed)
    }

    /// A line of a link, its period still open, and how long its payer goes on paying.
    fn link(&self, item: Item, site: &Site, net: Option<Euro>, key: String, day: Date) -> (Assessed, Option<String>) {
        let mut origins = Origins::new(&item, self.tenant, self.year);
        let PaidBy { payer, source, note } = self.payer(&item, day, &mut origins);
        let charge = match (payer, net) {
            (Some(Payer::Project), _) => Charge::Project,
            (None, _) => Charge::Unknown(Missing::Payer),
            (_, None) => Charge::Unknown(Missing::LinkFee),
            (_, Some(net)) => {
                origins.tenant("net", net, key, "documento, sezione 4");
                self.owed(net, &mut origins)
            }
        };
        let site = Some(site_link(site));
        let line = Line { item, site, band: None, basis: None, payer, charge, period: None, source };
        (Assessed { line, dated: true, origins: origins.list }, note)
    }
}

/// The lowest band that admits `value`: bands are in rising order.
fn find_band(schedule: &Schedule, value: u64) -> Option<(usize, &Band)> {
    schedule.bands.iter().enumerate().find(|(_, band)| band.upper.admits(value))
}

fn join_sources(schedule: &str, payer: &str) -> String {
    if payer.is_empty() || payer == schedule { schedule.to_owned() } else { format!("{schedule}; {payer}") }
}

/// The word of a payer in JSON and in the inventory.
pub(super) fn payer_word(payer: Payer) -> &'static str {
    match payer {
        Payer::Project => "project",
        Payer::Lead => "lead",
        Payer::Tenant => "tenant",
    }
}

fn site_link(site: &Site) -> SiteLink {
    let Link { profile, pcr_mbps, mcr_percent, backup, .. } = &site.link;
    SiteLink {
        id: site.id.to_string(),
        address: site.address.clone(),
        profile: profile.clone(),
        pcr_mbps: *pcr_mbps,
        mcr_percent: *mcr_percent,
        backup: backup.as_ref().map(|backup| match backup {
            Backup::Copper { .. } => "STDE".to_owned(),
            Backup::Lte { .. } => "LTE".to_owned(),
        }),
    }
}
