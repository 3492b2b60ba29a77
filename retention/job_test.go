package retention

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zgoda/activity/erase"
	"zgoda/consent"
	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/rights"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var midnight = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// world is what a run looks at.
type world struct {
	now      time.Time
	stamps   map[named]control.Stamp
	runs     []RunReport
	restamps map[event.SiteID][]erase.Stamp
	unmarked map[event.SiteID][]erase.Stamp
	fail     map[string]error
	past     map[event.SiteID]uint64
	seen     map[byte]time.Time // of contacts
	why      map[event.Handle]string
	cases    map[[16]byte]bool
	opened   []rights.Opening
	refuse   map[byte]error
	counts   []control.RequestCount
	aside    []string
}

func newWorld() *world {
	return &world{
		now: midnight, stamps: map[named]control.Stamp{}, restamps: map[event.SiteID][]erase.Stamp{}, unmarked: map[event.SiteID][]erase.Stamp{}, fail: map[string]error{}, past: map[event.SiteID]uint64{},
		seen: map[byte]time.Time{}, why: map[event.Handle]string{}, cases: map[[16]byte]bool{}, refuse: map[byte]error{},
	}
}

func (w *world) Stamps(context.Context) ([]control.Stamp, error) {
	return slices.Collect(maps.Values(w.stamps)), w.fail["stamps"]
}

func (w *world) PutStamps(_ context.Context, list []control.Stamp) error {
	for _, s := range list {
		w.stamps[named{s.Site, s.Purpose}] = s
	}
	return nil
}

func (w *world) AddRetentionRun(_ context.Context, _ time.Time, report []byte) error {
	var r RunReport
	if err := json.Unmarshal(report, &r); err != nil {
		return err
	}
	w.runs = append(w.runs, r)
	return nil
}

func (w *world) LastRetentionRun(context.Context) (time.Time, []byte, bool, error) {
	if len(w.runs) == 0 {
		return time.Time{}, nil, false, nil
	}
	last := w.runs[len(w.runs)-1]
	raw, err := json.Marshal(last)
	return last.At, raw, true, err
}

func (w *world) WhyKept(_ context.Context, sites []event.SiteID, handles []event.Handle, _ time.Time) (map[event.Handle]string, error) {
	if !slices.Equal(sites, []event.SiteID{"shop", "blog"}) {
		return nil, fmt.Errorf("sites %v", sites)
	}
	why := maps.Clone(w.why)
	maps.DeleteFunc(why, func(h event.Handle, _ string) bool { return !slices.Contains(handles, h) })
	return why, nil
}

func (w *world) Restamp(_ context.Context, site event.SiteID, rules []erase.Stamp) (string, error) {
	if err := w.fail["restamp"]; err != nil {
		return "", err
	}
	w.restamps[site] = rules
	return "mutation_7.txt", nil
}

func (w *world) Unmark(_ context.Context, site event.SiteID, rules []erase.Stamp, now time.Time) (string, uint64, error) {
	if err := w.fail["unmark "+string(site)]; err != nil {
		return "", 0, err
	}
	if !now.Equal(w.now) {
		return "", 0, errors.New("another time")
	}
	w.unmarked[site] = rules
	return "mutation_8.txt", uint64(len(rules)), nil
}

func (w *world) PastRetention(_ context.Context, site event.SiteID) (uint64, time.Time, error) {
	return w.past[site], midnight.AddDate(0, 0, -3), w.fail["past"]
}

func (w *world) Idle(_ context.Context, before, limit uint32, yield func(pseudonym.IdleName) error) error {
	day := time.Unix(0, 0).UTC().AddDate(0, 0, int(before))
	for _, who := range slices.Sorted(maps.Keys(w.seen)) {
		if w.seen[who].Before(day) && limit > 0 {
			limit--
			if err := yield(pseudonym.IdleName{who}); err != nil {
				return err
			}
		}
	}
	return w.fail["idle"]
}

func (w *world) OpenCases(_ context.Context, list []pseudonym.CaseOf) (out []pseudonym.OpenedCase, err error) {
	for _, c := range list {
		w.cases[c.ID] = true
		who := c.Who.Idle[0]
		o := pseudonym.OpenedCase{ID: c.ID, State: pseudonym.CaseUnknown}
		if _, there := w.seen[who]; there && who != 99 {
			o.State = pseudonym.CaseOpen
			o.Pseudonyms = []pseudonym.CasePseudonym{
				{Handle: event.Handle{who}, Purpose: "consent"},
				{Handle: event.Handle{who, 1}, Purpose: "profiling"},
				{Handle: event.Handle{who, 2}, Purpose: "consent", Visitor: 1},
			}
		}
		out = append(out, o)
	}
	return out, nil
}

func (w *world) CloseCases(_ context.Context, ids [][16]byte) error {
	for _, id := range ids {
		delete(w.cases, id)
	}
	return nil
}

