package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// The simulator throws away what is uploaded for an import. Here it becomes the disk that it is, by qemu-img; a disk
// of OVF is called as the machine, as a vCenter does it.
func upload(w http.ResponseWriter, r *http.Request) error {
	vm, at := imported(path.Base(r.URL.Path))
	if vm == nil {
		http.NotFound(w, r)
		return nil
	}
	stream, err := os.CreateTemp("", "upload")
	if err != nil {
		return err
	}
	defer os.Remove(stream.Name())
	if _, err := io.Copy(stream, r.Body); err != nil {
		return err
	}
	if err := stream.Close(); err != nil {
		return err
	}
	folder := filepath.Join(find(at.Datastore).Info.GetDatastoreInfo().Url, path.Dir(at.Path))
	name := strings.TrimSuffix(path.Base(at.Path), ".vmdk")
	if strings.HasPrefix(name, "disk-") {
		name = vm.Name
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	flat := filepath.Join(folder, name+"-flat.vmdk")
	if said, err := exec.Command("qemu-img", "convert", "-f", "vmdk", "-O", "raw", stream.Name(), flat).CombinedOutput(); err != nil {
		http.Error(w, string(said), http.StatusBadRequest)
		return nil
	}
	size, err := os.Stat(flat)
	if err != nil {
		return err
	}
	descriptor := fmt.Sprintf("# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"vmfs\"\n"+
		"RW %d VMFS \"%s-flat.vmdk\"\n", size.Size()/512, name)
	return os.WriteFile(filepath.Join(folder, name+".vmdk"), []byte(descriptor), 0o600)
}

// The newest machine with a disk of this name.
func imported(name string) (*simulator.VirtualMachine, object.DatastorePath) {
	var newest *simulator.VirtualMachine
	var at object.DatastorePath
	number := func(vm *simulator.VirtualMachine) (n int) {
		_, _ = fmt.Sscanf(vm.Self.Value, "vm-%d", &n)
		return
	}
	for _, one := range simulator.Map.All("VirtualMachine") {
		vm := one.(*simulator.VirtualMachine)
		for _, file := range disks(vm) {
			if path.Base(file.Path) == name && (newest == nil || number(vm) > number(newest)) {
				newest, at = vm, file
			}
		}
	}
	return newest, at
}

// The files of the disks of a machine.
func disks(vm *simulator.VirtualMachine) (files []object.DatastorePath) {
	for _, device := range vm.Config.Hardware.Device {
		if disk, is := device.(*types.VirtualDisk); is {
			var file object.DatastorePath
			file.FromString(disk.Backing.(types.BaseVirtualDeviceFileBackingInfo).GetVirtualDeviceFileBackingInfo().FileName)
			files = append(files, file)
		}
	}
	return
}

// A disk that was taken out of a machine outlives it, which the simulator forgets.
func spare(ref types.ManagedObjectReference) (restore func()) {
	vm, known := simulator.Map.Get(ref).(*simulator.VirtualMachine)
	if !known {
		return func() {}
	}
	var home object.DatastorePath
	home.FromString(vm.Config.Files.VmPathName)
	folder := filepath.Join(find(home.Datastore).Info.GetDatastoreInfo().Url, path.Dir(home.Path))
	own := map[string]bool{}
	for _, file := range disks(vm) {
		name := strings.TrimSuffix(path.Base(file.Path), ".vmdk")
		own[name+".vmdk"], own[name+"-flat.vmdk"] = true, true
	}
	aside := folder + ".spared"
	found, _ := filepath.Glob(filepath.Join(folder, "*.vmdk"))
	for _, file := range found {
		// Of the simulator's own making: see `upload`.
		if strings.HasPrefix(filepath.Base(file), "disk-") {
			check(os.Remove(file))
			continue
		}
		if !own[filepath.Base(file)] {
			check(os.MkdirAll(aside, 0o700))
			check(os.Rename(file, filepath.Join(aside, filepath.Base(file))))
		}
	}
	return func() {
		if spared, _ := filepath.Glob(filepath.Join(aside, "*")); len(spared) > 0 {
			check(os.MkdirAll(folder, 0o700))
			for _, file := range spared {
				check(os.Rename(file, filepath.Join(folder, filepath.Base(file))))
			}
			check(os.Remove(aside))
		}
	}
}

// Network cards have the numbers of a vCenter, from 7 on: by them govc names them, from 0 on.
func cards() {
	for _, one := range simulator.Map.All("VirtualMachine") {
		vm := one.(*simulator.VirtualMachine)
		simulator.Map.WithLock(vm, func() {
			unit := int32(7)
			for _, device := range vm.Config.Hardware.Device {
				if card, is := device.(types.BaseVirtualEthernetCard); is {
					own := unit
					card.GetVirtualEthernetCard().UnitNumber = &own
					unit++
				}
			}
		})
	}
}
