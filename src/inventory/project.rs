//! `inventory/project.yaml`: parties, terms, the landing site, our own numbers.

use super::access;
use super::codes::tax_code;
use super::form::scalars::{address, date, flag, hour, network, path, text, text_like, whole, word};
use super::form::{Fields, Form, list, nonempty_list, record, scalars};
use super::problem::Complaint;
use super::{landing, notify, shaping, site};
use crate::model::LandingId;
use crate::model::calendar::{DayCount, Term};
use crate::model::project::{
    LandingSite, MigrationNetwork, NetworkDate, NetworkPools, Party, Prevails, Project, Sla, Terms,
};
use jiff::civil::{Date, Time};

/// The form of `project.yaml`.
pub fn form() -> impl Form<Value = Project> {
    record("What is true of the project as a whole.", file)
}

fn file(fields: &mut Fields<'_>) -> Option<Project> {
    let about = fields.required("project", "Name, dates and parties.", record("Name, dates and parties.", about));
    let terms = fields.required("terms", "Terms of the documents.", record("Terms of the documents.", terms));
    let sla = fields.required("sla", "Restoration of a reported fault.", record("Restoration of a fault.", sla));
    let holidays = "Extra days that are holidays everywhere, besides the national ones.";
    let extra_holidays = fields.or("extra_holidays", holidays, list(date()), Vec::new());
    let landing = fields.required("landing", "Where replicas land.", landing::form());
    let shaping = fields.required("shaping", shaping::DOC, shaping::periods());
    let notify = fields.or("notify", notify::DOC, notify::form(), Vec::new());
    let numbers = "Our own addresses, VLANs and groups, taken by each tenant's number.";
    let network = fields.required("network", numbers, record(numbers, pools));
    let further = "Further landing sites, each with its landing and its network; tenants name theirs.";
    let landing_sites = record("A further landing site.", landing_site);
    let landing_sites = fields.or("landing_sites", further, nonempty_list(landing_sites), Vec::new());
    fields.unique("landing_sites", "id", landing_sites.iter().flatten().map(|site| &site.id));
    let (about, terms) = (about?, terms?);
    if terms.fees_from <= terms.network_paid_by_lead_until {
        let complaint = Complaint::new("fees are due before the lead stops paying every link");
        fields.refuse("terms.fees_from", complaint.hint("it is a day after `network_paid_by_lead_until`"));
    }
    let shaping = shaping::calendar(fields, shaping?);
    let landing = landing?;
    Some(Project {
        name: about.name,
        document: about.document,
        cup: about.cup,
        start: about.start,
        end: about.end,
        lead: about.lead,
        operator: about.operator,
        validator: about.validator,
        population_date: about.population_date,
        population_total: about.population_total,
        small_below: about.small_below,
        terms,
        sla: sla?,
        extra_holidays: extra_holidays?,
        mirror: landing.target.clone(),
        landing,
        landing_sites: landing_sites?,
        shaping: shaping?,
        notify: notify?,
        network: network?,
    })
}

/// The block `project`.
struct About {
    name: String,
    document: String,
    cup: String,
    start: Date,
    end: Date,
    lead: Party,
    operator: Party,
    validator: Party,
    population_date: Date,
    population_total: Option<u64>,
    small_below: u64,
}

