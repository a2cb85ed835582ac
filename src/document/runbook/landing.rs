//! What is done at the landing site by hand: a second clone is converted, its machine boots without network, and is
//! connected. The hardware is that which traghetto would give it.

use super::copy::{clone, folder};
use super::{RunbookStep, Sources, engineer, is_ours, on_site, say};
use crate::landing::{Blueprint, Found, Identity, Purpose, blueprint};
use crate::model::machine::Controller;
use crate::model::project::LandingMachines;
use crate::model::server::{Addressing, Disk, Os, Server, ServerRole};
use crate::model::vsphere::{PortGroupNames, VsphereLanding};
use crate::network::kit::Place;
use crate::untrusted::shell_quoted;
use std::path::PathBuf;

/// Drivers that a Linux needs in its initramfs on VMware's hardware.
const DRIVERS: &str = "mptbase mptscsih mptsas mptspi vmw_pvscsi vmxnet3 e1000 ahci ata_piix sd_mod";

/// The clone that is converted and boots: the other one stays what was proven.
fn machine_disk(sources: &Sources<'_>, server: &Server, disk: &Disk) -> PathBuf {
    folder(sources, server).join(format!("{}.vm.img", disk.id))
}

fn quoted(path: &std::path::Path) -> String {
    shell_quoted(&path.display().to_string())
}

fn hardware(sources: &Sources<'_>, server: &Server) -> Blueprint {
    // Neither name nor address of the card are taken from it: they belong to a state store.
    let identity = Identity::new("", sources.tenant, server, Purpose::Production);
    blueprint(identity, server, &Found::default(), Vec::new())
}

/// Makes the clone that boots, and converts it.
pub(super) fn convert(sources: &Sources<'_>, server: &Server) -> Vec<RunbookStep> {
    if !is_ours(server) {
        return Vec::new();
    }
    let what = say(
        "Convertire un secondo clone: quello provato resta com'è, la replica non si tocca e non si avvia mai.",
        "Convert a second clone: the proven one stays as it is; the replica is not touched and never booted.",
    );
    let mut step = RunbookStep::new("convert", engineer(), what);
    let mut disks = String::new();
    for disk in &server.disks {
        let (proven, machine) = (quoted(&clone(sources, server, disk)), quoted(&machine_disk(sources, server, disk)));
        step = step.shell(format!("cp --reflink=auto --sparse=always -- {proven} {machine}"));
        step = step.undone_by(Place::Operations, format!("rm -f -- {machine}"));
        disks.push_str(&format!(" -a {machine}"));
    }
    let step = match &server.os {
        Os::Linux(_) => linux(sources, server, step, &disks),
        Os::Windows(_) => windows(sources, server, step, &disks),
    };
    vec![step]
}

/// Drivers into the initramfs, and the interface's name onto the new card.
fn linux(sources: &Sources<'_>, server: &Server, step: RunbookStep, disks: &str) -> RunbookStep {
    let folder = folder(sources, server);
    let (name, link) = (quoted(&folder.join("interface")), quoted(&folder.join("05-night.link")));
    let model = hardware(sources, server).nic.model.word();
    let address = shell_quoted(&server.address.to_string());
    let upload =
        shell_quoted(&format!("{}:/etc/systemd/network/05-night.link", folder.join("05-night.link").display()));
    let initramfs = format!(
        "if command -v update-initramfs >/dev/null; then printf '%s\\n' {DRIVERS} >> /etc/initramfs-tools/modules; update-initramfs -u -k all; \
         else for k in /lib/modules/*; do k=${{k##*/}}; dracut --force --add-drivers '{DRIVERS}' /boot/initramfs-$k.img $k; done; fi"
    );
    step.shell(format!(
        "s 'ip -o -4 addr show' | awk -v a={address} 'index($4, a \"/\") == 1 {{ print $2; exit }}' > {name}; cat {name}"
    ))
    .shell(format!("printf '[Match]\\nDriver={model}\\n\\n[Link]\\nName=%s\\n' \"$(cat {name})\" > {link}"))
    .shell(format!("virt-cat{disks} /etc/fstab"))
    .shell(format!(
        "virt-customize --no-network{disks} --mkdir /etc/systemd/network --upload {upload} --delete /etc/udev/rules.d/70-persistent-net.rules --run-command {}",
        shell_quoted(&initramfs)
    ))
    .expects(
        "Il nome dell'interfaccia di rete; in fstab solo UUID, LABEL, LVM o /dev/sdX (/dev/hdX, xvdX e cciss si cambiano con virt-edit); alla fine «Finishing off».",
        "The interface's name; in fstab only UUID, LABEL, LVM or /dev/sdX (change /dev/hdX, xvdX and cciss with virt-edit); `Finishing off` at the end.",
    )
    .expects(
        "Un sistema anteriore a systemd: la riga con NAME= si scrive a mano in 70-persistent-net.rules alla console.",
        "A system older than systemd: write the line with NAME= into 70-persistent-net.rules by hand at the console.",
    )
}

