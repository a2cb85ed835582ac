#!/bin/sh
# Fetches UEFI for QEMU that knows VMware's controllers: ovmf.sh FOLDER
#
# Leaves OVMF_CODE_4M.fd and OVMF_VARS_4M.fd in FOLDER. They are of Debian 11: of pvscsi and LSI SAS the
# builds of Debian 12 and 13 have no driver. Nothing is installed, and apt's own lists stay as they are.
set -eu
folder=$1
mirror=${TRAGHETTO_DEBIAN_MIRROR:-http://deb.debian.org/debian}
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/package"
: > "$work/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bullseye main" > "$work/sources.list"
chmod -R a+rX "$work"
apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State::lists="$work/lists" -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache" \
        -o APT::Sandbox::User=root "$@"
}
apt update
(cd "$work/package" && apt download ovmf)
dpkg-deb -x "$work"/package/ovmf_*.deb "$work/package"
cp "$work/package/usr/share/OVMF/OVMF_CODE_4M.fd" "$work/package/usr/share/OVMF/OVMF_VARS_4M.fd" "$folder/"
