package activity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"zgoda/event"
)

// copying is one table's rewriting: a copy with new pseudonyms is made and
// compared, and then exchanged with the rows themselves, all at once.
type copying struct {
	table     string
	partition string // its id
	content   string // a number for all rows, in any order and under any pseudonym
}

// where are the rows of the partition.
func (c copying) where() string { return "_partition_id = '" + c.partition + "'" }

// Rewrite rewrites one partition of events and returns how many rows have a new
// pseudonym. Readers see all of it or nothing. After an error the partition is as
// it was, unless the answer of the exchange was lost; either way it may be called
// again, and when it has returned, nothing of it happens later.
func (r *Rekey) Rewrite(ctx context.Context, partition string) (rows uint64, err error) {
	if !validName(partition) {
		return 0, classify("rewrite a partition", errValue)
	}
	return r.rewrite(ctx, copying{
		table: "events", partition: partition, content: eventsContent(time.Now()),
	})
}

// Links rewrites the pairs of links, as Rewrite does a partition.
func (r *Rekey) Links(ctx context.Context) (rows uint64, err error) {
	if r.scope != event.ScopePerson {
		return 0, nil
	}
	return r.rewrite(ctx, copying{
		table: "links", partition: partitionOfNoRule,
		content: fmt.Sprintf("toString(uniqExactIf(cityHash64(site, rekeyed, visitor), expires_at > toDateTime(%d)))", time.Now().Add(soon).Unix()),
	})
}

// soon is in how long a rewriting is surely over: rows that end before may or may
// not be in the copy, and are not compared.
const soon = 24 * time.Hour

// eventsContent counts and sums up the rows. Message ids are emptied when a week
// and a day old, whenever the server merges, and only looked at before.
func eventsContent(now time.Time) string {
	return fmt.Sprintf("toString(tuple(countIf(expires_at > toDateTime(%[2]d)), sumIf(cityHash64(site, ts, received_at, "+
		"if(stored_on >= toDate('%[1]s'), message_id, ''), toString(scope), rekeyed, visitor, type, name, page_host, page_path, page_query, source_tag, purposes, "+
		"decided_by, policy_version, flags, `group`, properties, expires_at, stored_on), expires_at > toDateTime(%[2]d))))",
		now.UTC().AddDate(0, 0, -6).Format(time.DateOnly), now.Add(soon).Unix())
}

func (r *Rekey) rewrite(ctx context.Context, c copying) (rows uint64, err error) {
	if err := r.there(ctx); err != nil {
		return 0, err
	}
	name := copyPrefixes[c.table] + fresh()
	// The exchange may be under way although its answer is lost, or half done. Its table
	// can be written to again when it is whole and the copy is gone.
	defer func() {
		err = errors.Join(err, r.store.clearAtLast(ctx))
	}()
	if err := r.do(ctx, "make a copy of a table", "CREATE TABLE {db}."+name+" AS {db}."+c.table); err != nil {
		return 0, err
	}
	if err := r.store.noErasing(ctx); err != nil { // one that begins now waits for the copy to go
		return 0, err
	}
	columns, err := r.columns(ctx, c.table)
	if err != nil {
		return 0, err
	}
	if err := r.copy(ctx, c, name, columns); err != nil {
		return 0, err
	}
	r.afterCopy()
	if rows, err = r.compare(ctx, c, name); err != nil || rows == 0 {
		return 0, err
	}
	if err := r.store.mark(ctx, name, c.partition); err != nil {
		return 0, err
	}
	r.beforeExchange()
	if err := r.store.exchange(ctx, c.table, c.partition, name); err != nil {
		if e, ok := errors.AsType[*Error](err); ok && e.Code != 0 {
			err = errors.Join(err, r.untouched(ctx, c, name, rows))
		}
		return 0, err
	}
	return rows, nil
}

// untouched takes the mark of a copy back whose exchange the server has refused, when
// nothing of it is done: to go on with it might be vain for good.
func (r *Rekey) untouched(ctx context.Context, c copying, name string, rows uint64) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), untouchedWithin)
	defer cancel()
	if n, err := r.compare(ctx, c, name); err == nil && n == rows {
		return r.store.mark(ctx, name, "")
	}
	return nil // it is gone on with
}

const untouchedWithin = time.Minute

// copy fills a copy. Every column is named, so that none takes its default.
func (r *Rekey) copy(ctx context.Context, c copying, name string, columns []string) error {
	insert, read := make([]string, len(columns)), make([]string, len(columns))
	for i, column := range columns {
		insert[i] = "`" + column + "`"
		read[i] = "e.`" + column + "`"
		switch {
		case column == "subject":
			read[i] = r.renamed()
		case column == "key_version" && r.scope == event.ScopePerson:
			read[i] = fmt.Sprintf("if(%s, %d, e.key_version)", found, r.to)
		}
	}
	return r.do(ctx, "copy rows under new pseudonyms", fmt.Sprintf("INSERT INTO {db}.%s (%s) SELECT %s FROM {db}.%s AS e LEFT ANY JOIN {db}.%s AS m ON e.subject = m.old WHERE %s",
		name, strings.Join(insert, ", "), strings.Join(read, ", "), c.table, r.table, c.where()))
}

// renamed is the pseudonym that a row of the join is to have.
func (r *Rekey) renamed() string { return "if(" + found + ", m.new, e.subject)" }

// found says whether a row of the join has a new pseudonym.
const found = "m.new != " + emptyHandle

// columns returns the names of a table's columns that can be inserted.
func (r *Rekey) columns(ctx context.Context, table string) (names []string, err error) {
	const act = "read the columns of a table"
	err = r.store.conn.QueryRow(ctx, "SELECT groupArray(name) FROM (SELECT name FROM system.columns WHERE database = ? AND table = ? AND default_kind NOT IN ('MATERIALIZED', 'ALIAS') ORDER BY position)",
		r.store.database, table).Scan(&names)
	if err != nil {
		return nil, classify(act, err)
	}
	return names, nil
}

// compare looks whether a copy is the rows that it was made of, and returns how
// many of them have a new pseudonym.
func (r *Rekey) compare(ctx context.Context, c copying, name string) (rows uint64, err error) {
	const act = "compare a copy"
	var left uint64
	var have, want string
	stale := "countIf(subject IN (SELECT old FROM {db}." + r.table + "))"
	if err := r.one(ctx, act, fmt.Sprintf("SELECT %s, %s FROM (SELECT e.*, %s AS rekeyed FROM {db}.%s AS e LEFT ANY JOIN {db}.%s AS m ON e.subject = m.old WHERE %s)",
		stale, c.content, r.renamed(), c.table, r.table, c.where()), &rows, &want); err != nil {
		return 0, err
	}
	if err := r.one(ctx, act, fmt.Sprintf("SELECT %s, %s FROM (SELECT *, subject AS rekeyed FROM {db}.%s)", stale, c.content, name), &left, &have); err != nil {
		return 0, err
	}
	if err := r.there(ctx); err != nil { // it was whole while the copy was made
		return 0, err
	}
	if left > 0 || have != want {
		return 0, ErrCopyDiffers
	}
	return rows, nil
}
