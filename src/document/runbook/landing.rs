//! What is done at the landing site by hand: a second clone is converted, its machine boots without network, and is
//! connected. The hardware is that which traghetto would give it.

use super::copy::{clone, folder};
use super::{RunbookStep, Sources, engineer, is_ours, on_site, say, vcenter};
use crate::landing::{Blueprint, Found, Identity, Purpose, blueprint};
use crate::model::machine::Controller;
use crate::model::project::LandingMachines;
use crate::model::server::{Disk, Os, Server, ServerRole, Transfer};
use crate::model::vsphere::VsphereLanding;
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
    let (folder, stop) = (folder(sources, server), sources.stop());
    let (name, link) = (quoted(&folder.join("interface")), quoted(&folder.join("05-night.link")));
    let model = hardware(sources, server).nic.model.word();
    let address = shell_quoted(&server.address.to_string());
    let upload =
        shell_quoted(&format!("{}:/etc/systemd/network/05-night.link", folder.join("05-night.link").display()));
    let initramfs = format!(
        "if command -v update-initramfs >/dev/null; then printf '%s\\n' {DRIVERS} >> /etc/initramfs-tools/modules; update-initramfs -u -k all; \
         else for k in /lib/modules/*; do k=${{k##*/}}; dracut --force --add-drivers '{DRIVERS}' /boot/initramfs-$k.img $k; done; fi"
    );
    let read = match server.transfer {
        // The rescue system names the card in its own way: what counts is written on the disk.
        Transfer::Rescue => format!(
            "virt-cat{disks} /etc/network/interfaces | awk '$1 == \"iface\" && $2 != \"lo\" {{ print $2; exit }}' > {name}"
        ),
        _ => format!(
            "s 'ip -o -4 addr show' | awk -v a={address} 'index($4, a \"/\") == 1 {{ print $2; exit }}' > {name}"
        ),
    };
    step.shell(format!("{read}; test -s {name} && cat {name} || echo {stop}"))
    .shell(format!("test -s {name} && printf '[Match]\\nDriver={model}\\n\\n[Link]\\nName=%s\\n' \"$(cat {name})\" > {link}"))
    .shell(format!("virt-cat{disks} /etc/fstab"))
    .shell(format!(
        "test -s {name} && virt-customize --no-network --no-logfile{disks} --mkdir /etc/systemd/network --upload {upload} --delete /etc/udev/rules.d/70-persistent-net.rules --run-command {}",
        shell_quoted(&initramfs)
    ))
    .expects(
        "Il nome dell'interfaccia di rete; in fstab solo UUID, LABEL, LVM o /dev/sdX (/dev/hdX, xvdX e cciss si cambiano con virt-edit); alla fine «Finishing off».",
        "The interface's name; in fstab only UUID, LABEL, LVM or /dev/sdX (change /dev/hdX, xvdX and cciss with virt-edit); `Finishing off` at the end.",
    )
    .expects(
        format!("FERMARSI: il nome non si trova. Con «rescue» si legge dal clone, non dal sistema di soccorso: cercarlo con virt-ls e virt-cat (ifcfg-*, netplan, NetworkManager) o alla console, scriverlo con «echo NOME > {name}» e ripetere."),
        format!("STOP: the name is not found. With `rescue` it is read from the clone, not from the rescue system: look for it with virt-ls and virt-cat (ifcfg-*, netplan, NetworkManager) or at the console, write it with `echo NAME > {name}` and repeat."),
    )
    .expects(
        "Un sistema anteriore a systemd: la riga con NAME= si scrive a mano in 70-persistent-net.rules alla console.",
        "A system older than systemd: write the line with NAME= into 70-persistent-net.rules by hand at the console.",
    )
}

