package rows

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"zgoda/event"
)

// People are contacts that some of the rows are given to.
type People struct {
	// Subjects have the rows of two visitors each, at equal distances over all ranks.
	Subjects []event.Handle
	// Busy has as many rows as BusyRows says.
	Busy     event.Handle
	BusyRows uint64
}

// visitorOf is the rank of the first of the n-th contact's two visitors: in the middle
// of its share of the ranks, so that none has the rows of the few who come all the time.
func (s Shape) visitorOf(people, n int) uint64 {
	share := s.Visitors / uint64(people)
	return uint64(n)*share + share/2
}

// Fill stores the rows in events of a migrated zgoda, at dsn, and waits until merges
// have come to rest. said is called after each insert.
func Fill(ctx context.Context, dsn string, s Shape, p People, said func(rows uint64)) error {
	if s.Visitors/uint64(len(p.Subjects)) < 4 {
		return fmt.Errorf("%d visitors are too few for %d contacts", s.Visitors, len(p.Subjects))
	}
	options, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		return fmt.Errorf("read the address of ClickHouse: %w", err)
	}
	options.ReadTimeout = 10 * time.Minute
	conn, err := clickhouse.Open(options)
	if err != nil {
		return fmt.Errorf("open ClickHouse: %w", err)
	}
	defer conn.Close() //nolint:errcheck // what was inserted is on disk
	f := filler{conn: conn, shape: s}
	if err := f.owners(ctx, p); err != nil {
		return err
	}
	const columns = "r.* EXCEPT (n) REPLACE ('bench' AS site, if(m.subject = toFixedString('', 16), r.subject, m.subject) AS subject), toDate(r.received_at)"
	for from := uint64(0); from < s.Rows; from += s.Batch {
		count := min(s.Batch, s.Rows-from)
		if err := f.insert(ctx, "SELECT "+columns+" FROM ("+s.Query(from, count)+") AS r LEFT ANY JOIN owners AS m ON r.visitor = m.visitor"); err != nil {
			return err
		}
		said(from + count)
	}
	busy := "SELECT r.* EXCEPT (n) REPLACE ('bench' AS site, concat('busy-', r.message_id) AS message_id, CAST('person', 'Enum8(\\'none\\' = 0, \\'period\\' = 1, \\'person\\' = 2)') AS scope_name, " +
		"(SELECT subject FROM owners WHERE visitor = sipHash128('busy')) AS subject, toFixedString('', 16) AS visitor), toDate(r.received_at) FROM (" + s.Query(s.Rows-p.BusyRows, p.BusyRows) + ") AS r"
	if err := f.insert(ctx, busy); err != nil {
		return err
	}
	return f.rest(ctx)
}

type filler struct {
	conn  driver.Conn
	shape Shape
}

// owners makes the table of visitors that are contacts, in memory. The busy one's
// visitor has no row.
func (f *filler) owners(ctx context.Context, p People) error {
	for _, statement := range []string{
		"DROP TABLE IF EXISTS owners", "CREATE TABLE owners (v UInt64, subject FixedString(16), visitor FixedString(16)) ENGINE = Memory",
		"DROP TABLE IF EXISTS owned", "CREATE TABLE owned (v UInt64, subject FixedString(16)) ENGINE = Memory",
	} {
		if err := f.exec(ctx, statement); err != nil {
			return err
		}
	}
	batch, err := f.conn.PrepareBatch(ctx, "INSERT INTO owned (v, subject)")
	if err != nil {
		return fmt.Errorf("insert the contacts: %w", err)
	}
	defer func() { _ = batch.Close() }()
	for i, subject := range p.Subjects {
		first := f.shape.visitorOf(len(p.Subjects), i)
		for _, v := range []uint64{first, first + 1} {
			if err := batch.Append(v, subject[:]); err != nil {
				return fmt.Errorf("insert the contacts: %w", err)
			}
		}
	}
	const busy = 1 << 63
	if err := batch.Append(uint64(busy), p.Busy[:]); err != nil {
		return fmt.Errorf("insert the contacts: %w", err)
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("insert the contacts: %w", err)
	}
	if err := f.exec(ctx, fmt.Sprintf("INSERT INTO owners SELECT v, subject, if(v = %d, sipHash128('busy'), sipHash128('visitor', v)) FROM owned", uint64(busy))); err != nil {
		return err
	}
	return f.exec(ctx, "DROP TABLE owned")
}

func (f *filler) insert(ctx context.Context, query string) error {
	return f.exec(ctx, "INSERT INTO events ("+strings.Join(Columns, ", ")+", stored_on) "+query)
}

func (f *filler) exec(ctx context.Context, statement string) error {
	if err := f.conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("fill the table of events: %w", err)
	}
	return nil
}

// rest waits until nothing has been merged for a while, and drops the owners.
func (f *filler) rest(ctx context.Context) error {
	for quiet := 0; quiet < 20; quiet++ {
		var running uint64
		if err := f.conn.QueryRow(ctx, "SELECT count() + sleep(0.25) FROM system.merges").Scan(&running); err != nil {
			return fmt.Errorf("wait for merges: %w", err)
		}
		if running > 0 {
			quiet = 0
		}
	}
	return f.exec(ctx, "DROP TABLE owners")
}
