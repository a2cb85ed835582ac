package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// What the simulator only notes, a Storage vMotion does here: it takes its time and says how far it is, moves the
// files, and names them as vSphere does. Meanwhile the machine takes no other task.
//
// Files in the simulator's folder say how: `relocate-ms` has the time that a move takes, and while `cold-only` is
// there, machines that run are refused as without a licence. `keep-behind` leaves the machine a CD on the old datastore.
type mover struct {
	next  http.Handler
	mutex sync.Mutex
	moves map[types.ManagedObjectReference]*move
}

type move struct {
	task      *simulator.Task
	cancelled bool
}

var (
	this      = regexp.MustCompile(`<_this type="(\w+)">([^<]+)</_this>`)
	datastore = regexp.MustCompile(`<datastore type="Datastore">([^<]+)</datastore>`)
	method    = regexp.MustCompile(`Body>\s*<(\w+)`)
	// What a machine that moves does not take.
	exclusive = map[string]bool{
		"RelocateVM_Task": true, "ReconfigVM_Task": true, "PowerOffVM_Task": true, "PowerOnVM_Task": true,
		"Destroy_Task": true, "UnregisterVM": true,
	}
)

func (m *mover) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/nfc/") && r.Method != http.MethodGet {
		if err := upload(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
		return
	}
	if r.Method != http.MethodPost || !strings.HasPrefix(r.URL.Path, "/sdk") {
		m.next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	name, on := method.FindSubmatch(body), this.FindSubmatch(body)
	if name == nil || on == nil {
		m.next.ServeHTTP(w, r)
		return
	}
	ref := types.ManagedObjectReference{Type: string(on[1]), Value: string(on[2])}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	busy := m.moves[ref]
	to := datastore.FindSubmatch(body)
	switch call := string(name[1]); {
	case call == "CancelTask" && m.cancel(ref):
		answer(w, body, 200, `<CancelTaskResponse xmlns="urn:vim25"></CancelTaskResponse>`)
	case exclusive[call] && busy != nil:
		answer(w, body, 500, fmt.Sprintf(`<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>busy</faultstring>`+
			`<detail><TaskInProgressFault xmlns="urn:vim25" xsi:type="TaskInProgress"><task type="Task">%s</task>`+
			`</TaskInProgressFault></detail></soapenv:Fault>`, busy.task.Self.Value))
	case call == "RelocateVM_Task" && to != nil:
		vm, known := simulator.Map.Get(ref).(*simulator.VirtualMachine)
		if !known {
			m.next.ServeHTTP(w, r)
			return
		}
		task := m.begin(vm, types.ManagedObjectReference{Type: "Datastore", Value: string(to[1])})
		answer(w, body, 200, fmt.Sprintf(`<RelocateVM_TaskResponse xmlns="urn:vim25"><returnval type="Task">%s</returnval>`+
			`</RelocateVM_TaskResponse>`, task.Self.Value))
	default:
		restore := func() {}
		if call == "Destroy_Task" && ref.Type == "VirtualMachine" {
			restore = spare(ref)
		}
		// Not under the lock: it may wait for updates.
		m.mutex.Unlock()
		m.next.ServeHTTP(w, r)
		m.mutex.Lock()
		restore()
		if call == "CreateVM_Task" || call == "ImportVApp" || call == "ReconfigVM_Task" {
			cards()
		}
	}
}

func answer(w http.ResponseWriter, request []byte, status int, text string) {
	if simulator.Trace {
		fmt.Fprintf(simulator.TraceFile, "Request: %s\nResponse: %s\n", request, text)
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope `+
		`xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" `+
		`xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>%s</soapenv:Body></soapenv:Envelope>`, text)
}

func (m *mover) cancel(task types.ManagedObjectReference) bool {
	for _, one := range m.moves {
		if one.task.Self == task {
			one.cancelled = true
			return true
		}
	}
	return false
}

func (m *mover) begin(vm *simulator.VirtualMachine, to types.ManagedObjectReference) *simulator.Task {
	one := &move{}
	one.task = simulator.CreateTask(vm, "relocateTask", nil)
	one.task.Info.DescriptionId = "VirtualMachine.relocate"
	m.moves[vm.Self] = one
	simulator.Map.Update(one.task, []types.PropertyChange{{Name: "info.state", Val: types.TaskInfoStateRunning}})
	simulator.Map.WithLock(vm, func() {
		simulator.Map.Update(vm, []types.PropertyChange{{Name: "recentTask", Val: []types.ManagedObjectReference{one.task.Self}}})
	})
	go m.work(one, vm, to)
	return one.task
}

