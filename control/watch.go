package control

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"zgoda/event"
)

// Heard is what a Watch hands over.
type Heard struct {
	// Change is empty for a heartbeat.
	Change Change
	// Through is a sequence: every change up to it has been handed over, whoever
	// wrote it, this one included.
	Through event.Sequence
	// Since is a moment of this machine's clock, monotonic: every change that was
	// committed before it has been handed over, this one included. Zero: as before.
	Since time.Time
	// At is when a change of another node was written, by that node's clock; zero
	// for others.
	At time.Time
	// Gap is true when changes may have been missed: Change then affects everyone.
	Gap bool
}

// Beats are told so often. What has not come back for beatPatience is not waited
// for any longer: the connections are made anew.
const (
	beatEvery    = 200 * time.Millisecond
	beatPatience = 2 * time.Second
	retryWatch   = 200 * time.Millisecond
)

func newInstance() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// hearing is what a node that listens knows.
type hearing struct {
	beats   beats
	through event.Sequence
	part    int // of the change that is being told, 0 between changes
}

// beats remembers when each beat under way was told.
type beats struct {
	mu     sync.Mutex
	number uint64
	told   map[uint64]time.Time
}

// tell begins the next beat. Beats that never came back are forgotten.
func (b *beats) tell(now time.Time) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.told == nil || len(b.told) > 64 {
		b.told = map[uint64]time.Time{}
	}
	b.number++
	b.told[b.number] = now
	return b.number
}

// back returns when a beat that came back was told.
func (b *beats) back(number uint64) (time.Time, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, there := b.told[number]
	delete(b.told, number)
	return at, there
}

// watch listens until ctx ends, on two connections of its own: one to hear, which
// holds the node's name too, and one to tell beats. It ends with ErrNodeTaken when
// another process took the name while this one was cut off. Its own beats are what it goes by: notifications arrive in the
// order of their commits, so a beat that has come back says that whatever was
// committed before it was told has been heard.
func (d *postgres) watch(ctx context.Context, hear func(Heard)) error {
	for ctx.Err() == nil {
		err := d.listen(ctx, hear)
		if errors.Is(err, ErrNodeTaken) {
			return err
		}
		if err != nil && ctx.Err() == nil {
			d.pool.Reset() // its connections lead where this one did
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryWatch):
		}
	}
	return nil
}

// listen listens until something fails.
func (d *postgres) listen(ctx context.Context, hear func(Heard)) error {
	ear, err := d.takeEar(ctx)
	if err != nil {
		return err
	}
	defer hangUp(ctx, ear)
	// A beat need not be on the disk.
	mouth, err := d.dial(ctx, func(p map[string]string) { p["synchronous_commit"] = "off" })
	if err != nil {
		return err
	}
	defer hangUp(ctx, mouth)
	if err := d.catchUp(ctx, ear, hear); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.tellBeats(ctx, mouth) })
	group.Go(func() error { return d.hearAll(ctx, ear, hear) })
	return group.Wait()
}

// dial makes a connection beside the pool, with settings of its own.
func (d *postgres) dial(ctx context.Context, set func(map[string]string)) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(d.cfg.Address)
	if err != nil {
		return nil, ErrAddress
	}
	session(cfg, d.cfg)
	set(cfg.RuntimeParams)
	ctx, cancel := context.WithTimeout(ctx, beatPatience)
	defer cancel()
	return pgx.ConnectConfig(ctx, cfg)
}

func hangUp(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

// catchUp listens first and reads the sequence then: whatever was changed before
// is up to it, whatever is changed from now on is heard.
func (d *postgres) catchUp(ctx context.Context, ear *pgx.Conn, hear func(Heard)) error {
	ctx, cancel := context.WithTimeout(ctx, beatPatience)
	defer cancel()
	if _, err := ear.Exec(ctx, "LISTEN "+channel); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	since := time.Now()
	var at int64
	if err := ear.QueryRow(ctx, `SELECT sequence FROM head WHERE id = 1`).Scan(&at); err != nil {
		return fmt.Errorf("read the ledger's head: %w", err)
	}
	h := &d.heard
	heard := Heard{Through: event.Sequence(at), Since: since}
	if heard.Through != h.through { // the numbers have no gaps: else nothing was missed
		heard.Change, heard.Gap = Change{Sequence: heard.Through, Everyone: true}, h.through != 0
	}
	h.through, h.part = heard.Through, 0
	hear(heard)
	return nil
}

// tellBeats tells a beat now and then, each within beatPatience.
func (d *postgres) tellBeats(ctx context.Context, mouth *pgx.Conn) error {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		number := d.heard.beats.tell(time.Now())
		if err := tellBeat(ctx, mouth, beatNotice(d.instance, number)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func tellBeat(ctx context.Context, mouth *pgx.Conn, text string) error {
	ctx, cancel := context.WithTimeout(ctx, beatPatience)
	defer cancel()
	if _, err := mouth.Exec(ctx, `SELECT pg_notify($1, $2)`, channel, text); err != nil {
		return fmt.Errorf("tell a beat: %w", err)
	}
	return nil
}

// hearAll hears until nothing comes any more.
func (d *postgres) hearAll(ctx context.Context, ear *pgx.Conn, hear func(Heard)) error {
	for {
		n, err := hearOne(ctx, ear)
		if err != nil {
			return err
		}
		d.take(&n, hear)
	}
}

func hearOne(ctx context.Context, ear *pgx.Conn) (notice, error) {
	ctx, cancel := context.WithTimeout(ctx, beatPatience)
	defer cancel()
	told, err := ear.WaitForNotification(ctx)
	if err != nil {
		return notice{}, fmt.Errorf("hear: %w", err)
	}
	return readNotice(told.Payload)
}

// take takes in one notice.
func (d *postgres) take(n *notice, hear func(Heard)) {
	h := &d.heard
	switch {
	case n.beat:
		if n.instance != d.instance {
			return
		}
		if since, told := h.beats.back(n.number); told {
			hear(Heard{Through: h.through, Since: since})
		}
	case n.to <= h.through: // it was read at the beginning, or is the rest of what was missed
	case n.from != h.through || n.part != h.part+1:
		h.through, h.part = n.to, 0
		hear(Heard{Change: Change{Sequence: n.to, Everyone: true}, Through: n.to, Gap: true})
	default:
		heard := Heard{Change: Change{Sequence: n.to, Affected: n.affected, Everyone: n.everyone}}
		if h.part = n.part; n.part == n.parts {
			h.through, h.part = n.to, 0
		}
		if n.instance != d.instance {
			heard.At = n.at
		}
		heard.Through = h.through
		hear(heard)
	}
}
