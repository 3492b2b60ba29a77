package activity

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"zgoda/engine/enginetest"
	"zgoda/event"
)

// TestExchangeSettled: I4: an exchange that a server began and did not end is brought
// to its end, whoever sees to it, and one that did not begin is not.
func TestExchangeSettled(t *testing.T) {
	room := enginetest.StartRoom(t)
	store := func(t *testing.T, database string) *Store {
		t.Helper()
		s := schemaStore(t, room.Access.Address, room.Access.Admin.User, room.Access.Admin.Password.Reveal(), database)
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Run("half done", func(t *testing.T) { testHalfExchanged(t, store(t, "half")) })
	t.Run("not marked", func(t *testing.T) { testNotMarked(t, store(t, "unmarked")) })
	t.Run("refused", func(t *testing.T) { testExchangeRefused(t, store(t, "refused")) })
	t.Run("several at once", func(t *testing.T) { testSettledAtOnce(t, store(t, "several")) })
	t.Run("under way", func(t *testing.T) { testExchangeUnderWay(t, store(t, "underway")) })
	t.Run("who may not look", func(t *testing.T) { testMayNotLook(t, room) })
	t.Run("killed in it", func(t *testing.T) { testKilledInExchange(t, store(t, "killed"), room) })
}

const rowsAndIDs = "SELECT toString(tuple(count(), uniqExact(message_id), countIf(startsWith(hex(subject), '02')))) FROM {db}.events"

// half makes what a server comes back with that died in an exchange: the rows, and the
// copy's beside them.
func half(t *testing.T, s *Store) (month string) {
	t.Helper()
	insert(t, s, "first", activityOf(10, 100, "first", time.Now().UTC().Truncate(time.Millisecond)))
	month = one(t, s, "SELECT any(_partition_id) FROM "+s.database+".events")
	must(t, s, "CREATE TABLE {db}.events_rekey_0 AS {db}.events")
	must(t, s, "INSERT INTO {db}.events_rekey_0 SELECT * REPLACE (unhex(concat('02', substring(hex(subject), 3))) AS subject) FROM {db}.events")
	must(t, s, "ALTER TABLE {db}.events ATTACH PARTITION ID '"+month+"' FROM {db}.events_rekey_0")
	expect(t, s, rowsAndIDs, "(200,100,100)")
	return month
}

func expect(t *testing.T, s *Store, query, want string) {
	t.Helper()
	if got := one(t, s, strings.ReplaceAll(query, "{db}", s.database)); got != want {
		t.Fatalf("%s: %s, want %s", query, got, want)
	}
}

const noCopies = "SELECT toString(count()) FROM system.tables WHERE database = '{db}' AND name LIKE '%s_rekey_%'"

func testHalfExchanged(t *testing.T, s *Store) {
	t.Helper()
	month := half(t, s)
	if err := s.mark(t.Context(), "events_rekey_0", month); err != nil {
		t.Fatal(err)
	}
	if err := s.clearCopies(t.Context()); err != nil {
		t.Fatal(err, errDetail(err))
	}
	expect(t, s, rowsAndIDs, "(100,100,100)")
	expect(t, s, noCopies, "0")
}

// testNotMarked: a copy that may not be whole is taken away alone.
func testNotMarked(t *testing.T, s *Store) {
	t.Helper()
	half(t, s)
	if err := s.clearCopies(t.Context()); err != nil {
		t.Fatal(err, errDetail(err))
	}
	expect(t, s, rowsAndIDs, "(200,100,100)")
	expect(t, s, noCopies, "0")
}

// testExchangeRefused: what the server will not exchange, since a column was added
// meanwhile, is left as it was, and nobody is held up by it.
func testExchangeRefused(t *testing.T, s *Store) {
	t.Helper()
	insert(t, s, "first", activityOf(10, 100, "first", time.Now().UTC().Truncate(time.Millisecond)))
	r := begin(t, s, 10)
	r.afterCopy = func() { must(t, s, "ALTER TABLE {db}.events ADD COLUMN more UInt8") }
	ids, err := r.Partitions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Rewrite(t.Context(), ids[0]); err == nil {
		t.Fatal("exchanged although the columns differ")
	}
	expect(t, s, rowsAndIDs, "(100,100,0)")
	expect(t, s, noCopies, "0")
	r.afterCopy = func() {}
	if rows := all(t, r); rows != 100 {
		t.Fatal(rows)
	}
}

// testSettledAtOnce: several see to one exchange, and each stores when it has: nothing
// of what they store is lost.
func testSettledAtOnce(t *testing.T, s *Store) {
	t.Helper()
	month := half(t, s)
	for round := range 10 {
		if round > 0 {
			must(t, s, "CREATE TABLE {db}.events_rekey_0 AS {db}.events")
			must(t, s, "INSERT INTO {db}.events_rekey_0 SELECT * FROM {db}.events")
		}
		if err := s.mark(t.Context(), "events_rekey_0", month); err != nil {
			t.Fatal(err)
		}
		if round%2 > 0 { // half done again
			must(t, s, "ALTER TABLE {db}.events ATTACH PARTITION ID '"+month+"' FROM {db}.events_rekey_0")
		}
		var gateways sync.WaitGroup
		for n := range 3 {
			gateways.Go(func() {
				for s.clearCopies(t.Context()) != nil { // tried again, as a gateway does
					continue
				}
				token := fmt.Sprint("round", round, "-", n)
				insert(t, s, token, activityOf(10, 10, token, time.Now().UTC().Truncate(time.Millisecond)))
			})
		}
		gateways.Wait()
		rows := 100 + 30*(round+1)
		expect(t, s, "SELECT toString(tuple(count(), uniqExact(message_id))) FROM {db}.events", fmt.Sprintf("(%d,%d)", rows, rows))
		expect(t, s, noCopies, "0")
	}
}

// testExchangeUnderWay: while a statement changes a copy that another has dropped,
// nobody goes on.
func testExchangeUnderWay(t *testing.T, s *Store) {
	t.Helper()
	insert(t, s, "first", activityOf(10, 10, "first", time.Now().UTC().Truncate(time.Millisecond)))
	must(t, s, "CREATE TABLE {db}.events_rekey_0 AS {db}.events")
	must(t, s, "INSERT INTO {db}.events_rekey_0 SELECT * FROM {db}.events")
	ended := make(chan time.Time, 1)
	go func() {
		_ = s.exec(context.WithoutCancel(t.Context()), "change slowly", "ALTER TABLE {db}.events_rekey_0 DELETE WHERE sleepEachRow(0.2) = 1 SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1")
		ended <- time.Now()
	}()
	for n := uint64(0); n == 0; {
		var err error
		if n, err = s.exchanges(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.noneExchanges(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(50 * time.Millisecond): // its answer is on its way
		t.Error("gone on while a statement changed a copy")
	}
}

// testMayNotLook: a user who may not see what is under way, as the one who writes to the
// embedded engine, begins no rewriting and ends one that was begun.
func testMayNotLook(t *testing.T, room *enginetest.Room) {
	t.Helper()
	s := schemaStore(t, room.Access.Address, room.Access.Writer.User, room.Access.Writer.Password.Reveal(), "zgoda")
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	month := half(t, s)
	if err := s.mark(t.Context(), "events_rekey_0", month); err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Error(err)
	}
	expect(t, s, rowsAndIDs, "(100,100,100)")
	expect(t, s, noCopies, "0")
	_, err := s.Rekey(t.Context(), event.ScopePerson, 2)
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != codeDenied {
		t.Errorf("begun: %v", err)
	}
}

// testKilledInExchange: the server is killed about when it exchanges, a partition of
// many parts, which it does in more than one step.
func testKilledInExchange(t *testing.T, s *Store, room *enginetest.Room) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	for n := range 12 {
		token := fmt.Sprint("part", n)
		insert(t, s, token, activityOf(10, 100, token, now))
	}
	for kill := range 12 {
		from, to := byte(1), byte(2)
		if kill%2 > 0 {
			from, to = to, from
		}
		pid := room.PID()
		r, err := rekeyed(t.Context(), s, from, to)
		if err == nil {
			r.beforeExchange = func() { time.AfterFunc(rand.N(8*time.Millisecond), room.Kill) }
			var ids []string
			if ids, err = r.Partitions(t.Context()); err == nil {
				_, err = r.Rewrite(t.Context(), ids[0])
			}
		}
		t.Logf("killed %v", err)
		room.Restarted(t, pid, 20*time.Second)
		if err := s.clearAtLast(t.Context()); err != nil {
			t.Fatal(err, errDetail(err))
		}
		expect(t, s, "SELECT toString(tuple(count(), uniqExact(message_id), uniqExact(substring(hex(subject), 1, 2)))) FROM {db}.events", "(1200,1200,1)")
		if left, _ := s.namesOf(t.Context(), eventsCopyPrefix); len(left) > 0 {
			t.Fatal(left)
		}
		// To the version that the next one begins with.
		for rewritten := false; !rewritten; {
			r, err := rekeyed(t.Context(), s, from, to)
			if err == nil {
				_, err = r.Rewrite(t.Context(), now.Format("200601"))
			}
			rewritten = err == nil
		}
	}
}

// rekeyed begins to rewrite from one version of contacts to another.
func rekeyed(ctx context.Context, s *Store, from, to byte) (*Rekey, error) {
	r, err := s.Rekey(ctx, event.ScopePerson, event.KeyVersion(to))
	if err != nil {
		return nil, err
	}
	var olds, news []event.Handle
	for n := range 10 {
		olds, news = append(olds, person(from, n)), append(news, person(to, n))
	}
	return r, r.Map(ctx, olds, news)
}

// TestComesBack: which parts a server that dies would read again.
func TestComesBack(t *testing.T) {
	read := func(from, to int64, level uint32, rows uint64) part {
		return part{active: true, rows: rows, from: from, to: to, level: level, mutation: uint64(from)}
	}
	replaced := func(p part) part { p.active = false; return p }
	mutated := func(p part, by uint64) part { p.mutation = by; return p }
	for name, c := range map[string]struct {
		parts []part
		want  bool
	}{
		"none":                                  {nil, false},
		"all are read":                          {[]part{read(1, 1, 0, 5), read(2, 2, 0, 5)}, false},
		"merged":                                {[]part{replaced(read(1, 1, 0, 5)), replaced(read(2, 2, 0, 5)), read(1, 2, 1, 10)}, false},
		"changed by a mutation":                 {[]part{replaced(read(1, 1, 0, 5)), mutated(read(1, 1, 0, 5), 2)}, false},
		"replaced and covered":                  {[]part{replaced(read(1, 1, 0, 5)), read(1, 2, 1, 0), read(3, 3, 0, 5)}, false},
		"covered by one that is covered":        {[]part{replaced(read(1, 1, 0, 5)), replaced(read(1, 2, 1, 0)), read(1, 9, 2, 0), read(10, 10, 0, 5)}, false},
		"the cover has been taken out of use":   {[]part{replaced(read(1, 1, 0, 5)), replaced(read(1, 2, 1, 0)), read(3, 3, 0, 5)}, false},
		"replaced and not covered":              {[]part{replaced(read(1, 1, 0, 5)), read(3, 3, 0, 5)}, true},
		"merged, then replaced and not covered": {[]part{replaced(read(1, 1, 0, 5)), replaced(read(2, 2, 0, 5)), replaced(read(1, 2, 1, 10)), read(3, 3, 0, 10)}, true},
		"covered in part":                       {[]part{replaced(read(1, 3, 1, 5)), read(1, 2, 2, 0)}, true},
	} {
		if got := comesBack(c.parts); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
