package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// storage adds what ClickHouse holds, and refuses numbers that are not those of
// the fates.
func (g *gateway) storage(ctx context.Context, out *report, stored float64) error {
	if err := g.merged(ctx); err != nil {
		return err
	}
	rows, err := g.sql(ctx, "SELECT count(), uniqExact(message_id) FROM events")
	if err != nil {
		return err
	}
	count, different, err := two(rows)
	if err != nil {
		return err
	}
	out.add("ClickHouse holds %s events, with %s different message ids.\n", thousands(count), thousands(different))
	if count != stored || different != count {
		return errors.New("ClickHouse does not hold each stored event once")
	}
	rows, err = g.sql(ctx, "SELECT sum(bytes_on_disk), count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 'events'")
	if err != nil {
		return err
	}
	size, parts, err := two(rows)
	if err != nil {
		return err
	}
	out.add("They take %s on disk in %.0f parts: %.1f bytes an event.\n", mebi(int64(size)), parts, size/max(count, 1))
	return g.columns(ctx, out, count)
}

// columns adds the columns that take most.
func (g *gateway) columns(ctx context.Context, out *report, count float64) error {
	rows, err := g.sql(ctx, "SELECT name, sum(data_compressed_bytes + marks_bytes) AS size FROM system.columns WHERE database = currentDatabase() AND table = 'events' GROUP BY name ORDER BY size DESC LIMIT 8")
	if err != nil {
		return err
	}
	out.add("Of these:")
	for i, row := range rows {
		size, err := strconv.ParseFloat(row[len(row)-1], 64)
		if err != nil {
			return fmt.Errorf("read the size of a column: %w", err)
		}
		if i > 0 {
			out.add(",")
		}
		out.add(" %s %.1f", row[0], size/max(count, 1))
	}
	out.add(".\n")
	return nil
}

const mergedWithin = 10 * time.Second

// merged waits until no parts are being merged, for a while: what is measured is
// what stays.
func (g *gateway) merged(ctx context.Context) error {
	for deadline := time.Now().Add(mergedWithin); time.Now().Before(deadline); {
		rows, err := g.sql(ctx, "SELECT count() FROM system.merges")
		if err != nil {
			return err
		}
		if rows[0][0] == "0" {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	return nil
}

// two reads a row of two numbers.
func two(rows [][]string) (a, b float64, err error) {
	if len(rows) != 1 || len(rows[0]) != 2 {
		return 0, 0, errors.New("read the answer of a query: it has not one row of two numbers")
	}
	a, errA := strconv.ParseFloat(rows[0][0], 64)
	b, errB := strconv.ParseFloat(rows[0][1], 64)
	return a, b, errors.Join(errA, errB)
}
