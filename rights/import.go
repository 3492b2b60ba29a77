package rights

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"zgoda/control"
	"zgoda/event"
	"zgoda/importer"
	"zgoda/pseudonym"
)

// Import says what a file of past requests is read for. Progress and Bad may be nil.
type Import struct {
	Site     event.SiteID
	Actor    string
	Progress func(importer.Report)
	Bad      func(importer.Bad) error
}

// importColumns are the columns of the file, in any order; all stand in its first
// line.
var importColumns = []string{"right", "received", "completed", "state", "channel", "identifier", "ground", "note"}

const importGroup = 256

// past is one row that can be kept.
type past struct {
	request control.Request
	who     Who
	line    int
}

// Import keeps past requests, which ended elsewhere, from a CSV file. Rows that
// cannot be kept are reported and left out. Sending the file again keeps nothing
// twice. An identifier is used to find the contact and then dropped.
func (s *Service) Import(ctx context.Context, file io.Reader, opt Import) (report importer.Report, err error) {
	in := csv.NewReader(file)
	in.FieldsPerRecord, in.ReuseRecord = -1, true
	places, err := header(in)
	if err != nil {
		return report, err
	}
	var group []past
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return report, s.keepPast(ctx, &opt, group, &report)
		}
		var line int
		broken, malformed := errors.AsType[*csv.ParseError](err)
		switch {
		case malformed:
			line = broken.StartLine
		case err != nil:
			return report, fmt.Errorf("read the file: %w", err)
		default:
			line, _ = in.FieldPos(0)
		}
		report.Rows++
		p, wrong := s.past(row, places, line, &opt, malformed)
		if wrong != nil {
			report.Bad++
			if err := opt.bad(importer.Bad{Line: line, Field: wrong.Field, Reason: wrong.Reason}); err != nil {
				return report, err
			}
			continue
		}
		if group = append(group, *p); len(group) < importGroup {
			continue
		}
		if err := s.keepPast(ctx, &opt, group, &report); err != nil {
			return report, err
		}
		group = group[:0]
	}
}

func (o *Import) bad(b importer.Bad) error {
	if o.Bad == nil {
		return nil
	}
	return o.Bad(b)
}

// header reads the first line and returns where each column is.
func header(in *csv.Reader) (map[string]int, error) {
	row, err := in.Read()
	if err != nil {
		return nil, importer.ErrHeader
	}
	places := map[string]int{}
	for i, name := range row {
		name = strings.TrimPrefix(strings.TrimSpace(name), "\ufeff")
		if _, twice := places[name]; twice || !slices.Contains(importColumns, name) {
			return nil, importer.ErrHeader
		}
		places[name] = i
	}
	if len(places) != len(importColumns) {
		return nil, importer.ErrHeader
	}
	return places, nil
}

// past reads one row.
func (s *Service) past(row []string, places map[string]int, line int, opt *Import, broken bool) (*past, *FieldError) {
	if broken || len(row) != len(importColumns) {
		return nil, &FieldError{"row", "must have as many fields as the first line, well quoted"}
	}
	get := func(name string) string { return strings.TrimSpace(row[places[name]]) }
	p := past{line: line, request: control.Request{
		Site: opt.Site, Right: control.Right(get("right")), State: control.RequestState(get("state")), Origin: get("channel"),
		Actor: opt.Actor, Reason: get("note"), Ground: get("ground"), Proof: ProofNone, Imported: true, Revision: 1,
	}}
	r := &p.request
	var err error
	if r.Received, err = readTime(get("received"), s.cfg.Zone); err != nil || r.Received.After(s.now()) {
		return nil, &FieldError{"received", "must be a day (2026-11-22) or a time (RFC 3339) that is over"}
	}
	if r.Done, err = readTime(get("completed"), s.cfg.Zone); err != nil || r.Done.Before(r.Received) || r.Done.After(s.now().Add(24*time.Hour)) {
		return nil, &FieldError{"completed", "must be a day or a time that is over, not before the receipt"}
	}
	r.Deadline = Deadline(r.Received, term, 0, s.cfg.Zone)
	if text := get("identifier"); text != "" {
		if p.who.Kind, p.who.Value, err = event.ParseIdentifier(text); err != nil {
			return nil, &FieldError{"identifier", "must be KIND:VALUE with a kind that there is, or empty"}
		}
	}
	if wrong := checkPast(r); wrong != nil {
		return nil, wrong
	}
	r.ID = pastID(r, line)
	return &p, nil
}

