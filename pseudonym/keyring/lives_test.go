package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"zgoda/event"
)

// diary is what was recorded of keys.
type diary struct {
	acts []string
	fail error
}

func (d *diary) Record(_ context.Context, e Event) error {
	if d.fail != nil {
		return d.fail
	}
	d.acts = append(d.acts, fmt.Sprintf("%s %s", e.Act, e.Key))
	return nil
}

func (d *diary) has(act string) bool { return slices.Contains(d.acts, act) }

// recorded opens a ring whose acts are kept.
func recorded(t *testing.T, dir string, at time.Time) (*Ring, *clock, *diary) {
	t.Helper()
	c, d := &clock{at: at}, &diary{}
	r, err := Open(t.Context(), Config{Dir: dir, Now: c.now, Evidence: d})
	if err != nil {
		t.Fatal(err)
	}
	return r, c, d
}

// rotate makes a version and puts it in use.
func rotate(t *testing.T, r *Ring, key Key) (old, current uint32) {
	t.Helper()
	for _, s := range status(t, r, key) {
		if s.State == StateCurrent {
			old = s.Version
		}
	}
	current, err := r.Make(t.Context(), key)
	must(t, err)
	must(t, r.Promote(t.Context(), key, current))
	return old, current
}

func status(t *testing.T, r *Ring, key Key) (out []KeyStatus) {
	t.Helper()
	all, err := r.Status(t.Context())
	must(t, err)
	for _, s := range all {
		if s.Key == key {
			out = append(out, s)
		}
	}
	return out
}

// earlier makes a folder as the release before wrapping keys left it: keysets
// wrapped by the key-encryption key itself.
func earlier(t *testing.T, names ...string) (dir string, handles map[string]*keyset.Handle) {
	t.Helper()
	dir = t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "kek"), 0o700))
	must(t, os.Mkdir(filepath.Join(dir, "keys"), 0o700))
	key := bytes.Repeat([]byte{0x5a}, 32)
	write("kek/kek.key", fmt.Sprintf("zgoda-kek-1 %x\n", key))(t, dir)
	kek, err := subtle.NewXChaCha20Poly1305(key)
	must(t, err)
	handles = make(map[string]*keyset.Handle)
	for _, name := range names {
		handle, err := keyset.NewHandle(template(name))
		must(t, err)
		var out bytes.Buffer
		must(t, handle.WriteWithAssociatedData(keyset.NewBinaryWriter(&out), kek, bind(name)))
		write("keys/"+name+".keyset", out.String())(t, dir)
		handles[name] = handle
	}
	write("keys/layout", layout2)(t, dir)
	return dir, handles
}

// TestKeysOfTheSecondLayoutAreTakenOver: the keys themselves are the same, what
// the slot key sealed opens, and the year's and the month's keys go on.
func TestKeysOfTheSecondLayoutAreTakenOver(t *testing.T) {
	names := append(slices.Clone(second), "visitor-2026", "analytics-202611")
	dir, handles := earlier(t, names...)
	slot, err := handles[nameSlot].Entry(0)
	must(t, err)
	raw, err := rawKey(slot)
	must(t, err)
	sealed := sealAsTink(t, raw, slot.KeyID(), []byte("a salt"), []byte("bound"))
	for range 2 {
		r, _ := open(t, dir, date(2026, 11, 15, 12))
		for _, name := range names {
			entry, err := handles[name].Entry(0)
			must(t, err)
			want, err := rawKey(entry)
			must(t, err)
			got, err := r.sets[name].current()
			must(t, err)
			if !bytes.Equal(got.key.Reveal(), want) {
				t.Errorf("%s is another key now", name)
			}
		}
		if plain, err := r.Slots().Open(1, sealed, []byte("bound")); err != nil || string(plain) != "a salt" {
			t.Errorf("what was sealed before does not open: %v", err)
		}
		g := r.Gateway()
		if g.Visitor.Version != g.Gate[0].Version || !bytes.Equal(g.Visitor.Key.Reveal(), g.Gate[0].Key.Reveal()) {
			t.Error("visitors are blinded under another key than before")
		}
	}
}

