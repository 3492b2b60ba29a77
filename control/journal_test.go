package control

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
)

// contractJournal: entries are kept once, and each has a request that says what it is
// about; a request that is there is left alone.
func contractJournal(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	there, told := aRequest(1, RightErasure), aRequest(2, RightErasure)
	there.Step, told.Step = StepFenced, StepTold
	addRequests(t, s, there, told)
	lost := Request{
		ID: RequestID{77}, Site: site, Right: RightErasure, Mode: EraseAll, Origin: "restore", State: RequestComplete, Step: StepCertified,
		Received: askedAt, Deadline: askedAt, Actor: "system", Done: askedAt, Revision: 1,
	}
	entries := []JournalEntry{
		{there.ID, askedAt, askedAt.AddDate(0, 2, 0), []byte("sealed one")},
		{lost.ID, askedAt.Add(time.Hour), askedAt.AddDate(0, 3, 0), []byte("sealed two")},
	}
	same, goesOn := there, told
	same.State, same.Step, same.Done, goesOn.State = RequestComplete, StepCertified, askedAt, RequestComplete
	for range 2 {
		if err := s.AddJournal(t.Context(), entries, []Request{same, goesOn, lost}); err != nil {
			t.Fatal(err)
		}
	}
	ids, err := s.JournalIDs(t.Context())
	if err != nil || len(ids) != 2 || !slices.Contains(ids, there.ID) || !slices.Contains(ids, lost.ID) {
		t.Fatal(ids, err)
	}
	got, err := s.JournalEntries(t.Context(), []RequestID{lost.ID, {5}, there.ID})
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	for _, e := range got {
		want := entries[slices.IndexFunc(entries, func(w JournalEntry) bool { return w.ID == e.ID })]
		if !e.At.Equal(want.At) || !e.Until.Equal(want.Until) || !bytes.Equal(e.Sealed, want.Sealed) {
			t.Errorf("%+v, want %+v", e, want)
		}
	}
	if r, found, err := s.Request(t.Context(), there.ID); err != nil || !found || r.State != RequestComplete || r.Step != StepCertified || !r.Handle.IsZero() || !r.Done.Equal(askedAt) {
		t.Errorf("the request that was under way is %+v, %v", r, err)
	}
	if r, found, err := s.Request(t.Context(), told.ID); err != nil || !found || r.State != told.State || r.Step != StepTold {
		t.Error("the request that goes on is", r.State, found, err)
	}
	if r, found, err := s.Request(t.Context(), lost.ID); err != nil || !found || r.State != RequestComplete || r.Origin != "restore" {
		t.Error("the request that was lost is", r.State, found, err)
	}
	if h, err := s.RequestHistory(t.Context(), lost.ID); err != nil || len(h) != 1 || h[0].Act != "restore" {
		t.Error(h, err)
	}
}

// contractRetention: by what rows were stamped, reports, and why contacts are kept.
func contractRetention(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	if _, _, found, err := s.LastRetentionRun(t.Context()); found || err != nil {
		t.Fatal(found, err)
	}
	for i := range keptRuns + 3 {
		if err := s.AddRetentionRun(t.Context(), askedAt.AddDate(0, 0, i), fmt.Appendf(nil, `{"run":%d}`, i)); err != nil {
			t.Fatal(err)
		}
	}
	at, report, found, err := s.LastRetentionRun(t.Context())
	if err != nil || !found || !at.Equal(askedAt.AddDate(0, 0, keptRuns+2)) || string(report) != fmt.Sprintf(`{"run":%d}`, keptRuns+2) {
		t.Error(at, string(report), found, err)
	}
	var kept int
	if err := s.db.plain().QueryRowContext(t.Context(), `SELECT count(*) FROM retention_run`).Scan(&kept); err != nil || kept != keptRuns {
		t.Error(kept, "reports are kept", err)
	}
	for _, retention := range []string{"13mo", "6mo"} {
		if err := s.PutStamps(t.Context(), []Stamp{{Site: site, Purpose: "analytics", Retention: retention, State: "done", At: askedAt}}); err != nil {
			t.Fatal(err)
		}
	}
	if stamps, err := s.Stamps(t.Context()); err != nil || len(stamps) != 1 || stamps[0].Retention != "6mo" || !stamps[0].At.Equal(askedAt) {
		t.Error(stamps, err)
	}

	appendAll(t, s, entry(handle(1), ledger.StateRestricted, ""))
	open := aRequest(2, RightAccess)
	ended := aRequest(3, RightAccess)
	ended.State = RequestComplete
	addRequests(t, s, open, ended)
	for who, until := range map[byte]time.Time{4: askedAt.Add(time.Second), 5: askedAt, 6: {}} {
		h := handle(who)
		if _, err := s.db.changes().ExecContext(t.Context(), `INSERT INTO agreement (site, handle, document, kind, signed_micros, until_micros) VALUES ($1, $2, $3, 'lease', 1, $4)`,
			string(site), h[:], []byte{who}, ledger.Micros(until)); err != nil {
			t.Fatal(err)
		}
	}
	all := []event.Handle{handle(1), handle(2), handle(3), handle(4), handle(5), handle(6), handle(7)}
	why, err := s.WhyKept(t.Context(), []event.SiteID{"other", site}, all, askedAt)
	if want := map[event.Handle]string{handle(1): "restricted", handle(2): "request", handle(4): "agreement", handle(6): "agreement"}; err != nil || !maps.Equal(why, want) {
		t.Errorf("%v, want %v: %v", why, want, err)
	}
}
