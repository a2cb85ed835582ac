#!/bin/sh
# Builds govc, which the printed page of the night names, into a folder: from the source of the Debian package whose
# library is installed (Debian packs govmomi without it). A minute of a processor.
set -eu
folder=$1
rm -rf "$folder"
mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/src/github.com/vmware" "$folder/bin"
folder=$(cd "$folder" && pwd)
cd "$folder/apt"
# The sources of where the packages of this system come from, in lists of our own.
apt-get indextargets --format 'deb-src $(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' |
  awk '$5 == "Debian" { print $1, $2, $3, $4 }' | sort -u > sources.list
own="-o Dir::Etc::sourcelist=$folder/apt/sources.list -o Dir::Etc::sourceparts=/dev/null
  -o Dir::State::lists=$folder/apt/lists -o Dir::Cache=$folder/apt/cache -o APT::Sandbox::User=root"
apt-get $own -qq update
version=$(dpkg-query -W -f '${source:Version}' golang-github-vmware-govmomi-dev)
apt-get $own -qq source --download-only "golang-github-vmware-govmomi=$version"
mkdir source
tar -xf golang-github-vmware-govmomi_*.orig.tar.* -C source
mv source/* "$folder/src/github.com/vmware/govmomi"
GO111MODULE=off GOPATH="$folder:/usr/share/gocode" go build -o "$folder/bin/govc" github.com/vmware/govmomi/govc
rm -rf "$folder/apt" "$folder/src"