// sealAsTink is what Tink's AES-GCM writes: its prefix, nonce, text and tag.
func sealAsTink(t *testing.T, key []byte, id uint32, plain, bind []byte) []byte {
	t.Helper()
	gcm, err := subtle.NewAESGCM(key)
	must(t, err)
	sealed, err := gcm.Encrypt(plain, bind)
	must(t, err)
	return append([]byte{1, byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}, sealed...)
}

// TestTakingOverIsResumed: killed after any of its writes, it goes on.
func TestTakingOverIsResumed(t *testing.T) {
	for n := 0; ; n++ {
		dir, _ := earlier(t, second...)
		left := n
		c := &clock{at: date(2026, 11, 15, 12)}
		wrapShelf = func(s Shelf) Shelf { return &faulty{Shelf: s, left: &left} }
		_, err := Open(t.Context(), Config{Dir: dir, Now: c.now})
		wrapShelf = nil
		if err == nil {
			if n < 10 {
				t.Fatalf("only %d writes were tried", n)
			}
			return
		}
		if !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		r, _ := open(t, dir, c.at)
		one, contact := derive(t, r, 0)
		again, _ := open(t, dir, c.at)
		if two, same := derive(t, again, 0); one != two || contact != same {
			t.Fatalf("after %d writes: pseudonyms changed", n)
		}
	}
}

var errCrash = errors.New("crash")

// faulty is a shelf that fails from the n-th change on: either before the change,
// or when it is done.
type faulty struct {
	Shelf

	left *int
}

func (f *faulty) Write(ctx context.Context, name string, wrapped []byte, instead Revision) (Revision, error) {
	if *f.left < 0 {
		return 0, errCrash
	}
	*f.left--
	if *f.left == -1 && len(wrapped)%2 == 0 { // not written
		return 0, errCrash
	}
	revision, err := f.Shelf.Write(ctx, name, wrapped, instead)
	if *f.left == -1 {
		return 0, errCrash
	}
	return revision, err
}

func (f *faulty) Destroy(ctx context.Context, name string) error {
	if *f.left < 0 {
		return errCrash
	}
	*f.left--
	if *f.left == -1 {
		return errCrash
	}
	return f.Shelf.Destroy(ctx, name)
}

// TestSlots: a version that is in use, an old one, and one that is gone.
func TestSlots(t *testing.T) {
	dir := t.TempDir()
	r, c := open(t, dir, date(2026, 11, 15, 12))
	one, err := r.Slots().Seal(1, []byte("text"), []byte("bind"))
	must(t, err)
	if old, current := rotate(t, r, nameSlot); old != 1 || current != 2 || r.Slots().Current() != 2 {
		t.Fatalf("versions %d and %d", old, current)
	}
	for _, ring := range []*Ring{r, reopen(t, dir, c)} {
		if plain, err := ring.Slots().Open(1, one, []byte("bind")); err != nil || string(plain) != "text" {
			t.Errorf("an old version does not open: %v", err)
		}
		if _, err := ring.Slots().Open(2, one, []byte("bind")); !errors.Is(err, ErrSlot) {
			t.Errorf("another version opens it: %v", err)
		}
		if _, err := ring.Slots().Open(1, one, []byte("else")); !errors.Is(err, ErrSlot) {
			t.Errorf("another binding opens it: %v", err)
		}
		if _, err := ring.Slots().Open(1, one[:5], nil); !errors.Is(err, ErrSlot) {
			t.Errorf("a piece: %v", err)
		}
	}
	must(t, r.Destroy(t.Context(), nameSlot, 1, "test"))
	must(t, r.Destroy(t.Context(), nameSlot, 1, "test"))
	for _, ring := range []*Ring{r, reopen(t, dir, c)} {
		if _, err := ring.Slots().Open(1, one, []byte("bind")); !errors.Is(err, ErrSlot) {
			t.Errorf("a destroyed version opens: %v", err)
		}
	}
	if err := r.Destroy(t.Context(), nameSlot, 2, "test"); !errors.Is(err, ErrCurrent) {
		t.Errorf("the version in use was destroyed: %v", err)
	}
	if err := r.Promote(t.Context(), nameSlot, 9); !errors.Is(err, errNoVersion) {
		t.Errorf("a version that there is not: %v", err)
	}
}

