// vcsim: a vCenter to test against, from the simulator of govmomi.
//
// Prints its address, and ends when its standard input does. With -idle a session ends after so long
// without a call; with -trace every request is written down, one after the other.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

func main() {
	certificate := flag.String("cert", "", "certificate, PEM")
	key := flag.String("key", "", "its key, PEM")
	user := flag.String("user", "", "account")
	password := flag.String("password", "", "environment variable with its password")
	idle := flag.Duration("idle", 0, "how long a session may be idle; 0 is for ever")
	trace := flag.String("trace", "", "file for the requests")
	datastores := flag.Int("ds", 1, "how many local datastores there are")
	flag.Parse()

	model := simulator.VPX()
	model.Datastore = *datastores
	defer model.Remove()
	check(model.Create())
	pair, err := tls.LoadX509KeyPair(*certificate, *key)
	check(err)
	model.Service.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	model.Service.Listen = &url.URL{Host: "127.0.0.1:0", User: url.UserPassword(*user, os.Getenv(*password))}
	simulator.SessionIdleTimeout = *idle
	if *trace != "" {
		file, err := os.Create(*trace)
		check(err)
		simulator.Trace, simulator.TraceFile = true, file
	}
	server := model.Service.NewServer()
	defer server.Close()
	server.Config.Handler = &mover{next: server.Config.Handler, moves: map[types.ManagedObjectReference]*move{}}
	fmt.Println(server.URL.Host)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