fn about(fields: &mut Fields<'_>) -> Option<About> {
    let name = fields.required("name", "Name as printed.", text());
    let document = fields.required("document", "Title of the executive project, with version and date.", text());
    let cup = fields.required("cup", "CUP code of the public investment.", cup());
    let start = fields.required("start", "First day.", date());
    let end = fields.required("end", "Last day, unless extended.", date());
    let lead = fields.required("lead", "Lead authority, who pays links.", record("A body that takes part.", party));
    let operator = fields.required("operator", "Technical operator.", record("A body that takes part.", party));
    let validator = fields.required("validator", "Who validates for the data center.", record("A body.", party));
    let population_date = fields.required("population_date", "The date whose population decides bands.", date());
    let total = "Sum of the members' populations at that date, as printed: a check on the inventory.";
    let population_total = fields.maybe("population_total", total, whole(1..=100_000_000));
    let small = "Below how many inhabitants a tenant has the flag `under_5000` (default: 5000, itself outside).";
    let small_below = fields.or("small_below", small, whole(1..=100_000_000), 5000);
    let (start, end) = (start?, end?);
    if end <= start {
        fields.refuse("end", Complaint::new("the project ends before it starts").hint(format!("it starts on {start}")));
    }
    Some(About {
        name: name?,
        document: document?,
        cup: cup?,
        start,
        end,
        lead: lead?,
        operator: operator?,
        validator: validator?,
        population_date: population_date?,
        population_total: population_total?,
        small_below: small_below?,
    })
}

fn cup() -> impl Form<Value = String> {
    text_like("^[A-Z][0-9A-Z]{14}$", "B11D20000010008", "a CUP code (15 capital letters and digits)", |text| {
        text.len() == 15
            && text.starts_with(|first: char| first.is_ascii_uppercase())
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    })
}

fn party(fields: &mut Fields<'_>) -> Option<Party> {
    let name = fields.required("name", "Full name.", text());
    let short = fields.required("short", "Short name, such as `CMV`, that heads its columns.", text());
    let tax_code = fields.maybe("tax_code", "Codice fiscale.", tax_code());
    Some(Party { name: name?, short: short?, tax_code: tax_code? })
}

const COUNTS: &[(&str, DayCount)] = &[("solar", DayCount::Solar), ("working", DayCount::Working)];
const PREVAILS: &[(&str, Prevails)] = &[("quiet_period", Prevails::QuietPeriod), ("plan", Prevails::Plan)];
const LINK_DATES: &[(&str, NetworkDate)] =
    &[("available_on", NetworkDate::AvailableOn), ("accepted_on", NetworkDate::AcceptedOn)];

fn terms(fields: &mut Fields<'_>) -> Option<Terms> {
    let days = "So many days, counted so; the day after the start is day 1.";
    let activation = fields.required("activation", "From the order of a link to its delivery.", record(days, term));
    let start = "From the link to the start of activity 1, and from which date of the link.";
    let start_after_network = fields.required("start_after_network", start, record(start, term_from));
    let plan = fields.required("plan", "The six activities.", record(days, term));
    let quiet =
        "From the acceptance of the landing to activity 6: servers stay off, their disks are kept (default: 14 solar).";
    let usual = Term { days: 14, count: DayCount::Solar };
    let quiet_before_wipe = fields.or("quiet_before_wipe", quiet, record(quiet, quiet_term), usual);
    let prevails = "What prevails where the plan's days are over before the quiet period is; signed with the cutover \
                    (default: quiet_period).";
    let prevails = fields.or("prevails", prevails, word(PREVAILS), Prevails::QuietPeriod);
    let paid = "Last day on which the lead pays every link.";
    let network_paid_by_lead_until = fields.required("network_paid_by_lead_until", paid, date());
    let fees_from = fields.required("fees_from", "First day on which fees are due.", date());
    let term_end = fields.maybe("term_end", "End of the term of art. 10.", date());
    let (start_after_network, start_from) = start_after_network?;
    let (fees_from, term_end) = (fees_from?, term_end?);
    if term_end.is_some_and(|end| end < fees_from) {
        fields.refuse(
            "term_end",
            Complaint::new("the term ends before fees are due").hint(format!("fees are due from {fees_from}")),
        );
    }
    Some(Terms {
        activation: activation?,
        start_after_network,
        start_from,
        plan: plan?,
        quiet_before_wipe: quiet_before_wipe?,
        prevails: prevails?,
        network_paid_by_lead_until: network_paid_by_lead_until?,
        fees_from,
        term_end,
    })
}

