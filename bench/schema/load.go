package main

import (
	"context"
	"fmt"
	"strings"
)

// pace is what inserts at one size did to the number of parts, merges running.
type pace struct {
	Batch     uint64
	Inserts   int
	Seconds   float64
	MostParts uint64 // the most parts that a partition had after any of the inserts
	Limit     uint64 // parts_to_delay_insert
	Settled   uint64 // the most parts of a partition at the end, merges having come to rest
}

// load fills a variant straight from the generator with merges running, as in
// use: stored_on is the day of receipt, so that ids older than their time to live
// are emptied. It is for sizes that leave no room for a source.
func (r *room) load(ctx context.Context, s shape, v variant) (f figures, err error) {
	f.Name, f.Batch = v.Name, s.Batch
	if err := r.makeTable(ctx, v); err != nil {
		return f, err
	}
	f.Pace = []pace{{Batch: s.Batch}}
	p := &f.Pace[0]
	into := "INSERT INTO " + v.table() + " (" + strings.Join(eventColumns, ", ") + ", stored_on) SELECT * EXCEPT (n), toDate(received_at) FROM ("
	f.Insert, err = r.timed(func() error {
		for from := uint64(0); from < s.Rows; from += s.Batch {
			if err := r.insertPaced(ctx, v, p, into+s.Query(from, min(s.Batch, s.Rows-from))+")"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return f, err
	}
	p.Seconds = f.Insert.Seconds
	if f.Fresh, err = r.sizes(ctx, v); err != nil {
		return f, err
	}
	if f.Merge, err = r.timed(func() error { return r.rest(ctx, v) }); err != nil {
		return f, err
	}
	f.Merged, err = r.sizes(ctx, v)
	p.Settled = f.Merged.MostParts
	if err != nil {
		return f, err
	}
	// The newest rows, for reading back by their ids.
	const newest = 10_000
	return f, r.makeSourceFrom(ctx, s, s.Rows-min(newest, s.Rows))
}

// paces inserts as fast as the table takes it, faster than a writer that gathers
// for a second or 100,000 rows ever does.
func (r *room) paces(ctx context.Context, s shape) ([]pace, error) {
	var out []pace
	v := variant{Name: "paced"}
	for _, p := range []pace{{Batch: 100, Inserts: 300}, {Batch: 10_000, Inserts: 200}, {Batch: 100_000, Inserts: 100}} {
		wanted := min(uint64(p.Inserts), s.Rows/p.Batch)
		if wanted == 0 {
			continue
		}
		p.Inserts = 0
		if err := r.makeTable(ctx, v); err != nil {
			return nil, err
		}
		columns := strings.Join(eventColumns, ", ")
		took, err := r.timed(func() error {
			for i := range wanted {
				// All rows are of one month, which is the worst for its number of parts.
				query := fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s WHERE n >= %d AND n < %d", v.table(), columns,
					strings.Replace(columns, "received_at", "now64(3)", 1), source, i*p.Batch, (i+1)*p.Batch)
				if err := r.insertPaced(ctx, v, &p, query); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		p.Seconds = took.Seconds
		if err := r.rest(ctx, v); err != nil {
			return nil, err
		}
		after, err := r.sizes(ctx, v)
		if err != nil {
			return nil, err
		}
		p.Settled = after.MostParts
		out = append(out, p)
	}
	return out, r.exec(ctx, "DROP TABLE IF EXISTS variants.paced SYNC")
}

// insertPaced inserts once and looks how many parts there are.
func (r *room) insertPaced(ctx context.Context, v variant, p *pace, query string) error {
	if err := r.exec(ctx, query); err != nil {
		return err
	}
	p.Inserts++
	var parts uint64
	err := r.conn.QueryRow(ctx, "SELECT max(c), (SELECT toUInt64(value) FROM system.merge_tree_settings WHERE name = 'parts_to_delay_insert') FROM "+
		"(SELECT count() AS c FROM system.parts WHERE database = 'variants' AND table = '"+v.Name+"' AND active GROUP BY partition)").Scan(&parts, &p.Limit)
	if err != nil {
		return fmt.Errorf("count parts: %w", err)
	}
	p.MostParts = max(p.MostParts, parts)
	return nil
}

// rest waits until no merge of the variant has been running for a while.
func (r *room) rest(ctx context.Context, v variant) error {
	for quiet := 0; quiet < 8; {
		var running uint64
		err := r.conn.QueryRow(ctx, "SELECT count() + sleep(0.25) FROM system.merges WHERE database = 'variants' AND table = '"+v.Name+"'").Scan(&running)
		if err != nil {
			return fmt.Errorf("wait for merges: %w", err)
		}
		quiet++
		if running > 0 {
			quiet = 0
		}
	}
	return nil
}