/// The controller's driver starts at boot.
fn windows(sources: &Sources<'_>, server: &Server, step: RunbookStep, disks: &str) -> RunbookStep {
    let registry = quoted(&folder(sources, server).join("driver.reg"));
    let set = |number: u8| {
        format!("'[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet00{number}\\Services\\LSI_SAS]' '\"Start\"=dword:00000000' ''")
    };
    let image = server.disks.first().map(|disk| quoted(&machine_disk(sources, server, disk))).unwrap_or_default();
    step.shell(format!("virt-filesystems --long --all{disks}"))
        .shell(format!("printf '%s\\n' {} > {registry}", set(1)))
        .shell(format!("virt-win-reg --merge {image} {registry}"))
        .expects(
            "I volumi di Windows; nessun errore. Un volume «dirty» si chiude prima: avviare la sorgente e spegnerla da Windows.",
            "The volumes of Windows; no error. Where a volume is dirty, boot the source and shut it down from Windows first.",
        )
}

/// The machine boots without network, and is connected once the routes lead to it.
pub(super) fn boot(sources: &Sources<'_>, server: &Server) -> Vec<RunbookStep> {
    let boot = say(
        "Creare la macchina e avviarla con la scheda di rete scollegata; accedere alla console.",
        "Make the machine and boot it with its network card disconnected; log in at the console.",
    );
    let connect = say(
        "Collegare la scheda di rete: ora, non prima. Da qui sorgente e copia non sono mai accese insieme sulla rete.",
        "Connect the network card: now, not before. From here source and copy are never both on the network.",
    );
    let boot = RunbookStep::new("boot", engineer(), boot);
    let connect = RunbookStep::new("nic", engineer(), connect);
    let (boot, connect) = match &sources.project.landing.machines {
        LandingMachines::Vsphere(setting) => on_vsphere(sources, server, setting, boot, connect),
        LandingMachines::Lab(_) | LandingMachines::ByHand => by_hand(sources, server, boot, connect),
    };
    let boot = boot.expects(
        "La console arriva alla richiesta di accesso; l'indirizzo è quello atteso, senza rete.",
        "The console comes to the login; the address is the expected one, without network.",
    );
    let address = server.landing_address();
    vec![
        boot,
        connect.expects(
            format!("«ping {address}» risponde dal data center."),
            format!("`ping {address}` answers at the site."),
        ),
    ]
}

fn on_vsphere(
    sources: &Sources<'_>,
    server: &Server,
    setting: &VsphereLanding,
    mut boot: RunbookStep,
    connect: RunbookStep,
) -> (RunbookStep, RunbookStep) {
    let machine = hardware(sources, server);
    let (name, store) = (shell_quoted(server.id.as_str()), shell_quoted(&setting.datastore));
    let (host, user) = (shell_quoted(&setting.access.host), shell_quoted(&setting.access.user));
    boot = boot
        .shell(format!(
            "export GOVC_URL={host} GOVC_USERNAME={user} GOVC_DATACENTER={}",
            shell_quoted(&setting.datacenter)
        ))
        .shell("stty -echo; read -r GOVC_PASSWORD; stty echo; export GOVC_PASSWORD");
    if is_ours(server) {
        for disk in &server.disks {
            let image = machine_disk(sources, server, disk);
            let vmdk = image.with_file_name(format!("{}.vmdk", disk.id));
            boot = boot
                .shell(format!(
                    "qemu-img convert -f raw -O vmdk -o subformat=streamOptimized {} {}",
                    quoted(&image),
                    quoted(&vmdk)
                ))
                .shell(format!("govc import.vmdk -ds={store} {} {name}", quoted(&vmdk)));
        }
        boot = boot.shell(format!(
            "govc vm.create -on=false -g={} -c={} -m={} -firmware={} -disk.controller={} -ds={store} -pool={} -net={} -net.adapter={}{} {name}",
            machine.guest,
            machine.cpus,
            machine.memory_mb,
            if machine.firmware.word() == "uefi" { "efi" } else { "bios" },
            controller(machine.controller),
            shell_quoted(&setting.pool),
            shell_quoted(&port_group(sources, server, &setting.port_groups)),
            machine.nic.model.word(),
            disks(server)
        ));
        for disk in server.disks.iter().skip(1) {
            let path = shell_quoted(&format!("{}/{}.vmdk", server.id, disk.id));
            boot = boot.shell(format!("govc vm.disk.attach -vm={name} -ds={store} -link=false -disk={path}"));
        }
    }
    let boot = boot
        .shell(format!("govc device.disconnect -vm={name} ethernet-0"))
        .shell(format!("govc device.info -vm={name} ethernet-0"))
        .shell(format!("govc vm.power -on {name}"))
        .expects(
            "La parola d'accesso di vCenter si scrive senza eco. Senza govc, gli stessi valori nel vSphere Client: «Connect At Power On» non spuntato.",
            "The password of the vCenter is typed without echo. Without govc, the same values in the vSphere Client: Connect At Power On not ticked.",
        )
        .undone_by(Place::Operations, format!("govc vm.power -off -force {name}"));
    let connect = connect
        .shell(format!("govc device.connect -vm={name} ethernet-0"))
        .undone_by(Place::Operations, format!("govc device.disconnect -vm={name} ethernet-0"));
    (boot, connect)
}