/// The controller's driver starts at boot, in the control set that the next start takes.
fn windows(sources: &Sources<'_>, server: &Server, step: RunbookStep, disks: &str) -> RunbookStep {
    let (folder, stop) = (folder(sources, server), sources.stop());
    let (registry, set) = (quoted(&folder.join("driver.reg")), quoted(&folder.join("controlset")));
    let controller = hardware(sources, server).controller;
    let services: &[&str] = match controller {
        Controller::LsiSas1068 => &["LSI_SAS"],
        Controller::LsiLogic => &["LSI_SCSI"],
        Controller::Pvscsi => &["pvscsi"],
        Controller::Ide => &["intelide", "atapi"],
    };
    let image = server.disks.first().map(|disk| quoted(&machine_disk(sources, server, disk))).unwrap_or_default();
    let mut step = step
        .shell(format!("virt-filesystems --long --all{disks}"))
        .shell(format!(
            "virt-win-reg {image} 'HKLM\\SYSTEM\\Select' | tr -d '\\r' | sed -n 's/^\"Default\"=dword:00000//p' > {set}; test -s {set} && cat {set} || echo {stop}"
        ))
        .shell(format!(": > {registry}"));
    for service in services {
        let key = format!("HKLM\\SYSTEM\\ControlSet%s\\Services\\{service}").replace('\\', "\\\\");
        let value = |text: &str| shell_quoted(text);
        step = step
            .shell(format!(
                "test -s {set} && virt-win-reg {image} \"$(printf {} \"$(cat {set})\")\" ImagePath || echo {stop}",
                value(&key)
            ))
            .shell(format!(
                "printf {} \"$(cat {set})\" >> {registry}",
                value(&format!("[{}]\\n\"Start\"=dword:00000000\\n\\n", key.replacen("HKLM", "HKEY_LOCAL_MACHINE", 1)))
            ));
    }
    let names = services.join(", ");
    step.shell(format!("test -s {set} && virt-win-reg --merge {image} {registry}"))
        .expects(
            "I volumi di Windows; nessun errore. Un volume «dirty» si chiude prima: avviare la sorgente e spegnerla da Windows.",
            "The volumes of Windows; no error. Where a volume is dirty, boot the source and shut it down from Windows first.",
        )
        .expects(
            format!("Il numero del ControlSet che parte (tre cifre) e il file di ogni driver ({names}, per il controller {}). FERMARSI: il driver non è in quel Windows; si installa sulla sorgente prima della copia, o si dà alla macchina un altro controller (machine.controller).", controller.word()),
            format!("The number of the ControlSet that starts (three digits) and the file of each driver ({names}, for controller {}). STOP: this Windows does not have the driver; install it on the source before the copy, or give the machine another controller (machine.controller).", controller.word()),
        )
        .expects(
            "Da Windows 8 in poi anche i valori della chiave StartOverride di quei servizi, se c'è, diventano 0: con virt-win-reg, stesso ControlSet.",
            "From Windows 8 on the values of the key StartOverride of these services, where it is there, become 0, too: with virt-win-reg, the same ControlSet.",
        )
}

/// The machine boots without network, and is connected once the routes lead to it.
pub(super) fn boot(sources: &Sources<'_>, server: &Server) -> (RunbookStep, RunbookStep) {
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
        "La console arriva alla richiesta di accesso, senza rete.",
        "The console comes to the login, without network.",
    );
    let address = server.landing_address();
    let connect = connect.expects(
        format!("«ping {address}» risponde dal data center."),
        format!("`ping {address}` answers at the site."),
    );
    (boot, connect)
}

