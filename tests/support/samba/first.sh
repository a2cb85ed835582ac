# The first process of the domain controller: makes its files and its name, tells that it is ready, and
# ends with whoever holds its standard input, and with it every process of the controller.
set -e
# What the tests beside this one have mounted for themselves is not kept mounted by a copy of it.
awk -v folder="${TMPDIR:-/tmp}/" 'index($2, folder) == 1 { print $2 }' /proc/mounts |
  while read -r place; do umount -l "$place" 2>/dev/null || true; done
mount -t tmpfs tmpfs /mnt
cp -a /etc /mnt/etc
mount --bind /mnt/etc /etc
for folder in /run /dev/shm /var/lib/samba /var/log/samba /var/cache/samba; do
  [ ! -d "$folder" ] || mount -t tmpfs tmpfs "$folder"
done
mkdir /run/samba
rm -f /etc/samba/smb.conf /etc/resolv.conf /etc/krb5.conf
echo 'nameserver 192.0.2.10' >/etc/resolv.conf
printf '127.0.0.1 localhost\n192.0.2.10 dc1.cinto.lan dc1\n' >/etc/hosts
hostname dc1
echo ready
# Whoever loses its parent here becomes a child of this process, which keeps no dead.
exec /usr/bin/python3 -c 'import signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); sys.stdin.read()'
