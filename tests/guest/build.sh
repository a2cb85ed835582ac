#!/bin/sh
# Builds a Debian guest for tests: build.sh FOLDER
#
# Leaves in FOLDER: disk.img (GPT, one ext4 root with free space, deleted files included), vmlinuz,
# initrd.img, client and client.pub (the key that may log in as root), host.pub (the guest's host key),
# and tree, of which profile.sh makes disks that boot by themselves.
# Needs root and the Debian packages debootstrap, e2fsprogs, fdisk and openssh-client; takes minutes.
# Mounts nothing here but what debootstrap itself mounts and unmounts.
set -eu
folder=$1
mirror=${TRAGHETTO_DEBIAN_MIRROR:-http://deb.debian.org/debian}
mkdir -p "$folder"
work=$(mktemp -d "$folder/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
tree=$folder/tree

packages=linux-image-amd64,systemd-sysv,udev,openssh-server,iproute2,procps,e2fsprogs,lvm2,zstd
# For the checklist of the landing, and for logind, which hears the power button.
packages=$packages,iputils-ping,iputils-arping,dbus
# For the disks that boot by themselves.
packages=$packages,grub-pc-bin,grub2-common,grub-efi-amd64-signed,shim-signed,ifupdown,xfsprogs,smartmontools
debootstrap --variant=minbase \
    --include="$packages" bookworm "$tree" "$mirror" > "$folder/debootstrap.log" 2>&1

rm -f "$folder/client" "$folder/client.pub"
ssh-keygen -q -t ed25519 -N '' -C test -f "$folder/client"
install -d -m 700 "$tree/root/.ssh"
install -m 600 "$folder/client.pub" "$tree/root/.ssh/authorized_keys"
cp "$tree/etc/ssh/ssh_host_ed25519_key.pub" "$folder/host.pub"

echo guest > "$tree/etc/hostname"
echo '/dev/vda1 / ext4 errors=remount-ro 0 1' > "$tree/etc/fstab"
cat > "$tree/etc/systemd/network/10-guest.network" <<'NETWORK'
[Match]
Type=ether
[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
NETWORK
cat > "$tree/etc/systemd/system/writer.service" <<'SERVICE'
[Unit]
Description=Writes to the disk without pause
[Service]
ExecStart=/usr/local/bin/writer
[Install]
WantedBy=multi-user.target
SERVICE
# Appends with fsync as a database does, makes and deletes files, and overwrites in place.
cat > "$tree/usr/local/bin/writer" <<'WRITER'
#!/bin/sh
mkdir -p /srv/data && cd /srv/data || exit 1
count=0
while :; do
    count=$((count + 1))
    slot=$((count % 40))
    head -c $(((count * 7919) % 300000 + 1)) /dev/urandom > "file.$slot"
    dd if=/dev/urandom of=table bs=4096 count=1 seek=$(((count * 31) % 2000)) conv=notrunc,fsync status=none
    echo "$count" >> log
    [ $((count % 17)) -ne 0 ] || rm -f "file.$(((slot + 11) % 40))"
    [ $((count % 10)) -ne 0 ] || sync -d log
    sleep 0.05
done
WRITER
chmod 755 "$tree/usr/local/bin/writer"
ln -s /lib/systemd/system/systemd-networkd.service "$tree/etc/systemd/system/multi-user.target.wants/"
ln -s /etc/systemd/system/writer.service "$tree/etc/systemd/system/multi-user.target.wants/"
# What only delays the boot of an emulated machine.
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer getty@tty1.service \
    systemd-networkd-wait-online.service; do
    ln -sf /dev/null "$tree/etc/systemd/system/$unit"
done
rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/*

cp "$tree"/boot/vmlinuz-* "$folder/vmlinuz"
cp "$tree"/boot/initrd.img-* "$folder/initrd.img"

disk=$work/disk.img
truncate -s 3G "$disk"
echo 'start=2048, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4' | sfdisk -q --label gpt "$disk"
sectors=$(sfdisk -d "$disk" | sed -n 's/.*size= *\([0-9]*\),.*/\1/p')
mkfs.ext4 -q -F -L root -E offset=1048576 -d "$tree" "$disk" $((sectors / 2))k
mv "$disk" "$folder/disk.img"
