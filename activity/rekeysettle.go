package activity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A copy that is whole is marked before it is exchanged, with the partition that it is
// of. The exchange is not done at once (ClickHouse 104660): a server that dies in it
// comes back with rows of both. A marked copy is therefore not taken away before the
// partition is seen to be the copy, or is untouched: what began comes to its end,
// whoever sees to it.
const exchangeMark = "exchange "

// copyPrefixes by the table that the copies are of.
var copyPrefixes = map[string]string{"events": eventsCopyPrefix, "links": linksCopyPrefix}

// exchange puts a copy in the place of a partition. The server does it again when asked
// again: the copy stays.
func (s *Store) exchange(ctx context.Context, table, partition, name string) error {
	return s.exec(heavy(ctx), "exchange a partition", "ALTER TABLE {db}."+table+" REPLACE PARTITION ID '"+partition+"' FROM {db}."+name)
}

// mark writes to the server's disk that a copy is to be exchanged; an empty partition
// takes that back.
func (s *Store) mark(ctx context.Context, name, partition string) error {
	if partition != "" {
		partition = exchangeMark + partition
	}
	return s.exec(ctx, "note an exchange", "ALTER TABLE {db}."+name+" MODIFY COMMENT '"+partition+"'")
}

// clearCopies takes every copy of a rewriting away, whoever made it, and brings an
// exchange to its end that was begun. When it has returned no copy comes to an exchange
// any more, also one that was sent and not answered: a statement that reads one has ended,
// and a later one fails. Several may do it at a time.
func (s *Store) clearCopies(ctx context.Context) error {
	for tries := 1; ; tries++ {
		err := s.clearOnce(ctx)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Code != codeUnknownTable || tries == clearTries {
			return err
		}
		if err := pause(ctx, pollEvery); err != nil { // another has just dropped one
			return err
		}
	}
}

const clearTries = 10

func (s *Store) clearOnce(ctx context.Context) error {
	for _, table := range personal {
		names, err := s.namesOf(ctx, copyPrefixes[table])
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := s.settle(ctx, table, name); err != nil {
				return err
			}
		}
	}
	return s.noneExchanges(ctx)
}

// settle takes one copy away.
func (s *Store) settle(ctx context.Context, table, name string) error {
	var comment string
	err := s.conn.QueryRow(ctx, "SELECT any(comment) FROM system.tables WHERE database = ? AND name = ?", s.database, name).Scan(&comment)
	if err != nil {
		return classify("look at a copy", err)
	}
	if partition, marked := strings.CutPrefix(comment, exchangeMark); marked && validName(partition) {
		if err := s.settled(ctx, table, partition, name); err != nil {
			return err
		}
	}
	return s.exec(heavy(ctx), "drop a table of a rewriting", "DROP TABLE IF EXISTS {db}."+name+" SYNC")
}

// settled returns when a partition is what its marked copy is, will be so after the
// server has died too, and no exchange of another who sees to it is under way.
func (s *Store) settled(ctx context.Context, table, partition, name string) error {
	for {
		if err := s.noneExchanges(ctx); err != nil {
			return err
		}
		same, err := s.same(ctx, table, partition, name)
		if err != nil {
			return err
		}
		if !same {
			if err := s.exchange(ctx, table, partition, name); err != nil {
				return err
			}
			continue
		}
		if back, err := s.mayComeBack(ctx, table, partition); err != nil || !back {
			return err
		}
		if err := pause(ctx, pollEvery); err != nil {
			return err
		}
	}
}

// noneExchanges waits until no exchange is under way. Copies that another drops are seen
// no more while a statement still reads them. Without the right to look it is taken for
// granted: who may not look begins no rewriting (Rekey).
func (s *Store) noneExchanges(ctx context.Context) error {
	for {
		n, err := s.exchanges(ctx)
		if denied(err) || err == nil && n == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if err := pause(ctx, pollEvery); err != nil {
			return err
		}
	}
}

// denied says whether a user may not do something.
func denied(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == codeDenied
}

// mayLook returns an error unless the user may see what settling looks at.
func (s *Store) mayLook(ctx context.Context) error {
	_, err := s.exchanges(ctx)
	if err == nil {
		_, err = s.partsOf(ctx, "events", "none")
	}
	return err
}

