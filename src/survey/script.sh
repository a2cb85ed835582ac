# Reads only: no file of the host is written, nothing is installed, no service is asked to act.
# Works with dash and busybox; without root it reads what it may.
LC_ALL=C PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"
export LC_ALL PATH
if timeout 1 true 2>/dev/null; then t() { timeout 10 "$@"; }; else t() { "$@"; }; fi
# A section, in a shell of its own, which reads nothing of this script; complaints are not kept.
section() {
    printf '\n%s begin %s\n' "$MARK" "$1"
    ("$1") </dev/null 2>/dev/null
    printf '\n%s end %s\n' "$MARK" "$?"
}
first_of() { for file; do if [ -r "$file" ]; then cat "$file"; return; fi; done; return 1; }
# Size of a block device; the kernel counts sectors of 512 bytes whatever the disk's are.
bytes() { read -r sectors <"/sys/class/block/$1/size" && echo "$((sectors * 512))"; }

system() {
    if first_of /etc/os-release /usr/lib/os-release; then :; else
        printf 'PRETTY_NAME="%s"\n' "$(first_of /etc/redhat-release /etc/SuSE-release /etc/debian_version | head -n 1)"
    fi
}
kernel() { uname -n; uname -r; uname -m; }
machine() {
    virtualisation=$(t systemd-detect-virt)
    printf 'virtualisation=%s\n' "$virtualisation"
    for name in sys_vendor product_name; do printf '%s=%s\n' "$name" "$(cat /sys/class/dmi/id/$name)"; done
    if [ -d /sys/firmware/efi ]; then echo firmware=uefi; else echo firmware=bios; fi
    printf 'processors=%s\n' "$(grep -c '^processor' /proc/cpuinfo)"
    grep '^MemTotal:' /proc/meminfo
}
running() { cat /proc/uptime; }
disks() {
    t lsblk -b -P -o NAME,KNAME,PKNAME,TYPE,SIZE,RO,FSTYPE,UUID,MODEL && return
    # Before util-linux 2.22, or busybox: the same line from the kernel's own files.
    for path in /sys/class/block/*; do
        name=${path##*/} real=$(readlink -f "$path") parent= type=disk
        if [ -e "$path/partition" ]; then parent=${real%/*} parent=${parent##*/} type=part; fi
        for slave in "$path"/slaves/*; do if [ -e "$slave" ]; then parent=${slave##*/} type=mapped; fi; done
        case $name in loop*) type=loop;; sr*) type=rom;; esac
        printf 'NAME="%s" KNAME="%s" PKNAME="%s" TYPE="%s" SIZE="%s" RO="%s" FSTYPE="" UUID="" MODEL="%s"\n' \
            "$name" "$name" "$parent" "$type" "$(bytes "$name")" "$(cat "$path/ro")" \
            "$(tr -d '"\n' <"$path/device/model")"
    done
}
# Serial numbers of disks: as udev read them (SCSI first: its short one may be a world wide name); as the kernel
# has them; page 80 of a SCSI disk, behind its head of four bytes.
serials() {
    for path in /sys/block/*; do
        name=${path##*/} serial=
        case $name in loop*|ram*|dm-*|md*|sr*|fd*) continue;; esac
        for record in "/run/udev/data/b$(cat "$path/dev")" "/dev/.udev/db/block:$name"; do
            for key in ID_SCSI_SERIAL ID_SERIAL_SHORT; do
                if [ -z "$serial" ]; then serial=$(sed -n "s/^E:$key=//p" "$record" | head -n 1); fi
            done
        done
        for file in "$path/device/serial" "$path/serial"; do
            if [ -z "$serial" ] && [ -r "$file" ]; then serial=$(head -n 1 "$file"); fi
        done
        if [ -z "$serial" ] && [ -r "$path/device/vpd_pg80" ]; then
            serial=$(tail -c +5 "$path/device/vpd_pg80" | tr -cd '[:print:]')
        fi
        if [ -n "$serial" ]; then printf '%s %s\n' "$name" "$serial"; fi
    done
}
mounts() { cat /proc/mounts; }
usage() { t df -kP; }
devices() {
    while read -r device _; do
        case $device in /dev/*) printf '%s %s\n' "$device" "$(readlink -f "$device")";; esac
    done </proc/mounts
}
interfaces() {
    for path in /sys/class/net/*; do
        if [ -e "$path/address" ]; then printf '%s mac %s\n' "${path##*/}" "$(cat "$path/address")"; fi
    done
    t ip -o addr show
}
routes() { cat /proc/net/route; }
resolver() { cat /etc/resolv.conf; }
services() {
    t systemctl list-units --type=service --state=running --no-legend --no-pager --plain && return
    echo processes
    # Children of process 2 are the kernel's.
    cat /proc/[0-9]*/status | awk '/^Name:/ { name = $2 } /^PPid:/ && $2 != 2 && name != "kthreadd" { print name }' | sort -u
}
sockets() { for name in tcp tcp6 udp udp6; do if [ -r /proc/net/$name ]; then echo "$name"; cat /proc/net/$name; fi; done; }
directory() {
    grep -i '^[[:space:]]*server role' /etc/samba/smb.conf
    for path in /var/lib/samba/private/sam.ldb /usr/local/samba/private/sam.ldb; do
        if [ -e "$path" ]; then echo "$path"; fi
    done
    # The directory of a Windows whose disk is mounted here.
    while read -r _ place kind _; do
        case $kind in ntfs*|fuseblk) ls -d "$place"/[Ww][Ii][Nn][Dd][Oo][Ww][Ss]/NTDS/ntds.dit;; esac
    done </proc/mounts
    true
}
sources() {
    for source in $SOURCES; do
        source=$(printf '%b' "$source") real=$(readlink -f "$source")
        if [ -b "$source" ]; then
            printf 'block %s %s\n' "${real##*/}" "$(bytes "${real##*/}")"
        elif [ -f "$source" ]; then
            size=$(stat -c %s -- "$source" || ls -ldn -- "$source" | awk '{ print $5 }')
            printf 'file - %s\n' "$size"
        elif [ -e "$source" ]; then echo 'other - -'
        else echo 'missing - -'; fi
    done
}
for name in system kernel machine running disks serials mounts usage devices interfaces routes resolver services sockets \
    directory sources; do section "$name"; done
