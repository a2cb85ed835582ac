# make demo   the whole story on this machine, on loopback (Rust and a C compiler only)
# make test   installs what the tests need (Debian packages, as root) and runs them all
# make proof  the long proofs: hours of faults in minutes, office programs
# make fuzz   the fuzzers, MINUTES=10 for each target (nightly compiler)
# make bench  speed beside dd, rsync and partclone, as root: half an hour, and the table into the README
# make bench-network  the network of an estate, beside ciscoconfparse2 and hier_config
# make bench-checks   20 checks on 200 hosts, beside Ansible and parallel-ssh

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

CARGO ?= cargo
BIN := target/release/traghetto
AGENT := target/agent/traghetto-agent

.PHONY: build agent demo test lint packages proof proof-packages fuzz bench bench-network bench-checks bench-packages clean

build: agent
	$(CARGO) build --release --locked

# The agent is linked statically and kept apart: a plain build would put a dynamic one in its place.
agent:
	$(call static_agent,release)
	@test $$(stat -c %s $(AGENT)) -lt 3000000 || { echo "the agent is larger than 3 MB: it is pushed over slow links"; exit 1; }

define static_agent
	$(CARGO) rustc --profile $(1) --locked --bin traghetto-agent -- -C target-feature=+crt-static
	@mkdir -p $(dir $(AGENT))
	@cp -f target/$(1)/traghetto-agent $(AGENT).new && strip $(AGENT).new && mv -f $(AGENT).new $(AGENT)
endef

demo: build
	$(BIN) demo

# What measures rates or outages by the clock: it gets the machine for itself.
TIMED := network_lab shaping forecast

# The tests have a profile of their own, which is quick to compile.
# Most of them wait for something, so more run at once than there are cores.
test: packages lint
	$(call static_agent,quick)
	TRAGHETTO_AGENT=$(CURDIR)/$(AGENT) $(CARGO) test --profile quick --locked -- --test-threads=4 $(TIMED:%=--skip %)
	TRAGHETTO_AGENT=$(CURDIR)/$(AGENT) $(CARGO) test --profile quick --locked -- --test-threads=2 $(TIMED)

lint:
	$(CARGO) fmt --check
	@if $(CARGO) clippy --version >/dev/null 2>&1; then \
	  $(CARGO) clippy --profile quick --locked --all-targets -- -D warnings; \
	else echo "clippy is not installed: lints beyond the compiler's are not run"; fi

# Installs those of the Debian packages $(1) that are missing.
define install_missing
@missing=; for p in $(1); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
if [ -n "$$missing" ]; then \
  echo "installing$$missing"; \
  export DEBIAN_FRONTEND=noninteractive; \
  apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing; \
fi
endef

# What the tests need beside Rust: a real SSH server, a real filesystem, ping, keepalived for HSRP, and
# Samba as a domain controller whose clock can be wrong.
PACKAGES := openssh-server openssh-client openssl iputils-ping iputils-arping e2fsprogs util-linux iproute2 procps \
  xfsprogs ntfs-3g lvm2 gdisk fdisk dosfstools btrfs-progs cryptsetup-bin keepalived python3-venv \
  mtools bubblewrap samba-ad-dc samba-ad-provision libfaketime qemu-utils libhivex-bin libwin-hivex-perl \
  golang-go golang-github-vmware-govmomi-dev
NETMIKO := 4.8.0
PYSPNEGO := 0.12.4
PYWINRM := 0.5.0
REGIPY := 6.5.0
packages: target/venv-netmiko/netmiko-$(NETMIKO) target/venv-winrm/$(PYSPNEGO)-$(PYWINRM) target/vcsim \
  target/venv-regipy/regipy-$(REGIPY)
	$(call install_missing,$(PACKAGES))

# A vCenter to test against, from the simulator of govmomi as Debian packs it; half a minute.
target/vcsim: tests/vcsim/main.go tests/vcsim/relocate.go tests/vcsim/imports.go
	$(call install_missing,golang-go golang-github-vmware-govmomi-dev)
	@mkdir -p $(@D)
	GO111MODULE=off GOPATH=/usr/share/gocode go build -o $@ $^

# netmiko (PyPI), an independent client of the router that the tests simulate.
target/venv-netmiko/netmiko-$(NETMIKO):
	$(call install_missing,python3-venv)
	@rm -rf $(@D) && python3 -m venv $(@D) && $(@D)/bin/pip -q --disable-pip-version-check install netmiko==$(NETMIKO)
	@touch $@