// exchanges counts the statements under way that change a table by a copy, or a copy. The
// server shows a user's own.
func (s *Store) exchanges(ctx context.Context) (n uint64, err error) {
	err = s.conn.QueryRow(ctx, "SELECT count() FROM system.processes WHERE query_kind = 'Alter' AND arrayExists(p -> position(query, concat('"+s.database+".', p)) > 0, ?)",
		[]string{eventsCopyPrefix, linksCopyPrefix}).Scan(&n)
	return n, classifyOrNil("look for an exchange under way (system.processes)", err)
}

// same says whether a partition has the rows of its copy, by whose they are. Rows that
// end soon, and pairs that are there twice, may be gone from one of both.
func (s *Store) same(ctx context.Context, table, partition, name string) (same bool, err error) {
	lasts := fmt.Sprintf("expires_at > toDateTime(%d)", time.Now().Add(soon).Unix())
	whose := "tuple(countIf(" + lasts + "), sumIf(cityHash64(site, subject, visitor), " + lasts + "))"
	if table == "links" {
		whose = "uniqExactIf(site, subject, visitor, " + lasts + ")"
	}
	query := "SELECT (SELECT " + whose + " FROM {db}." + table + " WHERE _partition_id = '" + partition + "') = (SELECT " + whose + " FROM {db}." + name + ")"
	var equal uint8
	err = s.conn.QueryRow(heavy(ctx), strings.ReplaceAll(query, "{db}", s.database)).Scan(&equal)
	return equal == 1, classifyOrNil("compare a partition with its copy", err)
}

// part is one of a table's parts, as its name says: blocks from and to, how often it
// was merged, and the last block that a mutation has given it.
type part struct {
	active   bool
	rows     uint64
	from, to int64
	level    uint32
	mutation uint64
}

// covers says that a part which is on disk with this one is not read after a restart.
func (p part) covers(q part) bool {
	return p.from <= q.from && q.to <= p.to && (p.level > q.level || p.level == q.level && p.mutation > q.mutation)
}

// mayComeBack says whether there are parts that were replaced and that a server which
// dies now would read again: those that no other covers. ClickHouse covers what an
// exchange replaces with an empty part since 2026-06 (107623); earlier versions do not,
// and take them away some time later. Without the right to look none is taken to be
// there: who may not look begins no rewriting (Rekey).
func (s *Store) mayComeBack(ctx context.Context, table, partition string) (bool, error) {
	parts, err := s.partsOf(ctx, table, partition)
	if denied(err) {
		return false, nil
	}
	return comesBack(parts), err
}

func (s *Store) partsOf(ctx context.Context, table, partition string) (parts []part, err error) {
	const act = "look for parts that were replaced"
	rows, err := s.conn.Query(ctx, "SELECT _state = 'Active', rows, min_block_number, max_block_number, level, data_version FROM system.parts "+
		"WHERE database = ? AND table = ? AND partition_id = ?", s.database, table, partition)
	if err != nil {
		return nil, classify(act, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var p part
		var active uint8
		if err := rows.Scan(&active, &p.rows, &p.from, &p.to, &p.level, &p.mutation); err != nil {
			return nil, classify(act, err)
		}
		p.active = active == 1
		parts = append(parts, p)
	}
	return parts, classifyOrNil(act, rows.Err())
}

// comesBack says whether any part with rows is neither read now nor covered.
func comesBack(parts []part) bool {
	return slices.ContainsFunc(parts, func(p part) bool {
		return !p.active && p.rows > 0 && !slices.ContainsFunc(parts, func(q part) bool { return q.covers(p) })
	})
}

// clearAtLast is clearCopies however long the server is away, since meanwhile nobody
// can insert either. When ctx has ended it tries for a little longer: what is left then,
// the next start takes away before it inserts (Migrate).
func (s *Store) clearAtLast(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(dropLater, cancel) })
	defer stop()
	for {
		err := s.clearCopies(work)
		if err == nil {
			return nil
		}
		if e, ok := errors.AsType[*Error](err); ok && (e.Class() == classLogin || e.Class() == classSchema) {
			return err
		}
		if waited := pause(work, dropAgain); waited != nil {
			return err
		}
	}
}

const (
	dropAgain = 250 * time.Millisecond
	dropLater = 5 * time.Second
)

// ClearRekeys takes the copies of every rewriting on the server that is written to away,
// and brings an exchange to its end that was begun.
func (s *Servers) ClearRekeys(ctx context.Context) error { return s.all[0].clearCopies(ctx) }
