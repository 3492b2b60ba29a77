package control

import (
	"errors"
	"slices"
	"testing"

	"zgoda/consent"
	"zgoda/control/ledger"
)

// contractSignalsAtTheChoice: which of the browser's signals were present at a
// choice is in the entry and in the record, each by itself, and a later choice has
// its own. What was not said in the dialogue is not marked as if it was.
func contractSignalsAtTheChoice(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	for signals := range byte(8) {
		e := entry(handle(signals+1), ledger.StateGiven, "analytics")
		e.GPC, e.DNT, e.ADPC = signals&1 != 0, signals&2 != 0, signals&4 != 0
		appendAll(t, s, e)
	}
	for signals := range byte(8) {
		want := consent.Held{
			Choice: consent.ChoiceGiven, Version: 1, Dialogue: true,
			GPC: signals&1 != 0, DNT: signals&2 != 0, ADPC: signals&4 != 0,
		}
		if held := found(t, s, Lookup{Handle: handle(signals + 1)}).Record.Purposes[3]; held != want {
			t.Errorf("signals %03b: %+v", signals, held)
		}
		history, err := s.History(t.Context(), site, handle(signals+1), 10)
		if err != nil || len(history) != 1 || history[0].GPC != want.GPC || history[0].DNT != want.DNT || history[0].ADPC != want.ADPC {
			t.Errorf("signals %03b: the entry has others, %v", signals, err)
		}
	}
	marked := handle(8)
	again := entry(marked, ledger.StateGiven, "analytics")
	again.GPC = true
	appendAll(t, s, again)
	if held := found(t, s, Lookup{Handle: marked}).Record.Purposes[3]; held.ADPC || held.DNT || !held.GPC {
		t.Errorf("of the choice before: %+v", held)
	}
	operator := entry(marked, ledger.StateGiven, "analytics")
	operator.Channel, operator.ADPC = ledger.ChannelOperator, true
	appendAll(t, s, operator)
	if held := found(t, s, Lookup{Handle: marked}).Record.Purposes[3]; held.Dialogue {
		t.Errorf("an operator's word is the dialogue's: %+v", held)
	}
	if _, err := s.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	say(t, s, `UPDATE ledger SET adpc = FALSE WHERE sequence = 5`)
	var bad *ledger.BadEntryError
	if _, err := s.Verify(t.Context()); !errors.As(err, &bad) || bad.Sequence != 5 || bad.Why != ledger.WhyHash {
		t.Errorf("the flag was taken away: %v", err)
	}
}

// contractStoreFromBeforeADPC: a store that was made before the ledger knew ADPC
// opens with the same heads, and no grant in it was given beside ADPC.
func contractStoreFromBeforeADPC(t *testing.T, cfg Config) {
	t.Helper()
	a, b := handle(1), handle(2)
	s := open(t, cfg)
	old := entry(a, ledger.StateGiven, "analytics")
	old.GPC = true
	appendAll(t, s, old, entry(b, ledger.StateRefused, "analytics"))
	heads, err := s.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"ledger", "choice"} {
		say(t, s, `ALTER TABLE `+table+` DROP COLUMN adpc`)
	}
	say(t, s, `DELETE FROM goose_db_version WHERE version_id = 12`)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, cfg)
	if again, err := s.Verify(t.Context()); err != nil || !slices.Equal(again, heads) {
		t.Errorf("%v, %v", again, err)
	}
	if held := found(t, s, Lookup{Handle: a}).Record.Purposes[3]; held.Choice != consent.ChoiceGiven || !held.GPC || held.ADPC {
		t.Errorf("%+v", held)
	}
	if held := found(t, s, Lookup{Handle: b}).Record.Purposes[3]; held.Choice != consent.ChoiceRefused || held.ADPC {
		t.Errorf("%+v", held)
	}
	renewed := entry(a, ledger.StateGiven, "analytics")
	renewed.ADPC = true
	appendAll(t, s, renewed)
	if held := found(t, s, Lookup{Handle: a}).Record.Purposes[3]; !held.ADPC || held.GPC {
		t.Errorf("%+v", held)
	}
	if _, err := s.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}
