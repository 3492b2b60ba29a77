package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// sizes are what a table takes on disk.
type sizes struct {
	Rows, Parts, Bytes      uint64
	Marks, Indexes, Primary uint64
	MostParts               uint64 // of one partition
	Columns                 map[string]uint64
}

// perRow returns bytes an event.
func (s sizes) perRow(bytes uint64) float64 {
	if s.Rows == 0 {
		return 0
	}
	return float64(bytes) / float64(s.Rows)
}

// withoutIDs is what is left when the TTL has emptied message_id, per event.
func (s sizes) withoutIDs() float64 {
	return s.perRow(s.Bytes - s.Columns["message_id"] - s.Columns["index message_id_bloom"])
}

// figures are what was measured of one variant.
type figures struct {
	Name          string
	Batch         uint64
	Fresh, Merged sizes
	Insert, Merge cost
	Reads         map[string]timing
	Pace          []pace
}

// fill inserts the source into a variant batch by batch with merges held back,
// and then merges each partition into one part.
func (r *room) fill(ctx context.Context, s shape, v variant) (f figures, err error) {
	f.Name, f.Batch = v.Name, s.Batch
	if v.Batch != 0 {
		f.Batch = v.Batch
	}
	if err := r.makeTable(ctx, v); err != nil {
		return f, err
	}
	if err := r.exec(ctx, "SYSTEM STOP MERGES "+v.table()); err != nil {
		return f, err
	}
	columns, values := v.columns()
	f.Insert, err = r.timed(func() error {
		for from := uint64(0); from < s.Rows; from += f.Batch {
			query := fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s WHERE n >= %d AND n < %d", v.table(), columns, values, source, from, from+f.Batch)
			if err := r.exec(ctx, query); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return f, err
	}
	if f.Fresh, err = r.sizes(ctx, v); err != nil {
		return f, err
	}
	if err := r.exec(ctx, "SYSTEM START MERGES "+v.table()); err != nil {
		return f, err
	}
	f.Merge, err = r.timed(func() error { return r.exec(ctx, "OPTIMIZE TABLE "+v.table()+" FINAL") })
	if err != nil {
		return f, err
	}
	f.Merged, err = r.sizes(ctx, v)
	return f, err
}

// columns are what a batch fills, and with what.
func (v variant) columns() (columns, values string) {
	names, expressions := slices.Clone(eventColumns), slices.Clone(eventColumns)
	for i, name := range names {
		if other, ok := v.Insert[name]; ok {
			names[i], expressions[i] = other[0], other[1]
		}
	}
	return strings.Join(names, ", "), strings.Join(expressions, ", ")
}

// sizes reads what the parts of a variant take.
func (r *room) sizes(ctx context.Context, v variant) (sizes, error) {
	s := sizes{Columns: map[string]uint64{}}
	where := " WHERE database = 'variants' AND table = '" + v.Name + "' AND active"
	err := r.conn.QueryRow(ctx, "SELECT sum(rows), sum(c), sum(bytes), sum(marks), sum(indexes), sum(primary), max(c) FROM ("+
		"SELECT partition, sum(rows) AS rows, count() AS c, sum(bytes_on_disk) AS bytes, sum(marks_bytes) AS marks, "+
		"sum(secondary_indices_compressed_bytes + secondary_indices_marks_bytes) AS indexes, sum(primary_key_size) AS primary "+
		"FROM system.parts"+where+" GROUP BY partition)").Scan(&s.Rows, &s.Parts, &s.Bytes, &s.Marks, &s.Indexes, &s.Primary, &s.MostParts)
	if err != nil {
		return s, fmt.Errorf("read sizes: %w", err)
	}
	rows, err := r.conn.Query(ctx, "SELECT column, sum(column_data_compressed_bytes) FROM system.parts_columns"+where+" GROUP BY column"+
		" UNION ALL SELECT concat('index ', name), data_compressed_bytes FROM system.data_skipping_indices WHERE database = 'variants' AND table = '"+v.Name+"'")
	if err != nil {
		return s, fmt.Errorf("read sizes of columns: %w", err)
	}
	defer rows.Close() //nolint:errcheck // read to its end
	for rows.Next() {
		var name string
		var bytes uint64
		if err := rows.Scan(&name, &bytes); err != nil {
			return s, fmt.Errorf("read sizes of columns: %w", err)
		}
		s.Columns[name] = bytes
	}
	return s, rows.Err()
}