func reopen(t *testing.T, dir string, c *clock) *Ring {
	t.Helper()
	r, err := Open(t.Context(), Config{Dir: dir, Now: c.now})
	must(t, err)
	return r
}

// TestLinkIsAChain: the index of a new chain is the old index under the new link.
func TestLinkIsAChain(t *testing.T) {
	dir := t.TempDir()
	r, c := open(t, dir, date(2026, 11, 15, 12))
	h1 := event.Blinded{7}
	index := func(r *Ring) (current, old Index, carrying bool) {
		e, err := r.Epoch()
		must(t, err)
		d := e.Deriver()
		defer d.Release()
		return d.Indexes(h1)
	}
	first, _, carrying := index(r)
	if carrying {
		t.Error("carrying before any rotation")
	}
	rotate(t, r, nameLink)
	for _, ring := range []*Ring{r, reopen(t, dir, c)} {
		second, old, carrying := index(ring)
		if !carrying || old != first || second == first || !ring.Carrying(nameLink) {
			t.Error("the old index is not found while identifiers are carried over")
		}
	}
	second, _, _ := index(r)
	must(t, r.Keep(t.Context(), nameLink, 1))
	third, _, carrying := index(r)
	if carrying || third != second {
		t.Error("the end of the carrying changed an index")
	}
	if _, contact := derive(t, r, 0); contact.Consent.IsZero() {
		t.Error("no decoy")
	}
}

// TestDecoyOutlivesARotationOfLink: else a change of K_link would tell decoys
// from contacts, whose pseudonyms do not change.
func TestDecoyOutlivesARotationOfLink(t *testing.T) {
	r, _ := open(t, t.TempDir(), date(2026, 11, 15, 12))
	_, before := derive(t, r, 0)
	rotate(t, r, nameLink)
	if _, after := derive(t, r, 0); after != before {
		t.Error("a decoy changed with K_link")
	}
}

// TestPromoteWaitsForDerivers: when it returns, nobody can still act on an index
// of the old chain; who comes with the old epoch in hand gets the new keys.
func TestPromoteWaitsForDerivers(t *testing.T) {
	r, _ := open(t, t.TempDir(), date(2026, 11, 15, 12))
	stale, err := r.Epoch()
	must(t, err)
	d := stale.Deriver()
	number, err := r.Make(t.Context(), nameLink)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := r.Promote(ctx, nameLink, number); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("it did not wait: %v", err)
	}
	d.Release()
	must(t, r.Promote(t.Context(), nameLink, number))
	late := stale.Deriver()
	defer late.Release()
	if late.Links() != 2 {
		t.Error("an epoch that has ended still gives out its keys")
	}
}

// TestVisitorsStayUnderTheirYearsPurpose: a rotation of purpose-profiling changes
// contacts and no visitor, until the year ends or the visitors are moved.
func TestVisitorsStayUnderTheirYearsPurpose(t *testing.T) {
	dir := t.TempDir()
	r, c := open(t, dir, date(2026, 11, 15, 12))
	visitor, contact := derive(t, r, 0)
	revision := r.Revision()
	old, current := rotate(t, r, nameProfiling)
	if r.Revision() == revision {
		t.Error("gateways are not told")
	}
	for _, ring := range []*Ring{r, reopen(t, dir, c)} {
		v, k := derive(t, ring, 0)
		if v != visitor || uint32(v.Version) != old {
			t.Error("a visitor changed")
		}
		if k.Profiling == contact.Profiling || uint32(k.Version) != current || k.Consent != contact.Consent || k.Analytics != contact.Analytics {
			t.Error("a contact did not change in its profiling pseudonym alone")
		}
		e, err := ring.Epoch()
		must(t, err)
		d := e.Deriver()
		before, after := d.Map(d.Decoy(event.Blinded{2}), old, current)
		if before != contact.Profiling || after != k.Profiling {
			t.Error("the map does not lead from the old to the new pseudonym")
		}
		d.Release()
	}
	if needed, err := r.NeededByVisitors(t.Context(), old); err != nil || !needed {
		t.Errorf("needed %v, %v", needed, err)
	}
	must(t, r.Keep(t.Context(), nameProfiling, old))
	if v, _ := derive(t, r, 0); v != visitor {
		t.Error("a visitor changed when contacts had been rewritten")
	}
	ended, err := r.EndLives(t.Context())
	if err != nil || ended != 0 {
		t.Errorf("%d keys ended, %v", ended, err)
	}
	c.at = date(2027, 1, 3, 12)
	derive(t, r, 0)
	ended, err = r.EndLives(t.Context())
	if err != nil || ended == 0 || len(r.sets[nameProfiling].having(StateKept)) != 0 {
		t.Errorf("what the visitors of 2026 were under is still there: %d, %v", ended, err)
	}
	if v, _ := derive(t, r, 0); uint32(v.Version) != current {
		t.Error("the next year does not go with the current version")
	}
}