func checkPast(r *control.Request) *FieldError {
	switch {
	case !slices.Contains(Rights, r.Right):
		return &FieldError{"right", "must be a right that there is"}
	case r.State != control.RequestComplete && r.State != control.RequestDenied && r.State != control.RequestCancelled:
		return &FieldError{"state", "must be complete, denied or cancelled: one that is open is opened, with its day of receipt"}
	case !slices.Contains(Origins, r.Origin):
		return &FieldError{"channel", "must be one of " + strings.Join(Origins, ", ")}
	case (r.State == control.RequestDenied) != (r.Ground != "") || r.Ground != "" && !slices.Contains(Grounds, r.Ground):
		return &FieldError{"ground", "must be one of " + strings.Join(Grounds, ", ") + " of a request that was denied, else empty"}
	}
	if wrong, ok := errors.AsType[*FieldError](checkText("note", r.Reason, false)); ok {
		return wrong
	}
	return nil
}

// readTime reads a day, of which the noon counts, or a time.
func readTime(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC().Truncate(time.Microsecond), nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, zone)
	return t.Add(12 * time.Hour).UTC(), err
}

// pastID names a row by what it says and where it stands, so that it is kept once.
// The identifier is no part of it: a hash would let everybody try identifiers.
func pastID(r *control.Request, line int) (id control.RequestID) {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "zgoda past request 1\n%q %q %q %q %q %q %d %d %d", r.Site, r.Right, r.State, r.Origin, r.Ground, r.Reason,
		r.Received.UnixMicro(), r.Done.UnixMicro(), line) // a hash never fails
	copy(id[:], h.Sum(nil))
	return id
}

// keepPast writes a group.
func (s *Service) keepPast(ctx context.Context, opt *Import, group []past, report *importer.Report) error {
	if len(group) == 0 {
		return nil
	}
	if err := s.findPast(ctx, opt, group); err != nil {
		return err
	}
	list := make([]control.Request, len(group))
	for i := range group {
		list[i] = group[i].request
	}
	if _, err := s.deps.Store.AddRequests(ctx, list); err != nil { // none is open, so none is refused
		return err
	}
	report.Accepted += len(list)
	if opt.Progress != nil {
		opt.Progress(*report)
	}
	return nil
}

// findPast finds the contacts that past requests were of; whoever is not known any
// more is left open.
func (s *Service) findPast(ctx context.Context, opt *Import, group []past) error {
	var ask []pseudonym.CaseOf
	var ids [][16]byte
	at := map[[16]byte]*control.Request{}
	for i := range group {
		p := &group[i]
		if named(&p.who) {
			id := [16]byte(p.request.ID)
			ask, ids = append(ask, pseudonym.CaseOf{ID: id, Site: opt.Site, Who: p.who}), append(ids, id)
			at[id] = &p.request
		}
	}
	if len(ask) == 0 {
		return nil
	}
	ctx = pseudonym.WithAct(ctx, pseudonym.Act{Actor: opt.Actor, Reason: "import of past requests"})
	of, err := s.deps.Cases.OpenCases(ctx, ask)
	if err != nil {
		return fmt.Errorf("find the contacts: %w", err)
	}
	for i := range of {
		if r := at[of[i].ID]; r != nil && of[i].State == pseudonym.CaseOpen {
			r.Handle = consentHandle(&of[i])
		}
	}
	for i := range group {
		group[i].request.Visitor = visitor(&group[i].who)
	}
	s.closeCases(ctx, ids)
	return nil
}
