#!/bin/sh
# Builds a disk that boots by itself of what build.sh left: profile.sh FOLDER PROFILE
#
# Leaves PROFILE.img in FOLDER, and PROFILE.vmlinuz and PROFILE.initrd. The initramfs knows the hardware of
# the "physical" machine only (AHCI, e1000): nothing of it starts on VMware's controllers.
#   ext4   BIOS, root by /dev/sda2 in fstab and boot loader, ifupdown with the name enp0s3
#   uefi   an ESP without the fallback's path, networkd by the card's own address
#   xfs    BIOS, /boot apart, XFS on a logical volume
#   eth0   BIOS, 70-persistent-net.rules, ifupdown with the name eth0
# Needs root. Mounts in a mount namespace of its own, with loop devices that go with it.
set -eu
folder=$1 profile=$2
if [ -z "${TRAGHETTO_OWN_MOUNTS-}" ]; then
    TRAGHETTO_OWN_MOUNTS=1 exec unshare -m --propagation private "$0" "$@"
fi
address=10.0.2.77/24 gateway=10.0.2.2 mac=52:54:00:aa:00:01
work=$(mktemp -d "$folder/work.XXXXXX")
trap 'umount -R "$work/root" 2>/dev/null || true; rm -rf --one-file-system "$work"' EXIT
disk=$work/disk.img root=$work/root
mkdir "$root"
truncate -s 3G "$disk"

# Offset and length in bytes of a partition.
place() {
    sfdisk -d "$disk" | awk -v want="$1" '/start=/ { n++; if (n == want) { gsub(/[,=]/, " ");
        for (i = 1; i < NF; i++) { if ($i == "start") s = $(i + 1); if ($i == "size") l = $(i + 1) }
        print s * 512, l * 512 } }'
}
mount_at() { mount -t "$1" -o "loop,offset=$2,sizelimit=$3" "$disk" "$4"; }
fresh() { # TYPE OFFSET LENGTH ARGUMENTS...: a filesystem there
    made=$1 loop=$(losetup -f --show -o "$2" --sizelimit "$3" "$disk"); shift 3
    mkfs."$made" -q "$@" "$loop"
    losetup -d "$loop"
}

label=gpt
case $profile in
uefi) parts='size=64M, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
type=0FC63DAF-8483-4772-8E79-3D69D8477DE4' ;;
xfs) label=dos parts='size=256M, type=83, bootable
type=8e' ;;
eth0) label=dos parts='type=83, bootable' ;;
*) parts='size=1M, type=21686148-6449-6E6F-744E-656564454649
type=0FC63DAF-8483-4772-8E79-3D69D8477DE4' ;;
esac
echo "$parts" | sfdisk -q --label $label "$disk"

case $profile in
xfs)
    set -- $(place 2)
    pv=$(losetup -f --show -o "$1" --sizelimit "$2" "$disk")
    lvm="--config devices{use_devicesfile=0}global{use_lvmlockd=0} --driverloaded n"
    pvcreate -q $lvm "$pv" && vgcreate -q $lvm sys "$pv" && lvcreate -q $lvm -an -Zn -Wn -L 2G -n root sys
    start=$(pvs $lvm --noheadings --nosuffix --units b -o pe_start "$pv" | tr -d ' ')
    losetup -d "$pv"
    at=$(($1 + start)) length=$((2 << 30)) type=xfs device=/dev/mapper/sys-root
    fresh xfs $at $length -L root
    ;;
eth0) set -- $(place 1); at=$1 length=$2 type=ext4 device=/dev/sda1; fresh ext4 $at $length -L root ;;
*) set -- $(place 2); at=$1 length=$2 type=ext4 device=/dev/sda2; fresh ext4 $at $length -L root ;;
esac
mount_at $type $at $length "$root"
if [ $profile = xfs ]; then
    set -- $(place 1)
    fresh ext4 $1 $2 -L boot
    mkdir "$root/boot" && mount_at ext4 $1 $2 "$root/boot"