fn term(fields: &mut Fields<'_>) -> Option<Term> {
    let days = fields.required("days", "Number of days.", whole(1..=3650));
    let count = fields.required("count", "Whether every day counts, or working days only.", word(COUNTS));
    Some(Term { days: days?, count: count? })
}

/// A term that people may also agree to leave out.
fn quiet_term(fields: &mut Fields<'_>) -> Option<Term> {
    let days = fields.required("days", "Number of days; 0 where people agreed on none.", whole(0..=3650));
    let count = fields.required("count", "Whether every day counts, or working days only.", word(COUNTS));
    Some(Term { days: days?, count: count? })
}

fn term_from(fields: &mut Fields<'_>) -> Option<(Term, NetworkDate)> {
    let term = term(fields);
    let from = fields.required("from", "The date of the link from which the term runs.", word(LINK_DATES));
    Some((term?, from?))
}

fn sla(fields: &mut Fields<'_>) -> Option<Sla> {
    let hours = fields.required("hours", "Hours of assistance on a working day.", record("Hours of a day.", hours));
    let cutoff = fields.required("cutoff", "A fault reported at this time is still in time.", hour());
    let in_time = "Working days to restore a fault reported in time.";
    let by_cutoff_days = fields.required("by_cutoff_days", in_time, whole(1..=30));
    let late = "Working days to restore a fault reported later.";
    let after_cutoff_days = fields.required("after_cutoff_days", late, whole(1..=30));
    let patron = "Whether the tenant's patron day is a holiday for the carrier.";
    let patron_day_is_holiday = fields.required("patron_day_is_holiday", patron, flag());
    let ((from, until), cutoff) = (hours?, cutoff?);
    if cutoff < from || cutoff > until {
        let hint = format!("assistance runs from {} to {}", from.strftime("%H:%M"), until.strftime("%H:%M"));
        fields.refuse("cutoff", Complaint::new("the cut-off is outside the hours of assistance").hint(hint));
    }
    Some(Sla {
        from,
        until,
        cutoff,
        by_cutoff_days: by_cutoff_days?,
        after_cutoff_days: after_cutoff_days?,
        patron_day_is_holiday: patron_day_is_holiday?,
    })
}

fn hours(fields: &mut Fields<'_>) -> Option<(Time, Time)> {
    let from = fields.required("from", "Start.", hour());
    let until = fields.required("until", "End.", hour());
    let (from, until) = (from?, until?);
    if until <= from {
        fields.refuse("until", Complaint::new("the hours end before they start"));
    }
    Some((from, until))
}

fn landing_site(fields: &mut Fields<'_>) -> Option<LandingSite> {
    let id = fields.required("id", "Id, by which tenants name it.", scalars::id::<LandingId>());
    let landing = fields.required("landing", "Where replicas land.", landing::form());
    let network = fields.required("network", "Its hub and its pools.", record("Its hub and its pools.", pools));
    Some(LandingSite { id: id?, landing: landing?, network: network? })
}

