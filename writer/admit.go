package writer

import (
	"context"

	"zgoda/event"
	"zgoda/record"
)

// admitRows is how many rows are looked at again at once.
const admitRows = 1024

// admission is the memory of one look: of each record its fixed part and its site.
type admission struct {
	rows    [admitRows]record.Record
	reasons [admitRows]event.Reason
}

// admit looks again whether each pending row may be shipped.
func (w *Writer) admit(ctx context.Context, b *batch) error {
	if len(b.of) == 0 {
		return nil
	}
	a := w.admissions.Get().(*admission) //nolint:forcetypeassert // the pool's New makes nothing else
	defer w.admissions.Put(a)
	return w.try(ctx, "recheck", func() error {
		return b.settle(func(row int) (fate, error) {
			at := row % admitRows
			if at == 0 {
				if err := w.look(ctx, b, row, a); err != nil {
					return pending, err
				}
			}
			if a.reasons[at] == event.ReasonNone {
				return pending, nil
			}
			w.claims.forget(b.ids[row])
			return dropped + fate(a.reasons[at]), nil
		})
	})
}

// look rechecks the rows from one on.
func (w *Writer) look(ctx context.Context, b *batch, from int, a *admission) error {
	n := min(admitRows, len(b.of)-from)
	var v record.View
	for i := range n {
		if err := v.Read(b.record(from + i)); err != nil {
			return err
		}
		r := &a.rows[i]
		v.Fixed(r)
		if site := v.Text(record.TextSite); string(site) != string(r.Site) {
			r.Site = event.SiteID(site)
		}
	}
	return w.recheck.Recheck(ctx, a.rows[:n], a.reasons[:n])
}