fi
cp -a "$folder/tree/." "$root/"
# What no test needs would only be copied, by an emulated processor.
(cd "$root" && rm -rf usr/share/doc usr/share/man usr/share/locale && cd lib/modules/*/kernel && rm -rf sound \
    drivers/gpu drivers/media drivers/staging drivers/infiniband drivers/net/wireless drivers/iio drivers/usb)
uuid=$(blkid -p -s UUID -o value -O $at -S $length "$disk")

echo "$profile" > "$root/etc/hostname"
rm "$root/etc/systemd/network/10-guest.network"
name=enp0s3
case $profile in
uefi)
    name=
    printf '[Match]\nMACAddress=%s\n[Network]\nAddress=%s\nGateway=%s\n' $mac $address $gateway \
        > "$root/etc/systemd/network/10-lan.network"
    echo "UUID=$uuid / $type errors=remount-ro 0 1" > "$root/etc/fstab"
    device=UUID=$uuid
    ;;
xfs)
    boot=$(blkid -p -s UUID -o value -O $1 -S $2 "$disk")
    printf '%s / xfs defaults 0 0\nUUID=%s /boot ext4 defaults 0 2\n' $device $boot > "$root/etc/fstab"
    ;;
eth0)
    name=eth0
    printf 'SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="%s", ATTR{type}=="1", NAME="eth0"\n' $mac \
        > "$root/etc/udev/rules.d/70-persistent-net.rules"
    echo "$device / ext4 errors=remount-ro 0 1" > "$root/etc/fstab"
    ;;
*) echo "$device / $type errors=remount-ro 0 1" > "$root/etc/fstab" ;;
esac
if [ -n "$name" ]; then
    printf 'auto lo %s\niface lo inet loopback\niface %s inet static\n    address %s\n    gateway %s\n' \
        $name $name $address $gateway > "$root/etc/network/interfaces"
    ln -sf /lib/systemd/system/networking.service "$root/etc/systemd/system/multi-user.target.wants/"
    rm "$root/etc/systemd/system/multi-user.target.wants/systemd-networkd.service"
fi

# An initramfs for this hardware only, as MODULES=dep makes it on the machine itself.
sed -i 's/^MODULES=.*/MODULES=list/' "$root/etc/initramfs-tools/initramfs.conf"
printf 'ahci\nsd_mod\next4\nxfs\ne1000\n' >> "$root/etc/initramfs-tools/modules"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
chroot "$root" depmod -a "$(basename "$root"/lib/modules/*)"
chroot "$root" update-initramfs -u -k all > "$folder/$profile.log" 2>&1
kernel=$(basename "$root"/boot/vmlinuz-*)
initrd=$(basename "$root"/boot/initrd.img-*)
cp "$root/boot/$kernel" "$folder/$profile.vmlinuz"
cp "$root/boot/$initrd" "$folder/$profile.initrd"

# The boot loader, with a configuration as grub-mkconfig writes it.
prefix=/boot search=$uuid
if [ $profile = xfs ]; then prefix= search=$boot; fi
mkdir -p "$root/boot/grub"
cat > "$root/boot/grub/grub.cfg" <<GRUB
set timeout=0
insmod part_gpt
insmod part_msdos
insmod ext2
search --no-floppy --fs-uuid --set=root $search
menuentry 'Debian' {
    linux $prefix/$kernel root=$device ro console=ttyS0 quiet mitigations=off
    initrd $prefix/$initrd
}
GRUB
printf 'GRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX="console=ttyS0 mitigations=off"\n' > "$root/etc/default/grub"
if [ $profile = uefi ]; then
    set -- $(place 1)
    mkfs.vfat -F 32 -s 1 --offset $(($1 / 512)) "$disk" $(($2 / 1024)) > /dev/null
    printf 'search.fs_uuid %s root\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n' $uuid > "$work/grub.cfg"
    cp "$root/usr/lib/shim/shimx64.efi.signed" "$work/shimx64.efi"
    cp "$root/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" "$work/grubx64.efi"
    export MTOOLS_SKIP_CHECK=1
    mmd -i "$disk@@$1" ::/EFI
    mmd -i "$disk@@$1" ::/EFI/debian
    mcopy -i "$disk@@$1" "$work/shimx64.efi" "$work/grubx64.efi" "$work/grub.cfg" ::/EFI/debian/
else
    whole=$(losetup -f --show -P "$disk")
    modules='biosdisk part_gpt part_msdos ext2 search_fs_uuid'
    echo "(hd0) $whole" > "$root/boot/grub/device.map"
    chroot "$root" grub-install --target=i386-pc --modules="$modules" "$whole" >> "$folder/$profile.log" 2>&1 || {
        losetup -d "$whole"; cat "$folder/$profile.log"; exit 1; }
    losetup -d "$whole"
fi
umount -R "$root"
mv "$disk" "$folder/$profile.img"