fn on_vsphere(
    sources: &Sources<'_>,
    server: &Server,
    setting: &VsphereLanding,
    mut boot: RunbookStep,
    connect: RunbookStep,
) -> (RunbookStep, RunbookStep) {
    let (folder, vm) = paths(sources, server, setting);
    boot = vcenter::session(boot, sources, setting);
    let mut block = Vec::new();
    if is_ours(server) {
        boot = boot.shell(vcenter::free(sources, server, &folder, &vm));
        block = made(sources, server, setting);
    }
    block.push(format!("govc device.disconnect -vm={vm} ethernet-0"));
    block.push(format!("govc device.info -vm={vm} ethernet-0"));
    block.push(format!("govc vm.power -on {vm}"));
    // One command for the shell: what fails ends it, and no later line finds another night's machine.
    let boot = boot.shell(format!("{} || echo {}", block.join(" && "), sources.stop())).expects(
        "Cartella e pool dell'ente esistono (altrimenti si creano prima). La parola d'accesso di vCenter si scrive senza eco. Senza govc, gli stessi valori nel vSphere Client: «Connect At Power On» non spuntato.",
        "Folder and pool of the tenant are there (else make them first). The password of the vCenter is typed without echo. Without govc, the same values in the vSphere Client: Connect At Power On not ticked.",
    );
    let boot = if is_ours(server) {
        boot.expects(
            "La data e l'ora, che i dischi importati hanno nel nome, poi nessun FERMARSI. Ciò che «&&» unisce è un comando solo, che si ferma al primo errore.",
            "Date and hour, which the imported disks have in their names, then no STOP. What `&&` joins is one command, which stops at the first error.",
        )
        .expects(
            "FERMARSI: la macchina di un'altra notte, o di un tentativo interrotto, si mette da parte con la riga di «Per tornare» (spenta e rinominata con la data, mai eliminata; i suoi dischi restano dove sono) e non si avvia; se invece è in servizio, accesa e collegata, non la si tocca e ci si ferma del tutto. Poi si ricomincia dalla riga con «night=». Se la macchina non c'è, si toglie la causa e si ricomincia da lì.",
            "STOP: the machine of another night, or of an attempt that was cut short, is set aside by the line of `To undo` (switched off and renamed by the date, never deleted; its disks stay where they are) and is not started; where it is in service instead, on and connected, leave it alone and go no further. Then begin again at the line with `night=`. Where there is no machine, remove the cause and begin again there.",
        )
        .undone_by(Place::Operations, vcenter::aside(sources, server, &vm))
    } else {
        boot.expects(
            "Nessun FERMARSI: il blocco si ferma al primo errore.",
            "No STOP: the block stops at the first error.",
        )
        .undone_by(Place::Operations, format!("govc vm.power -off -force {vm}"))
    };
    let connect = connect
        .shell(format!("govc device.connect -vm={vm} ethernet-0"))
        .undone_by(Place::Operations, format!("govc device.disconnect -vm={vm} ethernet-0"));
    (boot, connect)
}

/// The commands that make the machine of this night, of disks in folders that have its date.
fn made(sources: &Sources<'_>, server: &Server, setting: &VsphereLanding) -> Vec<String> {
    let machine = hardware(sources, server);
    let (name, store) = (shell_quoted(server.id.as_str()), shell_quoted(&setting.datastore));
    let (folder, vm) = paths(sources, server, setting);
    let mut block = vec!["[ -n \"$night\" ]".to_owned()];
    for disk in &server.disks {
        let image = machine_disk(sources, server, disk);
        let vmdk = quoted(&image.with_file_name(format!("{}.vmdk", disk.id)));
        let image = quoted(&image);
        block.push(format!("qemu-img convert -f raw -O vmdk -o subformat=streamOptimized {image} {vmdk}"));
        block.push(format!("govc import.vmdk -ds={store} -folder={folder} {vmdk} {}", vcenter::imported(server, disk)));
    }
    // `-force` overwrites nothing: a vCenter finds another folder where one of the name is left of a machine set aside.
    block.push(format!(
        "govc vm.create -on=false -force -g={} -c={} -m={} -firmware={} -disk.controller={} -ds={store} -folder={folder} -net={} -net.adapter={}{} {name}",
        machine.guest,
        machine.cpus,
        machine.memory_mb,
        if machine.firmware.word() == "uefi" { "efi" } else { "bios" },
        vcenter::controller(machine.controller),
        shell_quoted(&vcenter::port_group(sources, server, &setting.port_groups)),
        machine.nic.model.word(),
        vcenter::disks(server)
    ));
    for disk in server.disks.iter().skip(1) {
        let path = vcenter::vmdk(server, disk);
        block.push(format!("govc vm.disk.attach -vm={vm} -ds={store} -link=false -disk={path}"));
    }
    block
}

/// The tenant's folder and the machine in it, as words of the shell.
fn paths(sources: &Sources<'_>, server: &Server, setting: &VsphereLanding) -> (String, String) {
    let folder = vcenter::folder(setting, &sources.tenant.id);
    let vm = format!("{folder}/{}", server.id);
    (shell_quoted(&folder), shell_quoted(&vm))
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
        .undone_by(Place::Landing, format!("{}: {}", server.id, off_and_aside(sources, server)));
    let boot = if is_ours(server) {
        boot.expects(
            "Prima di crearla non c'è nessuna macchina con questo nome. Quella di un'altra notte si mette da parte, spenta e rinominata con la data: non si avvia e non si elimina.",
            "Before it is made no machine has this name. That of another night is set aside, off and renamed by the date: it is neither started nor deleted.",
        )
    } else {
        boot
    };
    let line = format!("{}: Network adapter 1, Connected = yes", server.id);
    let off = format!("{}: Network adapter 1, Connected = no", server.id);
    (boot, connect.run(Place::Landing, line).undone_by(Place::Landing, off))
}

