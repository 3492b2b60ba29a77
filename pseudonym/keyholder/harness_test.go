package keyholder

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zgoda/event"
	"zgoda/pseudonym"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is a keyholder in this process and a client of it.
type running struct {
	*pseudonym.Client

	rights      *pseudonym.Rights
	admin       *pseudonym.Administrator
	server      *Server
	dir, socket string
	stop        func() error // ends the keyholder and returns what Run did
}

// folders returns a data folder and a socket. The socket's path must be short.
func folders(tb testing.TB) (dir, socket string) {
	tb.Helper()
	run, err := os.MkdirTemp("", "kh") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(run) })
	return filepath.Join(tb.TempDir(), "data"), filepath.Join(run, "s")
}

func start(tb testing.TB, dir, socket string, change ...func(*Config)) *running {
	tb.Helper()
	cfg := DefaultConfig()
	cfg.Data, cfg.Socket, cfg.LockWait = dir, socket, 100*time.Millisecond
	for _, c := range change {
		c(&cfg)
	}
	server, err := New(cfg, Deps{})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	select {
	case <-server.Serving():
	case err := <-ended:
		cancel()
		tb.Fatalf("it ended instead of serving: %v", err)
	}
	r := &running{dir: dir, socket: socket, server: server, Client: dial(tb, socket), rights: dialRights(tb, socket), admin: dialAdmin(tb, socket)}
	r.stop = func() error {
		cancel()
		err := <-ended
		ended <- err
		return err
	}
	tb.Cleanup(func() {
		if err := r.stop(); err != nil {
			tb.Errorf("Run returned %v", err)
		}
	})
	return r
}

func dial(tb testing.TB, socket string) *pseudonym.Client {
	tb.Helper()
	client, err := pseudonym.Dial(pseudonym.ClientConfig{Socket: socket, Backoff: 20 * time.Millisecond})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// clientOf are the settings of a client of the socket beside the gateways' one.
func clientOf(socket, name string) pseudonym.ClientConfig {
	return pseudonym.ClientConfig{Socket: filepath.Join(filepath.Dir(socket), name), Backoff: 20 * time.Millisecond, Actor: "op-1"}
}

func dialRights(tb testing.TB, socket string) *pseudonym.Rights {
	tb.Helper()
	client, err := pseudonym.DialRights(clientOf(socket, "rights.sock"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

func dialAdmin(tb testing.TB, socket string) *pseudonym.Administrator {
	tb.Helper()
	client, err := pseudonym.DialAdministrator(clientOf(socket, "admin.sock"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

func h1(n int) event.Blinded {
	var h event.Blinded
	copy(h[:], fmt.Sprintf("h1-%08d", n))
	return h
}

func contact(n int, mint bool) pseudonym.Query {
	return pseudonym.Query{H1: h1(n), Kind: event.KindEmail, Mint: mint}
}

func resolve(tb testing.TB, c *pseudonym.Client, queries ...pseudonym.Query) []event.Handles {
	tb.Helper()
	handles, err := c.Resolve(tb.Context(), queries)
	if err != nil {
		tb.Fatal(err)
	}
	if len(handles) != len(queries) {
		tb.Fatalf("%d answers to %d queries", len(handles), len(queries))
	}
	return handles
}
