package erasing

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/pseudonym/keyholder"
)

// keyholding is a real keyholder in this process, with its clients over its sockets.
type keyholding struct {
	tb     testing.TB
	dir    string // keys and vault
	socket string
	now    func() time.Time

	client  *pseudonym.Client
	rights  *pseudonym.Rights
	blinder *pseudonym.Blinder
	stop    func()
}

// lastMonth is a time of it.
func lastMonth() time.Time {
	now := time.Now().UTC()
	return now.AddDate(0, 0, -now.Day()-3)
}

// newKeyholding starts a keyholder as it was last month, with what a folder has; "":
// nothing.
func newKeyholding(tb testing.TB, from string) *keyholding {
	tb.Helper()
	run, err := os.MkdirTemp("", "i6") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		tb.Fatal(err)
	}
	k := &keyholding{tb: tb, dir: filepath.Join(run, "data"), socket: filepath.Join(run, "s"), now: lastMonth}
	if from != "" {
		copyFolder(tb, k.dir, from)
	}
	k.start()
	return k
}

func (k *keyholding) start() {
	k.tb.Helper()
	cfg := keyholder.DefaultConfig()
	cfg.Data, cfg.Socket, cfg.Now = k.dir, k.socket, k.now
	server, err := keyholder.New(cfg, keyholder.Deps{})
	if err != nil {
		k.tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	select {
	case <-server.Serving():
	case err := <-ended:
		cancel()
		k.tb.Fatalf("it ended instead of serving: %v", err)
	}
	k.dial()
	k.stop = func() {
		_, _ = k.client.Close(), k.rights.Close()
		cancel()
		if err := <-ended; err != nil {
			k.tb.Errorf("the keyholder ended with %v", err)
		}
	}
}

func (k *keyholding) dial() {
	k.tb.Helper()
	var err error
	if k.client, err = pseudonym.Dial(pseudonym.ClientConfig{Socket: k.socket, Backoff: 5 * time.Millisecond}); err != nil {
		k.tb.Fatal(err)
	}
	rights := pseudonym.ClientConfig{Socket: filepath.Join(filepath.Dir(k.socket), "rights.sock"), Backoff: 5 * time.Millisecond, Actor: "op-1"}
	if k.rights, err = pseudonym.DialRights(rights); err != nil {
		k.tb.Fatal(err)
	}
	keys, err := k.client.Keys(context.Background())
	if err != nil {
		k.tb.Fatal(err)
	}
	k.blinder = pseudonym.NewBlinder(keys.Gate)
}

// goesOn has it go on from last month to now.
func (k *keyholding) goesOn() {
	k.tb.Helper()
	k.stop()
	k.now = time.Now
	k.start()
}

// close stops it for good.
func (k *keyholding) close() {
	k.stop()
	_ = os.RemoveAll(filepath.Dir(k.socket))
}

// saved copies what it has on its disk to a folder.
func (k *keyholding) saved(to string) {
	k.tb.Helper()
	k.stop()
	copyFolder(k.tb, to, k.dir)
	k.start()
}

// restored puts back what was saved.
func (k *keyholding) restored(from string) {
	k.tb.Helper()
	k.stop()
	copyFolder(k.tb, k.dir, from)
	k.start()
}

// copyFolder makes a folder what another one is, for nobody else to read.
func copyFolder(tb testing.TB, to, from string) {
	tb.Helper()
	if err := os.RemoveAll(to); err != nil {
		tb.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		tb.Fatal(err)
	}
	if err := filepath.WalkDir(to, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	}); err != nil {
		tb.Fatal(err)
	}
}

func (k *keyholding) query(kind event.IdentifierKind, value string) pseudonym.Query {
	k.tb.Helper()
	h1, err := k.blinder.Blind(shop, kind, []byte(value))
	if err != nil {
		k.tb.Fatal(err)
	}
	return pseudonym.Query{H1: h1, Kind: kind, Mint: kind != event.KindVisitor}
}

// resolve asks for the pseudonyms of somebody as an event does.
func (k *keyholding) resolve(kind event.IdentifierKind, value string) event.Handles {
	k.tb.Helper()
	list, err := k.client.Resolve(context.Background(), []pseudonym.Query{k.query(kind, value)})
	if err != nil || len(list) != 1 {
		k.tb.Fatalf("%d answers, %v", len(list), err)
	}
	return list[0]
}

// known is whose an identifier is; zero: nobody's.
func (k *keyholding) known(user string) (pseudonym.Ref, event.Handle) {
	k.tb.Helper()
	found, known, err := k.rights.Search(acting(), shop, event.KindUserID, user, 0)
	if err != nil {
		k.tb.Fatal(err)
	}
	if !known {
		return pseudonym.Ref{}, event.Handle{}
	}
	return found.Ref, found.Handles.Consent
}

func acting() context.Context {
	return pseudonym.WithAct(context.Background(), pseudonym.Act{Actor: "op-7", Reason: "request 12"})
}