/// How a machine is taken back where no command does it; one that we did not make keeps its name.
fn off_and_aside(sources: &Sources<'_>, server: &Server) -> String {
    if !is_ours(server) {
        return "power off".to_owned();
    }
    format!("power off, rename = {}-{}", server.id, sources.word("AAAAMMGG-HHMM", "YYYYMMDD-HHMM"))
}

/// The first step back: the copy leaves the network.
pub(super) fn disconnect(sources: &Sources<'_>, server: &Server) -> RunbookStep {
    let what = if is_ours(server) {
        say(
            "Scollegare la scheda di rete della copia, poi spegnerla e metterla da parte con la data nel nome.",
            "Disconnect the network card of the copy, then switch it off and set it aside with the date in its name.",
        )
    } else {
        say(
            "Scollegare la scheda di rete della copia, poi spegnerla.",
            "Disconnect the network card of the copy, then switch it off.",
        )
    };
    let step = RunbookStep::new("nic", engineer(), what);
    let step = match &sources.project.landing.machines {
        LandingMachines::Vsphere(setting) => {
            let (_, vm) = paths(sources, server, setting);
            let step =
                vcenter::session(step, sources, setting).shell(format!("govc device.disconnect -vm={vm} ethernet-0"));
            if is_ours(server) {
                step.shell(vcenter::aside(sources, server, &vm)).expects(
                    "Nessun FERMARSI. Dove govc dice «not found», si guarda in vCenter che la macchina sia già da parte, spenta, con la data nel nome.",
                    "No STOP. Where govc says `not found`, look in the vCenter that the machine is set aside already, off, with the date in its name.",
                )
            } else {
                step.shell(format!("govc vm.power -off -force {vm}"))
            }
        }
        LandingMachines::Lab(_) | LandingMachines::ByHand => {
            let off = off_and_aside(sources, server);
            step.run(Place::Landing, format!("{}: Network adapter 1, Connected = no; {off}", server.id))
        }
    };
    let address = server.landing_address();
    step.expects(format!("«ping {address}» non risponde."), format!("`ping {address}` does not answer."))
}

/// What is tried before the server counts as moved.
pub(super) fn checks(sources: &Sources<'_>, server: &Server) -> Vec<RunbookStep> {
    let what = say(
        "Provare i servizi da una postazione della sede, con un'utenza normale.",
        "Try the services from a client of the site, with an ordinary account.",
    );
    let address = server.landing_address();
    let mut step = RunbookStep::new("services", on_site(), what).run(Place::Windows, format!("ping {address}"));
    for role in &server.roles {
        step = step.run(Place::Windows, of_role(sources, *role, &address.to_string()));
    }
    vec![step.expects(
        "Ogni prova risponde come prima dello spostamento. Tre prove rosse: si decide se tornare indietro.",
        "Every try answers as before the move. Red three times: decide whether to go back.",
    )]
}

fn of_role(sources: &Sources<'_>, role: ServerRole, address: &str) -> String {
    match role {
        ServerRole::Ad => "nltest /sc_verify:%USERDOMAIN%".to_owned(),
        ServerRole::Dns => format!("nslookup %COMPUTERNAME% {address}"),
        ServerRole::Dhcp => "ipconfig /renew".to_owned(),
        ServerRole::File => format!("net view \\\\{address}"),
        ServerRole::Print => {
            let page = sources.word("stampante: pagina di prova", "printer: a test page");
            format!("net view \\\\{address} ({page})")
        }
        ServerRole::Logging => format!("ping -n 2 {address}"),
        ServerRole::Database | ServerRole::Application => sources
            .word("aprire l'applicativo e leggere una pratica", "open the application and read a file")
            .to_owned(),
    }
}