# An independent NTLM for the Windows that the tests play, and an independent client of it (PyPI).
target/venv-winrm/$(PYSPNEGO)-$(PYWINRM):
	$(call install_missing,python3-venv)
	@rm -rf $(@D) && python3 -m venv $(@D)
	@$(@D)/bin/pip -q --disable-pip-version-check install pyspnego==$(PYSPNEGO) pywinrm==$(PYWINRM)
	@touch $@

# An independent reader of registry hives (PyPI).
target/venv-regipy/regipy-$(REGIPY):
	$(call install_missing,python3-venv)
	@rm -rf $(@D) && python3 -m venv $(@D) && $(@D)/bin/pip -q --disable-pip-version-check install regipy==$(REGIPY)
	@touch $@

# libguestfs without KVM: one that is there may not work.
proof: proof-packages packages
	$(call static_agent,quick)
	LIBGUESTFS_BACKEND_SETTINGS=force_tcg TRAGHETTO_AGENT=$(CURDIR)/$(AGENT) TRAGHETTO_PROOF=1 \
	  $(CARGO) test --profile quick --locked proof_ -- --nocapture --test-threads=1

PROOF_PACKAGES := libreoffice-calc zip unzip debootstrap guestfish guestmount libguestfs-xfs guestfs-tools \
  linux-image-amd64 python3-venv chromium poppler-utils
proof-packages: target/venv-ciscoconfparse2/0.9.18 target/venv-hier-config/3.7.1 target/govc/bin/govc
	$(install_qemu)
	$(call install_missing,$(PROOF_PACKAGES))

# What the printed page of the night has done in the vCenter.
target/govc/bin/govc: tests/govc/build.sh
	$(call install_missing,golang-go golang-github-vmware-govmomi-dev golang-github-kr-pretty-dev dpkg-dev)
	tests/govc/build.sh target/govc

# All of QEMU in one version: it refuses to stand beside qemu-utils of another (of backports, say).
define install_qemu
@dpkg -s qemu-system-x86 >/dev/null 2>&1 || { \
  export DEBIAN_FRONTEND=noninteractive; apt-get update -qq; \
  version=$$(apt-cache madison qemu-system-x86 | awk 'NR == 1 { print $$3 }'); \
  apt-get install -y -qq --no-install-recommends --allow-downgrades \
    qemu-system-x86=$$version qemu-system-common=$$version qemu-utils=$$version; }
endef

# Independent readers of configurations (PyPI), apart: the one pins an old version of the other.
target/venv-ciscoconfparse2/0.9.18:
	$(call python_package,ciscoconfparse2)
target/venv-hier-config/3.7.1:
	$(call python_package,hier-config)

define python_package
	$(call install_missing,python3-venv)
	@rm -rf $(@D) && python3 -m venv $(@D) && $(@D)/bin/pip -q --disable-pip-version-check install $(1)==$(@F)
	@touch $@
endef

bench: bench-packages packages build
	$(CARGO) build --release --locked --examples
	benches/run --readme

# The network alone: beside the tools that read and remediate configurations. Minutes, no root.
bench-network: target/venv-ciscoconfparse2/0.9.18 target/venv-hier-config/3.7.1
	$(CARGO) build --release --locked --example bench-estate
	benches/network --readme

# The checklists alone: beside the tools that ask many hosts at once. A quarter of an hour, most of it Ansible's.
ANSIBLE := 2.19.14
PARALLEL_SSH := 2.16.0.post1
bench-checks: target/venv-ansible/$(ANSIBLE) target/venv-parallel-ssh/$(PARALLEL_SSH)
	$(call install_missing,openssh-server openssh-client)
	$(CARGO) build --release --locked --bin traghetto
	benches/checks --readme

target/venv-ansible/$(ANSIBLE):
	$(call python_package,ansible-core)
target/venv-parallel-ssh/$(PARALLEL_SSH):
	$(call python_package,parallel-ssh)

BENCH_PACKAGES := python3 rsync partclone zstd debootstrap
bench-packages:
	$(call install_missing,$(BENCH_PACKAGES))

# Not a part of the proof: it needs another compiler. Its seeds and checks run in every test.
fuzz:
	@$(CARGO) fuzz --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-fuzz --version 0.13.2
	fuzz/run

clean:
	$(CARGO) clean
