package control

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"zgoda/control/ledger"
	"zgoda/control/pgtest"
	"zgoda/event"
)

// named are the settings of a node of that name that does not wait for others.
func named(t *testing.T, address string, node ledger.Writer) Config {
	t.Helper()
	cfg := config(t)
	cfg.Address, cfg.Node, cfg.LockWait = address, node, 200*time.Millisecond
	return cfg
}

func mustOpen(t *testing.T, cfg Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// watching runs Watch. Each beat that is heard is told of on beats, as far as
// somebody listens; what Watch returns comes on ended.
func watching(t *testing.T, s *Store) (beats chan struct{}, ended chan error) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	beats, ended = make(chan struct{}), make(chan error, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ended <- s.Watch(ctx, func(h Heard) {
			select {
			case beats <- struct{}{}:
			default:
			}
		})
	}()
	t.Cleanup(func() { stop(); <-done })
	return beats, ended
}

// eventually is for what no channel tells.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(30 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("never: " + what)
		}
	}
}

func await[T any](t *testing.T, what string, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(20 * time.Second):
		t.Fatal("never: " + what)
	}
	return v
}

// TestOneProcessForEachName: a second one with the name of a node that runs is
// refused, by words that name the setting, whether or not the first one listens;
// other names, other databases, and the same name afterwards are fine.
func TestOneProcessForEachName(t *testing.T) {
	server := pgtest.Start(t)
	address := server.Database(t)
	first := mustOpen(t, named(t, address, "gate-1"))
	refused := func(when string) {
		t.Helper()
		_, err := Open(t.Context(), named(t, address, "gate-1"))
		if !errors.Is(err, ErrNodeTaken) || !strings.Contains(err.Error(), "gate-1") || !strings.Contains(err.Error(), "the setting node (ZGODA_NODE)") {
			t.Errorf("%s: %v", when, err)
		}
	}
	refused("opened")
	beats, _ := watching(t, first)
	await(t, "a beat", beats)
	refused("listening")
	await(t, "a beat after that", beats)
	mustOpen(t, named(t, address, "gate-2"))
	mustOpen(t, named(t, server.Database(t), "gate-1"))
}

// TestANameIsFreeAfterTheEnd: at once, and whoever came too early has waited.
func TestANameIsFreeAfterTheEnd(t *testing.T) {
	address := pgtest.Start(t).Database(t)
	cfg := named(t, address, "gate-1")
	first := mustOpen(t, cfg)
	cfg.LockWait = 20 * time.Second
	opened := make(chan error, 1)
	go func() {
		second, err := Open(context.WithoutCancel(t.Context()), cfg)
		if err == nil {
			err = second.Close()
		}
		opened <- err
	}()
	eventually(t, "the second one waits", func() bool { return called(t, first) == 2 })
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := await(t, "the second one is open", opened); err != nil {
		t.Error(err)
	}
	mustOpen(t, named(t, address, "gate-1"))
}

// called is how many connections go by the node's name.
func called(t *testing.T, s *Store) (n int) {
	t.Helper()
	if err := s.db.plain().QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'zgoda gate-1 %'`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestACrashedNodeStartsAgain: its connections are gone and it never said so.
func TestACrashedNodeStartsAgain(t *testing.T) {
	server := pgtest.Start(t)
	address, proxy := server.Database(t), pgtest.NewProxy(t, server)
	crashed := mustOpen(t, named(t, pgtest.Through(t, address, proxy.Address()), "gate-1"))
	if _, err := crashed.Append(t.Context(), entry(event.Handle{1}, ledger.StateGiven, "analytics")); err != nil {
		t.Fatal(err)
	}
	proxy.Cut()
	cfg := named(t, address, "gate-1")
	cfg.LockWait = 10 * time.Second
	again := mustOpen(t, cfg)
	if _, err := again.Append(t.Context(), entry(event.Handle{2}, ledger.StateGiven, "analytics")); err != nil {
		t.Fatal(err)
	}
	if heads, err := again.Verify(t.Context()); err != nil || len(heads) != 1 || heads[0].Number != 2 {
		t.Errorf("%v, %v", heads, err)
	}
}

// TestANodeKnowsItsOwn: one whose connections hung until the server believes in
// them and it does not, takes its name back from itself.
func TestANodeKnowsItsOwn(t *testing.T) {
	server := pgtest.Start(t)
	address, proxy := server.Database(t), pgtest.NewProxy(t, server)
	s := mustOpen(t, named(t, pgtest.Through(t, address, proxy.Address()), "gate-1"))
	beats, ended := watching(t, s)
	await(t, "a beat", beats)
	direct := named(t, address, "gate-2")
	other := mustOpen(t, direct)
	for _, cut := range []func(){proxy.Hang, proxy.Cut} {
		before := holder(t, other)
		cut()
		// Mended only once the connections were given up, for which they hang longer
		// than a beat may.
		time.AfterFunc(2*beatPatience, proxy.Mend)
		eventually(t, "the name is taken back", func() bool {
			now := holder(t, other)
			return now != 0 && now != before
		})
		await(t, "a beat afterwards", beats)
	}
	select {
	case err := <-ended:
		t.Errorf("it ended: %v", err)
	default:
	}
	if _, err := Open(t.Context(), named(t, address, "gate-1")); !errors.Is(err, ErrNodeTaken) {
		t.Errorf("another one: %v", err)
	}
}

// holder is the connection that holds the name gate-1, 0 when there is none.
func holder(t *testing.T, s *Store) (pid int) {
	t.Helper()
	err := s.db.plain().QueryRowContext(t.Context(), `SELECT COALESCE(MAX(l.pid), 0) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
		WHERE l.locktype = 'advisory' AND l.granted AND a.application_name LIKE 'zgoda gate-1 %'`).Scan(&pid)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// TestANameTakenWhileCutOff: the process that was cut off ends with words about it.
func TestANameTakenWhileCutOff(t *testing.T) {
	server := pgtest.Start(t)
	address, proxy := server.Database(t), pgtest.NewProxy(t, server)
	first := mustOpen(t, named(t, pgtest.Through(t, address, proxy.Address()), "gate-1"))
	beats, ended := watching(t, first)
	await(t, "a beat", beats)
	proxy.Cut()
	cfg := named(t, address, "gate-1")
	cfg.LockWait = 10 * time.Second
	mustOpen(t, cfg)
	proxy.Mend()
	if err := await(t, "the first one ends", ended); !errors.Is(err, ErrNodeTaken) {
		t.Errorf("it ended with %v", err)
	}
}

// TestAFileHasNoNames: SQLite has one process by its lock file.
func TestAFileHasNoNames(t *testing.T) {
	cfg := named(t, "", "gate-1")
	mustOpen(t, cfg)
	if _, err := Open(t.Context(), cfg); !errors.Is(err, ErrInUse) {
		t.Errorf("a second one: %v", err)
	}
}