func (m *mover) work(one *move, vm *simulator.VirtualMachine, to types.ManagedObjectReference) {
	took := 20 * time.Millisecond
	if text, err := os.ReadFile("relocate-ms"); err == nil {
		took, _ = time.ParseDuration(strings.TrimSpace(string(text)) + "ms")
	}
	var fault types.BaseMethodFault
	if _, err := os.Stat("cold-only"); err == nil && vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn {
		fault = &types.LicenseRestricted{}
	}
	for percent := int32(10); fault == nil && percent < 100; percent += 10 {
		time.Sleep(took / 10)
		simulator.Map.Update(one.task, []types.PropertyChange{{Name: "info.progress", Val: percent}})
		m.mutex.Lock()
		if one.cancelled {
			fault = &types.RequestCanceled{}
		}
		m.mutex.Unlock()
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if fault == nil {
		simulator.Map.WithLock(vm, func() { check(carry(vm, simulator.Map.Get(to).(*simulator.Datastore))) })
	}
	changes := []types.PropertyChange{{Name: "info.state", Val: types.TaskInfoStateSuccess}}
	if fault != nil {
		failed := &types.LocalizedMethodFault{Fault: fault, LocalizedMessage: fmt.Sprintf("%T", fault)}
		changes = []types.PropertyChange{{Name: "info.error", Val: failed}, {Name: "info.state", Val: types.TaskInfoStateError}}
	}
	delete(m.moves, vm.Self)
	simulator.Map.Update(one.task, changes)
}

// Moves the files of a machine, and says so in its properties.
func carry(vm *simulator.VirtualMachine, to *simulator.Datastore) error {
	home := path.Join(to.Info.GetDatastoreInfo().Url, vm.Name)
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	var old object.DatastorePath
	old.FromString(vm.Config.Files.VmPathName)
	from := find(old.Datastore)
	place := func(name string) string { return fmt.Sprintf("[%s] %s/%s", to.Name, vm.Name, name) }
	number := 0
	for _, device := range vm.Config.Hardware.Device {
		disk, is := device.(*types.VirtualDisk)
		if !is {
			continue
		}
		backing := disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
		var at object.DatastorePath
		at.FromString(backing.FileName)
		name := vm.Name
		if number > 0 {
			name = fmt.Sprintf("%s_%d", vm.Name, number)
		}
		number++
		if at.Datastore == to.Name && path.Dir(at.Path) == vm.Name {
			continue
		}
		descriptor := filepath.Join(find(at.Datastore).Info.GetDatastoreInfo().Url, at.Path)
		flat := strings.TrimSuffix(descriptor, ".vmdk") + "-flat.vmdk"
		if err := rename(flat, filepath.Join(home, name+"-flat.vmdk")); err != nil {
			return err
		}
		text, err := os.ReadFile(descriptor)
		if err != nil {
			return err
		}
		text = bytes.ReplaceAll(text, []byte(filepath.Base(flat)), []byte(name+"-flat.vmdk"))
		if err := os.WriteFile(filepath.Join(home, name+".vmdk"), text, 0o600); err != nil {
			return err
		}
		if err := os.Remove(descriptor); err != nil {
			return err
		}
		backing.FileName = place(name + ".vmdk")
		backing.Datastore = &to.Self
	}
	vmx := filepath.Join(from.Info.GetDatastoreInfo().Url, old.Path)
	if err := rename(vmx, filepath.Join(home, vm.Name+".vmx")); err != nil && !os.IsNotExist(err) {
		return err
	}
	used := []types.ManagedObjectReference{to.Self}
	if _, err := os.Stat("keep-behind"); err == nil {
		used = append(used, from.Self)
	}
	files := vm.Config.Files
	files.VmPathName = place(vm.Name + ".vmx")
	simulator.Map.RemoveReference(from, &from.Vm, vm.Self)
	simulator.Map.AddReference(to, &to.Vm, vm.Self)
	simulator.Map.Update(vm, []types.PropertyChange{
		{Name: "config.files", Val: files},
		{Name: "config.files.vmPathName", Val: files.VmPathName},
		{Name: "summary.config.vmPathName", Val: files.VmPathName},
		{Name: "config.hardware.device", Val: vm.Config.Hardware.Device},
		{Name: "datastore", Val: used},
	})
	return nil
}

// Moves a file, across filesystems too.
func rename(from, to string) error {
	if os.Rename(from, to) == nil {
		return nil
	}
	file, err := os.Open(from)
	if err != nil {
		return err
	}
	defer file.Close()
	copied, err := os.Create(to)
	if err != nil {
		return err
	}
	defer copied.Close()
	if _, err := io.Copy(copied, file); err != nil {
		return err
	}
	return os.Remove(from)
}

func find(name string) *simulator.Datastore {
	for _, one := range simulator.Map.All("Datastore") {
		if one.Entity().Name == name {
			return one.(*simulator.Datastore)
		}
	}
	panic("no datastore " + name)
}
