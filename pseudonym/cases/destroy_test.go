package cases

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

// TestDestroy: a contact goes with everything, once; the neighbour stays; who comes back
// is new, and known by tombstones for what they were before.
func TestDestroy(t *testing.T) {
	overBoth(t, func(t *testing.T, h *holder) {
		t.Helper()
		before := h.handles(h.mint([]string{"jana", "jana2"}, "v1"))
		petr := h.handles(h.mint([]string{"petr"}, "v1"))
		h.ask(byUser(1, "jana"), byVisitor(2, "v9"))
		if h.cutoff("jana") != 0 {
			t.Error("there is a tombstone of who was not erased")
		}
		orders := []Order{h.order(1), h.order(2)}
		first := h.destroy(orders...)
		if len(first) != 2 || first[0].ID != caseID(1) || first[1].ID != caseID(2) || !first[0].At.Equal(h.at) || !first[0].KeysGone.Equal(h.at.Add(time.Hour)) {
			t.Fatalf("%d entries, or of other cases or times", len(first))
		}
		h.at = h.at.Add(time.Hour)
		if again := h.destroy(orders...); !slices.EqualFunc(first, again, func(a, b Sealed) bool { return a.ID == b.ID && bytes.Equal(a.Entry, b.Entry) && a.At.Equal(b.At) }) {
			t.Error("the second time there are other entries")
		}
		for _, user := range []string{"jana", "jana2"} {
			if h.known(user) {
				t.Errorf("%s is known", user)
			}
			if got := h.cutoff(user); got != orders[0].Cutoff.UnixMilli() {
				t.Errorf("%s: cut-off %d", user, got)
			}
		}
		if !h.known("petr") || h.cutoff("petr") != 0 {
			t.Error("the neighbour is gone too")
		}
		if after := h.handles(h.mint([]string{"jana"})); after.Consent == before.Consent || after.Profiling == before.Profiling || after.Analytics == before.Analytics || after.Consent == petr.Consent {
			t.Error("who comes back is not new")
		}
		h.close()
		h.open()
		if h.cutoff("jana") != orders[0].Cutoff.UnixMilli() || h.Tombstones() != 2 {
			t.Errorf("after a start there are %d tombstones", h.Tombstones())
		}
		var ids [][16]byte
		h.must(h.EachErasure(t.Context(), func(id [16]byte) error { ids = append(ids, id); return nil }))
		if len(ids) != 2 || len(h.listed(caseID(1), caseID(2))) != 0 {
			t.Errorf("%d entries, or a case still tells of somebody", len(ids))
		}
	})
}