func TestMoveVisitors(t *testing.T) {
	r, _ := open(t, t.TempDir(), date(2026, 11, 15, 12))
	visitor, _ := derive(t, r, 0)
	old, current := rotate(t, r, nameProfiling)
	must(t, r.MoveVisitors(t.Context()))
	moved, _ := derive(t, r, 0)
	if moved.Profiling == visitor.Profiling || uint32(moved.Version) != current || moved.Consent != visitor.Consent {
		t.Error("visitors were not cut, or more than their profiling was")
	}
	must(t, r.Destroy(t.Context(), nameProfiling, old, "cut"))
}

// TestLivesEndOnTime: of a year, of a month's retention, and of a day's
// tombstones, each recorded before it happens and again when no copy opens to it.
func TestLivesEndOnTime(t *testing.T) {
	dir := t.TempDir()
	r, c, d := recorded(t, dir, date(2026, 11, 15, 12))
	tomb, err := r.Tombstone(t.Context())
	must(t, err)
	tag := tomb.Tag(event.Blinded{1})
	live := func(name string) bool { return len(status(t, r, Key(name))) > 0 }
	tests := []struct {
		at   time.Time
		name string
		live bool
	}{
		{date(2026, 12, 15, 23), "tomb-20261115", true},
		{date(2026, 12, 16, 0), "tomb-20261115", false},
		{date(2027, 1, 1, 23), "visitor-2026", true},
		{date(2027, 1, 2, 1), "visitor-2026", false},
		{date(2027, 12, 31, 23), "analytics-202611", true},
		{date(2028, 1, 1, 0), "analytics-202611", false},
		{date(2028, 1, 1, 0), "analytics-202612", true},
	}
	for _, test := range tests {
		c.at = test.at
		derive(t, r, 0)
		if _, err := r.EndLives(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := live(test.name); got != test.live {
			t.Errorf("%s: %s is there: %v", test.at, test.name, got)
		}
		if d.has("dropped "+test.name) == test.live {
			t.Errorf("%s: %s: records %v", test.at, test.name, d.acts)
		}
		if test.live {
			continue
		}
		if d.has("destroyed " + test.name) {
			t.Errorf("%s is recorded as beyond every copy before the re-wrap", test.name)
		}
		must(t, r.RenewWrapping(t.Context(), nil))
		if !d.has("destroyed " + test.name) {
			t.Errorf("%s: its end is not recorded", test.name)
		}
	}
	if tags, err := r.Tombstones(t.Context()); err != nil || len(tags) != 0 || tag == [16]byte{} {
		t.Errorf("%d tombstone keys, %v", len(tags), err)
	}
	if !d.has("made visitor-2026") || !d.has("made analytics-202611") {
		t.Errorf("records %v", d.acts)
	}
}

// TestNoEndWithoutEvidence: what cannot be recorded is not done.
func TestNoEndWithoutEvidence(t *testing.T) {
	r, c, d := recorded(t, t.TempDir(), date(2026, 11, 15, 12))
	_, err := r.Tombstone(t.Context())
	must(t, err)
	c.at = date(2026, 12, 17, 0)
	derive(t, r, 0)
	d.fail = errors.New("disk full")
	if _, err := r.EndLives(t.Context()); !errors.Is(err, d.fail) || len(status(t, r, "tomb-20261115")) != 1 {
		t.Errorf("destroyed without a record: %v", err)
	}
	if _, err := r.Make(t.Context(), nameSlot); !errors.Is(err, d.fail) || len(status(t, r, nameSlot)) != 1 {
		t.Errorf("made without a record: %v", err)
	}
	d.fail = nil
	if n, err := r.EndLives(t.Context()); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
}

// TestRenewalClosesCopies: with every file of keys/ from before, and everything
// there is afterwards, a destroyed key cannot be had; before, it could.
func TestRenewalClosesCopies(t *testing.T) {
	dir := t.TempDir()
	r, c := open(t, dir, date(2026, 11, 15, 12))
	sealed, err := r.Slots().Seal(1, []byte("text"), nil)
	must(t, err)
	copied := t.TempDir()
	copyTree(t, filepath.Join(dir, "keys"), filepath.Join(copied, "keys"))
	try := func() error {
		thief := t.TempDir()
		copyTree(t, filepath.Join(copied, "keys"), filepath.Join(thief, "keys"))
		copyTree(t, filepath.Join(dir, "kek"), filepath.Join(thief, "kek"))
		stolen, err := Open(t.Context(), Config{Dir: thief, Now: c.now})
		if err != nil {
			return err
		}
		_, err = stolen.Slots().Open(1, sealed, nil)
		return err
	}
	rotate(t, r, nameSlot)
	must(t, r.Destroy(t.Context(), nameSlot, 1, "test"))
	if err := try(); err != nil {
		t.Fatalf("the copy does not open before the re-wrap either: %v", err)
	}
	must(t, r.RenewWrapping(t.Context(), nil))
	if err := try(); !errors.Is(err, errOtherKEK) {
		t.Errorf("a copy from before opens after the re-wrap: %v", err)
	}
	again := reopen(t, dir, c)
	if unfinished, err := again.Unfinished(t.Context()); err != nil || unfinished {
		t.Errorf("unfinished %v, %v", unfinished, err)
	}
	names, err := os.ReadDir(filepath.Join(dir, "kek"))
	must(t, err)
	if len(names) != 1 {
		t.Errorf("%d files beside the key-encryption key", len(names)-1)
	}
	content, err := os.ReadFile(filepath.Join(dir, "kek", "kek.key"))
	must(t, err)
	if lines := strings.Count(string(content), "\n"); lines != 1 {
		t.Errorf("%d versions of the key-encryption key are left", lines)
	}
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	must(t, os.CopyFS(to, os.DirFS(from)))
	must(t, os.Chmod(to, 0o700))
	entries, err := os.ReadDir(to)
	must(t, err)
	for _, entry := range entries {
		must(t, os.Chmod(filepath.Join(to, entry.Name()), 0o600))
	}
}

// TestChangesAreResumed: killed after any write of a whole life, the keys open
// and can be brought to the end.
func TestChangesAreResumed(t *testing.T) {
	for n := 0; ; n++ {
		dir := t.TempDir()
		c := &clock{at: date(2026, 11, 15, 12)}
		left := 1 << 30
		wrapShelf = func(s Shelf) Shelf { return &faulty{Shelf: s, left: &left} }
		r, err := Open(t.Context(), Config{Dir: dir, Now: c.now})
		wrapShelf = nil
		must(t, err)
		visitor, contact := derive(t, r, 0)
		left = n
		err = life(t.Context(), r)
		if err != nil && !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		again, d := reopenRecorded(t, dir, c)
		must(t, life(t.Context(), again))
		if v, k := derive(t, again, 0); v != visitor || k != contact {
			t.Fatalf("after %d writes: pseudonyms changed", n)
		}
		if !d.has("destroyed slot") {
			t.Fatalf("after %d writes: the end is not recorded: %v", n, d.acts)
		}
		if len(again.sets[nameSlot].having(StateOld)) != 0 || again.Slots().Current() < 2 {
			t.Fatalf("after %d writes: %v", n, again.sets[nameSlot].head.Versions)
		}
		if err == nil {
			if n < 20 {
				t.Fatalf("only %d writes were tried", n)
			}
			return
		}
	}
}

func reopenRecorded(t *testing.T, dir string, c *clock) (*Ring, *diary) {
	t.Helper()
	d := &diary{}
	r, err := Open(t.Context(), Config{Dir: dir, Now: c.now, Evidence: d})
	must(t, err)
	return r, d
}

// life rotates the slot key as the rotator does.
func life(ctx context.Context, r *Ring) error {
	number, err := r.Make(ctx, nameSlot)
	if err != nil {
		return err
	}
	if err := r.Promote(ctx, nameSlot, number); err != nil {
		return err
	}
	_, old, err := r.Waiting(ctx, nameSlot)
	if err != nil {
		return err
	}
	for _, v := range old {
		if err := r.Destroy(ctx, nameSlot, v, "test"); err != nil {
			return err
		}
	}
	return r.RenewWrapping(ctx, nil)
}

// TestSealingKeyChangesOnceAYear: and the one before opens for as long as
// something sealed to it may wait.
func TestSealingKeyChangesOnceAYear(t *testing.T) {
	r, c := open(t, t.TempDir(), date(2026, 1, 1, 12))
	count := func() int {
		keys, err := r.Sealing()
		must(t, err)
		return len(keys)
	}
	for _, test := range []struct {
		at   time.Time
		want int
	}{
		{date(2026, 12, 1, 12), 1}, {date(2027, 1, 5, 12), 2}, {date(2027, 1, 11, 12), 2}, {date(2027, 1, 13, 12), 1}, {date(2027, 6, 1, 12), 1},
	} {
		c.at = test.at
		derive(t, r, 0)
		if _, err := r.EndLives(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := count(); got != test.want {
			t.Errorf("%s: %d keys, want %d", test.at, got, test.want)
		}
	}
}

// TestGateHasTwoVersions: the new one first; visitors stay under the first.
func TestGateHasTwoVersions(t *testing.T) {
	dir := t.TempDir()
	r, c := open(t, dir, date(2026, 11, 15, 12))
	before, revision := r.Gateway(), r.Revision()
	old, current := rotate(t, r, nameGate)
	for _, ring := range []*Ring{r, reopen(t, dir, c)} {
		g := ring.Gateway()
		if len(g.Gate) != 2 || g.Gate[0].Version != current || g.Gate[1].Version != old || g.Visitor.Version != old {
			t.Errorf("versions of the gateway's keys: %d", len(g.Gate))
		}
		if !bytes.Equal(g.Visitor.Key.Reveal(), before.Gate[0].Key.Reveal()) || ring.Revision() == revision {
			t.Error("visitors changed, or gateways are not told")
		}
	}
	must(t, r.Destroy(t.Context(), nameGate, old, "retired"))
	if g := r.Gateway(); len(g.Gate) != 1 || !bytes.Equal(g.Visitor.Key.Reveal(), before.Gate[0].Key.Reveal()) {
		t.Error("visitors lost their key with the old version")
	}
}

func TestProvidersAreNamed(t *testing.T) {
	dir := t.TempDir()
	if uris, err := Providers(dir); err != nil || uris != nil {
		t.Errorf("%v, %v", uris, err)
	}
	open(t, dir, date(2026, 11, 15, 12))
	if uris, err := Providers(dir); err != nil || !slices.Equal(uris, []string{FileURI}) {
		t.Errorf("%v, %v", uris, err)
	}
}

// TestStatusNamesEveryKeyAndNoSecret.
func TestStatusNamesEveryKeyAndNoSecret(t *testing.T) {
	r, _ := open(t, t.TempDir(), date(2026, 11, 15, 12))
	all, err := r.Status(t.Context())
	must(t, err)
	seen := map[Key]bool{}
	for _, s := range all {
		seen[s.Key] = true
		if s.Used == "" || s.State == "" {
			t.Errorf("%s says nothing of itself", s.Key)
		}
	}
	for _, name := range append(slices.Clone(lasting), "visitor-2026", "analytics-202611", "wrapping") {
		if !seen[Key(name)] {
			t.Errorf("%s is missing", name)
		}
	}
	text := fmt.Sprint(all)
	for _, s := range maps.All(r.sets) {
		v, err := s.current()
		must(t, err)
		if strings.Contains(text, string(v.key.Reveal())) || strings.Contains(text, fmt.Sprintf("%x", v.key.Reveal())) {
			t.Errorf("the status tells %s", s.name)
		}
	}
}