/// A controller in the words of govc.
fn controller(controller: Controller) -> &'static str {
    match controller {
        Controller::LsiSas1068 => "lsilogic-sas",
        other => other.word(),
    }
}

/// The first disk of the new machine.
fn disks(server: &Server) -> String {
    let first = server.disks.first().map(|disk| format!("{}/{}.vmdk", server.id, disk.id));
    first.map_or_else(String::new, |path| format!(" -disk={}", shell_quoted(&path)))
}

fn port_group(sources: &Sources<'_>, server: &Server, names: &PortGroupNames) -> String {
    let name = if matches!(server.landing, Addressing::Renumber(_)) { &names.new } else { &names.kept };
    name.replace(PortGroupNames::TENANT, sources.tenant.id.as_str())
}

/// Where the landing has no vCenter: the machine's values, and the files of its disks.
fn by_hand(
    sources: &Sources<'_>,
    server: &Server,
    mut boot: RunbookStep,
    connect: RunbookStep,
) -> (RunbookStep, RunbookStep) {
    let machine = hardware(sources, server);
    for disk in server.disks.iter().filter(|_| is_ours(server)) {
        let image = machine_disk(sources, server, disk);
        let vmdk = image.with_file_name(format!("{}.vmdk", disk.id));
        boot = boot.shell(format!(
            "qemu-img convert -f raw -O vmdk -o subformat=streamOptimized {} {}",
            quoted(&image),
            quoted(&vmdk)
        ));
    }
    let values = format!(
        "{} CPU, {} MiB, {}, {}, {}, {}",
        machine.cpus,
        machine.memory_mb,
        machine.firmware.word(),
        machine.controller.word(),
        machine.nic.model.word(),
        machine.guest
    );
    let boot = boot
        .run(Place::Landing, format!("{}: {values}, Connect At Power On = no", server.id))
        .undone_by(Place::Landing, format!("{}: power off", server.id));
    let line = format!("{}: Network adapter 1, Connected = yes", server.id);
    let off = format!("{}: Network adapter 1, Connected = no", server.id);
    (boot, connect.run(Place::Landing, line).undone_by(Place::Landing, off))
}

/// The first step back: the copy leaves the network.
pub(super) fn disconnect(sources: &Sources<'_>, server: &Server) -> RunbookStep {
    let what = say(
        "Scollegare la scheda di rete della copia, poi spegnerla.",
        "Disconnect the network card of the copy, then switch it off.",
    );
    let step = RunbookStep::new("nic", engineer(), what);
    let step = match &sources.project.landing.machines {
        LandingMachines::Vsphere(_) => {
            let name = shell_quoted(server.id.as_str());
            step.shell(format!("govc device.disconnect -vm={name} ethernet-0"))
                .shell(format!("govc vm.power -off -force {name}"))
        }
        LandingMachines::Lab(_) | LandingMachines::ByHand => {
            step.run(Place::Landing, format!("{}: Network adapter 1, Connected = no; power off", server.id))
        }
    };
    let address = server.landing_address();
    step.expects(format!("«ping {address}» non risponde."), format!("`ping {address}` does not answer."))
}

/// What is tried before the server counts as moved.
pub(super) fn checks(server: &Server) -> Vec<RunbookStep> {
    let what = say(
        "Provare i servizi da una postazione della sede, con un'utenza normale.",
        "Try the services from a client of the site, with an ordinary account.",
    );
    let address = server.landing_address();
    let mut step = RunbookStep::new("services", on_site(), what).run(Place::Windows, format!("ping {address}"));
    for role in &server.roles {
        step = step.run(Place::Windows, of_role(*role, &address.to_string()));
    }
    vec![step.expects(
        "Ogni prova risponde come prima dello spostamento. Tre prove rosse: si decide se tornare indietro.",
        "Every try answers as before the move. Red three times: decide whether to go back.",
    )]
}

fn of_role(role: ServerRole, address: &str) -> String {
    match role {
        ServerRole::Ad => "nltest /sc_verify:%USERDOMAIN%".to_owned(),
        ServerRole::Dns => format!("nslookup %COMPUTERNAME% {address}"),
        ServerRole::Dhcp => "ipconfig /renew".to_owned(),
        ServerRole::File => format!("net view \\\\{address}"),
        ServerRole::Print => format!("net view \\\\{address} (stampante: pagina di prova)"),
        ServerRole::Logging => format!("ping -n 2 {address}"),
        ServerRole::Database | ServerRole::Application => "aprire l'applicativo e leggere una pratica".to_owned(),
    }
}
