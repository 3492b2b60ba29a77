package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/subjects"
)

// people find or make contacts and write what they said; subjects.Directory is one.
type people interface {
	MakeAll(ctx context.Context, site event.SiteID, names []subjects.Name, out []event.Handle, bad []error) error
	Write(ctx context.Context, entries ...ledger.Entry) (event.Sequence, error)
}

// Options say whose consents these are. Progress and Bad may be nil.
type Options struct {
	Policy *consent.Policy
	Actor  string
	Now    time.Time
	// Progress is called after each group that is durable and enforced.
	Progress func(Report)
	// Bad is called for each row that is left out, in the order of lines.
	Bad func(Bad) error
}

// Report says how far an import has come.
type Report struct {
	Rows     int `json:"rows"`     // read so far, bad ones included
	Accepted int `json:"accepted"` // in the ledger, written now or before
	Bad      int `json:"bad"`
}

// Bad is one row that was left out.
type Bad struct {
	Line   int    `json:"line"`   // of the file, from 1 on, the header's included
	Field  string `json:"field"`  // the column; "row" for the row as a whole
	Reason string `json:"reason"` // never what stands there
}

// Group is how many rows are written at once.
const Group = 256

// maxEntries bounds the entries of one transaction.
const maxEntries = 256

// ErrHeader is returned for a file whose first line cannot be used.
var ErrHeader = errors.New("the first line must name the columns")

// Importer writes rows. Make one with New for each file.
type Importer struct {
	people people
	opt    Options
	report Report
	rows   []row
	left   []Bad // rows of the group that are left out, not told yet
	names  []subjects.Name
	out    []event.Handle
	bad    []error
}

// New makes an importer of one file.
func New(p people, opt Options) (*Importer, error) {
	if p == nil || opt.Policy == nil || opt.Now.IsZero() {
		return nil, errors.New("importer: a part is missing")
	}
	return &Importer{people: p, opt: opt}, nil
}

// Run reads the file to its end. After an error what was reported is written, and
// the file can be run again from its beginning.
func (im *Importer) Run(ctx context.Context, file io.Reader) (Report, error) {
	report, err := im.run(ctx, file)
	return report, errors.Join(err, im.tell())
}

func (im *Importer) run(ctx context.Context, file io.Reader) (Report, error) {
	in, err := newReader(file)
	if err != nil {
		return im.report, err
	}
	for {
		fields, line, err := in.next()
		if errors.Is(err, io.EOF) {
			return im.report, im.flush(ctx)
		}
		im.report.Rows++
		if broken, ok := errors.AsType[*faultError](err); ok {
			if err := im.leave(ctx, line, broken); err != nil {
				return im.report, err
			}
			continue
		}
		if err != nil {
			return im.report, err
		}
		if err := im.take(ctx, fields, line); err != nil {
			return im.report, err
		}
	}
}

// take checks a row and keeps it until its group is full.
func (im *Importer) take(ctx context.Context, fields map[string]string, line int) error {
	r, fault := im.parse(fields)
	if fault != nil {
		return im.leave(ctx, line, fault)
	}
	r.line = line
	im.rows = append(im.rows, r)
	if len(im.rows) < Group {
		return nil
	}
	return im.flush(ctx)
}

// leave keeps a row that is left out until its group is told, so that rows are
// told in the file's order, whether the row or its contact was at fault.
func (im *Importer) leave(ctx context.Context, line int, f *faultError) error {
	im.leaveOut(line, f)
	if len(im.left) < Group {
		return nil
	}
	return im.flush(ctx)
}

func (im *Importer) leaveOut(line int, f *faultError) {
	im.report.Bad++
	im.left = append(im.left, Bad{Line: line, Field: f.field, Reason: f.reason})
}

// tell tells which rows of the group were left out.
func (im *Importer) tell() error {
	left := im.left
	im.left = nil
	if im.opt.Bad == nil {
		return nil
	}
	slices.SortFunc(left, func(a, b Bad) int { return a.Line - b.Line })
	for _, b := range left {
		if err := im.opt.Bad(b); err != nil {
			return err
		}
	}
	return nil
}

// flush writes a group, and then tells of it.
func (im *Importer) flush(ctx context.Context) error {
	if len(im.rows) == 0 && len(im.left) == 0 {
		return nil
	}
	if err := errors.Join(im.write(ctx), im.tell()); err != nil {
		return err
	}
	if im.opt.Progress != nil {
		im.opt.Progress(im.report)
	}
	return nil
}

// write writes a group: its contacts in one call, its entries in as few
// transactions as they fit into, a row never in two.
func (im *Importer) write(ctx context.Context) error {
	if len(im.rows) == 0 {
		return nil
	}
	defer func() { im.rows = im.rows[:0] }()
	im.names = im.names[:0]
	for i := range im.rows {
		im.names = append(im.names, im.rows[i].name)
	}
	im.out, im.bad = make([]event.Handle, len(im.names)), make([]error, len(im.names))
	if err := im.people.MakeAll(ctx, im.opt.Policy.Site, im.names, im.out, im.bad); err != nil {
		return fmt.Errorf("find the contacts of rows up to line %d: %w", im.rows[len(im.rows)-1].line, err)
	}
	var entries []ledger.Entry
	accepted := 0
	write := func() error {
		if len(entries) == 0 {
			return nil
		}
		if _, err := im.people.Write(ctx, entries...); err != nil {
			return err
		}
		entries = entries[:0]
		return nil
	}
	for i := range im.rows {
		r := &im.rows[i]
		own, fault := im.entries(r, im.out[i], im.bad[i])
		if fault != nil {
			im.leaveOut(r.line, fault)
			continue
		}
		if len(entries)+len(own) > maxEntries {
			if err := write(); err != nil {
				return fmt.Errorf("write the rows before line %d: %w", r.line, err)
			}
		}
		entries = append(entries, own...)
		accepted++
	}
	if err := write(); err != nil {
		return fmt.Errorf("write the rows up to line %d: %w", im.rows[len(im.rows)-1].line, err)
	}
	im.report.Accepted += accepted
	return nil
}