// TestDestroyIsRefused: without a case, a cut-off, or a time that the journal keeps.
func TestDestroyIsRefused(t *testing.T) {
	h := newHolder(t, t.TempDir(), "")
	h.mint([]string{"jana"})
	h.ask(byUser(1, "jana"))
	good := h.order(1)
	noCase, noCutoff, future, tooLong, over := good, good, good, good, good
	noCase.ID, noCutoff.Cutoff, future.Cutoff = caseID(9), time.Time{}, h.at.Add(time.Hour)
	tooLong.Until, over.Until = h.at.Add(keyring.JournalKept+time.Hour), h.at
	for name, test := range map[string]struct {
		orders []Order
		want   error
	}{
		"no case": {[]Order{good, noCase}, ErrNoCase}, "no cut-off": {[]Order{noCutoff}, ErrOrder}, "a cut-off to come": {[]Order{future}, ErrOrder},
		"kept too long": {[]Order{tooLong}, keyring.ErrJournalUntil}, "not kept": {[]Order{over}, keyring.ErrJournalUntil}, "twice": {[]Order{good, good}, ErrOrder},
	} {
		err := h.Destroy(t.Context(), test.orders, func(Sealed) error { return nil })
		if !errors.Is(err, test.want) || !h.known("jana") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTombstoneOutlivesNothing: after 30 days there is neither a tombstone nor its key,
// and nothing is told any more.
func TestTombstoneOutlivesNothing(t *testing.T) {
	overBoth(t, func(t *testing.T, h *holder) {
		t.Helper()
		h.mint([]string{"jana"})
		h.ask(byUser(1, "jana"))
		h.destroy(h.order(1))
		for day := range 32 {
			_, err := h.ring.EndLives(t.Context())
			h.must(err)
			h.must(h.Sweep(t.Context()))
			rows := 0
			_, err = h.vault.EachTomb(t.Context(), 0, func(vault.Tomb) { rows++ })
			h.must(err)
			keys, err := h.ring.Tombstones(t.Context())
			h.must(err)
			lives := day <= 30 // the day itself, and 30 days after it
			if got := h.cutoff("jana") != 0; got != lives || (rows == 1) != lives || (h.Tombstones() == 1) != lives || (len(keys) == 1) != lives {
				t.Fatalf("day %d: told %v, %d rows, %d in memory, %d keys", day, got, rows, h.Tombstones(), len(keys))
			}
			h.at = h.at.AddDate(0, 0, 1)
		}
	})
}

// TestTombstonesAfterARotation: an identifier is known by its tombstone when the chain of
// K_link has grown.
func TestTombstonesAfterARotation(t *testing.T) {
	h := newHolder(t, t.TempDir(), "")
	h.mint([]string{"jana"})
	h.ask(byUser(1, "jana"))
	h.destroy(h.order(1))
	version, err := h.ring.Make(t.Context(), "link")
	h.must(err)
	h.must(h.ring.Promote(t.Context(), "link", version))
	h.mint([]string{"petr"})
	h.ask(byUser(2, "petr"))
	h.at = h.at.AddDate(0, 0, 1)
	second := h.order(2)
	h.destroy(second)
	if h.cutoff("jana") == 0 || h.cutoff("petr") != second.Cutoff.UnixMilli() || h.cutoff("nobody") != 0 {
		t.Errorf("cut-offs %d, %d, %d", h.cutoff("jana"), h.cutoff("petr"), h.cutoff("nobody"))
	}
}

// TestTombstonesOfOthers: a keyholder hears of the tombstones that another one made.
func TestTombstonesOfOthers(t *testing.T) {
	h := newHolder(t, t.TempDir(), "")
	h.mint([]string{"jana"})
	h.ask(byUser(1, "jana"))
	h.destroy(h.order(1))
	h.tombs = tombs{} // as one that has not read them yet
	if h.cutoff("jana") != 0 {
		t.Fatal("it knows of them")
	}
	h.must(h.LoadTombs(t.Context()))
	if h.cutoff("jana") == 0 {
		t.Error("it has not heard of them")
	}
}

// TestJournalEnds: an entry that is over its time goes from the vault, and with its key
// opens nowhere.
func TestJournalEnds(t *testing.T) {
	h := newHolder(t, t.TempDir(), "")
	h.mint([]string{"jana"})
	h.ask(byUser(1, "jana"))
	entry := h.destroy(h.order(1))[0]
	left := func() int {
		list, err := h.Erasures(t.Context(), [][16]byte{caseID(1)})
		h.must(err)
		return len(list)
	}
	h.at = entry.Until.Add(-time.Minute)
	h.must(h.Sweep(t.Context()))
	if left() != 1 {
		t.Error("it went before its time")
	}
	h.at = entry.Until
	h.must(h.Sweep(t.Context()))
	if left() != 0 {
		t.Error("it is there after its time")
	}
	if got := h.replay(entry.Entry)[0]; !got.Opened {
		t.Error("it cannot be opened within its month")
	}
	h.at = h.at.AddDate(0, 1, 0)
	_, err := h.ring.EndLives(t.Context())
	h.must(err)
	if got := h.replay(entry.Entry)[0]; got.Opened || got.ID != caseID(1) || len(got.Pseudonyms) > 0 {
		t.Error("it is opened after its month")
	}
}

// TestReplayForgetsTheRightContact: after a restore of an older vault who was erased goes
// again, and nobody whose number theirs was.
func TestReplayForgetsTheRightContact(t *testing.T) {
	h := newHolder(t, t.TempDir(), "")
	jana := h.mint([]string{"jana"}, "v1", "kiosk")
	want := h.handles(jana)
	old := h.copied(t) // the backup
	mila := h.mint([]string{"mila"})
	h.ask(byUser(1, "jana"), byUser(2, "mila"), byVisitor(3, "v7"))
	kiosk := h.visitor("kiosk").Consent
	order := h.order(1)
	order.Shared, order.Windows = []event.Handle{kiosk}, []Window{{Handle: kiosk, From: h.at.Add(-time.Hour)}}
	var entries [][]byte
	for _, s := range h.destroy(order, h.order(2), h.order(3)) {
		entries = append(entries, s.Entry)
	}

	zora := old.mint([]string{"zora"})
	if zora != mila {
		t.Fatalf("numbers %d and %d: the test proves nothing", zora, mila)
	}
	for range 2 {
		got := old.replay(entries...)
		if old.known("jana") || !old.known("zora") {
			t.Errorf("jana is known %v, zora %v", old.known("jana"), old.known("zora"))
		}
		if old.cutoff("jana") != order.Cutoff.UnixMilli() {
			t.Error("who was forgotten again has no tombstone")
		}
		one := got[0]
		if len(got) != 3 || !one.Opened || one.Site != site || !one.Cutoff.Equal(order.Cutoff) || !slices.Equal(one.Windows, order.Windows) {
			t.Fatalf("%d are told, or another one", len(got))
		}
		for name, h := range map[string]event.Handles{"own": want, "visitor": old.visitor("v1"), "kiosk": old.visitor("kiosk")} {
			if !has(one.Pseudonyms, h.Consent) || !has(one.Pseudonyms, h.Profiling) || !has(one.Pseudonyms, h.Analytics) {
				t.Errorf("%s: a pseudonym is missing", name)
			}
		}
		if !has(got[2].Pseudonyms, old.visitor("v7").Profiling) {
			t.Error("the visitor's pseudonym is missing")
		}
		var ids [][16]byte
		old.must(old.EachErasure(t.Context(), func(id [16]byte) error { ids = append(ids, id); return nil }))
		if len(ids) != 3 {
			t.Errorf("the journal has %d entries", len(ids))
		}
	}
	entries[1][40] ^= 1
	if err := old.Replay(t.Context(), entries, func(Replayed) error { return nil }); !errors.Is(err, ErrEntry) {
		t.Errorf("a damaged entry: %v", err)
	}
}

// TestReplayAfterAMerge: of a contact that another one was merged into, both go, though
// the vault is from before the merge; and rows are found under the keys of that time.
func TestReplayAfterAMerge(t *testing.T) {
	h := newHolder(t, t.TempDir(), "")
	one, other := h.mint([]string{"jana"}, "v1"), h.mint([]string{"jana2"})
	h.mint([]string{"petr"})
	old := h.copied(t)
	all, err := h.ring.All(t.Context())
	h.must(err)
	past, err := h.ofContact(t.Context(), all, other)
	h.must(err)
	h.must(h.people.Merge(t.Context(), one, other, pastsOf(past)))
	version, err := h.ring.Make(t.Context(), "purpose-profiling")
	h.must(err)
	h.must(h.ring.Promote(t.Context(), "purpose-profiling", version))
	h.must(h.ring.MoveVisitors(t.Context()))
	h.must(h.ring.Destroy(t.Context(), "purpose-profiling", 1, "test"))
	h.ask(byUser(1, "jana"))
	kiosk := h.order(1)
	kiosk.Shared = []event.Handle{h.visitor("v1").Consent} // and no window: nothing of it is hers
	entry := h.destroy(kiosk)[0].Entry

	before := []event.Handles{old.handles(one), old.handles(other)}
	got := old.replay(entry)[0]
	if old.known("jana") || old.known("jana2") || !old.known("petr") {
		t.Errorf("jana %v, jana2 %v, petr %v", old.known("jana"), old.known("jana2"), old.known("petr"))
	}
	for i, handles := range before {
		if !has(got.Pseudonyms, handles.Profiling) {
			t.Errorf("contact %d: the pseudonym of that time is missing", i)
		}
	}
	if v := old.visitor("v1"); has(got.Pseudonyms, v.Consent) || has(got.Pseudonyms, v.Profiling) {
		t.Error("a shared visitor's rows are taken")
	}
}
