package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// timing are the times of one read: the first, and the median of some more.
type timing struct {
	First, Median float64 // seconds
	Read          string  // rows that came back, or rows counted
}

// read is one query that the product asks of the table; {t} is the table.
type read struct {
	Name, Query string
}

// reads returns the reads of a shape. The ranks are of a visitor who is seen all
// the time, of one seen now and then and of one seen once or so.
func (s shape) reads() []read {
	recent := fmt.Sprintf("toDateTime64(%d, 3, 'UTC')", s.End-30*86400)
	out := []read{
		{"export, frequent subject", "SELECT * FROM {t} WHERE site = 'shop' AND subject = " + s.person(50)},
		{"export, usual subject", "SELECT * FROM {t} WHERE site = 'shop' AND subject = " + s.person(s.Visitors/200)},
		{"export, rare subject", "SELECT * FROM {t} WHERE site = 'shop' AND subject = " + s.person(s.Visitors/5)},
		{"export by visitor", "SELECT * FROM {t} WHERE site = 'shop' AND visitor = " + s.person(s.Visitors/200)},
		{"history by month", "SELECT toYYYYMM(received_at), count(), uniqExact(page_path) FROM {t} WHERE site = 'shop' AND subject = " + s.person(50) + " GROUP BY 1"},
		{"segment of 30 days", "SELECT uniqExact(subject) FROM {t} WHERE site = 'shop' AND type = 'track' AND name = 'Order Completed' AND scope = 'person' AND received_at >= " + recent},
		{"daily count", "SELECT toDate(received_at), count() FROM {t} WHERE site = 'shop' GROUP BY 1"},
	}
	for _, ids := range []int{1, 1000} {
		out = append(out, read{fmt.Sprintf("read back %d ids", ids), fmt.Sprintf("SELECT DISTINCT site, message_id FROM {t} WHERE received_at >= toDateTime64(%d, 3, 'UTC') "+
			"AND (site, message_id) IN (SELECT site, {id} FROM %s WHERE n >= %d)", s.oldest(ids), source, s.Rows-uint64(ids))})
	}
	return out
}

// oldest is the hour before which none of the newest rows came.
func (s shape) oldest(newest int) int64 {
	ago := int64(newest) * int64(s.Days) * 86400 / int64(s.Rows)
	return (s.End - ago - 1) / 3600 * 3600
}

// person is the pseudonym of the first visitor from a rank on that is a
// permitted person of the shop without a contact.
func (s shape) person(rank uint64) string {
	return fmt.Sprintf("(SELECT sipHash128('visitor', number) FROM numbers(%d, 1000) WHERE cityHash64(number, 'v') %% 100 < 80 "+
		"AND intDiv(cityHash64(number, 'v'), 100) %% 10 >= 3 AND intDiv(cityHash64(number, 'v'), 7) %% 10 < 9 LIMIT 1)", rank)
}

const repeats = 5

// measureReads times all reads of a variant.
func (r *room) measureReads(ctx context.Context, s shape, v variant) (map[string]timing, error) {
	out := map[string]timing{}
	for _, q := range s.reads() {
		if err := r.exec(ctx, "SYSTEM DROP MARK CACHE"); err != nil {
			return nil, err
		}
		var t timing
		times := make([]float64, 0, repeats)
		for i := range repeats + 1 {
			begin := time.Now()
			rows, err := r.conn.Query(ctx, expand(q.Query, v))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", q.Name, err)
			}
			n := 0
			for rows.Next() {
				n++
			}
			if err := rows.Err(); err != nil {
				return nil, fmt.Errorf("%s: %w", q.Name, err)
			}
			_ = rows.Close()
			if took := time.Since(begin).Seconds(); i == 0 {
				t.First, t.Read = took, fmt.Sprint(n)
			} else {
				times = append(times, took)
			}
		}
		slices.Sort(times)
		t.Median = times[len(times)/2]
		out[q.Name] = t
	}
	return out, nil
}

// erased is the table of the subjects that are deleted together.
const erased = "variants.erased"

// deletes returns what hides rows, in order.
func deletes(s shape) []read {
	return []read{
		{"lightweight delete, 1 subject", "DELETE FROM {t} WHERE site = 'shop' AND subject = " + s.person(60)},
		{"lightweight delete, 10,000 subjects", "DELETE FROM {t} WHERE site = 'shop' AND subject IN (SELECT subject FROM " + erased + ")"},
	}
}

// purges returns what takes hidden rows out of the files, which is written anew
// for all of them.
func purges(s shape) []read {
	return []read{
		{"apply the deletes to the files", "ALTER TABLE {t} APPLY DELETED MASK"},
		{"mutation delete, 1 subject", "ALTER TABLE {t} DELETE WHERE site = 'shop' AND subject = " + s.person(70)},
	}
}

// makeErased makes the table of the subjects that are deleted together.
func (r *room) makeErased(ctx context.Context, s shape) error {
	for _, statement := range []string{
		"DROP TABLE IF EXISTS " + erased + " SYNC", "CREATE TABLE " + erased + " (subject FixedString(16)) ENGINE = MergeTree ORDER BY subject",
		fmt.Sprintf("INSERT INTO %s SELECT sipHash128('visitor', number * %d) FROM numbers(10000)", erased, max(1, s.Visitors/20000)),
	} {
		if err := r.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// measureDeletes times statements that change the table, each once.
func (r *room) measureDeletes(ctx context.Context, statements []read, v variant, out map[string]timing) error {
	for _, q := range statements {
		before, err := r.count(ctx, v)
		if err != nil {
			return err
		}
		took, err := r.timed(func() error { return r.exec(ctx, expand(q.Query, v)) })
		if err != nil {
			return err
		}
		after, err := r.count(ctx, v)
		if err != nil {
			return err
		}
		out[q.Name] = timing{First: took.Seconds, Median: took.Seconds, Read: fmt.Sprint(before - after)}
	}
	return nil
}

func (r *room) count(ctx context.Context, v variant) (n uint64, err error) {
	if err := r.conn.QueryRow(ctx, "SELECT count() FROM "+v.table()).Scan(&n); err != nil {
		return 0, fmt.Errorf("count: %w", err)
	}
	return n, nil
}

// expand fills in the table and how a message id is kept there.
func expand(query string, v variant) string {
	id := "message_id"
	if v.Name == hashed {
		id = "sipHash128(site, message_id)"
	}
	return strings.NewReplacer("{t}", v.table(), "{id}", id).Replace(query)
}