fn pools(fields: &mut Fields<'_>) -> Option<NetworkPools> {
    let vrf_as = fields.required("vrf_as", "Autonomous system in route distinguishers.", whole(1..=65_535));
    let domain = fields.required("domain", "Domain name of our routers.", host_name());
    let hub_name = fields.required("hub_name", "Host name of the hub router.", host_name());
    let hub_public = fields.required("hub_public", "Public address of the hub for tunnels.", address());
    let sad = fields.required("sad", "Prefixes at the data center: tenant n has the n-th /24.", network());
    let tunnels = fields.required("tunnels", "LTE tunnels: tenant n has the first /30 of the n-th /24.", network());
    let probe_target = fields.required("probe_target", "Target of IP SLA probes, a loopback in each VRF.", address());
    let primary = "Loopbacks of primary CPEs: tenant n has the n-th address.";
    let primary_loopbacks = fields.required("primary_loopbacks", primary, network());
    let standby = "Loopbacks of standby CPEs: tenant n has the n-th address.";
    let standby_loopbacks = fields.required("standby_loopbacks", standby, network());
    let management = fields.required("management", "Network that may log in to routers.", network());
    let syslog = fields.required("syslog", "Syslog server.", address());
    let ntp = fields.required("ntp", "NTP server.", address());
    let tacacs = fields.required("tacacs", "TACACS+ server.", address());
    let hsrp_group_base = fields.required("hsrp_group_base", "HSRP group of tenant n: this plus n.", whole(0..=4000));
    let kept_vlan = "VLAN of servers that keep their address, of tenant n: this plus n.";
    let kept_vlan_base = fields.required("kept_vlan_base", kept_vlan, whole(1..=4000));
    let new_vlan = "VLAN of servers with new addresses, of tenant n: this plus n.";
    let new_vlan_base = fields.required("new_vlan_base", new_vlan, whole(1..=4000));
    let hosts = "The hosts at the data center that the copying talks to.";
    let migration = fields.optional("migration", hosts, record(hosts, migration));
    let example = fields.or("example", "Whether the numbers are invented.", flag(), false);
    let hub = "How the hub is reached for `network push`.";
    let hub_access = fields.optional("hub_access", hub, access::router());
    let secrets = "Folder with a file for each secret that configurations name, relative to the inventory's root.";
    let secrets = fields.optional("secrets", secrets, path());
    Some(NetworkPools {
        vrf_as: vrf_as?,
        domain: domain?,
        hub_name: hub_name?,
        hub_public: hub_public?,
        sad: sad?,
        tunnels: tunnels?,
        probe_target: probe_target?,
        primary_loopbacks: primary_loopbacks?,
        standby_loopbacks: standby_loopbacks?,
        management: management?,
        syslog: syslog?,
        ntp: ntp?,
        tacacs: tacacs?,
        hsrp_group_base: hsrp_group_base?,
        kept_vlan_base: kept_vlan_base?,
        new_vlan_base: new_vlan_base?,
        migration: migration?,
        example: example?,
        hub_access: hub_access?,
        secrets: secrets?,
    })
}

fn migration(fields: &mut Fields<'_>) -> Option<MigrationNetwork> {
    let network = fields.required("network", "Their network behind the hub.", network());
    let vlan = fields.required("vlan", "VLAN of it on the hub's server trunk.", whole(1..=4094));
    let hub = fields.required("hub", "The hub's address in it.", address());
    let operations = fields.required("operations", "The operations host, which is the landing host too.", address());
    let converter = fields.optional("converter", "The server of VMware Converter.", address());
    let vcenter = fields.optional("vcenter", "VMware vCenter.", address());
    let esxi = fields.or("esxi", "ESXi hosts.", list(address()), Vec::new());
    let pool = "Addresses by which these hosts know towns: tenant n has the n-th /24.";
    let aliases = fields.required("aliases", pool, self::network());
    let hosts = MigrationNetwork {
        network: network?,
        vlan: vlan?,
        hub: hub?,
        operations: operations?,
        converter: converter?,
        vcenter: vcenter?,
        esxi: esxi?,
        aliases: aliases?,
    };
    let optional = [("converter", hosts.converter), ("vcenter", hosts.vcenter)];
    let named = [("hub", hosts.hub), ("operations", hosts.operations)].into_iter();
    let named = named.chain(optional.into_iter().filter_map(|(key, address)| Some((key, address?))));
    let named: Vec<_> = named.chain(hosts.esxi.iter().map(|address| ("esxi", *address))).collect();
    site::check_inside(fields, hosts.network, &named);
    Some(hosts)
}

fn host_name() -> impl Form<Value = String> {
    text_like("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", "sad-ce-1", "a host or domain name", |text| {
        text.len() <= 253
            && text.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            })
    })
}
