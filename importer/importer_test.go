package importer_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/importer"
	"zgoda/pseudonym"
	"zgoda/subjects"
)

// people stands for the consent set and its ledger.
type people struct {
	entries []ledger.Entry
	keys    map[string]bool
	groups  []int
	fail    error
}

func (p *people) MakeAll(_ context.Context, _ event.SiteID, names []subjects.Name, out []event.Handle, bad []error) error {
	for i, n := range names {
		if n.Kind == event.KindEmail && !strings.Contains(n.Value, "@") {
			bad[i] = pseudonym.ErrIdentifier
			continue
		}
		sum := sha256.Sum256([]byte(n.Kind.String() + n.Value))
		out[i] = event.Handle(sum[:16])
	}
	return p.fail
}

func (p *people) Write(_ context.Context, entries ...ledger.Entry) (event.Sequence, error) {
	if p.fail != nil {
		return 0, p.fail
	}
	p.groups = append(p.groups, len(entries))
	for _, e := range entries {
		if err := e.Validate(); err != nil {
			return 0, err
		}
		if p.keys[e.Key] {
			continue
		}
		if p.keys == nil {
			p.keys = map[string]bool{}
		}
		p.keys[e.Key] = true
		p.entries = append(p.entries, e)
	}
	return event.Sequence(len(p.entries)), nil
}

var policy = &consent.Policy{Site: "shop", Purposes: []consent.Purpose{
	{ID: "measurement", Kind: consent.KindMeasurement, Basis: consent.BasisLegitimateInterest, Version: 1},
	{ID: "analytics", Bit: 1, Kind: consent.KindAnalytics, Basis: consent.BasisConsent, Version: 2, TextHash: [32]byte{7}},
}}

var now = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