func (w *world) OpenMany(_ context.Context, list []rights.Opening) (out []rights.Opened, err error) {
	for _, o := range list {
		w.opened = append(w.opened, o)
		out = append(out, rights.Opened{Err: w.refuse[o.Who.Idle[0]]})
	}
	return out, nil
}

func (w *world) CountRequests(context.Context, time.Time) ([]control.RequestCount, error) {
	return w.counts, nil
}

func sitesOf(analytics consent.Retention) []Site {
	return []Site{
		{ID: "shop", Purposes: []Purpose{
			{"measurement", 0, event.ScopeNone, consent.Retention{Months: 25}}, {"analytics", 1, event.ScopePeriod, analytics},
		}},
		{ID: "blog", Purposes: []Purpose{{"measurement", 0, event.ScopeNone, consent.Retention{Months: 25}}}},
	}
}

func (w *world) job(t *testing.T, sites []Site, change func(*Config)) *Job {
	t.Helper()
	cfg := DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	j, err := New(cfg, Deps{Store: w, Rows: w, Keys: w, Requests: w, Counts: w, Aside: func() []string { return w.aside }, Sites: sites, Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// TestChangedRetentionStampsRows: rows of a site get another end once its settings say
// another, and of that site alone; after a failure it is done again.
func TestChangedRetentionStampsRows(t *testing.T) {
	w := newWorld()
	year := consent.Retention{Months: 13}
	if err := w.job(t, sitesOf(year), nil).due(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(w.restamps) != 2 || len(w.stamps) != 3 { // what rows had before is not known
		t.Fatal(w.restamps, w.stamps)
	}
	clear(w.restamps)
	w.now = w.now.Add(time.Hour)
	if err := w.job(t, sitesOf(year), nil).due(t.Context()); err != nil || len(w.restamps) != 0 || len(w.runs) != 1 {
		t.Error("a run without need:", len(w.runs), err)
	}
	w.fail["restamp"] = errors.New("away")
	shorter := sitesOf(consent.Retention{Days: 40})
	if err := w.job(t, shorter, nil).due(t.Context()); err == nil {
		t.Error("a run that failed is taken for done")
	}
	if last := w.runs[len(w.runs)-1]; last.Whole() {
		t.Error("the report says that nothing failed")
	}
	delete(w.fail, "restamp")
	if err := w.job(t, shorter, nil).due(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []erase.Stamp{{Bit: 0, Scope: event.ScopeNone, Months: 25}, {Bit: 1, Scope: event.ScopePeriod, Days: 40}}
	if !slices.Equal(w.restamps["shop"], want) || len(w.restamps) != 1 {
		t.Error(w.restamps)
	}
	last := w.runs[len(w.runs)-1]
	if len(last.Stamps) != 1 || last.Stamps[0].From != "13mo of period, bit 1" || last.Stamps[0].To != "40d of period, bit 1" || last.Stamps[0].Mutation == "" {
		t.Errorf("%+v", last.Stamps)
	}
}

// TestPurposesThatAreOver: every purpose of a site is taken from rows once its own time is
// over, also one that no row rests on, each day and site for itself.
func TestPurposesThatAreOver(t *testing.T) {
	w := newWorld()
	sites := sitesOf(consent.Retention{Months: 13})
	sites[0].Noted = append(slices.Clone(sites[0].Purposes), Purpose{"marketing", 3, event.ScopePerson, consent.Retention{Days: 30}})
	w.fail["unmark blog"] = errors.New("away")
	for range 2 {
		r, err := w.job(t, sites, nil).Once(t.Context())
		if err != nil || len(r.Failed) != 1 || !maps.Equal(r.Unmarked, map[event.SiteID]uint64{"shop": 3}) {
			t.Errorf("%+v %v", r, err)
		}
		want := []erase.Stamp{{Bit: 0, Months: 25}, {Bit: 1, Scope: event.ScopePeriod, Months: 13}, {Bit: 3, Scope: event.ScopePerson, Days: 30}}
		if !slices.Equal(w.unmarked["shop"], want) || len(w.unmarked) != 1 {
			t.Error(w.unmarked)
		}
		clear(w.unmarked)
		w.now = w.now.AddDate(0, 0, 1)
	}
	if len(w.restamps["shop"]) != 2 {
		t.Error("rows rest on it:", w.restamps)
	}
}

// TestIdleContactsByTheClock: contacts go a year after they were last seen, but not who
// is restricted, has an open request or an agreement; those are told as such.
func TestIdleContactsByTheClock(t *testing.T) {
	w := newWorld()
	for who, months := range map[byte]int{1: 13, 2: 11, 3: 13, 4: 14, 5: 15, 6: 13, 7: 13, 99: 20} {
		w.seen[who] = midnight.AddDate(0, -months, 0)
	}
	w.why = map[event.Handle]string{{3}: "restricted", {4}: "request", {5}: "agreement", {6, 2}: "restricted", {2}: "request"}
	w.refuse[7] = control.ErrOpen
	r, err := w.job(t, sitesOf(consent.Retention{Days: 1}), nil).Once(t.Context())
	if err != nil || !r.Whole() {
		t.Fatal(r.Failed, err)
	}
	if want := map[string]int{"restricted": 1, "request": 1, "agreement": 1}; r.Idle != 5 || r.Opened != 2 || !maps.Equal(r.Kept, want) || r.More {
		t.Errorf("%+v", r)
	}
	var asked []byte
	for _, o := range w.opened {
		asked = append(asked, o.Who.Idle[0])
		if o.Right != control.RightErasure || o.Origin != "retention" || !o.Known || !o.Once {
			t.Errorf("%+v", o)
		}
	}
	if !slices.Equal(asked, []byte{1, 6, 7}) {
		t.Error(asked)
	}
	if len(w.cases) > 0 {
		t.Error("cases are left open")
	}
	w.opened = nil
	delete(w.why, event.Handle{2})
	w.now = midnight.AddDate(0, 1, 2) // time passes, and it is the turn of one more
	if _, err := w.job(t, sitesOf(consent.Retention{Days: 1}), nil).Once(t.Context()); err != nil || len(w.opened) != 4 {
		t.Error(len(w.opened), err)
	}
}

// TestIdleIsBounded: one run takes so many at most and says that there are more.
func TestIdleIsBounded(t *testing.T) {
	w := newWorld()
	for who := range byte(50) {
		w.seen[who+1] = midnight.AddDate(-2, 0, 0)
	}
	r, err := w.job(t, sitesOf(consent.Retention{Days: 1}), func(c *Config) { c.Most = 20 }).Once(t.Context())
	if err != nil || r.Opened != 20 || !r.More {
		t.Errorf("%+v %v", r, err)
	}
}

// TestReport: what is past its end, and what failed, is in the report of each day.
func TestReport(t *testing.T) {
	w := newWorld()
	w.past["blog"] = 12
	w.fail["idle"] = errors.New("the keyholder is away")
	j := w.job(t, sitesOf(consent.Retention{Days: 1}), nil)
	if err := j.due(t.Context()); err == nil {
		t.Error("nothing is told")
	}
	last, found, err := j.Last(t.Context())
	if err != nil || !found || last.Past["blog"].Rows != 12 || len(last.Past) != 1 || len(last.Failed) != 1 {
		t.Errorf("%+v %v", last, err)
	}
	delete(w.fail, "idle")
	for range 3 { // again since it failed, then once a day
		if err := j.due(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if len(w.runs) != 2 {
		t.Error(len(w.runs), "runs")
	}
	w.now = w.now.Add(24 * time.Hour)
	if err := j.due(t.Context()); err != nil || len(w.runs) != 3 {
		t.Error(len(w.runs), err)
	}
}

// TestRunEnds: Run looks by itself and ends with its context.
func TestRunEnds(t *testing.T) {
	w := newWorld()
	ran := make(chan struct{}, 1)
	j := w.job(t, nil, nil)
	j.deps.Lead = func(context.Context) (bool, error) {
		select {
		case ran <- struct{}{}:
		default:
		}
		return false, nil
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	<-ran
	stop()
	if err := <-ended; err != nil || len(w.runs) > 0 {
		t.Error(len(w.runs), err)
	}
	ctx, stop = context.WithCancel(t.Context())
	j.Begin() // somebody asks for one
	go func() { ended <- j.Run(ctx) }()
	made := 0
	for deadline := time.Now().Add(10 * time.Second); made == 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		j.running.Lock()
		made = len(w.runs)
		j.running.Unlock()
	}
	stop()
	if err := <-ended; err != nil || made != 1 {
		t.Error(made, "runs", err)
	}
}

// TestLook: what is past its time is listed, and nothing else.
func TestLook(t *testing.T) {
	w := newWorld()
	j := w.job(t, sitesOf(consent.Retention{Days: 1}), nil)
	if list, err := j.Look(t.Context()); err != nil || len(list) != 1 || list[0].What != "run" {
		t.Error(list, err)
	}
	if _, err := j.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list, err := j.Look(t.Context()); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
	w.past["shop"] = 3
	w.counts = []control.RequestCount{{Right: control.RightAccess, Overdue: 2}, {Right: control.RightErasure}}
	w.aside = []string{"journal/undecided holds 1 file"}
	w.seen[5] = midnight.AddDate(-3, 0, 0)
	w.why[event.Handle{5}] = "agreement"
	w.fail["restamp"] = errors.New("away")
	clear(w.stamps)
	if _, err := j.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.AddDate(0, 0, 3)
	list, err := j.Look(t.Context())
	var what []string
	for _, f := range list {
		what = append(what, f.What)
	}
	if want := []string{"rows", "requests", "run", "run", "contacts", "files"}; err != nil || !slices.Equal(what, want) {
		t.Error(list, err)
	}
	if want := "site shop: 3 rows are past their end, the first since 2026-11-19"; list[0].Text != want {
		t.Errorf("%q, want %q", list[0].Text, want)
	}
}
