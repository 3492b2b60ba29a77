package control

import (
	"slices"
	"testing"

	"zgoda/consent"
	"zgoda/control/ledger"
)

// An objection to decisions by machines is the contact's and its visitors', touches
// no purpose, and is lifted by name alone.
func contractAutomated(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	contact, visitor := handle(1), handle(2)
	appendAll(t, s, tie(ledger.StateLinked, contact, visitor), entry(contact, ledger.StateGiven, "profiling"))
	off := func(p byte) bool { return found(t, s, Lookup{Handle: handle(p)}).Record.AutomatedOff }
	if off(1) || off(2) {
		t.Fatal("nobody objected yet")
	}
	c := appendAll(t, s, entry(contact, ledger.StateAutomatedOff, ""))
	if !slices.Equal(sorted(c.Affected...), sorted(contact, visitor)) {
		t.Errorf("it affects %d people", len(c.Affected))
	}
	f := found(t, s, Lookup{Handle: contact})
	if !off(1) || !off(2) || f.Record.ProfilingOff || f.Record.State != consent.StateActive || f.Record.Purposes[7].Choice != consent.ChoiceGiven {
		t.Errorf("an objection to decisions is not that alone: %+v", f.Record.State)
	}
	appendAll(t, s, entry(contact, ledger.StateProfilingOff, ""), entry(contact, ledger.StateRestricted, ""))
	if !off(1) {
		t.Error("another change of the subject lost it")
	}
	appendAll(t, s, entry(contact, ledger.StateAutomatedOn, ""))
	if off(1) || off(2) {
		t.Error("it is not lifted")
	}
	if _, err := s.Verify(t.Context()); err != nil {
		t.Errorf("the ledger does not verify: %v", err)
	}
}

// A visitor that is no contact's any more has nothing of its refusals, whoever wrote
// both in one transaction or several; it may be linked again.
func contractUnlinked(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	erased, other, shared := handle(1), handle(2), handle(11)
	appendAll(t, s, tie(ledger.StateLinked, erased, shared), tie(ledger.StateLinked, other, shared))
	c := appendAll(t, s, tie(ledger.StateUnlinked, erased, shared), entry(erased, ledger.StateErased, ""))
	if !slices.Contains(c.Affected, shared) || !slices.Contains(c.Affected, erased) {
		t.Error("it does not affect both")
	}
	f := found(t, s, Lookup{Handle: shared})
	if f.Record.State != consent.StateActive || !slices.Equal(f.Contacts, sorted(other)) {
		t.Errorf("the visitor is %v, of %d contacts", f.Record.State, len(f.Contacts))
	}
	if got := found(t, s, Lookup{Handle: erased}).Record.State; got != consent.StateErased {
		t.Errorf("the contact is %v", got)
	}
	appendAll(t, s, tie(ledger.StateUnlinked, other, shared), tie(ledger.StateLinked, other, shared))
	if f = found(t, s, Lookup{Handle: shared}); !slices.Equal(f.Contacts, sorted(other)) {
		t.Errorf("linked again, it is of %d contacts", len(f.Contacts))
	}
	appendAll(t, s, tie(ledger.StateLinked, handle(3), shared), tie(ledger.StateUnlinked, handle(3), shared))
	if f = found(t, s, Lookup{Handle: shared}); !slices.Equal(f.Contacts, sorted(other)) {
		t.Errorf("unlinked in the same transaction, it is of %d contacts", len(f.Contacts))
	}
	if _, err := s.Verify(t.Context()); err != nil {
		t.Errorf("the ledger does not verify: %v", err)
	}
}