func run(t *testing.T, p *people, file string) (importer.Report, []importer.Bad, error) {
	t.Helper()
	var bad []importer.Bad
	im, err := importer.New(p, importer.Options{
		Policy: policy, Actor: "token:till", Now: now, Bad: func(b importer.Bad) error { bad = append(bad, b); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	report, err := im.Run(t.Context(), strings.NewReader(file))
	return report, bad, err
}

const header = "kind,identifier,purpose,version,text_hash,state,time,channel,proof,until,locale,guardian,born,country\n"

// TestImport: what each column becomes.
func TestImport(t *testing.T) {
	p := &people{}
	file := "\xef\xbb\xbf" + header +
		"email,jana@person.example,analytics,2,,given,2026-01-31T12:00:00+01:00,paper,box 12 sheet 7,2027-01-31,sk,,,SK\n" +
		"customer_id,77,analytics,1," + strings.Repeat("ab", 32) + ",given,2025-01-31T12:00:00Z,shop,scan 4,,,,,\n" +
		"user_id,\"a,\"\"b\",measurement,,,objected,2026-02-01T00:00:00Z,phone,,,,,,\n" +
		"email,dieta@person.example,analytics,2,,given,2026-05-01T00:00:00Z,paper,box 1,,,\"mother, passport seen\",2014-05-01,CZ\n"
	report, bad, err := run(t, p, file)
	if err != nil || len(bad) != 0 || report != (importer.Report{Rows: 4, Accepted: 4}) {
		t.Fatalf("%+v %+v %v", report, bad, err)
	}
	var states []string
	for _, e := range p.entries {
		states = append(states, e.State.String())
		if e.Channel != ledger.ChannelImport || e.Actor != "token:till" {
			t.Error("an entry does not say how it came")
		}
	}
	if got := strings.Join(states, " "); got != "located given given objected minor located given" {
		t.Errorf("entries: %s", got)
	}
	given := p.entries[1]
	if given.Surface != "paper" || given.Proof != ledger.ProofDocument || given.ProofRef != "box 12 sheet 7" || given.PurposeVersion != 2 ||
		given.TextHash != [32]byte{7} || !given.At.Equal(time.Date(2026, 1, 31, 11, 0, 0, 0, time.UTC)) || given.Until.Format(time.DateOnly) != "2027-01-31" {
		t.Error("the grant is not the row's")
	}
	if old := p.entries[2]; old.PurposeVersion != 1 || old.TextHash[0] != 0xab {
		t.Error("the older version is not the row's")
	}
	if minor := p.entries[6]; !minor.Guardian || minor.GuardianRef != "mother, passport seen" || minor.Until.Format(time.DateOnly) != "2029-05-01" {
		t.Error("the guardian's grant is not the row's")
	}
	before := len(p.entries)
	if report, _, err := run(t, p, file); err != nil || report.Accepted != 4 || len(p.entries) != before {
		t.Errorf("the same file again: %+v, %v, %d entries more", report, err, len(p.entries)-before)
	}
}

// TestBadRows: each is told by its line and field, and never by what stands in it;
// the good rows around it are written.
func TestBadRows(t *testing.T) {
	good := "email,good%d@person.example,analytics,2,,given,2026-01-31T12:00:00Z,paper,box,,,,,\n"
	rows := []struct{ row, field string }{
		{"visitor,CANARY,analytics,2,,given,2026-01-31T12:00:00Z,paper,box,,,,,", "kind"},
		{"mail,CANARY@person.example,analytics,2,,given,2026-01-31T12:00:00Z,paper,box,,,,,", "kind"},
		{"email,,analytics,2,,given,2026-01-31T12:00:00Z,paper,box,,,,,", "identifier"},
		{"email,CANARY,analytics,2,,given,2026-01-31T12:00:00Z,paper,box,,,,,", "identifier"},
		{"email,CANARY@person.example,CANARY,2,,given,2026-01-31T12:00:00Z,paper,box,,,,,", "purpose"},
		{"email,CANARY@person.example,analytics,3,,given,2026-01-31T12:00:00Z,paper,box,,,,,", "version"},
		{"email,CANARY@person.example,analytics,,,given,2026-01-31T12:00:00Z,paper,box,,,,,", "version"},
		{"email,CANARY@person.example,analytics,,CANARY,given,2026-01-31T12:00:00Z,paper,box,,,,,", "text_hash"},
		{"email,CANARY@person.example,analytics,," + strings.Repeat("ab", 32) + ",given,2026-01-31T12:00:00Z,paper,box,,,,,", "text_hash"},
		{"email,CANARY@person.example,analytics,2,,CANARY,2026-01-31T12:00:00Z,paper,box,,,,,", "state"},
		{"email,CANARY@person.example,measurement,1,,given,2026-01-31T12:00:00Z,paper,box,,,,,", "state"},
		{"email,CANARY@person.example,analytics,2,,given,CANARY,paper,box,,,,,", "time"},
		{"email,CANARY@person.example,analytics,2,,given,2027-01-31T12:00:00Z,paper,box,,,,,", "time"},
		{"email,CANARY@person.example,analytics,2,,given,2026-01-31T12:00:00Z,,box,,,,,", "channel"},
		{"email,CANARY@person.example,analytics,2,,given,2026-01-31T12:00:00Z,paper CANARY,box,,,,,", "row"},
		{"email,CANARY@person.example,analytics,2,,given,2026-01-31T12:00:00Z,paper,,,,,,", "proof"},
		{"email,CANARY@person.example,analytics,2,,given,2026-01-31T12:00:00Z,paper,box,2025-01-01,,,,", "until"},
		{"email,CANARY@person.example,analytics,2,,refused,2026-01-31T12:00:00Z,paper,box,2028-01-01,,,,", "until"},
		{"email,CANARY@person.example,analytics,2,,given,2026-01-31T12:00:00Z,paper,box,,,CANARY,,", "guardian"},
		{"email,CANARY@person.example,analytics,2,,given,2026-01-31T12:00:00Z,paper,box,,,CANARY,1990-01-01,SK", "born"},
		{"email,CANARY@person.example,analytics,2,,given,2026-01-31T12:00:00Z,paper,box,,,x,CANARY,SK", "born"},
		{"email,CANARY@person.example,analytics,2,,given,2026-01-31T12:00:00Z,paper,box,,,,,CANARY", "country"},
		{"email,CANARY@person.example,analytics", "row"},
		{"email,CANARY\"@person.example,analytics,2,,given,2026-01-31T12:00:00Z,paper,box,,,,,", "row"},
		{"email,CANARY\xff@person.example,analytics,2,,given,2026-01-31T12:00:00Z,paper,box,,,,,", "identifier"},
	}
	var file strings.Builder
	file.WriteString(header)
	for i, r := range rows {
		file.WriteString(r.row + "\n")
		fmt.Fprintf(&file, good, i)
	}
	p := &people{}
	report, bad, err := run(t, p, file.String())
	if err != nil || report.Rows != 2*len(rows) || report.Accepted != len(rows) || report.Bad != len(rows) {
		t.Fatalf("%+v %v", report, err)
	}
	if !slices.IsSortedFunc(bad, func(a, b importer.Bad) int { return a.Line - b.Line }) {
		t.Error("the rows are not told in the file's order")
	}
	byLine := map[int]importer.Bad{}
	for _, b := range bad {
		byLine[b.Line] = b
		if strings.Contains(fmt.Sprint(b), "CANARY") || b.Reason == "" {
			t.Errorf("line %d tells what stands in it", b.Line)
		}
	}
	for i, r := range rows {
		if b := byLine[2+2*i]; b.Field != r.field {
			t.Errorf("line %d: field %q, want %q (%s)", 2+2*i, b.Field, r.field, b.Reason)
		}
	}
}

// TestOnlyBadRows: a file without a good row is told as it is read, in groups.
func TestOnlyBadRows(t *testing.T) {
	const rows = 3*importer.Group + 7
	file := header + strings.Repeat("visitor,x,analytics,2,,given,2026-01-31T12:00:00Z,paper,box,,,,,\n", rows)
	told, most := 0, 0
	im, err := importer.New(&people{}, importer.Options{
		Policy: policy, Actor: "token:till", Now: now, Bad: func(importer.Bad) error { told++; return nil },
		Progress: func(r importer.Report) { most = max(most, r.Bad-told) },
	})
	if err != nil {
		t.Fatal(err)
	}
	report, err := im.Run(t.Context(), strings.NewReader(file))
	if err != nil || report.Bad != rows || told != rows || most != 0 {
		t.Errorf("%+v %v, %d told, %d behind", report, err, told, most)
	}
}

// TestGroups: 256 rows at a time, and never more than 256 entries at once.
func TestGroups(t *testing.T) {
	var file strings.Builder
	file.WriteString("kind;identifier;purpose;version;state;time;channel;proof;country\n")
	for i := range 600 {
		fmt.Fprintf(&file, "user_id;u%d;analytics;2;given;2026-01-31T12:00:00Z;paper;box;SK\n", i)
	}
	p := &people{}
	report, _, err := run(t, p, file.String())
	if err != nil || report.Accepted != 600 || len(p.entries) != 1200 {
		t.Fatalf("%+v %v, %d entries", report, err, len(p.entries))
	}
	for _, n := range p.groups {
		if n > 256 {
			t.Errorf("%d entries at once", n)
		}
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want error
	}{
		"empty":          {"", importer.ErrHeader},
		"unknown column": {strings.TrimSpace(header) + ",CANARY\n", importer.ErrHeader},
		"column twice":   {strings.TrimSpace(header) + ",kind\n", importer.ErrHeader},
		"column missing": {"kind,identifier\n", importer.ErrHeader},
		"endless quote":  {header + "email,\"" + strings.Repeat("x,\n", 200_000), importer.ErrRow},
	} {
		_, _, err := run(t, &people{}, c.file)
		if !errors.Is(err, c.want) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAStoreThatFails: the import ends, says where, and goes on when it is run
// again.
func TestAStoreThatFails(t *testing.T) {
	p := &people{fail: io.ErrUnexpectedEOF}
	file := header + "user_id,u,analytics,2,,given,2026-01-31T12:00:00Z,paper,box,,,,,\n"
	if report, _, err := run(t, p, file); err == nil || report.Accepted != 0 {
		t.Errorf("%+v %v", report, err)
	}
	p.fail = nil
	if report, _, err := run(t, p, file); err != nil || report.Accepted != 1 || len(p.entries) != 1 {
		t.Errorf("%+v %v", report, err)
	}
}
