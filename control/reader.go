package control

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"zgoda/event"
)

// A miss of the consent set is read here, so these connections are driven below
// database/sql: it would make a transaction, a watching goroutine and, for lists
// of new lengths, a statement anew for every question.

// reader is one connection that only reads, with its statements prepared. It
// belongs to one goroutine at a time.
type reader struct {
	conn             *sql.Conn
	begin, end, head driver.StmtQueryContext
	lists            [questions][len(listSizes)]driver.StmtQueryContext // prepared when first needed

	args []driver.NamedValue
	row  [11]driver.Value
}

// question is what is asked about a list of handles.
type question int

const (
	askContacts question = iota
	askOthers
	askStandings
	askChoices
	questions
)

// asked are the questions; the list stands where %s does. CROSS JOIN goes
// through the list in turn and looks each handle up by its index.
var asked = [questions]string{
	askContacts:  `WITH list(h) AS (%s) SELECT visitor, contact, sequence FROM list CROSS JOIN link ON site = ? AND visitor = h`,
	askOthers:    `WITH list(h) AS (%s) SELECT contact, other FROM list CROSS JOIN conflict ON site = ? AND contact = h`,
	askStandings: `WITH list(h) AS (%s) SELECT handle, standing, profiling_off, opted_out, country, minor_day, automated_off FROM list CROSS JOIN subject ON site = ? AND handle = h`,
	askChoices: `WITH list(h) AS (%s) SELECT handle, purpose, choice, version, dialogue, gpc, dnt, adpc, guardian, given_micros, until_micros
		FROM list CROSS JOIN choice ON site = ? AND handle = h`,
}

// listSizes are the lengths that statements are prepared for. What is left over
// of a list is NULL, which equals nothing.
var listSizes = [...]int{1, 4, 16, 64, 256}

// openReader makes a connection to read through.
func openReader(ctx context.Context, db *sql.DB) (*reader, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	r := &reader{conn: conn}
	for _, s := range []struct {
		to    *driver.StmtQueryContext
		query string
	}{
		{&r.begin, `BEGIN`},
		{&r.end, `COMMIT`},
		{&r.head, `SELECT sequence FROM head WHERE id = 1`},
	} {
		if *s.to, err = r.prepare(ctx, s.query); err != nil {
			return nil, errors.Join(err, r.close())
		}
	}
	return r, nil
}

func (r *reader) prepare(ctx context.Context, query string) (s driver.StmtQueryContext, err error) {
	err = r.conn.Raw(func(conn any) error {
		preparer, ok := conn.(driver.ConnPrepareContext)
		if !ok {
			return errors.New("the driver prepares nothing")
		}
		prepared, err := preparer.PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		if s, ok = prepared.(driver.StmtQueryContext); !ok {
			return errors.Join(errors.New("the driver asks nothing"), prepared.Close())
		}
		return nil
	})
	return s, err
}

// close closes the connection, with what is under way on it.
func (r *reader) close() error {
	statements := []driver.StmtQueryContext{r.begin, r.end, r.head}
	for i := range r.lists {
		statements = append(statements, r.lists[i][:]...)
	}
	var errs []error
	for _, s := range statements {
		if closer, ok := s.(io.Closer); ok {
			errs = append(errs, closer.Close())
		}
	}
	// A bad connection is not given to the next who wants one.
	if err := r.conn.Raw(func(any) error { return driver.ErrBadConn }); !errors.Is(err, driver.ErrBadConn) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// snapshot runs read in one transaction, at the sequence that it is given. After
// an error the reader is of no use any more.
func (r *reader) snapshot(ctx context.Context, read func(event.Sequence) error) error {
	if err := r.run(ctx, r.begin, nil, nil); err != nil {
		return err
	}
	at, found := int64(-1), false
	err := r.run(ctx, r.head, nil, func(row []driver.Value) error {
		at, found = row[0].(int64)
		return nil
	})
	if err == nil && (!found || at < 0) {
		err = errors.New("the ledger's head is damaged")
	}
	if err != nil {
		return err
	}
	if err := read(event.Sequence(at)); err != nil {
		return err
	}
	return r.run(ctx, r.end, nil, nil)
}

// each asks a question about the handles and hands every row to scan.
func (r *reader) each(ctx context.Context, q question, site event.SiteID, handles []event.Handle, scan func([]driver.Value) error) error {
	for len(handles) > 0 {
		size := 0
		for size < len(listSizes)-1 && listSizes[size] < len(handles) {
			size++
		}
		n := min(len(handles), listSizes[size])
		statement := &r.lists[q][size]
		if *statement == nil {
			var err error
			places := "VALUES (?)" + strings.Repeat(", (?)", listSizes[size]-1)
			if *statement, err = r.prepare(ctx, fmt.Sprintf(asked[q], places)); err != nil {
				return err
			}
		}
		r.args = r.args[:0]
		for i := range listSizes[size] {
			arg := driver.NamedValue{Ordinal: i + 1}
			if i < n {
				arg.Value = handles[i][:]
			}
			r.args = append(r.args, arg)
		}
		r.args = append(r.args, driver.NamedValue{Ordinal: len(r.args) + 1, Value: string(site)})
		if err := r.run(ctx, *statement, r.args, scan); err != nil {
			return err
		}
		handles = handles[n:]
	}
	return nil
}

// run steps through a statement. Its context is looked at between rows: the
// driver would start a goroutine for every statement that it watches one for.
// Nothing here waits for long: the lists are bounded, and so is Busy.
func (r *reader) run(ctx context.Context, s driver.StmtQueryContext, args []driver.NamedValue, scan func([]driver.Value) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	rows, err := s.QueryContext(context.WithoutCancel(ctx), args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row := r.row[:len(rows.Columns())]
	for {
		err := rows.Next(row)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = scan(row)
		}
		if err != nil {
			return err
		}
	}
}

// readerPool keeps a few readers, the last used on top since its pages are in
// memory.
type readerPool struct {
	db     *sql.DB
	places chan struct{} // one for each reader out

	mu     sync.Mutex
	idle   []*reader
	closed bool
}

func newReaderPool(db *sql.DB, places int) *readerPool {
	db.SetMaxOpenConns(places)
	db.SetMaxIdleConns(places)
	return &readerPool{db: db, places: make(chan struct{}, places)}
}

// use runs do with a reader, and keeps the reader unless do failed.
func (p *readerPool) use(ctx context.Context, do func(*reader) error) error {
	select {
	case p.places <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.places }()
	r, err := p.take(ctx)
	if err != nil {
		return err
	}
	if err := do(r); err != nil {
		_ = r.close() // what failed is said; closing ends its transaction
		return err
	}
	return p.put(r)
}

func (p *readerPool) take(ctx context.Context) (*reader, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	if n := len(p.idle); n > 0 {
		r := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return r, nil
	}
	return openReader(ctx, p.db)
}

func (p *readerPool) put(r *reader) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return r.close()
	}
	p.idle = append(p.idle, r)
	return nil
}

// close closes the readers; those in use follow when they are done.
func (p *readerPool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var errs []error
	for _, r := range p.idle {
		errs = append(errs, r.close())
	}
	p.idle = nil
	return errors.Join(append(errs, p.db.Close())...)
}
