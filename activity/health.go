package activity

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// kept are the tables that Load tells of: those with rows. Tables that somebody else
// made in the database are none of our names.
var kept = []string{"erasures_done", "events", "links"}

// LoadTables returns the names of the tables that Load tells of.
func LoadTables() []string { return slices.Clone(kept) }

// Clock asks the server for its time, the smallest question there is.
func (s *Store) Clock(ctx context.Context) (time.Time, error) {
	var ms int64
	if err := s.conn.QueryRow(ctx, "SELECT toUnixTimestamp64Milli(now64(3))").Scan(&ms); err != nil {
		return time.Time{}, classify("ask for the time", err)
	}
	return time.UnixMilli(ms), nil
}

// TableLoad is how much of one table there is. A table that is not made yet has
// nothing.
type TableLoad struct {
	Table            string
	Parts            uint64 // of the partition that has the most
	Rows             uint64
	Mutations        uint64 // not done
	Failed           uint64 // of them, those whose last try failed
	OldestUnfinished time.Duration
}

// Tables tells how much of each of our tables there is.
func (s *Store) Tables(ctx context.Context) ([]TableLoad, error) {
	loads := make([]TableLoad, len(kept))
	for i, name := range kept {
		loads[i].Table = name
	}
	if err := s.eachTable(ctx, "count the parts of tables",
		"SELECT table, max(parts), sum(held), toUInt64(0) FROM ("+
			"SELECT table, count() AS parts, sum(rows) AS held FROM system.parts WHERE database = $1 AND active GROUP BY table, partition_id"+
			") GROUP BY table", func(name string, parts, rows, _ uint64) {
			if i := slices.Index(kept, name); i >= 0 {
				loads[i].Parts, loads[i].Rows = parts, rows
			}
		}); err != nil {
		return nil, err
	}
	return loads, s.eachTable(ctx, "count the mutations of tables",
		"SELECT table, count(), countIf(latest_fail_reason != ''), toUInt64(max(greatest(0, dateDiff('second', create_time, now())))) "+
			"FROM system.mutations WHERE database = $1 AND NOT is_done GROUP BY table", func(name string, waiting, failed, oldest uint64) {
			if i := slices.Index(kept, name); i >= 0 {
				loads[i].Mutations, loads[i].Failed, loads[i].OldestUnfinished = waiting, failed, time.Duration(oldest)*time.Second
			}
		})
}

func (s *Store) eachTable(ctx context.Context, act, sql string, each func(name string, a, b, c uint64)) error {
	rows, err := s.conn.Query(ctx, sql, s.database)
	if err != nil {
		return classify(act, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		var a, b, c uint64
		if err := rows.Scan(&name, &a, &b, &c); err != nil {
			return fmt.Errorf("%s: %w", act, err)
		}
		each(name, a, b, c)
	}
	if err := rows.Err(); err != nil {
		return classify(act, err)
	}
	return nil
}

// PartsLimit is the number of parts of a partition at which the server refuses
// further rows.
func (s *Store) PartsLimit(ctx context.Context) (limit uint64, err error) {
	err = s.conn.QueryRow(ctx, "SELECT toUInt64(value) FROM system.merge_tree_settings WHERE name = 'parts_to_throw_insert'").Scan(&limit)
	if err != nil {
		return 0, classify("ask for the limit of parts", err)
	}
	return limit, nil
}

// Disk returns the free space and the size, in bytes, of the server's disk that is
// nearest to full. Stores of objects, which have no size, count for nothing; ok is
// false where there is no other.
func (s *Store) Disk(ctx context.Context) (free, size uint64, ok bool, err error) {
	err = s.conn.QueryRow(ctx, "SELECT argMin(free_space, free_space / total_space), argMin(total_space, free_space / total_space), count() > 0 "+
		"FROM system.disks WHERE total_space BETWEEN 1 AND 4611686018427387904").Scan(&free, &size, &ok)
	if err != nil {
		return 0, 0, false, classify("ask for the free space", err)
	}
	return free, size, ok, nil
}
