package cli_test

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sync/errgroup"

	"zgoda/cli"
	"zgoda/control"
	"zgoda/control/checkpoint"
	"zgoda/control/export"
	"zgoda/control/ledger"
	"zgoda/event"
)

// The names by which the test's program writes the export of a store, and is
// zgoda. Both say last on standard error what memory they had at most.
const (
	exporter = "zgoda-export-of-a-store"
	measured = "zgoda-measured"
)

// exportStore does what a gateway does for an export: the argument is the store's
// file.
func exportStore() {
	ctx := context.Background()
	s, err := control.Open(ctx, control.DefaultConfig(os.Args[1]))
	if err == nil {
		err = export.Write(ctx, os.Stdout, s, time.Now())
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	sayPeak()
}

func runMeasured() {
	code := cli.Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, fakeActions)
	sayPeak()
	os.Exit(code)
}

// sayPeak prints the most memory that this program had, in KiB. What the parent
// is told of it counts the parent's own, from before the program began.
func sayPeak() {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	_, _ = fmt.Fprintln(os.Stderr, strings.Fields(rest)[0])
}

// Entries of one append, those under one checkpoint, how many there are unless ZGODA_BENCH_ENTRIES says, and
// the most memory that a process may take, however many there are.
const (
	atOnce     = 250
	under      = 1000
	unlessSaid = 1_000_000
	mostMemory = 64 << 20
)

// BenchmarkMillionVerified exports a ledger with a signed checkpoint for each
// thousand entries and verifies it offline, in one pass, each in a process of its
// own. It fails when one takes more memory than is meant: neither holds the
// ledger. Run it with -benchtime 1x; filling the store takes two minutes.
func BenchmarkMillionVerified(b *testing.B) {
	entries := unlessSaid
	if text := os.Getenv("ZGODA_BENCH_ENTRIES"); text != "" {
		var err error
		if entries, err = strconv.Atoi(text); err != nil || entries%under != 0 {
			b.Fatal("ZGODA_BENCH_ENTRIES must be thousands")
		}
	}
	dir := b.TempDir()
	store, file, anchor := filepath.Join(dir, "control.db"), filepath.Join(dir, "export"), filepath.Join(dir, "anchor")
	key, last := fill(b, store, entries)
	if err := os.WriteFile(anchor, last, 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		_, took, peak := child(b, file, exporter, store)
		b.ReportMetric(took.Seconds(), "s/export")
		b.ReportMetric(float64(peak)/(1<<20), "MiB-export")
		said, took, peak := child(b, "", measured, "ledger", "verify", "--key", key, "--anchor", anchor, file)
		b.ReportMetric(took.Seconds(), "s/verify")
		b.ReportMetric(float64(peak)/(1<<20), "MiB-verify")
		for _, part := range []string{fmt.Sprintf("verifies: %d entries", entries), fmt.Sprintf("in the export: %d, all signed", entries/under), "elsewhere: 1, all on"} {
			if !strings.Contains(said, part) {
				b.Fatalf("verify said %s, not %q", said, part)
			}
		}
	}
	info, err := os.Stat(file)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/(1<<20), "MiB-file")
}

// child runs the test's program under another name and returns what it printed,
// unless that goes to a file, how long it took and the most memory that it had.
func child(b *testing.B, to, name string, args ...string) (said string, took time.Duration, peak int64) {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), self)
	cmd.Args = append([]string{name}, args...)
	var out, errw strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errw
	if to != "" {
		file, err := os.Create(to)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = file.Close() }()
		cmd.Stdout = file
	}
	began := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s: %v: %s", name, err, errw.String())
	}
	took = time.Since(began)
	kib, err := strconv.ParseInt(strings.TrimSpace(errw.String()), 10, 64)
	if peak = kib << 10; err != nil || peak > mostMemory {
		b.Errorf("%s took %d MiB", name, peak>>20)
	}
	return out.String(), took, peak
}

// fill makes a store of so many entries, each about somebody else. It returns the
// key and the last of its checkpoints.
func fill(b *testing.B, path string, entries int) (key string, last []byte) {
	b.Helper()
	cfg := control.DefaultConfig(path)
	cfg.Timeout = 30 * time.Second
	s, err := control.Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}()
	private, key, err := note.GenerateKey(rand.Reader, checkpoint.Origin("zgoda", s.Writer()))
	if err != nil {
		b.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		b.Fatal(err)
	}
	for from := 0; from < entries; from += under {
		var group errgroup.Group
		for at := from; at < from+under; at += atOnce {
			group.Go(func() error {
				_, err := s.Append(b.Context(), grants(at)...)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			b.Fatal(err)
		}
		head, err := s.Head(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		c := checkpoint.Checkpoint{Origin: signer.Name(), Head: head, At: time.Now().UTC().Truncate(time.Second)}
		if last, err = checkpoint.Sign(&c, signer); err == nil {
			err = s.SaveCheckpoint(b.Context(), c, last)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	return key, last
}

func grants(from int) []ledger.Entry {
	all := make([]ledger.Entry, atOnce)
	for i := range all {
		number := uint64(from + i)
		var h event.Handle
		binary.LittleEndian.PutUint64(h[:], number*0x9e3779b97f4a7c15)
		h[15] = 1
		all[i] = ledger.Entry{
			Site: "shop", Subject: h, Purpose: "analytics", PurposeVersion: 1, State: ledger.StateGiven, Type: ledger.EventExplicit,
			Channel: ledger.ChannelDialogue, Locale: "en", Surface: "banner", Actor: "visitor", At: time.Now().UTC().Truncate(time.Microsecond),
			Key: fmt.Sprint("bench-", number),
		}
	}
	return all
}
